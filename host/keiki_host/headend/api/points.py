"""Half-hour values of points: a day, a month, now. Customers and retailers get the times that are theirs."""

import datetime
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from keiki.wire.slots import DAY_S, SLOT_S

from keiki_host.headend import access, jst, registry
from keiki_host.headend import series as series_of
from keiki_host.headend.access import Action
from keiki_host.headend.api.caller import Asked, Caller
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.rules import Quality
from keiki_host.headend.series import Interval

router = APIRouter(prefix="/points", tags=["values"])

Day = Annotated[datetime.date, Query(description="A day in Japan, YYYY-MM-DD.")]
Month = Annotated[str, Query(pattern=r"^\d{4}-\d{2}$", description="A month in Japan, YYYY-MM.")]
_NOW_S = 7 * DAY_S  # how far back "now" looks for the newest half hour


@router.get("")
def points(asked: Asked, after: int = 0, most: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """Numbers of the points of which the caller may see something; `after` is the next page's."""
    asked.allow(Action.VALUES, "points")
    if asked.who.party_id is not None:
        return {"points": access.own_points(asked.store, asked.who, now_s=asked.now_s), "after": None}
    found = registry.meters(asked.store, after=after, most=most)
    more = found[-1].meter_id if len(found) == most else None
    return {"points": [meter.point for meter in found if meter.point], "after": more}


@router.get("/{number}/day")
def day(number: str, asked: Asked, date: Day) -> dict[str, Any]:
    """The half hours of a day, 48 at most; those that are not the caller's are left out."""
    start_s = day_s(date)
    rows = _intervals(asked, number, start_s, start_s + DAY_S)
    return {
        "point": number,
        "date": date.isoformat(),
        "half_hours": [_shown(row) for row in rows],
        **_totals(rows),
    }


@router.get("/{number}/month")
def month(number: str, asked: Asked, month: Month) -> dict[str, Any]:
    """The days of a month, each with its sums and how many of its half hours are missing."""
    first = _first(month)
    following = (first + datetime.timedelta(days=32)).replace(day=1)
    rows = _intervals(asked, number, day_s(first), day_s(following))
    days = []
    date = first
    while date < following:
        of_day = [row for row in rows if day_s(date) <= row.start_s < day_s(date) + DAY_S]
        if of_day:
            days.append({"date": date.isoformat(), **_totals(of_day)})
        date += datetime.timedelta(days=1)
    return {"point": number, "month": month, "days": days, **_totals(rows)}


@router.get("/{number}/now")
def now(number: str, asked: Asked) -> dict[str, Any]:
    """The newest half hour that has a value, and its mean power (import positive, W)."""
    end_s = asked.now_s // SLOT_S * SLOT_S
    rows = _intervals(asked, number, end_s - _NOW_S, end_s)
    known = [row for row in rows if row.import_wh is not None and row.export_wh is not None]
    if not known:
        return {"point": number, "half_hour": None, "mean_power_w": None, "age_s": None}
    newest = known[-1]
    net_wh = (newest.import_wh or 0) - (newest.export_wh or 0)
    return {
        "point": number,
        "half_hour": _shown(newest),
        "mean_power_w": net_wh * 3600 // SLOT_S,
        "age_s": asked.now_s - newest.start_s - SLOT_S,
    }


def day_s(date: datetime.date) -> int:
    """UTC seconds of 00:00 of a day in Japan; HeadendInputError for years that no meter knows."""
    if not 2000 <= date.year < 2100:
        raise HeadendInputError("date: 2000 to 2099")
    return jst.parse(date.isoformat())


def _first(month: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(f"{month}-01")
    except ValueError:
        raise HeadendInputError(f"month: there is no {month}") from None


def _intervals(asked: Caller, number: str, from_s: int, to_s: int) -> list[Interval]:
    point_id, parts = access.windows(asked.store, asked.who, number, from_s, to_s, now_s=asked.now_s)
    found: list[Interval] = []
    for part in parts:
        # a half hour that is only partly the caller's is nobody's business
        start_s, end_s = -(-part.from_s // SLOT_S) * SLOT_S, part.to_s // SLOT_S * SLOT_S
        if start_s < end_s:
            found += series_of.intervals(asked.store, point_id, start_s, end_s)
    return found


def _shown(row: Interval) -> dict[str, Any]:
    return {
        "start": jst.iso(row.start_s),
        "import_wh": row.import_wh,
        "export_wh": row.export_wh,
        "quality": Quality(row.quality).name.lower(),
    }


def _totals(rows: Iterable[Interval]) -> dict[str, Any]:
    """Sums of what is known, and how many half hours are not."""
    imports = [row.import_wh for row in rows]
    exports = [row.export_wh for row in rows]
    return {
        "import_wh": sum(wh or 0 for wh in imports),
        "export_wh": sum(wh or 0 for wh in exports),
        "missing": sum(wh is None for wh in imports),
    }
