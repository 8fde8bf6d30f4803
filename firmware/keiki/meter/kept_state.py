"""What switch, limiter and push must know after a power cut: one record, written before anything is done."""

import struct

from keiki.meter.history import newest
from keiki.wire.compat import const

SIZE = const(28)
GROUPS = const(4)
_FORMAT = const("<BBHIII4HI")
_NONE = const(0xFFFFFFFF)

DISCONNECTED = const(0)
CONNECTED = const(1)
READY = const(2)  # for reconnection


class KeptState:
    """Kept on a log of records of SIZE bytes.

    `control`     DISCONNECTED, CONNECTED or READY (class 70, attribute 3)
    `tripped`     the limiter has opened it, and may close it
    `emergency`   (profile id, start UTC s, duration s, limit mA); a duration of 0 is none
    `groups`      ids of emergency profiles that this meter obeys
    `cursor`      sequence of the half hour that is to be delivered next; -1: none ever was
    """

    def __init__(self, log) -> None:
        self.control = CONNECTED
        self.tripped = False
        self.emergency = (0, 0, 0, 0)
        self.groups = ()
        self.cursor = -1
        self._log = log
        self._buffer = buffer = bytearray(SIZE)
        if newest(log, buffer) >= 0:
            found = struct.unpack(_FORMAT, buffer)
            self.control = found[0] if found[0] <= READY else CONNECTED
            self.tripped = bool(found[1])
            self.emergency = tuple(found[2:6])
            self.groups = tuple(group for group in found[6:10] if group)
            self.cursor = -1 if found[10] == _NONE else found[10]

    def keep_control(self, control: int, tripped: bool) -> None:
        """Keep a control state. OSError: flash refuses, and nothing has changed."""
        self._keep(control, tripped, self.emergency, self.groups, self.cursor)

    def keep_emergency(self, emergency: tuple, groups: tuple) -> None:
        """Keep an emergency profile, and the ids that are obeyed (GROUPS of 1 .. 65535 at most). OSError."""
        self._keep(self.control, self.tripped, emergency, groups, self.cursor)

    def keep_cursor(self, cursor: int) -> None:
        """Keep how far the half hours have been delivered. OSError."""
        self._keep(self.control, self.tripped, self.emergency, self.groups, cursor)

    def _keep(self, control: int, tripped: bool, emergency: tuple, groups: tuple, cursor: int) -> None:
        filled = tuple(emergency) + tuple(groups) + (0,) * (GROUPS - len(groups))
        number = _NONE if cursor < 0 else cursor
        struct.pack_into(_FORMAT, self._buffer, 0, control, int(tripped), *(filled + (number,)))
        self._log.append(self._buffer)
        self.control, self.tripped, self.emergency, self.groups = control, tripped, emergency, groups
        self.cursor = cursor
