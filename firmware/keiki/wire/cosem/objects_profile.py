"""Profile generic (7): rows of values over time, served from wherever they lie, one row at a time.

Document: Blue Book 4.3.6. Rows are in order of time (sort method FIFO, by the clock). Selective access by
range of time and by entry; a range is found by bisection.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import datetime12
from keiki.wire.cosem.axdr import (
    ARRAY,
    DATETIME,
    ENUM,
    NULL,
    OCTETS,
    STRUCTURE,
    U16,
    U32,
    FrameError,
    Reader,
    Writer,
)
from keiki.wire.cosem.objects import Object, Rows
from keiki.wire.cosem.results import DENIED, LONG_ABORTED, SCOPE_VIOLATED, AccessError
from keiki.wire.cosem.values import COLUMN, read_shape, write_shape

CLOCK_COLUMN = (8, b"\x00\x00\x01\x00\x00\xff", 2, 0)
_FIFO = const(1)
_BY_RANGE = const(1)
_BY_ENTRY = const(2)


class Source:
    """Where the rows of a profile come from; what the meter offers has these methods.

    Rows are numbered in order of time: `first` is the oldest one, `end` the one that comes next. A number may
    be a hole: nothing that can be read. Numbers never change their meaning; `first` may grow at any time.
    """

    first = 0
    end = 0

    def count(self, first: int, end: int) -> int:
        """Return how many of the rows `first`..`end` - 1 are no holes."""
        raise NotImplementedError

    def time_s(self, number: int) -> int:
        """Return the UTC seconds of a row, -1 for a hole."""
        raise NotImplementedError

    def write(self, number: int, writer: Writer, columns: "list[int] | None", implied_s: int) -> int:
        """Write a row, a structure of its `columns` (None: all), and return its UTC seconds.

        The clock of the row whose time is `implied_s` is written as null-data. A hole writes nothing and
        returns -1.
        """
        raise NotImplementedError

    def write_some(self, number: int, end: int, most: int, writer: Writer, until: int) -> "tuple[int, int]":
        """Write whole rows from `number` on until the writer stands at `until` or beyond.

        There are `most` at most, and none from `end` on. Returns (the next number, how many were written).
        """
        written = 0
        while number < end and written < most and writer.at < until:
            written += self.write(number, writer, None, -1) >= 0
            number += 1
        return number, written


def first_from(source, first: int, end: int, utc_s: int) -> int:
    """Return the first row of `first`..`end` - 1 that is not before `utc_s`, `end` if there is none."""
    while first < end:
        middle = at = (first + end) // 2
        found_s = source.time_s(at)
        while found_s < 0 and at + 1 < end:
            at += 1
            found_s = source.time_s(at)
        if 0 <= found_s < utc_s:
            first = at + 1
        else:
            end = middle
    return first


def nth(source, first: int, end: int, entry: int) -> int:
    """Return the number of the row that is `entry` (0 is the first), `end` if there are not so many."""
    low, high = first, end
    while low < high:
        middle = (low + high) // 2
        if source.count(first, middle + 1) > entry:
            high = middle
        else:
            low = middle + 1
    return low


class _ProfileRows(Rows):
    """`count` rows of `number`..`end` - 1; those that follow at `period_s` (0: none) have no clock."""

    def __init__(self, source, number: int, end: int, count: int, columns, period_s: int) -> None:
        self._source = source
        self._number = number
        self._end = end
        self._left = count
        self._columns = columns
        self._period_s = period_s
        self._implied_s = -1

    def fill(self, writer: Writer, until: int) -> bool:
        """Write the next rows. AccessError if rows have gone since they were counted."""
        if self._columns is None and not self._period_s:
            return self._fill_whole(writer, until)
        write, columns, period_s = self._source.write, self._columns, self._period_s
        number, end, left, implied_s = self._number, self._end, self._left, self._implied_s
        while left and writer.at < until:
            if number >= end:
                raise AccessError(LONG_ABORTED)
            found_s = write(number, writer, columns, implied_s)
            number += 1
            if found_s >= 0:
                left -= 1
                if period_s:
                    implied_s = found_s + period_s
        self._number, self._left, self._implied_s = number, left, implied_s
        return not left

    def _fill_whole(self, writer: Writer, until: int) -> bool:
        while self._left and writer.at < until:
            if self._number >= self._end:
                raise AccessError(LONG_ABORTED)
            self._number, written = self._source.write_some(
                self._number, self._end, self._left, writer, until
            )
            self._left -= written
        return not self._left


class Choices:
    """What may be chosen about profiles; the settings of a meter have the same names.

    `short_clocks`: rows that follow the one before at exactly the period have null-data for their clock.
    `range_zone`: times of a range that say another zone than Japan's are "instant"s, or "japan"'s local time
    all the same: some clients send the zone of their host.
    """

    short_clocks = False
    range_zone = "instant"


class ProfileGeneric(Object):
    """A profile over a Source.

    `columns` are its capture objects: (class, name, attribute, data index), the clock among them. `period_s`
    is the capture period, 0 if rows come when something happens; `entries` the most that are kept.
    `set_period(seconds)` takes another period; without it that is refused. `choices`: see Choices.
    """

    class_id = 7
    version = 1
    ATTRIBUTES = 8
    METHODS = 2
    READ = {
        2: "read_buffer",
        3: "read_columns",
        4: "read_period",
        5: "read_sort_method",
        6: "read_sort_object",
        7: "read_in_use",
        8: "read_entries",
    }
    WRITE = {4: "write_period"}
    SELECTIVE = (2,)

    def __init__(
        self, name: bytes, access, source, columns, *, period_s: int, entries: int,
        set_period=None, choices=Choices,
    ) -> None:  # fmt: skip
        super().__init__(name, access)
        self.source = source
        self.columns = columns
        self.period_s = period_s
        self.entries = entries
        self.choices = choices
        self.set_period = set_period

    def read_buffer(self, writer: Writer, association, selection: "Reader | None") -> Rows:
        """Attribute 2, buffer."""
        source = self.source
        first, end, columns = source.first, source.end, None
        if selection is not None:
            selector = selection.byte()
            if selector not in _SELECTORS:
                raise AccessError(SCOPE_VIOLATED)
            first, end, columns = _SELECTORS[selector](self, selection, first, end)
        count = source.count(first, end) if first < end else 0
        writer.begin(ARRAY, count)
        return _ProfileRows(
            source, first, end, count, columns, self.period_s if self.choices.short_clocks else 0
        )

    def read_columns(self, writer: Writer, association) -> None:
        """Attribute 3, capture_objects."""
        write_shape(writer, (ARRAY, COLUMN), self.columns)

    def read_period(self, writer: Writer, association) -> None:
        """Attribute 4, capture_period in seconds."""
        writer.number(U32, self.period_s)

    def read_sort_method(self, writer: Writer, association) -> None:
        """Attribute 5, sort_method."""
        writer.number(ENUM, _FIFO)

    def read_sort_object(self, writer: Writer, association) -> None:
        """Attribute 6, sort_object: the clock."""
        write_shape(writer, COLUMN, CLOCK_COLUMN)

    def read_in_use(self, writer: Writer, association) -> None:
        """Attribute 7, entries_in_use."""
        writer.number(U32, self.source.count(self.source.first, self.source.end))

    def read_entries(self, writer: Writer, association) -> None:
        """Attribute 8, profile_entries."""
        writer.number(U32, self.entries)

    def write_period(self, reader: Reader, association) -> None:
        """Attribute 4, capture_period: refused unless somebody takes it."""
        period_s = reader.number(U32)
        if self.set_period is None:
            raise AccessError(DENIED)
        self.set_period(period_s)
        self.period_s = period_s

    def _by_range(self, reader: Reader, first: int, end: int) -> "tuple[int, int, list[int] | None]":
        """Range descriptor: the rows from one time to another, both included, by the clock."""
        reader.begin(STRUCTURE, 4)
        if read_shape(reader, COLUMN) != CLOCK_COLUMN:
            raise AccessError(SCOPE_VIOLATED)
        from_s = self._bound(reader)
        to_s = self._bound(reader)
        wanted: list = read_shape(reader, (ARRAY, COLUMN))  # pyright: ignore[reportAssignmentType]
        columns = [self._index(column) for column in wanted] or None
        if from_s is not None:
            first = first_from(self.source, first, end, from_s)
        if to_s is not None:
            end = first_from(self.source, first, end, to_s + 1)
        return first, end, columns

    def _bound(self, reader: Reader) -> "int | None":
        """Read a time, as octets or as date-time; null-data is no bound."""
        tag = reader.byte()
        if tag == NULL:
            return None
        if tag not in (OCTETS, DATETIME):
            raise FrameError("type")
        size = datetime12.SIZE if tag == DATETIME else reader.length()
        return datetime12.instant(reader.octets(size), self.choices.range_zone != "japan")

    def _index(self, column: "tuple[int, bytes, int, int]") -> int:
        if column not in self.columns:
            raise AccessError(SCOPE_VIOLATED)
        return self.columns.index(column)

    def _by_entry(self, reader: Reader, first: int, end: int) -> "tuple[int, int, list[int] | None]":
        """Entry descriptor: the rows and columns from one number to another, both included, from 1 on."""
        reader.begin(STRUCTURE, 4)
        from_entry, to_entry = reader.number(U32), reader.number(U32)
        from_column, to_column = reader.number(U16), reader.number(U16)
        to_column = to_column or len(self.columns)
        if not from_entry or not 1 <= from_column <= to_column <= len(self.columns):
            raise AccessError(SCOPE_VIOLATED)
        if to_entry:
            end = nth(self.source, first, end, to_entry)
        first = nth(self.source, first, end, from_entry - 1)
        if to_column - from_column + 1 == len(self.columns):
            return first, end, None
        return first, end, list(range(from_column - 1, to_column))


_SELECTORS = {
    _BY_RANGE: ProfileGeneric._by_range,
    _BY_ENTRY: ProfileGeneric._by_entry,
}
