"""A handful of meters in a store, for tests: one area, a point each, installed a month before `DAY`."""

from keiki_host.headend import registry
from keiki_host.headend.database import Store
from keiki_host.headend.values import Path, Reading, Status

DAY = 1_780_239_600
"""00:00 JST of 2026-06-01."""
WHO = "test"
SLOT = 1800


def make(store: Store, count: int = 3, *, area: str = "north", first: int = 1) -> list[int]:
    """Register an area with `count` meters; return their numbers."""
    registry.add_area(store, area, area.title(), who=WHO, now_s=DAY)
    meters = []
    for n in range(first, first + count):
        point_id = registry.add_point(store, f"{n:022}", area, who=WHO, now_s=DAY)
        meter_id = registry.add_meter(store, f"K{n:06}", f"4b4549{n:010x}", 60, who=WHO, now_s=DAY)
        registry.install(
            store, meter_id, point_id, DAY - 30 * 86400, who=WHO, now_s=DAY, import_wh=0, export_wh=0
        )
        meters.append(meter_id)
    return meters


def value(
    meter_id: int,
    slot: int,
    import_wh: int | None,
    export_wh: int | None = 0,
    *,
    delay_s: int = 60,
    status: int = Status.NORMAL,
    path: int = Path.PUSH,
) -> Reading:
    """A reading of slot number `slot` of DAY."""
    slot_s = DAY + slot * SLOT
    return Reading(
        meter_id, slot_s, import_wh, None if import_wh is None else export_wh, status, slot_s + delay_s, path
    )
