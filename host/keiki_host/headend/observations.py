"""What is known of a meter beside its values: its clock, registers read otherwise, its events.

Each is kept once, however often it is read from the meter.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError

SOURCES = ("billing", "now", "field")
"""Where a register comes from: the meter's billing profile, a reading on demand, somebody who was there."""

_I32_MAX = 2**31 - 1
_I64_MAX = 2**63 - 1
ALARM = 256
"""The log, as it were, of alarms that meters pushed: the code is the alarm register."""
LAST_GASP = 257
"""Likewise of last gasps: the mains of the meter went."""


class Clock(NamedTuple):
    """How wrong a meter's clock was."""

    at_s: int
    """True time, UTC seconds."""
    offset_s: int
    """The meter's clock less the true time."""


class Register(NamedTuple):
    """Registers at a time that need not be a slot."""

    at_s: int
    import_wh: int
    export_wh: int
    source: str


class Event(NamedTuple):
    """An entry of one of a meter's event logs."""

    log: int
    """Which log: the value group E of its OBIS code, 0.0.99.98.E.255; ALARM or LAST_GASP: what it pushed."""
    at_s: int
    """When, by the meter's clock, UTC seconds."""
    code: int
    seen_s: int
    """When the head-end got it."""


_CLOCK = "INSERT INTO clock_read VALUES (:meter_id, :at_s, :offset_s) ON CONFLICT DO NOTHING"
_REGISTER = """
INSERT INTO register_read (meter_id, at_s, import_wh, export_wh, source)
VALUES (:meter_id, :at_s, :import_wh, :export_wh, :source) ON CONFLICT DO NOTHING
"""
_EVENT = """
INSERT INTO meter_event (meter_id, log, at_s, code, seen_s) VALUES (:meter_id, :log, :at_s, :code, :seen_s)
ON CONFLICT DO NOTHING
"""


def note_clock(store: Store, meter_id: int, clock: Clock) -> None:
    """Keep a clock reading; the rule CLOCK looks at it when its day is judged."""
    offset_s = max(-_I32_MAX, min(clock.offset_s, _I32_MAX))
    with store.write() as connection:
        connection.execute(text(_CLOCK), {"meter_id": meter_id, "at_s": clock.at_s, "offset_s": offset_s})


def note_registers(store: Store, meter_id: int, registers: Iterable[Register]) -> None:
    """Keep registers read otherwise; the rule SUM holds the slots against them when their day is judged."""
    with store.write() as connection:
        for register in registers:
            if register.source not in SOURCES:
                raise HeadendInputError(f"register: {register.source} is none of {', '.join(SOURCES)}")
            if not all(0 <= value <= _I64_MAX for value in register[:3]):
                raise HeadendInputError("register: a number that no register has")
            connection.execute(text(_REGISTER), {"meter_id": meter_id, **register._asdict()})


def note_events(store: Store, meter_id: int, events: Iterable[Event]) -> int:
    """Keep events; return how many were new. HeadendInputError: a code or time that no event has."""
    events = list(events)
    if not all(0 <= event.code <= _I32_MAX and 0 <= event.at_s <= _I64_MAX for event in events):
        raise HeadendInputError("event: a code or time that no event has")
    with store.write() as connection:
        return sum(
            connection.execute(text(_EVENT), {"meter_id": meter_id, **event._asdict()}).rowcount
            for event in events
        )


def clocks(store: Store, meter_id: int, *, most: int = 100) -> list[Clock]:
    """The newest clock readings of a meter first."""
    with store.read() as connection:
        return [Clock(*row) for row in _newest(connection, "at_s, offset_s", "clock_read", meter_id, most)]


def registers(store: Store, meter_id: int, *, most: int = 100) -> list[Register]:
    """The newest registers read otherwise of a meter first."""
    columns = "at_s, import_wh, export_wh, source"
    with store.read() as connection:
        return [Register(*row) for row in _newest(connection, columns, "register_read", meter_id, most)]


def events(store: Store, meter_id: int, *, most: int = 100) -> list[Event]:
    """The newest events of a meter first."""
    with store.read() as connection:
        rows = _newest(connection, "log, at_s, code, seen_s", "meter_event", meter_id, most)
        return [Event(*row) for row in rows]


def _newest(
    connection: Connection, columns: str, table: str, meter_id: int, most: int
) -> list[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM {table} WHERE meter_id = :meter_id ORDER BY at_s DESC LIMIT :most"
    rows = connection.execute(text(query), {"meter_id": meter_id, "most": most})
    return [tuple(row) for row in rows]
