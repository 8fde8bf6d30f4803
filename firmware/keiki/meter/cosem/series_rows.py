"""Rows of the load profiles, straight from the logs of half-hours and minutes: none is kept in memory."""

import struct

from keiki.meter.cosem.holes import Holes
from keiki.wire import record
from keiki.wire.compat import const
from keiki.wire.cosem import datetime12
from keiki.wire.cosem.axdr import NULL, OCTETS, STRUCTURE, U8, U32, Writer
from keiki.wire.cosem.objects_profile import Source

CLOCK_INVALID = const(0x02)
NOT_VALID = const(0x04)
POWER_DOWN = const(0x80)

STATUS = {
    record.NORMAL: 0,
    record.CLOCK_UNSURE: CLOCK_INVALID,
    record.POWER_WAS_OFF: POWER_DOWN,
    record.ESTIMATED: NOT_VALID,
}
"""Status of a record as bits of a profile status (as in DSMR and IDIS)."""

SIZE = const(28)
"""Bytes of a row with all its columns: structure of clock, status, import and export in Wh."""

_STATUS_AT = const(16)
_FORMAT = ">BBII"  # tag and status; import and export come with their tags
_RECORD = "<IBIHIHHI"
_STRIDE = const(23)  # of a record in its log: payload and sum
_AT_ONCE = const(40)  # rows of a block of 1 KiB, and a few
# where each column lies in a row, and how long it is
_COLUMNS = ((2, 14), (16, 2), (18, 5), (23, 5))


def row_into(row, at: int, utc_s: int, status: int, import_wh: int, export_wh: int) -> None:
    """Write a row into a buffer; `status` is that of a record, energies are taken modulo 2**32."""
    row[at] = STRUCTURE
    row[at + 1] = 4
    row[at + 2] = OCTETS
    row[at + 3] = datetime12.SIZE
    unsure = status == record.CLOCK_UNSURE
    datetime12.pack_into(row, at + 4, utc_s, datetime12.STATUS_DOUBTFUL if unsure else datetime12.STATUS_OK)
    struct.pack_into(
        ">BBBIBI", row, at + _STATUS_AT, U8, STATUS.get(status, NOT_VALID),
        U32, import_wh & 0xFFFFFFFF, U32, export_wh & 0xFFFFFFFF,
    )  # fmt: skip


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

    `log` is that of a series, `in_order` (meter/history_runs.py).
    """

    def __init__(self, log) -> None:
        self._log = log
        self._turns = log.turns
        self._holes = Holes(log)
        self._buffer = bytearray(record.SIZE)
        self._row = bytearray(SIZE)
        self._run = memoryview(bytearray(_STRIDE * _AT_ONCE))

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
        return log.oldest <= number < log.end and log.read_into(number, self._buffer)

    def time_s(self, number: int) -> int:
        """Return the UTC seconds of a row, -1 for a hole."""
        return record.time_of(self._buffer) if self._read(number) else -1

    def write(self, number: int, writer: Writer, columns: "list[int] | None", implied_s: int) -> int:
        """Write a row and return its UTC seconds; -1 for a hole."""
        if not self._read(number):
            return -1
        utc_s, status, low, high, low_x, high_x = struct.unpack_from("<IBIHIH", self._buffer, 0)
        row_into(self._row, 0, utc_s, status & 15, (low | high << 32) // 1000, (low_x | high_x << 32) // 1000)
        write_row(self._row, writer, columns, utc_s == implied_s)
        return utc_s

    def write_some(self, number: int, end: int, most: int, writer: Writer, until: int) -> "tuple[int, int]":
        """Write whole rows from `number` on, until the writer stands at `until`; most and end are bounds.

        Returns (the next number, how many rows were written).
        """
        log, run, buffer = self._log, self._run, writer.buffer
        oldest, done = log.oldest, 0
        wanted = min(most, (until - writer.at + SIZE - 1) // SIZE)
        while done < wanted and number < end:
            if number < oldest:
                return end, done  # they are gone
            size = min(_AT_ONCE, wanted - done, end - number) * _STRIDE
            count = log.read_run(number, run[:size])
            at = 0
            for _ in range(count):
                utc_s, status, low, high, low_x, high_x, _, total = struct.unpack_from(_RECORD, run, at)
                at += _STRIDE
                if total:
                    imported, exported = (low | high << 32) // 1000, (low_x | high_x << 32) // 1000
                    row_into(buffer, writer.room(SIZE), utc_s, status & 15, imported, exported)
                    done += 1
            number += count
        return number, done
