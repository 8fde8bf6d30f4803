"""KPIs of a day and area, from counts that are kept as values arrive. docs/head-end.md defines each.

A day is JST, its slots are 00:00 <= slot < 24:00. A slot counts against a limit only when the limit has
passed, so the figures of a day that is not over are honest too.
"""

from typing import NamedTuple

from keiki.wire.slots import DAY_S, SLOT_S
from sqlalchemy import Connection, bindparam, text

from keiki_host.headend.command_kinds import SETTINGS
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError

LIMITS_S = {"within_30": 1800, "within_60": 3600, "within_48h": 172_800}
"""How long after its slot a value may come."""


class Share(NamedTuple):
    """So many of so many."""

    part: int
    of: int

    @property
    def rate(self) -> float | None:
        """0 to 1; None: there was nothing to count."""
        return self.part / self.of if self.of else None


class AreaDay(NamedTuple):
    """The KPIs of one area and day."""

    area: str
    day_s: int
    connection: Share
    """Meters that were heard, of those installed."""
    within_30: Share
    """Values that came within 30 minutes, of those due; a slot of which the meter has no value is not due."""
    within_60: Share
    within_48h: Share
    reading: Share
    """Meters whose register at the end of the day came by itself, of those installed then."""
    settings: Share
    """Remote settings that were carried out, of those that ended."""
    no_value: int
    """Slots of which the meter itself said that it has no value."""
    pushed: int
    pulled: int
    late: int


class Slot(NamedTuple):
    """One slot of an area: the meters that were there, and what came."""

    due: int
    received: int
    no_value: int
    within_30: int
    within_60: int
    within_48h: int
    pushed: int
    pulled: int
    late: int


_COUNTS = """
SELECT area_id, slot_s, received, no_value, within_30, within_60, within_48h, pushed, pulled, late
FROM slot_count WHERE slot_s >= :day_s AND slot_s <= :end_s AND area_id > 0
"""
# meters that were there all day are counted by the database, the others are few
_ALL_DAY = """
SELECT p.area_id, count(*), count(c.meter_id) FROM installation i JOIN point p ON p.point_id = i.point_id
LEFT JOIN contact c ON c.day_s = :day_s AND c.meter_id = i.meter_id
WHERE i.from_s <= :day_s AND (i.to_s IS NULL OR i.to_s > :end_s) GROUP BY p.area_id
"""
_PART = """
SELECT p.area_id, i.from_s, i.to_s, c.meter_id IS NOT NULL AS heard
FROM installation i JOIN point p ON p.point_id = i.point_id
LEFT JOIN contact c ON c.day_s = :day_s AND c.meter_id = i.meter_id
WHERE i.from_s <= :end_s AND (i.to_s IS NULL OR i.to_s > :day_s)
AND NOT (i.from_s <= :day_s AND (i.to_s IS NULL OR i.to_s > :end_s))
"""
_SETTINGS = text(
    "SELECT p.area_id, c.state, count(*) FROM command c "
    "JOIN installation i ON i.meter_id = c.meter_id AND i.from_s <= c.ended_s "
    "AND (i.to_s IS NULL OR i.to_s > c.ended_s) JOIN point p ON p.point_id = i.point_id "
    "WHERE c.ended_s >= :day_s AND c.ended_s < :end_s AND c.kind IN :kinds "
    "AND c.state IN ('done', 'failed', 'expired') GROUP BY p.area_id, c.state"
).bindparams(bindparam("kinds", expanding=True))


class _Day(NamedTuple):
    """The meters of a day by area, and the slots with the one that ends the day."""

    heard: dict[int, Share]
    slots: dict[int, dict[int, Slot]]


def area_days(store: Store, day_s: int, *, now_s: int) -> list[AreaDay]:
    """The KPIs of every area on the day that begins at `day_s`, by the areas' codes."""
    times = {"day_s": day_s, "end_s": day_s + DAY_S}
    with store.read() as connection:
        areas = connection.execute(text("SELECT area_id, code FROM area ORDER BY code")).all()
        day = _day(connection, day_s)
        ended: dict[int, dict[str, int]] = {}
        for area_id, state, count in connection.execute(_SETTINGS, {**times, "kinds": SETTINGS}):
            ended.setdefault(area_id, {})[state] = count
    return [
        _area_day(
            code,
            day_s,
            now_s,
            day.slots.get(area_id, {}),
            day.heard.get(area_id, Share(0, 0)),
            ended.get(area_id, {}),
        )
        for area_id, code in areas
    ]


def area_number(connection: Connection, code: str) -> int:
    """This database's number of an area; HeadendInputError if there is none of that code."""
    area_id = connection.execute(text("SELECT area_id FROM area WHERE code = :code"), {"code": code}).scalar()
    if area_id is None:
        raise HeadendInputError(f"area: there is no {code}")
    return int(area_id)


def slots_of_day(connection: Connection, day_s: int) -> dict[int, dict[int, Slot]]:
    """By area, the slots of a day and the one that ends it."""
    return _day(connection, day_s).slots


def _day(connection: Connection, day_s: int) -> _Day:
    end_s = day_s + DAY_S
    times = {"day_s": day_s, "end_s": end_s}
    boundaries = range(day_s, end_s + 1, SLOT_S)
    counts = {(row[0], row[1]): row[2:] for row in connection.execute(text(_COUNTS), times)}
    due: dict[int, dict[int, int]] = {}
    heard: dict[int, Share] = {}
    for area_id, there, found in connection.execute(text(_ALL_DAY), times):
        due[area_id] = dict.fromkeys(boundaries, there)
        heard[area_id] = Share(found, there)
    for area_id, from_s, to_s, found in connection.execute(text(_PART), times):
        of_area = due.setdefault(area_id, dict.fromkeys(boundaries, 0))
        for slot_s in boundaries:
            if from_s <= slot_s and (to_s is None or slot_s < to_s):
                of_area[slot_s] += 1
        if from_s < end_s:  # one that comes when the day ends is there for the slot that ends it only
            part, of = heard.get(area_id, Share(0, 0))
            heard[area_id] = Share(part + bool(found), of + 1)
    nothing = (0,) * 8
    slots = {
        area_id: {
            slot_s: Slot(count, *counts.get((area_id, slot_s), nothing)) for slot_s, count in of_area.items()
        }
        for area_id, of_area in due.items()
    }
    return _Day(heard, slots)


def _area_day(
    code: str, day_s: int, now_s: int, slots: dict[int, Slot], heard: Share, ended: dict[str, int]
) -> AreaDay:
    day = {slot_s: slot for slot_s, slot in slots.items() if slot_s < day_s + DAY_S}
    shares = {}
    for name, limit_s in LIMITS_S.items():
        over = [slot for slot_s, slot in day.items() if slot_s + limit_s <= now_s]
        shares[name] = Share(
            sum(int(getattr(slot, name)) for slot in over), sum(slot.due - slot.no_value for slot in over)
        )
    closing = slots.get(day_s + DAY_S) if now_s >= day_s + DAY_S else None
    return AreaDay(
        code,
        day_s,
        heard,
        shares["within_30"],
        shares["within_60"],
        shares["within_48h"],
        Share(closing.received - closing.no_value, closing.due) if closing else Share(0, 0),
        Share(ended.get("done", 0), sum(ended.values())),
        sum(slot.no_value for slot in day.values()),
        sum(slot.pushed for slot in day.values()),
        sum(slot.pulled for slot in day.values()),
        sum(slot.late for slot in day.values()),
    )
