"""Who is behind a point: the parties responsible for its metering; its retailer and customer, over time."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from keiki_host.headend import registry, trail
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.schema_registry import occupancy, party, point, responsibility, supply

KINDS = ("utility", "third", "retailer", "customer")
PROCESSES = ("selection", "procurement", "installation", "fault", "data", "verification", "exchange")
"""What somebody is responsible for at a point: choosing the kind of meter, buying it, putting it
in, faults, collecting its data, keeping its verification valid, exchanging it."""

_WORK = frozenset({"installation", "fault", "exchange"})
# No published definition of the types was at hand. This is how we read them; `installation_type` takes
# another table where a utility reads them differently.
TYPES: Mapping[str, frozenset[str]] = {
    "utility": frozenset(),
    "(i)": _WORK,
    "(i)-2": _WORK | {"procurement"},
    "(ii)": _WORK | {"selection", "procurement", "verification"},
    "(iii)": frozenset(PROCESSES),
}
"""Installation types, each by the processes that a third party is responsible for."""


class Party(NamedTuple):
    """A utility, a third party, a retailer or a customer."""

    party_id: int
    code: str
    name: str
    kind: str


class Window(NamedTuple):
    """A time from `from_s`, up to but without `to_s`; None: it has not ended."""

    point_id: int
    party_id: int
    from_s: int
    to_s: int | None


def add_party(store: Store, code: str, name: str, kind: str, *, who: str, now_s: int) -> int:
    """Register a party of a kind (`KINDS`); return its number."""
    if kind not in KINDS:
        raise HeadendInputError(f"party: {kind} is none of {', '.join(KINDS)}")
    registry.check_code("party", code)
    with store.write() as connection:
        try:
            party_id: int = connection.execute(
                insert(party).values(code=code, name=name, kind=kind).returning(party.c.party_id)
            ).scalar_one()
        except IntegrityError:
            raise HeadendInputError(f"party {code}: is there already") from None
        trail.note(connection, now_s, who, "party.add", f"party {code}", kind=kind)
    return party_id


def find_party(store: Store, code: str) -> Party:
    """The party with a code; HeadendInputError if there is none."""
    with store.read() as connection:
        row = connection.execute(select(party).where(party.c.code == code)).first()
    if row is None:
        raise HeadendInputError(f"party: there is no {code}")
    return Party(*row)


def parties(store: Store, kind: str) -> list[Party]:
    """All parties of a kind, by number."""
    with store.read() as connection:
        rows = connection.execute(select(party).where(party.c.kind == kind).order_by(party.c.party_id))
        return [Party(*row) for row in rows]


def find_point(store: Store, number: str) -> int:
    """This database's number of the point with a supply point number; HeadendInputError if there is none."""
    with store.read() as connection:
        point_id = connection.execute(select(point.c.point_id).where(point.c.number == number)).scalar()
    if point_id is None:
        raise HeadendInputError(f"point: there is no {number}")
    return int(point_id)


def make_responsible(
    store: Store, point_id: int, process: str, party_id: int, *, who: str, now_s: int
) -> None:
    """Make a utility or third party responsible for a process (`PROCESSES`) of a point, from now on."""
    if process not in PROCESSES:
        raise HeadendInputError(f"process: {process} is none of {', '.join(PROCESSES)}")
    with store.write() as connection:
        _expect(connection, party_id, ("utility", "third"))
        connection.execute(
            delete(responsibility).where(
                responsibility.c.point_id == point_id, responsibility.c.process == process
            )
        )
        connection.execute(
            insert(responsibility).values(point_id=point_id, process=process, party_id=party_id)
        )
        trail.note(
            connection, now_s, who, "point.responsible", f"point {point_id}", process=process, party=party_id
        )


def responsible(store: Store, point_id: int) -> dict[str, Party]:
    """The responsible party of each process that has one."""
    query = (
        select(responsibility.c.process, party)
        .join(party, party.c.party_id == responsibility.c.party_id)
        .where(responsibility.c.point_id == point_id)
    )
    with store.read() as connection:
        return {row.process: Party(*row[1:]) for row in connection.execute(query)}


def installation_type(
    by_process: Mapping[str, Party], types: Mapping[str, frozenset[str]] = TYPES
) -> str | None:
    """The installation type that the responsible parties make; None: none of `types`.

    A process for which nobody is named is the utility's.
    """
    third = frozenset(process for process, found in by_process.items() if found.kind == "third")
    return next((name for name, processes in types.items() if processes == third), None)


def switch_supplier(
    store: Store, point_id: int, retailer_id: int | None, at_s: int, *, who: str, now_s: int
) -> None:
    """From `at_s` on a retailer supplies a point; None: nobody does."""
    _follow(store, supply, "retailer", point_id, retailer_id, at_s, who, now_s)


def move(store: Store, point_id: int, customer_id: int | None, at_s: int, *, who: str, now_s: int) -> None:
    """From `at_s` on a customer uses a point; None: it is empty."""
    _follow(store, occupancy, "customer", point_id, customer_id, at_s, who, now_s)


def windows(connection: Connection, kind: str, party_id: int, point_id: int | None = None) -> list[Window]:
    """When a retailer supplied, or a customer used, points: one or all of its points; oldest first."""
    table, column = _TABLES[kind]
    query = select(table.c.point_id, column, table.c.from_s, table.c.to_s).where(column == party_id)
    if point_id is not None:
        query = query.where(table.c.point_id == point_id)
    return [Window(*row) for row in connection.execute(query.order_by(table.c.point_id, table.c.from_s))]


def points_of(connection: Connection, kind: str, party_id: int) -> list[str]:
    """Numbers of the points that a retailer ever supplied, or a customer ever used."""
    table, column = _TABLES[kind]
    rows = connection.execute(
        select(point.c.number)
        .join(table, table.c.point_id == point.c.point_id)
        .where(column == party_id)
        .distinct()
        .order_by(point.c.number)
    )
    return [row.number for row in rows]


_TABLES: dict[str, tuple[Table, Any]] = {
    "retailer": (supply, supply.c.retailer_id),
    "customer": (occupancy, occupancy.c.customer_id),
}


def _expect(connection: Connection, party_id: int, kinds: tuple[str, ...]) -> None:
    found = connection.execute(select(party.c.kind).where(party.c.party_id == party_id)).scalar()
    if found not in kinds:
        raise HeadendInputError(f"party {party_id}: it is no {' or '.join(kinds)}")


def _follow(
    store: Store,
    table: Table,
    kind: str,
    point_id: int,
    party_id: int | None,
    at_s: int,
    who: str,
    now_s: int,
) -> None:
    """End the window that is open, and begin one; HeadendInputError if it would begin before another one."""
    with store.write() as connection:
        later = connection.execute(
            select(table.c.from_s).where(
                table.c.point_id == point_id, or_(table.c.from_s >= at_s, table.c.to_s > at_s)
            )
        ).first()
        if later is not None:
            raise HeadendInputError(f"point {point_id}: its {kind} changed at or after that time already")
        connection.execute(
            update(table).where(table.c.point_id == point_id, table.c.to_s.is_(None)).values(to_s=at_s)
        )
        if party_id is not None:
            _expect(connection, party_id, (kind,))
            connection.execute(
                insert(table).values(
                    {"point_id": point_id, f"{kind}_id": party_id, "from_s": at_s, "to_s": None}
                )
            )
        trail.note(
            connection, now_s, who, f"point.{kind}", f"point {point_id}", party=party_id, moment_s=at_s
        )
