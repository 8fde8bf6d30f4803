"""What is read from a meter: half hours that are missing, its clock, its events, registers of its months."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from keiki.wire.cosem import datetime12, selection
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.cosem.results import AccessError
from keiki.wire.slots import SLOT_S

from keiki_host.headend.collect.message import status_of
from keiki_host.headend.collect.session import Session, SessionError
from keiki_host.headend.observations import Clock, Event, Register
from keiki_host.headend.values import Path, Reading, Status

RANGE_SLOTS = 96
"""Half hours of one request: some blocks of 1 KiB, so that a slow line is no trouble."""
NEAR_SLOTS = 4
"""Gaps that are this near to each other are read with what is between them."""
SETTLED_S = 3600
"""So long after a slot a meter has its row, or will never have one."""
CLOCK_S = 600
"""A meter whose clock is further off does not know which half hours it has none of."""

_by_range: Any = selection.by_range
_CLOCK = (8, b"\x00\x00\x01\x00\x00\xff", 2)
_PROFILE = (7, b"\x01\x00\x63\x01\x00\xff", 2)
_EVENTS = (7, b"\x00\x00\x63\x62\x00\xff", 2)
_BILLING = (7, b"\x00\x00\x62\x01\x00\xff", 2)


class Span(NamedTuple):
    """Slots from one to another, both included, of which `missing` are wanted."""

    from_s: int
    to_s: int
    missing: frozenset[int]


def spans(slots: Iterable[int]) -> list[Span]:
    """The requests that bring some slots, oldest first."""
    found: list[list[int]] = []
    for slot_s in sorted(slots):
        last = found[-1] if found else None
        near = last is not None and slot_s - last[-1] <= NEAR_SLOTS * SLOT_S
        if last is not None and near and slot_s - last[0] < RANGE_SLOTS * SLOT_S:
            last.append(slot_s)
        else:
            found.append([slot_s])
    return [Span(part[0], part[-1], frozenset(part)) for part in found]


async def clock(session: Session, now_s: int) -> Clock:
    """The meter's clock beside ours."""
    at_s = _instant(session, await session.get(_CLOCK))
    return Clock(now_s, at_s - now_s)


async def values(session: Session, span: Span, now: Callable[[], float], offset_s: int) -> list[Reading]:
    """The wanted slots of a span; those of which the meter has no row are values that say so."""
    asked_s = int(now())
    rows = await session.get(_PROFILE, _by_range(span.from_s, span.to_s))
    now_s = int(now())  # they have arrived now, not when they were asked for
    meter_id = session.meter.meter_id
    found: dict[int, Reading] = {}
    try:
        for when, bits, imported, exported in _with_clocks(rows):
            slot_s = _instant(session, when)
            if slot_s in span.missing:
                numbers = (int(imported), int(exported), int(status_of(bits)))
                found.setdefault(slot_s, Reading(meter_id, slot_s, *numbers, now_s, Path.PULL))
    except (TypeError, ValueError, FrameError):
        raise SessionError(f"meter {session.meter.serial}: rows that no meter gives") from None
    if abs(offset_s) <= CLOCK_S:
        for slot_s in span.missing - found.keys():
            if asked_s - slot_s >= SETTLED_S:
                status = int(Status.POWER_WAS_OFF)
                found[slot_s] = Reading(meter_id, slot_s, None, None, status, now_s, Path.PULL)
    return [found[slot_s] for slot_s in sorted(found)]


async def events(session: Session, from_s: int, now_s: int) -> list[Event]:
    """What happened from a time on."""
    rows = await session.get(_EVENTS, _by_range(from_s, 2**32 - 1))
    try:
        return [Event(0, _instant(session, row[0]), int(row[1]), now_s) for row in rows]
    except (TypeError, ValueError, IndexError):
        raise SessionError(f"meter {session.meter.serial}: events that no meter gives") from None


async def billing(session: Session) -> list[Register]:
    """Registers at the beginning of each month that the meter has."""
    try:
        rows = await session.get(_BILLING)
        return [Register(_instant(session, when), int(a), int(b), "billing") for when, a, b in rows]
    except AccessError:
        return []
    except (TypeError, ValueError):
        raise SessionError(f"meter {session.meter.serial}: registers that no meter gives") from None


def _with_clocks(rows: Any) -> Sequence[Any]:
    found: Sequence[Any] = selection.with_clocks(rows, SLOT_S)
    return found


def _instant(session: Session, data: Any) -> int:
    try:
        at_s = datetime12.instant(data)
    except (TypeError, FrameError):
        at_s = None
    if at_s is None:
        raise SessionError(f"meter {session.meter.serial}: it has no time")
    return int(at_s)
