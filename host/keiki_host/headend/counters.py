"""Invocation counters of each meter, both directions: on disk before they are used.

Sending: `reserve` hands out a block and writes its end first, so that after any crash a number is skipped,
never used twice under one key. Receiving: `accept` (or `ingest(accepted=...)`, with the values) only ever
raises. A new key begins at 0 again: `reset`.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum

from sqlalchemy import Connection, delete, select, text

from keiki_host.headend.database import Store
from keiki_host.headend.schema_registry import counter

COUNTER_MAX = 2**32 - 1


class Channel(IntEnum):
    """Which counter of a meter."""

    SEND = 1
    """What the head-end sends to the meter as its management client."""
    RECEIVE = 2
    """What the meter sends under its management keys, pushes included."""
    SEND_READ = 3
    """What the head-end sends as its read-only client."""
    RECEIVE_READ = 4
    """What the meter sends under its read-only keys."""


_RAISE = """
INSERT INTO counter (meter_id, channel, value) VALUES (:meter_id, :channel, :value)
ON CONFLICT (meter_id, channel) DO UPDATE SET value = excluded.value WHERE counter.value < excluded.value
"""
_RAISE_ALL = """
INSERT INTO counter (meter_id, channel, value)
SELECT * FROM unnest(CAST(:meters AS integer[]), CAST(:channels AS smallint[]), CAST(:values AS bigint[]))
ON CONFLICT (meter_id, channel) DO UPDATE SET value = excluded.value WHERE counter.value < excluded.value
"""


def reserve(store: Store, meter_id: int, channel: Channel, count: int = 1) -> int:
    """Reserve `count` numbers for sending; return the first, from 1. OverflowError: the key is used up."""
    with store.write() as connection:
        end = _value(connection, meter_id, channel, lock=True) + count
        if end > COUNTER_MAX:
            raise OverflowError("invocation counter: used up; the meter needs a new key")
        raise_to(connection, {(meter_id, channel): end})
    return end - count + 1


def accept(store: Store, meter_id: int, channel: Channel, value: int) -> bool:
    """Accept a received counter if it is higher than every one before; False: it is a replay."""
    with store.write() as connection:
        if value <= _value(connection, meter_id, channel, lock=True):
            return False
        raise_to(connection, {(meter_id, channel): value})
    return True


def last(store: Store, channel: Channel, meter_ids: Iterable[int] | None = None) -> dict[int, int]:
    """The last value of each meter's counter; meters that have none are absent."""
    query = select(counter.c.meter_id, counter.c.value).where(counter.c.channel == int(channel))
    if meter_ids is not None:
        query = query.where(counter.c.meter_id.in_(list(meter_ids)))
    with store.read() as connection:
        return {row.meter_id: row.value for row in connection.execute(query)}


def raise_to(connection: Connection, values: Mapping[tuple[int, Channel], int]) -> None:
    """Raise counters, within a transaction; one that is higher already stays."""
    if connection.dialect.name == "postgresql":
        rows = sorted(values)
        connection.execute(
            text(_RAISE_ALL),
            {
                "meters": [meter_id for meter_id, _ in rows],
                "channels": [int(channel) for _, channel in rows],
                "values": [values[row] for row in rows],
            },
        )
        return
    connection.execute(
        text(_RAISE),
        [{"meter_id": m, "channel": int(c), "value": value} for (m, c), value in sorted(values.items())],
    )


def reset(connection: Connection, meter_id: int, channels: Iterable[Channel]) -> None:
    """Begin again at 0, within the transaction that makes a new key current."""
    connection.execute(
        delete(counter).where(
            counter.c.meter_id == meter_id, counter.c.channel.in_([int(channel) for channel in channels])
        )
    )


def _value(connection: Connection, meter_id: int, channel: Channel, *, lock: bool) -> int:
    """The counter's value; with `lock`, no other transaction changes it until this one ends."""
    query = select(counter.c.value).where(counter.c.meter_id == meter_id, counter.c.channel == int(channel))
    if lock and connection.dialect.name == "postgresql":
        raise_to(connection, {(meter_id, channel): 0})  # a row to lock, if there was none
        query = query.with_for_update()
    return int(connection.execute(query).scalar() or 0)
