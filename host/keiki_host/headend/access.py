"""Who may see and do what. What no row of `RIGHTS` allows is denied, and every denial is on the trail.

An API calls `enter` with the token of a request, then `allow` for what is asked, and for values `windows`:
the times in which a point's values are this customer's or this retailer's. A point that does not exist is
denied like one that is somebody else's.
"""

from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select

from keiki_host.headend import parties, tokens, trail
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError
from keiki_host.headend.parties import Window
from keiki_host.headend.schema_registry import point
from keiki_host.headend.tokens import Principal

FOREVER_S = 2**62


class Action(StrEnum):
    """What can be asked for."""

    VALUES = "values"
    """Half-hour values, of points that `windows` names."""
    FILES = "files"
    """C-route files, of the own retailer."""
    FLEET = "fleet"
    """KPIs, misses, lists of meters."""
    METER = "meter"
    """A meter's state, events, clock and verification."""
    COMMAND = "command"
    """Commands to meters, and what became of them."""
    REGISTRY = "registry"
    """Changes of the registry."""
    TRAIL = "trail"
    """Who did what."""


RIGHTS: dict[str, frozenset[Action]] = {
    "customer": frozenset({Action.VALUES}),
    "retailer": frozenset({Action.VALUES, Action.FILES}),
    "operator": frozenset({Action.VALUES, Action.FLEET, Action.METER, Action.COMMAND, Action.REGISTRY}),
    "auditor": frozenset({Action.TRAIL}),
}
"""What each scope may do; for a customer and a retailer, only with what is their own."""


class DeniedError(HeadendError):
    """It may not be done; says no more than that."""


class UnknownTokenError(DeniedError):
    """There is no valid token."""


class Times(NamedTuple):
    """A time from `from_s`, up to but without `to_s`."""

    from_s: int
    to_s: int


def enter(store: Store, text: str, *, now_s: int, peer: str = "") -> Principal:
    """Whose token this is; UnknownTokenError, and a line of the trail with the peer, if nobody's."""
    found = tokens.principal(store, text, now_s)
    if found is None:
        _deny(store, now_s, "unknown", "enter", "token", peer=peer[:100])
        raise UnknownTokenError("no valid token")
    return found


def allow(store: Store, who: Principal, action: Action, subject: str, *, now_s: int) -> None:
    """Nothing if a scope allows an action; DeniedError, and a line of the trail, if not.

    `subject` is what it would be done to, for the trail. For VALUES ask `windows` too, for FILES
    `own_retailer`.
    """
    if action not in RIGHTS.get(who.scope, frozenset()):
        _deny(store, now_s, who.who, action, subject)
        raise DeniedError("not allowed")


def windows(
    store: Store, who: Principal, number: str, from_s: int, to_s: int, *, now_s: int
) -> tuple[int, list[Times]]:
    """(point, parts of a time in which its values may be seen, in order); DeniedError if there is none."""
    allow(store, who, Action.VALUES, f"point {number}", now_s=now_s)
    with store.read() as connection:
        point_id = connection.execute(select(point.c.point_id).where(point.c.number == number)).scalar()
        found: list[Window] = []
        if point_id is not None and who.party_id is not None:
            found = parties.windows(connection, who.scope, who.party_id, point_id)
        elif point_id is not None and who.scope == "operator":
            found = [Window(point_id, 0, 0, None)]
    parts = [Times(max(from_s, w.from_s), min(to_s, FOREVER_S if w.to_s is None else w.to_s)) for w in found]
    parts = [part for part in parts if part.from_s < part.to_s]
    if point_id is None or not parts:
        _deny(store, now_s, who.who, Action.VALUES, f"point {number}", from_s=from_s, to_s=to_s)
        raise DeniedError("not allowed")
    return int(point_id), parts


def own_points(store: Store, who: Principal, *, now_s: int) -> list[str]:
    """Numbers of the points of which a customer or retailer may see something; DeniedError for others."""
    if who.party_id is None:
        _deny(store, now_s, who.who, Action.VALUES, "own points")
        raise DeniedError("not allowed")
    with store.read() as connection:
        return parties.points_of(connection, who.scope, who.party_id)


def own_retailer(store: Store, who: Principal, *, now_s: int) -> int:
    """The retailer whose files may be had; DeniedError for everybody else."""
    allow(store, who, Action.FILES, "C-route files", now_s=now_s)
    if who.party_id is None:
        _deny(store, now_s, who.who, Action.FILES, "C-route files")
        raise DeniedError("not allowed")
    return who.party_id


def _deny(store: Store, now_s: int, who: str, action: str, subject: str, **detail: object) -> None:
    with store.write() as connection:
        trail.note(connection, now_s, who, action, subject[:200], outcome="denied", **detail)
