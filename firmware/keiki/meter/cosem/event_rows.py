"""Rows of the event profiles: the event log, or the kinds of it that one of them is about."""

from keiki.meter import eventlog
from keiki.wire.compat import const
from keiki.wire.cosem import datetime12
from keiki.wire.cosem.axdr import I64, OCTETS, STRUCTURE, U8, U16, Writer
from keiki.wire.cosem.objects_profile import Source

KINDS = {
    "-": None,
    "security": (
        eventlog.AUTHENTICATION_FAILED, eventlog.TAMPER, eventlog.SETTING_CHANGED, eventlog.REGISTER_SET,
        eventlog.FACTORY_RESET, eventlog.CALIBRATED, eventlog.ROUTE_A_REFUSED, eventlog.KEY_CHANGED,
        eventlog.SWITCH_REFUSED,
    ),
    "communication": (eventlog.SESSION_ENDED, eventlog.ROUTE_A_SESSION, eventlog.PUSH_FAILED),
}  # fmt: skip
"""Kinds of events by the log that is about them; "-": all of them."""

KEPT = const(440)
"""Events that are always kept."""

_TYPES = (0, U8, U8, U16, I64, I64)


class EventRows(Source):
    """Events as rows of (clock, kind, source, count, before, after), numbered by their sequence.

    `kinds`: those that count; None: all. They lie in the order of their happening: a clock that was set back
    leaves times that are not in order, and a range of time may then miss some.
    """

    def __init__(self, events, kinds: "tuple[int, ...] | None" = None) -> None:
        self._events = events
        self._kinds = kinds

    @property
    def first(self) -> int:
        """The oldest event."""
        return self._events.oldest

    @property
    def end(self) -> int:
        """The event that comes next."""
        return self._events.end

    def _read(self, number: int):
        event = self._events.read(number)
        if event is None or (self._kinds is not None and event[1] not in self._kinds):
            return None
        return event

    def newest(self) -> tuple:
        """Return the newest event, all zeros if there is none."""
        for number in range(self.end - 1, self.first - 1, -1):
            event = self._read(number)
            if event is not None:
                return event
        return (0,) * 6

    def count(self, first: int, end: int) -> int:
        """Return how many events of these kinds there are among `first`..`end` - 1."""
        found = 0
        for number in range(first, end):
            found += self._read(number) is not None
        return found

    def time_s(self, number: int) -> int:
        """Return the UTC seconds of an event, -1 if it is none of these."""
        event = self._read(number)
        return -1 if event is None else event[0]

    def write(self, number: int, writer: Writer, columns: "list[int] | None", implied_s: int) -> int:
        """Write an event and return its UTC seconds; -1 if it is none of these."""
        event = self._read(number)
        if event is None:
            return -1
        if columns is None:
            columns = [0, 1, 2, 3, 4, 5]
        writer.begin(STRUCTURE, len(columns))
        for column in columns:
            if column:
                writer.number(_TYPES[column], event[column])
            else:
                writer.string(OCTETS, datetime12.pack(event[0]))
        return event[0]
