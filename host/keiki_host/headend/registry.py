"""What is known of areas, points and meters, and which meter is where.

Every change is one transaction and one line of the trail. Numbers (`meter_id` and the like) are this
database's own; people and files use serials and point numbers.
"""

import re
from typing import Any, NamedTuple

from keiki.wire.slots import DAY_S, JST_S, civil_from_days, days_from_civil
from sqlalchemy import Connection, Select, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from keiki_host.headend import trail
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.schema_registry import area, installation, meter, point

RATINGS_A = (30, 60, 120)
VERIFIED_YEARS = 10
"""How long the verification of a directly connected low-voltage meter holds, unless one is told otherwise."""
_TITLE_HEX = 16
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Meter(NamedTuple):
    """A meter, and where it is."""

    meter_id: int
    serial: str
    system_title: str
    """8 bytes as 16 lower-case hex digits."""
    rating_a: int
    address: str | None
    """host:port for pulls; None: it only pushes."""
    verified_day: int | None
    """Days since 1970 (JST)."""
    expires_day: int | None
    """The last day on which it may be used for trade."""
    point_id: int | None
    """None: it is in stock."""
    point: str | None
    area: str | None
    """Code of the area."""


def check_code(what: str, code: str) -> None:
    """HeadendInputError unless a code may stand in file names, tables and addresses as it is."""
    if not _CODE.fullmatch(code):
        raise HeadendInputError(f"{what}: 1 to 64 letters, digits, and . _ - after the first")


def add_area(store: Store, code: str, name: str, *, who: str, now_s: int) -> int:
    """Register an area; return its number."""
    check_code("area", code)
    with store.write() as connection:
        area_id = _insert(connection, area, f"area {code}", code=code, name=name)
        trail.note(connection, now_s, who, "area.add", f"area {code}", name=name)
    return area_id


def add_point(store: Store, number: str, area_code: str, *, who: str, now_s: int) -> int:
    """Register a supply point in an area; return its number in this database."""
    check_code("point", number)
    with store.write() as connection:
        area_id = connection.execute(select(area.c.area_id).where(area.c.code == area_code)).scalar()
        if area_id is None:
            raise HeadendInputError(f"area: there is no {area_code}")
        point_id = _insert(connection, point, f"point {number}", number=number, area_id=area_id)
        trail.note(connection, now_s, who, "point.add", f"point {number}", area=area_code)
    return point_id


def add_meter(
    store: Store,
    serial: str,
    system_title: str,
    rating_a: int,
    *,
    who: str,
    now_s: int,
    address: str | None = None,
    verified_day: int | None = None,
    expires_day: int | None = None,
) -> int:
    """Register a meter, in stock; return its number. Without `expires_day` a verification holds ten years."""
    check_code("serial", serial)
    title = system_title.lower()
    if len(title) != _TITLE_HEX or set(title) - set("0123456789abcdef"):
        raise HeadendInputError("system title: 16 hex digits")
    if rating_a not in RATINGS_A:
        raise HeadendInputError(f"rating: {rating_a} A is none of 30, 60, 120")
    if verified_day is not None and expires_day is None:
        year, month, day = civil_from_days(verified_day)
        expires_day = days_from_civil(year + VERIFIED_YEARS, month, day) - 1
    with store.write() as connection:
        meter_id = _insert(
            connection,
            meter,
            f"meter {serial}",
            serial=serial,
            system_title=title,
            rating_a=rating_a,
            address=address,
            verified_day=verified_day,
            expires_day=expires_day,
        )
        trail.note(connection, now_s, who, "meter.add", f"meter {serial}", rating_a=rating_a)
    return meter_id


def install(
    store: Store,
    meter_id: int,
    point_id: int,
    at_s: int,
    *,
    who: str,
    now_s: int,
    import_wh: int | None = None,
    export_wh: int | None = None,
) -> None:
    """Put a meter that is in stock in at a point that has none, with its registers at that moment."""
    with store.write() as connection:
        _install(connection, meter_id, point_id, at_s, (import_wh, export_wh))
        trail.note(
            connection, now_s, who, "meter.install", f"meter {_serial(connection, meter_id)}", moment_s=at_s
        )


def remove(
    store: Store,
    meter_id: int,
    at_s: int,
    *,
    who: str,
    now_s: int,
    import_wh: int | None = None,
    export_wh: int | None = None,
) -> None:
    """Take a meter out, with its registers at that moment."""
    with store.write() as connection:
        _remove(connection, meter_id, at_s, (import_wh, export_wh))
        trail.note(
            connection, now_s, who, "meter.remove", f"meter {_serial(connection, meter_id)}", moment_s=at_s
        )


def exchange(
    store: Store,
    old_id: int,
    new_id: int,
    at_s: int,
    *,
    last_wh: tuple[int, int],
    first_wh: tuple[int, int],
    who: str,
    now_s: int,
) -> None:
    """Put a meter in where another one was; both registers (import, export) let the point's series go on."""
    with store.write() as connection:
        point_id = _remove(connection, old_id, at_s, last_wh)
        _install(connection, new_id, point_id, at_s, first_wh)
        trail.note(
            connection,
            now_s,
            who,
            "meter.exchange",
            f"meter {_serial(connection, old_id)}",
            by=_serial(connection, new_id),
            moment_s=at_s,
            last_wh=last_wh,
            first_wh=first_wh,
        )


def readdress(store: Store, meter_id: int, address: str | None, *, who: str, now_s: int) -> None:
    """Say where a meter is asked, host:port; None: nowhere, it only pushes."""
    with store.write() as connection:
        serial = _serial(connection, meter_id)
        connection.execute(update(meter).where(meter.c.meter_id == meter_id).values(address=address))
        trail.note(connection, now_s, who, "meter.address", f"meter {serial}", address=address)


def areas(store: Store) -> dict[str, int]:
    """Areas' numbers by code."""
    with store.read() as connection:
        rows = connection.execute(select(area.c.code, area.c.area_id).order_by(area.c.code))
        return {row.code: row.area_id for row in rows}


def find_meter(store: Store, name: str) -> Meter:
    """The meter with a serial or a system title; HeadendInputError if there is none."""
    with store.read() as connection:
        row = connection.execute(
            _meters().where(or_(meter.c.serial == name, meter.c.system_title == name.lower()))
        ).first()
    if row is None:
        raise HeadendInputError(f"meter: there is no {name}")
    return Meter(*row)


def meters(
    store: Store, *, area_code: str | None = None, after: int = 0, most: int | None = None
) -> list[Meter]:
    """Meters by their number, those above `after`, of one area or of all, at most `most`."""
    query = _meters().where(meter.c.meter_id > after).order_by(meter.c.meter_id).limit(most)
    if area_code is not None:
        query = query.where(area.c.code == area_code)
    with store.read() as connection:
        return [Meter(*row) for row in connection.execute(query)]


def due_for_verification(store: Store, until_day: int) -> list[Meter]:
    """Installed meters whose verification ends by a day (days since 1970), the first to end first."""
    query = (
        _meters()
        .where(meter.c.expires_day <= until_day, installation.c.meter_id.is_not(None))
        .order_by(meter.c.expires_day, meter.c.meter_id)
    )
    with store.read() as connection:
        return [Meter(*row) for row in connection.execute(query)]


def jst_day(utc_s: int) -> int:
    """The day in Japan that a time falls on, as days since 1970."""
    day: int = (utc_s + JST_S) // DAY_S
    return day


def _meters() -> Select[Any]:
    placed = and_(installation.c.meter_id == meter.c.meter_id, installation.c.to_s.is_(None))
    return select(meter, point.c.point_id, point.c.number, area.c.code).select_from(
        meter.outerjoin(installation, placed)
        .outerjoin(point, point.c.point_id == installation.c.point_id)
        .outerjoin(area, area.c.area_id == point.c.area_id)
    )


def _insert(connection: Connection, table: Any, what: str, **values: object) -> int:
    try:
        statement = insert(table).values(values).returning(*table.primary_key.columns)
        number: int = connection.execute(statement).scalar_one()
        return number
    except IntegrityError:
        raise HeadendInputError(f"{what}: is there already") from None


def _serial(connection: Connection, meter_id: int) -> str:
    serial = connection.execute(select(meter.c.serial).where(meter.c.meter_id == meter_id)).scalar()
    if serial is None:
        raise HeadendInputError(f"meter: there is no number {meter_id}")
    return str(serial)


def _install(
    connection: Connection, meter_id: int, point_id: int, at_s: int, first_wh: tuple[int | None, int | None]
) -> None:
    serial = _serial(connection, meter_id)
    taken = connection.execute(
        select(func.count())
        .select_from(installation)
        .where(
            or_(installation.c.meter_id == meter_id, installation.c.point_id == point_id),
            or_(installation.c.to_s.is_(None), installation.c.to_s > at_s),
        )
    ).scalar_one()
    if taken:
        raise HeadendInputError(f"meter {serial}: it, or the point, is in use at that time")
    connection.execute(
        insert(installation).values(
            meter_id=meter_id,
            point_id=point_id,
            from_s=at_s,
            first_import_wh=first_wh[0],
            first_export_wh=first_wh[1],
        )
    )


def _remove(connection: Connection, meter_id: int, at_s: int, last_wh: tuple[int | None, int | None]) -> int:
    """Return the point that it was at."""
    row = connection.execute(
        update(installation)
        .where(
            installation.c.meter_id == meter_id, installation.c.to_s.is_(None), installation.c.from_s < at_s
        )
        .values(to_s=at_s, last_import_wh=last_wh[0], last_export_wh=last_wh[1])
        .returning(installation.c.point_id)
    ).first()
    if row is None:
        raise HeadendInputError(f"meter {_serial(connection, meter_id)}: it is not installed at that time")
    return int(row.point_id)
