"""The state of the head-end in a few numbers, and KPIs in the form in which programs and people read them."""

from typing import Any, NamedTuple

from sqlalchemy import text

from keiki_host.headend import jst
from keiki_host.headend.database import Store
from keiki_host.headend.kpi import AreaDay, Share
from keiki_host.headend.registry import due_for_verification, jst_day

DUE_DAYS = 180
"""How far ahead verifications that fall due are counted."""


class Overview(NamedTuple):
    """What is there and what waits."""

    meters: int
    installed: int
    values: int
    newest_slot_s: int | None
    """The newest slot of which something came."""
    conflicts: int
    """Second, different values."""
    commands_waiting: int
    undelivered_batches: int
    verifications_due: int
    """Installed meters whose verification ends within `DUE_DAYS`."""


_COUNTS = {
    "meters": "SELECT count(*) FROM meter",
    "installed": "SELECT count(*) FROM installation WHERE to_s IS NULL",
    "values": "SELECT coalesce(sum(received), 0) FROM slot_count",
    "newest_slot_s": "SELECT max(slot_s) FROM slot_count",
    "conflicts": "SELECT count(*) FROM conflict",
    "commands_waiting": "SELECT count(*) FROM command WHERE state IN ('queued', 'running')",
    "undelivered_batches": "SELECT count(*) FROM batch WHERE delivery_id IS NULL",
}


def overview(store: Store, *, now_s: int) -> Overview:
    """Count what is there."""
    with store.read() as connection:
        counts = {name: connection.execute(text(query)).scalar() for name, query in _COUNTS.items()}
    due = len(due_for_verification(store, jst_day(now_s) + DUE_DAYS))
    newest = counts.pop("newest_slot_s")
    return Overview(
        newest_slot_s=None if newest is None else int(newest),
        verifications_due=due,
        **{name: int(count or 0) for name, count in counts.items()},
    )


def words(state: Overview) -> list[tuple[str, object]]:
    """The state for people."""
    newest = "none" if state.newest_slot_s is None else jst.iso(state.newest_slot_s)
    return [
        ("newest slot", newest) if name == "newest_slot_s" else (name.replace("_", " "), value)
        for name, value in state._asdict().items()
    ]


def as_dict(day: AreaDay) -> dict[str, Any]:
    """The KPIs of an area and day for programs: shares as {"part", "of", "rate"}."""
    return {
        name: {**value._asdict(), "rate": value.rate} if isinstance(value, Share) else value
        for name, value in day._asdict().items()
    }


def percent(share: Share) -> str:
    """A share for people: "99.8 %", rounded down: only all of it is 100 %; "-" if there was nothing."""
    if not share.of:
        return "-"
    return f"{share.part * 1000 // share.of / 10:.1f} %"
