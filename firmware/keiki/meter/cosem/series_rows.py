"""Rows of the load profiles, straight from the logs of half-hours and minutes: none is kept in memory."""

from keiki.meter.cosem.holes import Holes
from keiki.wire import record, slots
from keiki.wire.compat import const, runs
from keiki.wire.cosem import datetime12
from keiki.wire.cosem.axdr import NULL, OCTETS, STRUCTURE, U8, U32, Full, Writer
from keiki.wire.cosem.objects_profile import Source

CLOCK_INVALID = const(0x02)
NOT_VALID = const(0x04)
POWER_DOWN = const(0x80)

STATUS = bytes((0, CLOCK_INVALID, POWER_DOWN, NOT_VALID, NOT_VALID))
"""Status of a record (wire/record.py) as bits of a profile status (as in DSMR, IDIS); the last: any other."""

SIZE = const(28)
"""Bytes of a row with all its columns: structure of clock, status, import and export in Wh."""

_STRIDE = const(23)  # of a record in its log: payload and sum
_AT_ONCE = const(40)  # rows of a block of 1 KiB, and a few
_runs = runs()
# where each column lies in a row, and how long it is
_COLUMNS = ((2, 14), (16, 2), (18, 5), (23, 5))


def write_row(row: bytearray, writer: Writer, columns: "list[int] | None", implied: bool) -> None:
    """Write a row, or some of its columns; `implied`: null-data in place of the clock."""
    if columns is None and not implied:
        writer.raw(row)
        return
    if columns is None:
        columns = [0, 1, 2, 3]
    writer.begin(STRUCTURE, len(columns))
    for column in columns:
        if column == 0 and implied:
            writer.byte(NULL)
        else:
            at, size = _COLUMNS[column]
            writer.raw(memoryview(row)[at : at + size])


class SeriesRows(Source):
    """The rows of a log of register records (wire/record.py), numbered by their sequence.

    `log` is that of a series, `in_order` (meter/history_runs.py). `row` is the one that was made last.
    """

    def __init__(self, log) -> None:
        self._log = log
        self._turns = log.turns
        self._holes = Holes(log)
        self._buffer = bytearray(_STRIDE)
        self._buffer[record.SIZE] = 1  # not 0: what is read one by one is a record
        self._payload = memoryview(self._buffer)[: record.SIZE]
        self.row = bytearray(SIZE)
        self._run = None
        self._head = bytearray(SIZE)
        self._day = -1

    def _head_of(self, run, index: int) -> int:
        """Make the head of the rows of a record's day, and return that day."""
        day = _runs.day_of(run, index)
        if day != self._day:
            head = self._head
            head[0], head[1], head[2] = STRUCTURE, 4, OCTETS
            head[3] = datetime12.SIZE
            datetime12.pack_into(head, 4, day * slots.DAY_S - slots.JST_S)
            head[16], head[18], head[23] = U8, U32, U32
            self._day = day
        return day

    @property
    def first(self) -> int:
        """The oldest row."""
        return self._holes.first

    @property
    def end(self) -> int:
        """The row that comes next."""
        return self._log.end

    def count(self, first: int, end: int) -> int:
        """Return how many of the rows `first`..`end` - 1 can be read."""
        if self._turns != self._log.turns:
            self._turns = self._log.turns
            self._holes = Holes(self._log)
        return self._holes.count(first, end)

    def _read(self, number: int) -> bool:
        log = self._log
        return log.oldest <= number < log.end and log.read_into(number, self._payload)

    def time_s(self, number: int) -> int:
        """Return the UTC seconds of a row, -1 for a hole."""
        return record.time_of(self._buffer) if self._read(number) else -1

    def load(self, number: int) -> bool:
        """Make a row; False for a hole."""
        if not self._read(number):
            return False
        self._make()
        return True

    def made(self, utc_s: int, status: int, import_wh: int, export_wh: int) -> bytearray:
        """Make a row of these values and return it."""
        record.pack_into(self._payload, utc_s, status, 1000 * import_wh, 1000 * export_wh)
        self._make()
        return self.row

    def _make(self) -> None:
        run = self._buffer
        _runs.fill(self.row, 0, run, 0, 1, self._head, STATUS, self._head_of(run, 0))

    def write(self, number: int, writer: Writer, columns: "list[int] | None", implied_s: int) -> int:
        """Write a row and return its UTC seconds; -1 for a hole."""
        if not self.load(number):
            return -1
        utc_s = record.time_of(self._buffer)
        write_row(self.row, writer, columns, utc_s == implied_s)
        return utc_s

    def write_some(self, number: int, end: int, most: int, writer: Writer, until: int) -> "tuple[int, int]":
        """Write whole rows from `number` on, until the writer stands at `until`; most and end are bounds.

        Returns (the next number, how many rows were written).
        """
        if self._run is None:
            self._run = memoryview(bytearray(_STRIDE * _AT_ONCE))
        log, run, buffer = self._log, self._run, writer.buffer
        oldest, done = log.oldest, 0
        wanted = min(most, (until - writer.at + SIZE - 1) // SIZE)
        while done < wanted and number < end:
            if number < oldest:
                return end, done  # they are gone
            size = min(_AT_ONCE, wanted - done, end - number) * _STRIDE
            count = log.read_run(number, run[:size])
            if writer.at + SIZE * count > writer.end:
                raise Full
            at = 0
            while at < count:
                found = _runs.fill(buffer, writer.at, run, at, count, self._head, STATUS, self._day)
                if found == at:  # the next one is of another day
                    self._head_of(run, at)
                at = found & 0xFF
                writer.room(SIZE * (found >> 8))
                done += found >> 8
            number += count
        return number, done
