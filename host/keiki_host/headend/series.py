"""Values out: the slots of a meter or a point, a day or a month at a time, with their quality.

A point's series goes on when its meter is exchanged: intervals are differences of one meter's registers, and
the interval in which the exchange fell is the old meter's last part and the new one's first.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from keiki.wire.slots import SLOT_S
from sqlalchemy import Connection, text

from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.rules import Quality

SLOTS_MAX = 400 * 48 + 1
"""The most slots that one call gives."""


class SlotValue(NamedTuple):
    """What is known of a meter at a slot boundary."""

    slot_s: int
    """UTC seconds."""
    import_wh: int | None
    """Cumulative register, Wh; None: no value, and no estimate yet."""
    export_wh: int | None
    quality: Quality
    rules: tuple[int, ...]
    """Numbers of the rules that it failed (rules.RULES)."""
    status: int | None
    """What the meter said (values.Status); None: nothing came."""
    arrived_s: int | None
    path: int | None


class Interval(NamedTuple):
    """Energy of one half hour, or of a longer step."""

    start_s: int
    """Its first second, UTC."""
    import_wh: int | None
    """Wh; None: a boundary has no value."""
    export_wh: int | None
    quality: Quality
    """The worse of both boundaries."""


class Span(NamedTuple):
    """A meter at a point: its slots are from_s <= slot < to_s."""

    meter_id: int
    from_s: int
    to_s: int | None
    first_wh: tuple[int | None, int | None]
    """Import and export registers when it was put in."""
    last_wh: tuple[int | None, int | None]


_VALUES = """
SELECT r.slot_s, r.import_wh, r.export_wh, r.status, r.slot_s + r.delay_s AS arrived_s, r.path
FROM reading r WHERE r.meter_id = :meter_id AND r.slot_s {within}
"""
_FINDINGS = """
SELECT slot_s, rule, code FROM quality
WHERE meter_id = :meter_id AND slot_s BETWEEN :first AND :last ORDER BY rule
"""
_ESTIMATES = """
SELECT slot_s, import_wh, export_wh FROM estimate
WHERE meter_id = :meter_id AND replaced_s IS NULL AND slot_s BETWEEN :first AND :last
"""


def boundaries(from_s: int, to_s: int, step_s: int = SLOT_S) -> list[int]:
    """Slot boundaries with from_s <= slot <= to_s, a step apart; HeadendInputError: too many, or none."""
    slots = list(range(-(-from_s // SLOT_S) * SLOT_S, to_s + 1, step_s)) if to_s - from_s < 10**10 else []
    if not 0 < len(slots) <= SLOTS_MAX:
        raise HeadendInputError(f"time: from 1 to {SLOTS_MAX} half hours, not {from_s} to {to_s}")
    return slots


def within(connection: Connection, numbers: Sequence[int], name: str = "slots") -> tuple[str, object]:
    """The SQL after a column that says that it is one of `numbers`, and the value of its parameter `name`.

    Each is looked up by itself, which is what the key of `reading` is made for.
    """
    if connection.dialect.name == "postgresql":
        return f"= ANY(CAST(:{name} AS bigint[]))", list(numbers)
    return f"IN (SELECT value FROM json_each(:{name}))", str(list(numbers))


def registers(store: Store, meter_id: int, from_s: int, to_s: int) -> list[SlotValue]:
    """Each slot boundary of a meter from `from_s` to `to_s`, both included, oldest first."""
    with store.read() as connection:
        return _registers(connection, meter_id, boundaries(from_s, to_s))


def _registers(connection: Connection, meter_id: int, slots: Sequence[int]) -> list[SlotValue]:
    condition, value = within(connection, slots)
    came = connection.execute(
        text(_VALUES.format(within=condition)), {"meter_id": meter_id, "slots": value}
    ).all()
    span = {"meter_id": meter_id, "first": slots[0], "last": slots[-1]}
    made = connection.execute(text(_ESTIMATES), span).all()
    found = connection.execute(text(_FINDINGS), span).all()
    raw = {row.slot_s: row for row in came}
    estimates = {row.slot_s: row for row in made}
    rules: dict[int, list[tuple[int, int]]] = {}
    for slot_s, rule, code in found:
        rules.setdefault(slot_s, []).append((rule, code))
    result = []
    for slot_s in slots:
        row, estimate = raw.get(slot_s), estimates.get(slot_s)
        failed = rules.get(slot_s, [])
        quality = Quality(max((code for _, code in failed), default=Quality.VALID))
        best = row
        if row is None or row.import_wh is None:
            best = estimate or row
            quality = Quality.ESTIMATED if estimate else Quality.MISSING
        result.append(
            SlotValue(
                slot_s,
                best.import_wh if best else None,
                best.export_wh if best else None,
                quality,
                tuple(rule for rule, _ in failed),
                row.status if row else None,
                row.arrived_s if row else None,
                row.path if row else None,
            )
        )
    return result


def intervals(store: Store, point_id: int, from_s: int, to_s: int, *, step_s: int = SLOT_S) -> list[Interval]:
    """The half hours of a point that begin at `from_s` or later and end at `to_s` or before, oldest first.

    With another `step_s`, a multiple of half an hour, such intervals from `from_s` on: for the days of a
    month (DAY_S, from a midnight) 32 values are looked up, not 1,489.
    """
    slots = boundaries(from_s, to_s, step_s)
    with store.read() as connection:
        pieces = [
            (span, {value.slot_s: value for value in _registers(connection, span.meter_id, slots)})
            for span in spans(connection, point_id, slots[0], slots[-1])
        ]
    return [_interval(pieces, start_s, end_s) for start_s, end_s in pairwise(slots)]


def spans(connection: Connection, point_id: int, from_s: int, to_s: int) -> list[Span]:
    """The meters of a point between two times, oldest first."""
    rows = connection.execute(
        text(
            "SELECT meter_id, from_s, to_s, first_import_wh, first_export_wh, last_import_wh, last_export_wh "
            "FROM installation WHERE point_id = :point_id AND from_s <= :to_s "
            "AND (to_s IS NULL OR to_s >= :from_s) ORDER BY from_s"
        ),
        {"point_id": point_id, "from_s": from_s, "to_s": to_s},
    )
    return [Span(r[0], r[1], r[2], (r[3], r[4]), (r[5], r[6])) for r in rows]


def _interval(pieces: Iterable[tuple[Span, dict[int, SlotValue]]], start_s: int, end_s: int) -> Interval:
    """One half hour: the sum of what each meter that was there measured of it."""
    total: list[int | None] = [0, 0]
    quality, measured = Quality.VALID, False
    for span, values in pieces:
        to_s = end_s + 1 if span.to_s is None else span.to_s
        if span.from_s >= end_s or to_s <= start_s:
            continue
        measured = True
        begins, ends = span.from_s <= start_s, to_s > end_s
        first, last = values[start_s], values[end_s]
        at_start = (first.import_wh, first.export_wh) if begins else span.first_wh
        at_end = (last.import_wh, last.export_wh) if ends else span.last_wh
        for index, (low, high) in enumerate(zip(at_start, at_end, strict=True)):
            sum_ = total[index]
            total[index] = None if low is None or high is None or sum_ is None else sum_ + high - low
        quality = max([quality, *([first.quality] if begins else []), *([last.quality] if ends else [])])
    if not measured or None in total:
        return Interval(start_s, None, None, Quality.MISSING)
    return Interval(start_s, total[0], total[1], quality)
