"""Partitions of `reading` on PostgreSQL: one for each month (JST), made when its first value comes."""

from collections.abc import Iterable

from keiki.wire.slots import jst, utc_from_jst
from sqlalchemy import Connection, text

from keiki_host.headend.database import Store

_LOCK = 0x6B65696B  # two writers never make the same partition


def month_of(slot_s: int) -> int:
    """The first second of the month (JST) that holds a slot."""
    year, month, *_ = jst(slot_s)
    return utc_from_jst(year, month, 1)


def next_month(first_s: int) -> int:
    """The first second of the month after the one that begins at `first_s`."""
    year, month, *_ = jst(first_s)
    return utc_from_jst(year + month // 12, month % 12 + 1, 1)


def ensure(store: Store, connection: Connection, slots_s: Iterable[int]) -> set[int]:
    """Make the partitions for some slots; return the months made, to be remembered after the commit."""
    made: set[int] = set()
    if not store.is_postgresql:
        return made
    for slot_s in set(slots_s):
        first_s = month_of(slot_s)
        if first_s in store.known_partitions or first_s in made:
            continue
        year, month, *_ = jst(first_s)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS reading_y{year:04}m{month:02} PARTITION OF reading "
            f"FOR VALUES FROM ({first_s}) TO ({next_month(first_s)})"
        )
        made.add(first_s)
    return made
