"""The meters behind each miss of a KPI: not heard, not in time, not read, not carried out."""

from typing import NamedTuple

from keiki.wire.slots import DAY_S
from sqlalchemy import Connection, bindparam, text

from keiki_host.headend import kpi
from keiki_host.headend.command_kinds import SETTINGS
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.series import within

MOST = 1000
"""The most misses that one call gives."""


class Miss(NamedTuple):
    """One miss."""

    meter_id: int
    serial: str
    point: str
    slot_s: int | None
    """The slot whose value was missed; None: the miss is of the day."""
    arrived_s: int | None
    """When the value came after all; None: it has not."""
    detail: str
    """How a command ended; empty for values."""


_THERE = """
FROM installation i JOIN point p ON p.point_id = i.point_id JOIN meter m ON m.meter_id = i.meter_id
"""
_UNHEARD = f"""
SELECT m.meter_id, m.serial, p.number {_THERE}
LEFT JOIN contact c ON c.day_s = :day_s AND c.meter_id = i.meter_id
WHERE p.area_id = :area_id AND i.from_s < :end_s AND (i.to_s IS NULL OR i.to_s > :day_s)
AND c.meter_id IS NULL
ORDER BY m.meter_id LIMIT :most
"""
# who was there is asked for once; then, by slot, who sent something, which the key of `reading` answers by
# itself, and what was late, for which there is an index of the late ones
_MEMBERS = f"""
SELECT m.meter_id, m.serial, p.number, i.from_s, i.to_s {_THERE}
WHERE p.area_id = :area_id AND i.from_s < :end_s AND (i.to_s IS NULL OR i.to_s > :day_s) ORDER BY m.meter_id
"""
_PRESENT = "SELECT meter_id FROM reading WHERE slot_s = :slot_s AND meter_id {meters}"
_LATE = """
SELECT meter_id, delay_s FROM reading
WHERE slot_s = :slot_s AND delay_s > 1800 AND delay_s > :limit_s AND import_wh IS NOT NULL
AND meter_id {meters}
"""
_UNREAD = f"""
SELECT m.meter_id, m.serial, p.number, NULL {_THERE}
LEFT JOIN reading r ON r.slot_s = :slot_s AND r.meter_id = i.meter_id
WHERE p.area_id = :area_id AND i.from_s <= :slot_s AND (i.to_s IS NULL OR i.to_s > :slot_s)
AND r.import_wh IS NULL
ORDER BY m.meter_id LIMIT :most
"""
_FAILED = text(
    f"SELECT m.meter_id, m.serial, p.number, c.kind, c.state, c.result {_THERE} "
    "JOIN command c ON c.meter_id = i.meter_id AND i.from_s <= c.ended_s "
    "AND (i.to_s IS NULL OR i.to_s > c.ended_s) "
    "WHERE p.area_id = :area_id AND c.ended_s >= :day_s AND c.ended_s < :end_s AND c.kind IN :kinds "
    "AND c.state IN ('failed', 'expired') ORDER BY c.command_id LIMIT :most"
).bindparams(bindparam("kinds", expanding=True))


def misses(store: Store, area_code: str, day_s: int, name: str, *, now_s: int, most: int = 100) -> list[Miss]:
    """What stands behind a KPI of an area and day, by slot and meter, at most `most`.

    `name`: connection, within_30, within_60, within_48h, reading or settings, as in `kpi.AreaDay`.
    """
    if not 1 <= most <= MOST:
        raise HeadendInputError(f"misses: from 1 to {MOST}, not {most}")
    if name in kpi.LIMITS_S:
        return _late(store, area_code, day_s, name, now_s, most)
    with store.read() as connection:
        area_id = kpi.area_number(connection, area_code)
        times = {"area_id": area_id, "day_s": day_s, "end_s": day_s + DAY_S, "most": most}
        if name == "connection":
            rows = connection.execute(text(_UNHEARD), times).all()
            return [Miss(row[0], row[1], row[2], None, None, "") for row in rows]
        if name == "reading":
            if now_s < day_s + DAY_S:
                return []
            return _of_slot(connection, _UNREAD, {**times, "slot_s": day_s + DAY_S})
        if name == "settings":
            rows = connection.execute(_FAILED, {**times, "kinds": SETTINGS}).all()
            return [
                Miss(number, serial, point, None, None, f"{kind}: {state}: {result or ''}")
                for number, serial, point, kind, state, result in rows
            ]
    raise HeadendInputError(f"misses: there is no KPI called {name}")


def _late(store: Store, area_code: str, day_s: int, name: str, now_s: int, most: int) -> list[Miss]:
    """Slots that are complete and in time are not looked at."""
    limit_s = kpi.LIMITS_S[name]
    found: list[Miss] = []
    with store.read() as connection:
        area_id = kpi.area_number(connection, area_code)
        slots = kpi.slots_of_day(connection, day_s).get(area_id, {})
        times = {"area_id": area_id, "day_s": day_s, "end_s": day_s + DAY_S}
        members = connection.execute(text(_MEMBERS), times).all()
        condition, some = within(connection, [member.meter_id for member in members], "meters")
        queries = [text(query.format(meters=condition)) for query in (_PRESENT, _LATE)]
        for slot_s, slot in sorted(slots.items()):
            if slot_s + limit_s > now_s or slot_s >= day_s + DAY_S or len(found) >= most:
                break
            if getattr(slot, name) == slot.due - slot.no_value:
                continue
            asked = {"slot_s": slot_s, "limit_s": limit_s, "meters": some}
            present = set(connection.execute(queries[0], asked).scalars())
            late = {row.meter_id: row.delay_s for row in connection.execute(queries[1], asked)}
            for member in members:
                there = member.from_s <= slot_s and (member.to_s is None or slot_s < member.to_s)
                if there and (member.meter_id not in present or member.meter_id in late):
                    delay_s = late.get(member.meter_id)
                    arrived_s = None if delay_s is None else slot_s + delay_s
                    found.append(Miss(member.meter_id, member.serial, member.number, slot_s, arrived_s, ""))
    return found[:most]


def _of_slot(connection: Connection, query: str, arguments: dict[str, int]) -> list[Miss]:
    slot_s = arguments["slot_s"]
    return [
        Miss(row[0], row[1], row[2], slot_s, None if row[3] is None else slot_s + row[3], "")
        for row in connection.execute(text(query), arguments)
    ]
