"""Invocation counters: ours never come twice, and those of a client only rise, whatever the power does.

A record says up to which number each of them may be used before the next record: ours in steps of 1024, a
client's up to 256 beyond what it last used. A start goes on from there. So nothing that was sent or served
before a power cut can have a counter that comes after it, and a cut costs at most one step.

A record is five u32, little-endian: ours, then one for each of CLIENTS, then a spare one.
"""

import struct

from keiki.wire.compat import const

SIZE = const(20)
_FORMAT = const("<5I")

CLIENTS = (1, 2, 102)
"""SAPs of management, of the reader and of the receiver of pushes, in the order of their fields for ever."""

TX_AHEAD = const(1024)
RX_AHEAD = const(256)
_SPARE = const(8)  # counters of ours that must be at hand before a request is served: its answer takes two
_NEW = const(1 << 30)
_MAX = const(0xFFFFFFFF)
_ENOSPC = const(28)


class Counters:
    """Counters on a log of fixed records (`append`, `read_into`, `oldest`, `end`).

    `tx` is the last counter of ours that was given out. A log in which nothing is left begins at a number
    from `random_below(n)`: a meter that lost its flash and is given its old keys again does not begin with
    the counters it began with before. `doubt`: records of this log may be gone without a trace.
    """

    def __init__(self, log, random_below, doubt: bool = False) -> None:
        self._log = log
        self._buffer = bytearray(SIZE)
        lost = self._load()
        if lost < 0:
            self._limits = [random_below(_NEW), 0, 0, 0, 0]
        else:
            if doubt:
                lost += getattr(log, "slots", 0)
            self._skip(lost)
        self.tx = self._limits[0]
        self._last = self._limits[1:]

    def next_tx(self) -> int:
        """Return a counter that was never returned before. OSError: flash refuses, or none is left."""
        if self.tx >= self._limits[0]:
            self._keep(-1, 0)
        self.tx += 1
        return self.tx

    def last_rx(self, client: int) -> int:
        """Return the number that the next counter of the client at this SAP must exceed."""
        return self._last[CLIENTS.index(client)]

    def accept_rx(self, client: int, counter: int) -> bool:
        """Take a counter of the client at this SAP if it exceeds all before; it is refused ever after then.

        OSError: flash refuses, and so the counter is not taken. Afterwards `next_tx` gives a few counters
        without asking the flash.
        """
        at = CLIENTS.index(client)
        if not self._last[at] < counter <= _MAX:
            return False
        if counter > self._limits[at + 1] or self.tx + _SPARE > self._limits[0]:
            self._keep(at, counter)
        self._last[at] = counter
        return True

    def _keep(self, at: int, counter: int) -> None:
        """Reserve counters of ours, and those of client `at` from `counter` on; -1: of no client."""
        limits = list(self._limits)
        limits[0] = min(self.tx + TX_AHEAD, _MAX)
        if limits[0] < self.tx + _SPARE:
            raise OSError(_ENOSPC)
        if at >= 0 and counter > limits[at + 1]:
            limits[at + 1] = min(counter + RX_AHEAD, _MAX)
        struct.pack_into(_FORMAT, self._buffer, 0, *limits)
        self._log.append(self._buffer)
        self._limits = limits

    def _load(self) -> int:
        """Take the newest record that can be read; return how many come after it, -1 if there is none."""
        log = self._log
        sequence = log.end
        while sequence > log.oldest:
            sequence -= 1
            if log.read_into(sequence, self._buffer):
                self._limits = list(struct.unpack(_FORMAT, self._buffer))
                return log.end - 1 - sequence
        return -1

    def _skip(self, records: int) -> None:
        """Go on as if so many records had come after the newest one."""
        limits = self._limits
        for at in range(len(limits)):
            limits[at] = min(limits[at] + records * (RX_AHEAD if at else TX_AHEAD), _MAX)
