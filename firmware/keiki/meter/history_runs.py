"""Records of a log found by their time, though the clock was once set back by more than a day.

Somebody sets a clock to a wrong year, a slot is closed there, and the clock is set right: what comes then is
older than what is there already. So a log is a row of runs, each in order of time, and each record has the
number of its run, modulo 16, in the high four bits of its status: a start finds where they begin by halving.
"""

from keiki.wire import record
from keiki.wire.compat import const

DAY_S = const(86400)
"""A clock set back by less goes on in its run: the slots that it shows again are closed already."""

_RUNS_MAX = const(15)


def newest(log, buffer, end: int = -1) -> int:
    """Read the newest record that can be read into `buffer`, of those before sequence `end` (-1: of all).

    Returns its sequence, -1 if there is none.
    """
    sequence = log.end if end < 0 else end
    while sequence > log.oldest:
        sequence -= 1
        if log.read_into(sequence, buffer):
            return sequence
    return -1


class Runs:
    """The runs of `log`, whose records are read into `buffer`; `last_s` is the newest time of the newest.

    `ahead` are the sequences (begin, end) of records that are later than a run that came after them.
    """

    def __init__(self, log, step_s: int, buffer) -> None:
        self.last_s = -1
        self.log = log
        self.ahead = []
        self._log = log
        self._step_s = step_s
        self._buffer = buffer
        self._number = 0  # of the newest run
        self._starts = [log.oldest]
        self._highest_s = -1  # the newest time of all
        if newest(log, buffer) >= 0:
            self.last_s = record.time_of(buffer)
            self._number = record.run_of(buffer)
            self._find_starts()
            self._find_highest()
            for index in range(1, len(self._starts)):
                if self._readable(self._starts[index], log.end) < log.end:
                    self._find_ahead(index, record.time_of(buffer))

    def number_for(self, utc_s: int) -> int:
        """Return the number of the run in which a boundary may be closed, -1 if it must not be.

        It must not if it is closed already, if one up to a day later is, or if all numbers are in use.
        """
        if utc_s > self.last_s:
            return self._number if utc_s > self._highest_s or not self.find(utc_s) else -1
        if self.last_s - utc_s <= DAY_S or self.find(utc_s):
            return -1
        self._forget()
        return (self._number + 1) & 15 if len(self._starts) < _RUNS_MAX else -1

    def closed(self, sequence: int, number: int, utc_s: int) -> None:
        """Take note of a record that was appended."""
        if number != self._number:
            self._number = number
            self._starts.append(sequence)
            self._find_ahead(len(self._starts) - 1, utc_s)
        self.last_s = utc_s
        self._highest_s = max(self._highest_s, utc_s)

    def find(self, utc_s: int) -> bool:
        """Read the record of a boundary into the buffer; False if there is none."""
        log = self._log
        end = log.end
        # right if no boundary is missing since; a wrong guess costs one read
        guess = end - 1 - (self.last_s - utc_s) // self._step_s
        for at in range(len(self._starts) - 1, -1, -1):
            start = max(self._starts[at], log.oldest)
            if self._find_in(start, end, utc_s, guess):
                return True
            end, guess = start, -1
        return False

    def _find_in(self, low: int, high: int, utc_s: int, middle: int) -> bool:
        buffer = self._buffer
        while low < high:
            if not low <= middle < high:
                middle = (low + high) // 2
            at = self._readable(middle, high)
            if at == high:
                high = middle
            else:
                found_s = record.time_of(buffer)
                if found_s == utc_s:
                    return True
                if found_s < utc_s:
                    low = at + 1
                else:
                    high = middle
            middle = -1
        return False

    def _readable(self, at: int, end: int) -> int:
        """Read the first record from `at` on that can be read; returns its sequence, or `end`."""
        while at < end and not self._log.read_into(at, self._buffer):
            at += 1
        return at

    def _find_starts(self) -> None:
        """Find where each run begins; the newest has the number `_number`."""
        log, buffer = self._log, self._buffer
        low = self._readable(log.oldest, log.end)
        first = record.run_of(buffer)
        for index in range((self._number - first) & 15):
            high = log.end
            while low < high:
                middle = (low + high) // 2
                at = self._readable(middle, high)
                if at < high and (record.run_of(buffer) - first) & 15 <= index:
                    low = at + 1
                else:
                    high = middle
            self._starts.append(low)

    def _find_highest(self) -> None:
        self._highest_s = self.last_s
        for start in self._starts[1:]:
            if newest(self._log, self._buffer, start) >= 0:
                self._highest_s = max(self._highest_s, record.time_of(self._buffer))

    def _find_ahead(self, index: int, utc_s: int) -> None:
        """Find what lies in the runs before run `index`, and is not before its first time."""
        for before in range(index):
            low, end = max(self._starts[before], self._log.oldest), self._starts[before + 1]
            high = end
            while low < high:
                middle = (low + high) // 2
                at = self._readable(middle, high)
                if at < high and record.time_of(self._buffer) < utc_s:
                    low = at + 1
                else:
                    high = middle
            if low < end:
                self.ahead.append((low, end))

    def _forget(self) -> None:
        """Leave out runs that the log does not hold any more."""
        while len(self._starts) > 1 and self._starts[1] <= self._log.oldest:
            self._starts.pop(0)
        self._find_highest()


class InOrder:
    """The log of `runs` for who reads it in order of time: records that are ahead of their time are holes.

    `turns` changes whenever there are more of them.
    """

    def __init__(self, runs) -> None:
        self._runs = runs
        self._log = runs.log

    @property
    def turns(self) -> int:
        """How often records were found to be ahead."""
        return len(self._runs.ahead)

    @property
    def oldest(self) -> int:
        """As the log's."""
        return self._log.oldest

    @property
    def end(self) -> int:
        """As the log's."""
        return self._log.end

    def read_into(self, sequence: int, buffer) -> bool:
        """Do as the log does."""
        return not self._is_ahead(sequence) and self._log.read_into(sequence, buffer)

    def read_run(self, sequence: int, view) -> int:
        """Do as the log does."""
        count = self._log.read_run(sequence, view)
        if self._runs.ahead:
            size = self._log.payload_size
            for at in range(count):
                if self._is_ahead(sequence + at):
                    start = at * (size + 4) + size
                    view[start : start + 4] = b"\0\0\0\0"
        return count

    def _is_ahead(self, sequence: int) -> bool:
        return any(begin <= sequence < end for begin, end in self._runs.ahead)
