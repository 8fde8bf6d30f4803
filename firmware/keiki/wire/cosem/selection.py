"""A profile's buffer as a client sees it: which rows it wants, and what rows without clock mean.

Document: Blue Book 4.3.6, range descriptor and entry descriptor. `by_range` and `by_entry` return the
selector and its parameters, as an APDU carries them.
"""

from keiki.wire.cosem import datetime12
from keiki.wire.cosem.axdr import ARRAY, OCTETS, STRUCTURE, U16, U32, FrameError, Writer
from keiki.wire.cosem.objects_profile import CLOCK_COLUMN
from keiki.wire.cosem.values import COLUMN, write_shape


def by_range(from_s: int, to_s: int, columns=()) -> bytes:
    """Return the selection of the rows from one UTC second to another, both included.

    `columns`: those wanted, as (class, name, attribute, data index); all if there are none.
    """
    writer = Writer(bytearray(64 + 20 * len(columns)))
    writer.byte(1)
    writer.begin(STRUCTURE, 4)
    write_shape(writer, COLUMN, CLOCK_COLUMN)
    for utc_s in (from_s, to_s):
        writer.string(OCTETS, datetime12.pack(utc_s))
    write_shape(writer, (ARRAY, COLUMN), columns)
    return bytes(writer.buffer[: writer.at])


def by_entry(first: int, last: int = 0, first_column: int = 1, last_column: int = 0) -> bytes:
    """Return the selection of rows and columns by number, from 1 on, both included; 0 is the last one."""
    writer = Writer(bytearray(24))
    writer.byte(2)
    writer.begin(STRUCTURE, 4)
    writer.number(U32, first)
    writer.number(U32, last)
    writer.number(U16, first_column)
    writer.number(U16, last_column)
    return bytes(writer.buffer[: writer.at])


def with_clocks(rows: list, period_s: int, column: int = 0) -> "list[tuple]":
    """Return the rows of a buffer with every clock in its place.

    Null-data for a clock means `period_s` after the row before. FrameError if there is none before.
    """
    found = []
    utc_s = None
    for row in rows:
        if row[column] is not None:
            utc_s = datetime12.instant(row[column])
            found.append(tuple(row))
            continue
        if utc_s is None:
            raise FrameError("no clock")
        utc_s += period_s
        found.append(tuple(row[:column]) + (datetime12.pack(utc_s),) + tuple(row[column + 1 :]))
    return found
