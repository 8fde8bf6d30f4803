"""What the switch and the limiter must know after a power cut: one record, written before anything moves."""

import struct

from keiki.meter.history_runs import newest
from keiki.wire.compat import const

SIZE = const(24)
GROUPS = const(4)
_FORMAT = "<BBHIII4H"

DISCONNECTED = const(0)
CONNECTED = const(1)
READY = const(2)  # for reconnection


class SwitchState:
    """Kept on a log of records of SIZE bytes.

    `control`     DISCONNECTED, CONNECTED or READY (class 70, attribute 3)
    `tripped`     the limiter has opened it, and may close it
    `emergency`   (profile id, start UTC s, duration s, limit mA); a duration of 0 is none
    `groups`      ids of emergency profiles that this meter obeys
    """

    def __init__(self, log) -> None:
        self.control = CONNECTED
        self.tripped = False
        self.emergency = (0, 0, 0, 0)
        self.groups = ()
        self._log = log
        self._buffer = buffer = bytearray(SIZE)
        if newest(log, buffer) >= 0:
            found = struct.unpack(_FORMAT, buffer)
            self.control = found[0] if found[0] <= READY else CONNECTED
            self.tripped = bool(found[1])
            self.emergency = tuple(found[2:6])
            self.groups = tuple(group for group in found[6:] if group)

    def keep_control(self, control: int, tripped: bool) -> None:
        """Keep a control state. OSError: flash refuses, and nothing has changed."""
        self._keep(control, tripped, self.emergency, self.groups)

    def keep_emergency(self, emergency: tuple, groups: tuple) -> None:
        """Keep an emergency profile, and the ids that are obeyed (GROUPS of 1 .. 65535 at most). OSError."""
        self._keep(self.control, self.tripped, emergency, groups)

    def _keep(self, control: int, tripped: bool, emergency: tuple, groups: tuple) -> None:
        filled = tuple(groups) + (0,) * (GROUPS - len(groups))
        struct.pack_into(_FORMAT, self._buffer, 0, control, int(tripped), *(tuple(emergency) + filled))
        self._log.append(self._buffer)
        self.control, self.tripped, self.emergency, self.groups = control, tripped, emergency, groups
