"""Judges stored values, day by day and area by area, and writes what it finds beside them.

A day (JST, 00:00 up to but without 24:00) is judged again when more of its values have come. Judging is
repeatable: the same values give the same findings and estimates.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from keiki.wire.slots import DAY_S, SLOT_S, jst_midnight
from sqlalchemy import Connection, text

from keiki_host.headend import gaps
from keiki_host.headend.database import Store
from keiki_host.headend.rules import USUAL, Facts, Finding, Limits, Rule, Value, findings
from keiki_host.headend.series import within

BACK_DAYS = 60
"""How many days back new values are looked for; older days are judged when somebody asks (`judge_day`)."""
CHUNK = 500
"""Meters of one transaction."""
_MARGIN = 1000  # a batch may become visible after a later one: at most so many run at once
_WEEK_S = 7 * DAY_S

_STALE = """
SELECT a.area_id, coalesce(sum(c.received), 0) AS received, v.received AS judged
FROM area a
LEFT JOIN slot_count c ON c.area_id = a.area_id AND c.slot_s >= :day_s AND c.slot_s < :end_s
LEFT JOIN validated v ON v.area_id = a.area_id AND v.day_s = :day_s
GROUP BY a.area_id, v.received ORDER BY a.area_id
"""
_METERS = """
SELECT i.meter_id, m.rating_a, i.from_s, i.to_s FROM installation i
JOIN meter m ON m.meter_id = i.meter_id JOIN point p ON p.point_id = i.point_id
WHERE p.area_id = :area_id AND i.from_s < :end_s AND (i.to_s IS NULL OR i.to_s > :day_s)
ORDER BY i.meter_id, i.from_s
"""
_CHANGED = """
SELECT DISTINCT meter_id FROM reading WHERE slot_s >= :day_s AND slot_s < :end_s AND batch_no > :batch_no
"""
_CONFLICTS = "SELECT DISTINCT meter_id, slot_s FROM conflict WHERE slot_s >= :day_s AND slot_s < :end_s"
_READS = """
SELECT meter_id, at_s, import_wh, export_wh FROM register_read
WHERE meter_id {meters} AND at_s > :before_s AND at_s < :end_s ORDER BY at_s
"""
_CLOCKS = """
SELECT meter_id, at_s, offset_s FROM clock_read
WHERE meter_id {meters} AND at_s > :before_s AND at_s < :end_s ORDER BY at_s
"""
# a conflict is never undone, and `ingest` may be writing another one just now
_CLEAR = f"""
DELETE FROM quality WHERE meter_id {{meters}} AND slot_s {{slots}} AND rule <> {int(Rule.DUPLICATE)}
"""
_WRITE = """
INSERT INTO quality (slot_s, meter_id, rule, code, detail) VALUES (:slot_s, :meter_id, :rule, :code, :detail)
ON CONFLICT DO NOTHING
"""
_RECEIVED = """
SELECT coalesce(sum(received), 0) FROM slot_count
WHERE area_id = :area_id AND slot_s >= :day_s AND slot_s < :end_s
"""
_LAST = "SELECT batch_no, judged_s FROM validated WHERE area_id = :area_id AND day_s = :day_s"
_JUDGED = """
INSERT INTO validated (day_s, area_id, received, batch_no, judged_s)
VALUES (:day_s, :area_id, :received, :batch_no, :now_s)
ON CONFLICT (day_s, area_id) DO UPDATE SET received = excluded.received, batch_no = excluded.batch_no,
judged_s = excluded.judged_s
"""


class Placed(NamedTuple):
    """A meter at a point, as far as judging needs it."""

    meter_id: int
    rating_a: int
    from_s: int
    to_s: int | None


def judge_new(store: Store, *, now_s: int, limits: Limits = USUAL, back_days: int = BACK_DAYS) -> int:
    """Judge every day of every area that has more values than when it was judged; return how many days."""
    judged = 0
    for ago in range(back_days, -1, -1):
        day_s = jst_midnight(now_s, ago)
        with store.read() as connection:
            rows = connection.execute(text(_STALE), {"day_s": day_s, "end_s": day_s + DAY_S}).all()
        for area_id, received, before in rows:
            if received != before or ago <= 1:  # today and yesterday have gaps that become due
                judge_day(store, area_id, day_s, now_s=now_s, limits=limits)
                judged += 1
    return judged


def judge_day(
    store: Store,
    area_id: int,
    day_s: int,
    *,
    now_s: int,
    limits: Limits = USUAL,
    whole: bool = False,
) -> int:
    """Judge a day of an area; return how many meters.

    Only those with new values, unless `whole`, or the day was not over when it was judged.
    """
    times = {"day_s": day_s, "end_s": day_s + DAY_S, "area_id": area_id}
    with store.read() as connection:
        placed = [Placed(*tuple(row)) for row in connection.execute(text(_METERS), times)]
        received = connection.execute(text(_RECEIVED), times).scalar_one()
        newest = connection.execute(text("SELECT coalesce(max(batch_no), 0) FROM batch")).scalar_one()
        last = connection.execute(text(_LAST), times).first()
        if not whole and last is not None and last.judged_s > day_s + DAY_S + limits.late_s:
            arguments = {**times, "batch_no": last.batch_no - _MARGIN}
            changed = {row.meter_id for row in connection.execute(text(_CHANGED), arguments)}
            placed = [meter for meter in placed if meter.meter_id in changed]
    for start in range(0, len(placed), CHUNK):
        judge(store, placed[start : start + CHUNK], day_s, now_s=now_s, limits=limits)
    with store.write() as connection:
        connection.execute(text(_JUDGED), {**times, "received": received, "batch_no": newest, "now_s": now_s})
    return len(placed)


def judge(
    store: Store,
    placed: Sequence[Placed],
    day_s: int,
    *,
    now_s: int,
    limits: Limits = USUAL,
) -> None:
    """Judge a day of some meters, and fill their gaps, in one transaction."""
    end_s = day_s + DAY_S
    meter_ids = sorted({meter.meter_id for meter in placed})
    context_s = day_s - limits.frozen_slots * SLOT_S
    slots = list(range(context_s - SLOT_S, end_s, SLOT_S))
    with store.write() as connection:
        values = gaps.load(connection, meter_ids, slots)
        week = gaps.load(connection, meter_ids, [context_s - _WEEK_S, context_s])
        times = {"day_s": day_s, "end_s": end_s, "before_s": day_s - SLOT_S}
        conflicts = _by_meter(connection.execute(text(_CONFLICTS), times))
        condition, some = within(connection, meter_ids, "meters")
        times["meters"] = some
        reads = _by_meter(connection.execute(text(_READS.format(meters=condition)), times))
        clocks = _by_meter(connection.execute(text(_CLOCKS.format(meters=condition)), times))
        gaps.retire(connection, meter_ids, slots[-(DAY_S // SLOT_S) :], now_s)
        found: list[tuple[int, Finding]] = []
        for meter in placed:
            due = [
                slot_s
                for slot_s in range(day_s, min(end_s, now_s + 1), SLOT_S)
                if meter.from_s <= slot_s and (meter.to_s is None or slot_s < meter.to_s)
            ]
            mine = values[meter.meter_id]
            facts = Facts(
                meter.rating_a,
                due,
                {slot_s: value for slot_s, value in mine.items() if slot_s >= meter.from_s},
                {row[0] for row in conflicts.get(meter.meter_id, ())},
                [(row[0], row[1], row[2]) for row in reads.get(meter.meter_id, ())],
                [(row[0], row[1]) for row in clocks.get(meter.meter_id, ())],
                _used(week[meter.meter_id]),
            )
            found += [(meter.meter_id, finding) for finding in findings(facts, now_s, limits)]
            if due:
                gaps.fill(connection, meter.meter_id, due, mine, now_s, from_s=meter.from_s)
        _write(connection, meter_ids, slots[-(DAY_S // SLOT_S) :], found)


def _by_meter(rows: Iterable[Sequence[int]]) -> dict[int, list[list[int]]]:
    found: dict[int, list[list[int]]] = {}
    for meter_id, *rest in rows:
        found.setdefault(meter_id, []).append(rest)
    return found


def _used(values: dict[int, Value]) -> int:
    """Energy between the two ends of a week, in both directions; 0 if an end is missing."""
    ends = [value for _, value in sorted(values.items()) if value.import_wh is not None]
    if len(ends) < 2:
        return 0
    return sum((b or 0) - (a or 0) for a, b in zip(ends[0][:2], ends[1][:2], strict=True))


def _write(
    connection: Connection,
    meter_ids: Sequence[int],
    slots: Sequence[int],
    found: Sequence[tuple[int, Finding]],
) -> None:
    meters, some = within(connection, meter_ids, "meters")
    condition, all_slots = within(connection, slots)
    connection.execute(
        text(_CLEAR.format(meters=meters, slots=condition)), {"meters": some, "slots": all_slots}
    )
    if found:
        connection.execute(
            text(_WRITE),
            [
                {
                    "slot_s": finding.slot_s,
                    "meter_id": meter_id,
                    "rule": int(finding.rule),
                    "code": int(finding.quality),
                    "detail": finding.detail,
                }
                for meter_id, finding in found
            ],
        )
