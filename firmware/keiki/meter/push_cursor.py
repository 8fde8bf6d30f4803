"""How far the half hours have been delivered: kept on flash, so that none is left out or begun anew."""

from keiki.wire.compat import const

_EVERY = const(32)  # deliveries of a backlog between two records: so many may come again after a power cut


class Cursor:
    """The sequence of the next record of `series_log` to be delivered; `state` (a KeptState) keeps it.

    A meter that never delivered begins with what comes after `begin`: what was before can be read.
    """

    def __init__(self, state, series_log) -> None:
        self._state = state
        self._series_log = series_log
        self._at = state.cursor

    def begin(self) -> None:
        """Begin here, if this meter has not begun yet. OSError: flash refuses."""
        if self._at < 0:
            self._state.keep_cursor(self._series_log.end)
            self._at = self._state.cursor

    @property
    def at(self) -> int:
        """The next one; what has gone from the log in between is passed over.

        A log that has lost all it had begins anew: then everything in it is new.
        """
        log = self._series_log
        return log.oldest if self._at > log.end else max(self._at, log.oldest)

    @property
    def waiting(self) -> int:
        """How many records wait, those included that cannot be read."""
        return 0 if self._at < 0 else self._series_log.end - self.at

    def done(self, sequence: int) -> None:
        """Record `sequence` has been delivered, or cannot be read."""
        self._at = sequence + 1
        if self._at - self._state.cursor >= _EVERY or not self.waiting:
            self.keep()

    def keep(self) -> None:
        """Keep it now. If flash refuses, some will be delivered again after the next start."""
        if self._at != self._state.cursor:
            try:
                self._state.keep_cursor(self._at)
            except OSError:
                pass
