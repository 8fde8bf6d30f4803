"""Which records of a log cannot be read.

Power cuts burn slots, and worn blocks lose some. A profile must say how many rows it is about to give, so
holes are found beforehand: each record is looked at once, from the newest down to the oldest that is wanted.
"""

from array import array

from keiki.wire.compat import const

RUNS_MAX = const(512)
_FEW = const(64)  # so many are looked at each time, without keeping anything


class Holes:
    """Holes of `log` (`oldest`, `end`, `read_into`), kept as runs.

    `first` is the oldest record that counts: where there are more than RUNS_MAX runs it is the oldest one
    after them, so that memory has an end.
    """

    def __init__(self, log) -> None:
        self._log = log
        self._probe = bytearray(1)
        self._from = 0
        self._low = self._high = -1  # what has been looked at
        self._runs = array("I")  # begin, end, newest first

    @property
    def first(self) -> int:
        """The oldest record that counts."""
        return max(self._log.oldest, self._from)

    def count(self, first: int, end: int) -> int:
        """Return how many records of `first`..`end` - 1 can be read."""
        log = self._log
        first, end = max(first, self.first), min(end, log.end)
        if end - first <= _FEW:
            found = 0
            for sequence in range(first, end):
                found += log.read_into(sequence, self._probe)
            return found
        self._look(first)
        first = max(first, self._from)
        found = end - first
        runs = self._runs
        for i in range(0, len(runs), 2):
            found -= max(0, min(runs[i + 1], end) - max(runs[i], first))
        return found

    def _look(self, first: int) -> None:
        """Know the holes from `first` to the end of the log."""
        end = self._log.end
        if self._high < self._log.oldest:
            self._low = self._high = end
            self._runs = array("I")
        if end > self._high:
            news = array("I")
            self._low = max(self._low, self._scan(news, end, self._high))
            for bound in self._runs:
                news.append(bound)
            self._runs = news[: 2 * RUNS_MAX]
            if len(news) > 2 * RUNS_MAX:
                self._from = self._low = news[2 * RUNS_MAX + 1]
            self._high = end
        if first < self._low:
            self._low = self._scan(self._runs, self._low, first)

    def _scan(self, runs: array, end: int, first: int) -> int:
        """Add the runs of holes from `end` - 1 down to `first`; return how far that went."""
        read_into, probe = self._log.read_into, self._probe
        for sequence in range(end - 1, first - 1, -1):
            if read_into(sequence, probe):
                continue
            if len(runs) and runs[-2] == sequence + 1:
                runs[-2] = sequence
            elif len(runs) >= 2 * RUNS_MAX:
                self._from = sequence + 1
                return sequence + 1
            else:
                runs.append(sequence)
                runs.append(sequence + 1)
        return first
