"""The trail: who did what, when, and how it ended. Lines are only added; the database refuses the rest."""

import json
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from keiki_host.headend.database import Store
from keiki_host.headend.schema_registry import trail


class Entry(NamedTuple):
    """One line of the trail."""

    trail_id: int
    at_s: int
    who: str
    action: str
    subject: str
    """What it was done to, for example `meter 5`."""
    outcome: str
    """`done`, `denied`, `failed`, `expired`."""
    detail: dict[str, object]


def note(
    connection: Connection,
    at_s: int,
    who: str,
    action: str,
    subject: str,
    *,
    outcome: str = "done",
    **detail: object,
) -> None:
    """Add a line, in the transaction of what it tells of."""
    connection.execute(
        insert(trail).values(
            at_s=at_s, who=who, action=action, subject=subject, outcome=outcome, detail=json.dumps(detail)
        )
    )


def entries(
    store: Store, *, before: int | None = None, most: int = 100, subject: str | None = None
) -> list[Entry]:
    """The newest lines first, at most `most`, older than line `before`, of one subject or of all."""
    query = select(trail).order_by(trail.c.trail_id.desc()).limit(most)
    if before is not None:
        query = query.where(trail.c.trail_id < before)
    if subject is not None:
        query = query.where(trail.c.subject == subject)
    with store.read() as connection:
        return [Entry(*row)._replace(detail=json.loads(row[-1])) for row in connection.execute(query)]
