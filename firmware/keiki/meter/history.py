"""Register snapshots at slot boundaries, found by time.

`Series` is the same whatever keeps the records: a log offers `append(record)`, `read_into(sequence, buffer)`
and the half-open range of sequence numbers `oldest`..`end` that it still holds.
"""

from keiki.wire import record
from keiki.wire.slots import DAY_S


class Memory:
    """Storage for a log in the heap, for tests and small histories."""

    def __init__(self, size: int) -> None:
        self._view = memoryview(bytearray(size))

    def read_into(self, at: int, buffer) -> None:
        """Copy bytes from offset `at` into `buffer`."""
        buffer[:] = self._view[at : at + len(buffer)]

    def write(self, at: int, data) -> None:
        """Put `data` at offset `at`."""
        self._view[at : at + len(data)] = data


class RingLog:
    """A ring of fixed records on storage that is lost with the power: nothing is found again at start."""

    def __init__(self, storage, record_size: int, capacity: int) -> None:
        self._storage = storage
        self._size = record_size
        self._capacity = capacity
        self.end = 0

    @property
    def oldest(self) -> int:
        """Sequence number of the oldest record still held."""
        return max(0, self.end - self._capacity)

    def append(self, data) -> None:
        """Keep one record; the oldest goes when the ring is full."""
        self._storage.write(self.end % self._capacity * self._size, data)
        self.end += 1

    def read_into(self, sequence: int, buffer) -> None:
        """Copy record `sequence` into `buffer`; IndexError if it is not held."""
        if not self.oldest <= sequence < self.end:
            raise IndexError("record %d is not held" % sequence)
        self._storage.read_into(sequence % self._capacity * self._size, buffer)


class Series:
    """Snapshots every `step_s` seconds (60 or 1800), in order of time; a boundary may be missing."""

    def __init__(self, log, step_s: int) -> None:
        self.step_s = step_s
        self._log = log
        self._buffer = bytearray(record.SIZE)
        self._view = memoryview(self._buffer)
        self._last_s = -1
        self.last = None

    def close(self, utc_s: int, status: int, import_wh_x1000: int, export_wh_x1000: int) -> bool:
        """Keep the snapshot of boundary `utc_s`; False if that one, or a later one, is closed already."""
        if utc_s <= self._last_s:
            return False
        record.pack_into(self._buffer, utc_s, status, import_wh_x1000, export_wh_x1000)
        self._log.append(self._view)
        self._last_s = utc_s
        self.last = (utc_s, import_wh_x1000, export_wh_x1000)
        return True

    def find(self, utc_s: int) -> "tuple[int, int] | None":
        """Return (import, export) in Wh x 1000 at boundary `utc_s`, or None: no power then, or not kept."""
        log = self._log
        low, high = log.oldest, log.end
        # Boundaries are `step_s` apart at least, so the record cannot lie further from the end than this.
        if high > low:
            low = max(low, high - 1 - max(0, (self._last_s - utc_s) // self.step_s))
        while low < high:
            middle = (low + high) // 2
            log.read_into(middle, self._buffer)
            found_s = record.time_of(self._buffer)
            if found_s == utc_s:
                return record.unpack(self._buffer)[2:]
            if found_s < utc_s:
                low = middle + 1
            else:
                high = middle
        return None


class History:
    """30-minute snapshots of `days`, 1-minute ones of `minute_days`, on storage from `make(name, size)`."""

    def __init__(self, make, days: int = 100, minute_days: int = 2) -> None:
        self.half_hours = _series(make, "half-hours", 1800, days)
        self.minutes = _series(make, "minutes", 60, minute_days)


def _series(make, name: str, step_s: int, days: int) -> Series:
    capacity = days * (DAY_S // step_s) + 1
    return Series(RingLog(make(name, capacity * record.SIZE), record.SIZE, capacity), step_s)
