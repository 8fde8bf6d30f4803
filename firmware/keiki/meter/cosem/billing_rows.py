"""Rows of the billing profiles: the registers at the beginning of each day or month, found in history."""

from keiki.wire import slots
from keiki.wire.cosem import datetime12
from keiki.wire.cosem.axdr import OCTETS, STRUCTURE, U32, Writer
from keiki.wire.cosem.objects_profile import Source


def day_number(utc_s: int) -> int:
    """Return the number of the JST day that holds an instant."""
    return (utc_s + slots.JST_S) // slots.DAY_S


def day_start_s(number: int) -> int:
    """Return the UTC second at which a JST day begins."""
    return number * slots.DAY_S - slots.JST_S


def month_number(utc_s: int) -> int:
    """Return the number of the JST month that holds an instant."""
    year, month, _ = slots.civil_from_days(day_number(utc_s))
    return 12 * year + month - 1


def month_start_s(number: int) -> int:
    """Return the UTC second at which a JST month begins."""
    return slots.utc_from_jst(number // 12, number % 12 + 1, 1)


PERIODS = {"day": (day_number, day_start_s), "month": (month_number, month_start_s)}
"""Kinds of periods: which one holds an instant, and when one begins."""


class BillingRows(Source):
    """Rows of (clock, import, export) in Wh at the beginning of periods.

    `half_hours` is the series of snapshots, `utc_s()` the time; `number_of` and `start_of` say which period
    is which. `keep`: how many periods back there are rows at most. A beginning that was never recorded, or
    with an unsure clock, has no row.
    """

    def __init__(self, half_hours, utc_s, number_of, start_of, keep: int) -> None:
        self._half_hours = half_hours
        self._utc_s = utc_s
        self._number_of = number_of
        self._start_of = start_of
        self.keep = keep

    @property
    def first(self) -> int:
        """The oldest period."""
        return self.end - self.keep

    @property
    def end(self) -> int:
        """The period that comes next."""
        return self._number_of(self._utc_s()) + 1

    def count(self, first: int, end: int) -> int:
        """Return how many of these periods have a row."""
        found = 0
        for number in range(first, end):
            found += self._half_hours.find(self._start_of(number)) is not None
        return found

    def time_s(self, number: int) -> int:
        """Return the UTC seconds at which a period begins."""
        return self._start_of(number)

    def write(self, number: int, writer: Writer, columns: "list[int] | None", implied_s: int) -> int:
        """Write a row and return its UTC seconds; -1 if there is none."""
        utc_s = self._start_of(number)
        found = self._half_hours.find(utc_s)
        if found is None:
            return -1
        if columns is None:
            columns = [0, 1, 2]
        writer.begin(STRUCTURE, len(columns))
        for column in columns:
            if column:
                writer.number(U32, found[column - 1] // 1000 & 0xFFFFFFFF)
            else:
                writer.string(OCTETS, datetime12.pack(utc_s))
        return utc_s
