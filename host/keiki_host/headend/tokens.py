"""API tokens: made once, shown once, kept as a hash.

A token is 256 random bits, so one round of SHA-256 is enough: there is nothing to guess from a leaked hash.
"""

import base64
import hashlib
import os
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import insert, select, update

from keiki_host.headend import trail
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.schema_registry import party, token

SCOPES: dict[str, str | None] = {
    "customer": "customer",
    "retailer": "retailer",
    "operator": None,
    "auditor": None,
}
"""Scopes, and the kind of party that a token of the scope belongs to; None: to none."""
_MARK = "keiki_"
_BYTES = 32


class Token(NamedTuple):
    """What is known of a token."""

    token_id: int
    name: str
    scope: str
    party: str | None
    """Code of the customer or retailer whose it is."""
    made_s: int
    expires_s: int | None
    revoked_s: int | None


class Principal(NamedTuple):
    """Who asks, as proved by a token."""

    token_id: int
    name: str
    scope: str
    party_id: int | None

    @property
    def who(self) -> str:
        """How the trail names it."""
        return f"token {self.token_id} {self.name}"


def make(
    store: Store,
    name: str,
    scope: str,
    party_code: str | None = None,
    *,
    who: str,
    now_s: int,
    expires_s: int | None = None,
    rand: Callable[[int], bytes] = os.urandom,
) -> str:
    """Make a token and return it; it is never shown again. HeadendInputError: no such scope or party."""
    if scope not in SCOPES:
        raise HeadendInputError(f"scope: {scope} is none of {', '.join(SCOPES)}")
    kind = SCOPES[scope]
    if (kind is None) != (party_code is None):
        raise HeadendInputError(f"scope {scope}: needs {'no party' if kind is None else f'a {kind}'}")
    text = _MARK + base64.urlsafe_b64encode(rand(_BYTES)).decode().rstrip("=")
    with store.write() as connection:
        party_id = None
        if kind is not None:
            party_id = connection.execute(
                select(party.c.party_id).where(party.c.code == party_code, party.c.kind == kind)
            ).scalar()
            if party_id is None:
                raise HeadendInputError(f"party: there is no {kind} {party_code}")
        values = {"name": name, "hash": _hash(text), "scope": scope, "party_id": party_id, "made_s": now_s}
        token_id = connection.execute(
            insert(token).values(**values, expires_s=expires_s).returning(token.c.token_id)
        ).scalar_one()
        trail.note(connection, now_s, who, "token.make", f"token {token_id} {name}", scope=scope)
    return text


def revoke(store: Store, token_id: int, *, who: str, now_s: int) -> None:
    """End a token for good; HeadendInputError if there is none, or it is over already."""
    with store.write() as connection:
        row = connection.execute(
            update(token)
            .where(token.c.token_id == token_id, token.c.revoked_s.is_(None))
            .values(revoked_s=now_s)
            .returning(token.c.name)
        ).first()
        if row is None:
            raise HeadendInputError(f"token: there is no valid number {token_id}")
        trail.note(connection, now_s, who, "token.revoke", f"token {token_id} {row.name}")


def tokens(store: Store) -> list[Token]:
    """All tokens by number; never the tokens themselves."""
    columns = (token.c.token_id, token.c.name, token.c.scope, party.c.code)
    times = (token.c.made_s, token.c.expires_s, token.c.revoked_s)
    query = (
        select(*columns, *times)
        .select_from(token.outerjoin(party, party.c.party_id == token.c.party_id))
        .order_by(token.c.token_id)
    )
    with store.read() as connection:
        return [Token(*tuple(row)) for row in connection.execute(query)]


def principal(store: Store, text: str, now_s: int) -> Principal | None:
    """Whose token this is; None: it is no token, or not valid any more."""
    if not text.startswith(_MARK) or len(text) > 100 or not text.isascii():
        return None
    with store.read() as connection:
        row = connection.execute(select(token).where(token.c.hash == _hash(text))).first()
    if row is None or row.revoked_s is not None:
        return None
    if row.expires_s is not None and row.expires_s <= now_s:
        return None
    return Principal(row.token_id, row.name, row.scope, row.party_id)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
