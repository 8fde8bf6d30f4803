"""The fleet, for operators: KPIs of a day, the meters behind each miss, and all about one meter."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from keiki.wire.slots import DAY_S

from keiki_host.headend import commands, jst, kpi, misses, observations, overview, parties, registry
from keiki_host.headend.access import Action
from keiki_host.headend.api.caller import Asked
from keiki_host.headend.api.points import Day, day_s
from keiki_host.headend.registry import Meter

router = APIRouter(tags=["fleet"])

Kpi = Literal["connection", "within_30", "within_60", "within_48h", "reading", "settings"]
Most = Annotated[int, Query(ge=1, le=1000)]


@router.get("/fleet")
def fleet(asked: Asked, date: Day) -> dict[str, Any]:
    """What is there, and the KPIs of each area on a day (docs/head-end.md defines them)."""
    asked.allow(Action.FLEET, f"fleet {date}")
    now_s = asked.now_s
    return {
        "date": date.isoformat(),
        "overview": overview.overview(asked.store, now_s=now_s)._asdict(),
        "areas": [overview.as_dict(row) for row in kpi.area_days(asked.store, day_s(date), now_s=now_s)],
    }


@router.get("/fleet/misses")
def misses_of(
    asked: Asked, date: Day, area: str, kpi_name: Annotated[Kpi, Query(alias="kpi")], most: Most = 100
) -> dict[str, Any]:
    """The meters behind a KPI of an area and day."""
    asked.allow(Action.FLEET, f"misses {date} {area} {kpi_name}")
    found = misses.misses(asked.store, area, day_s(date), kpi_name, now_s=asked.now_s, most=most)
    return {
        "misses": [
            {
                "serial": miss.serial,
                "point": miss.point,
                "slot": None if miss.slot_s is None else jst.iso(miss.slot_s),
                "arrived": None if miss.arrived_s is None else jst.iso(miss.arrived_s),
                "detail": miss.detail,
            }
            for miss in found
        ]
    }  # fmt: skip


@router.get("/collector")
def collector(asked: Asked) -> dict[str, Any]:
    """What the collector has counted since it was started: pushes, replays, forgeries, visits, commands."""
    asked.allow(Action.FLEET, "collector")
    return dict(asked.place.collected())


@router.get("/meters")
def meters(asked: Asked, area: str | None = None, after: int = 0, most: Most = 100) -> dict[str, Any]:
    """Meters in order of their numbers; `after` is the next page's."""
    asked.allow(Action.METER, "meters")
    found = registry.meters(asked.store, area_code=area, after=after, most=most)
    return {
        "meters": [_shown(meter) for meter in found],
        "after": found[-1].meter_id if len(found) == most else None,
    }


@router.get("/meters/{name}")
def meter(name: str, asked: Asked) -> dict[str, Any]:
    """One meter by serial number or system title: where it is, its clock, events, verification, commands."""
    asked.allow(Action.METER, f"meter {name}")
    found = registry.find_meter(asked.store, name)
    answer = _shown(found)
    if found.point_id is not None:
        responsible = parties.responsible(asked.store, found.point_id)
        answer["responsible"] = {process: party.name for process, party in responsible.items()}
        answer["installation_type"] = parties.installation_type(responsible)
    trouble = asked.place.trouble(found.meter_id)
    if trouble is not None:
        answer["trouble"] = {"reason": trouble[0], "next_try": jst.iso(trouble[1])}
    answer["clock"] = [
        {"at": jst.iso(clock.at_s), "offset_s": clock.offset_s}
        for clock in observations.clocks(asked.store, found.meter_id)
    ]
    answer["events"] = [
        {"log": event.log, "at": jst.iso(event.at_s), "code": event.code}
        for event in observations.events(asked.store, found.meter_id)
    ]
    answer["registers"] = [
        {**register._asdict(), "at": jst.iso(register.at_s)}
        for register in observations.registers(asked.store, found.meter_id, most=10)
    ]
    answer["commands"] = [
        {"id": row.command_id, "kind": row.kind, "state": row.state, "result": row.result}
        for row in commands.commands(asked.store, meter_id=found.meter_id, most=20)
    ]
    return answer


def _shown(found: Meter) -> dict[str, Any]:
    return {
        "serial": found.serial,
        "system_title": found.system_title,
        "rating_a": found.rating_a,
        "point": found.point,
        "area": found.area,
        "verified": _date(found.verified_day),
        "verification_ends": _date(found.expires_day),
    }


def _date(day: int | None) -> str | None:
    return None if day is None else jst.iso(day * DAY_S - 9 * 3600)[:10]
