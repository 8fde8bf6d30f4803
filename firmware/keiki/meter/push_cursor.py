"""How far the half hours have been delivered: kept on flash, so that none is left out or begun anew."""

import struct

from keiki.meter.history import newest
from keiki.wire.compat import const

SIZE = const(8)
_FORMAT = "<II"
_EVERY = const(32)  # deliveries of a backlog between two records: so many may come again after a power cut


class Cursor:
    """The sequence of the next record of `series_log` to be delivered, on a log of records of SIZE bytes.

    A meter that never delivered begins with what comes after `begin`: what was before can be read.
    """

    def __init__(self, log, series_log) -> None:
        self._log = log
        self._series_log = series_log
        self._buffer = bytearray(SIZE)
        self._kept = -1
        self._at = -1
        if newest(log, self._buffer) >= 0:
            self._at = self._kept = struct.unpack(_FORMAT, self._buffer)[0]

    def begin(self) -> None:
        """Begin here, if this meter has not begun yet. OSError: flash refuses."""
        if self._at < 0:
            self._at = self._series_log.end
            self.keep()

    @property
    def at(self) -> int:
        """The next one; what has gone from the log in between is passed over."""
        return max(self._at, self._series_log.oldest)

    @property
    def waiting(self) -> int:
        """How many records wait, those included that cannot be read."""
        return 0 if self._at < 0 else self._series_log.end - self.at

    def done(self, sequence: int) -> None:
        """Record `sequence` has been delivered, or cannot be read."""
        self._at = sequence + 1
        if self._at - self._kept >= _EVERY or not self.waiting:
            try:
                self.keep()
            except OSError:
                pass  # then it will be delivered again

    def keep(self) -> None:
        """Keep it now. OSError: flash refuses."""
        if self._at != self._kept:
            struct.pack_into(_FORMAT, self._buffer, 0, self._at, 0)
            self._log.append(self._buffer)
            self._kept = self._at
