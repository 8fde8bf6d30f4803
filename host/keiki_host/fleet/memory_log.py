"""A log of fixed records in the heap, with the interface of the firmware's flash log."""

from collections.abc import Callable


class MemoryLog:
    """The newest `capacity` records of `size` bytes. `on_run(first, count)` hears what is read in runs."""

    slots = 1
    room = 0

    def __init__(self, size: int, capacity: int) -> None:
        self.payload_size = size
        self.oldest = 0
        self.on_run: Callable[[int, int], None] | None = None
        self._capacity = capacity
        self._records: list[bytes] = []

    @property
    def end(self) -> int:
        """Sequence of the next record."""
        return self.oldest + len(self._records)

    def append(self, data: bytes) -> int:
        """Keep a record, filled up with 0xFF; return its sequence. ValueError: too long."""
        if len(data) > self.payload_size:
            raise ValueError("too long")
        self._records.append(bytes(data).ljust(self.payload_size, b"\xff"))
        if len(self._records) > self._capacity:
            del self._records[0]
            self.oldest += 1
        return self.end - 1

    def read_into(self, sequence: int, buffer: bytearray | memoryview) -> bool:
        """Read a record, or its beginning. IndexError: it is not held."""
        if not self.oldest <= sequence < self.end:
            raise IndexError(f"record {sequence} is not held")
        buffer[:] = self._records[sequence - self.oldest][: len(buffer)]
        return True

    def read_run(self, sequence: int, view: memoryview) -> int:
        """Read records into `view`, four bytes behind each (0 in the first: a hole); return how many."""
        stride = self.payload_size + 4
        count = min(len(view) // stride, self.end - sequence)
        first = sequence - self.oldest
        whole = b"".join(record + b"\x01\0\0\0" for record in self._records[first : first + count])
        view[: len(whole)] = whole
        if self.on_run is not None:
            self.on_run(sequence, count)
        return count
