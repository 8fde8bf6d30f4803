"""What has not come: the slots that a collector asks meters for, found from the counts of each slot."""

from keiki.wire.slots import DAY_S, jst_midnight
from sqlalchemy import text

from keiki_host.headend import kpi
from keiki_host.headend.database import Store

_MISSING = """
SELECT i.meter_id FROM installation i JOIN point p ON p.point_id = i.point_id
LEFT JOIN reading r ON r.slot_s = :slot_s AND r.meter_id = i.meter_id
WHERE p.area_id = :area_id AND i.from_s <= :slot_s AND (i.to_s IS NULL OR i.to_s > :slot_s)
AND r.meter_id IS NULL ORDER BY i.meter_id
"""


def missing(store: Store, from_s: int, to_s: int, *, most: int = 100_000) -> dict[int, list[int]]:
    """The slots from_s <= slot < to_s of which nothing came, oldest first, by meter, some `most` of them.

    A slot of which the meter said that it has no value has come. Ask with `to_s` far enough back for pushes
    to have arrived.
    """
    found: dict[int, list[int]] = {}
    count = 0
    with store.read() as connection:
        for day_s in range(jst_midnight(from_s), to_s, DAY_S):
            short = [
                (slot_s, area_id)
                for area_id, slots in kpi.slots_of_day(connection, day_s).items()
                for slot_s, slot in slots.items()
                if slot.received < slot.due and from_s <= slot_s < to_s and slot_s < day_s + DAY_S
            ]
            for slot_s, area_id in sorted(short):
                if count >= most:
                    return found
                for (meter_id,) in connection.execute(text(_MISSING), {"slot_s": slot_s, "area_id": area_id}):
                    found.setdefault(meter_id, []).append(slot_s)
                    count += 1
    return found
