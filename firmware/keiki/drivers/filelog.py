"""The log of flashlog.py as segment files, for boards whose whole flash is a littlefs file system.

littlefs copies the tail block of a file at every synced append: one erase per record, 130 times as many as
the flash log. Checkpoints are therefore taken every 60 s here instead of every 10 s: with minutes and
half-hours 2,930 erases a day, 5,000 a year for each of the 212 blocks of a Pico W, which stands 100,000.
"""

import struct
from array import array
from binascii import crc32

from keiki.wire.compat import const, runs

CHECKPOINT_S = const(60)  # the shortest interval of checkpoints

_SEGMENT = const(4056)  # the room in a block of the flash log: `keep` means the same in both
_SUM = const(4)
_MASK = const(0x3FFFFFFF)
_NAME = const("%02x-%08x.log")
_NAME_SIZE = const(15)
_sift = runs().sift


def blocks_for(records: int, record_size: int, _block_size: int = 4096) -> int:
    """Return the `keep` of a log that must always hold `records` records: the newest segment may be empty."""
    return -(-records // (_SEGMENT // record_size)) + 1


class Files:
    """Where the segments are: `system` has `open(path, mode)`, `listdir(path)` and `remove(path)`.

    What has been written to a file must be durable when `flush` returns, as it is on littlefs. `lost` has
    notes like those of Flash: ("records", kind, first, end). `bytes_read` counts modulo 2**30, `counts` has
    the segments begun since start and records that failed. `largest` is the size of the largest records.

    A file that is open takes more than a kilobyte: one log at a time has one to read from, and one to write.
    """

    size = 4096

    def __init__(self, system, folder: str, largest: int = 0) -> None:
        self.system = system
        self.buffer = bytearray(4 + largest)  # a log needs it during a call only
        self.reads = self.writes = None  # the logs that have a file open
        self.folder = folder
        self.lost = []
        self.counts = {"segments": 0, "failed": 0}
        self.bytes_read = 0

    def path(self, kind: int, first: int) -> str:
        """Return the path of a segment."""
        return self.folder + "/" + _NAME % (kind, first)

    def segments(self, kind: int) -> "list[int]":
        """Return the first sequences of a log's segments in order."""
        start = "%02x-" % kind
        return sorted(
            int(name[3:11], 16)
            for name in self.system.listdir(self.folder)
            if len(name) == _NAME_SIZE and name.startswith(start) and name.endswith(".log")
        )


class FileLog:
    """Log `kind` (1..254) of records of `record_size` bytes in `keep` segments (2 at least): see Log."""

    def __init__(self, files: Files, kind: int, record_size: int, keep: int, wear: str = "fast") -> None:
        self.kind = kind
        self.payload_size = record_size - _SUM
        self.slots = _SEGMENT // record_size
        if not 0 < kind < 255 or keep < 2 or self.payload_size < 1 or not self.slots:
            raise ValueError("log %d: kinds are 1..254, keep is 2 at least, records fit a segment" % kind)
        self.end = 0
        self._files = files
        self._size = record_size
        self._keep = keep
        self._buffer = files.buffer if record_size + 4 <= len(files.buffer) else bytearray(4 + record_size)
        view = memoryview(self._buffer)
        self._stored = view[4 : 4 + record_size]
        self._summed = view[: 4 + self.payload_size]
        self._payload = view[4 : 4 + self.payload_size]
        self._firsts = array("I")
        self._left = 0
        self._writer = None
        self._reader = None
        self._reads = (-1, -1)  # the segment that is open for reading, and `end` when it was opened
        for first in files.segments(kind):
            if self._firsts and self._firsts[-1] + self.slots < first:
                files.lost.append(("records", kind, self._firsts[-1] + self.slots, first))
            self._firsts.append(first)
        self._measure()
        self._trim()

    @property
    def oldest(self) -> int:
        """Sequence of the oldest record still held."""
        return self._firsts[0] if self._firsts else self.end

    @property
    def room(self) -> int:
        """Records that the newest segment still takes."""
        return self._left

    def append(self, payload) -> int:
        """Keep a record and return its sequence; it is durable then. OSError: it could not be written."""
        size = len(payload)
        if size > self.payload_size:
            raise ValueError("%d bytes for a record of %d" % (size, self.payload_size))
        try:
            if not self._left:
                self._open()
            elif self._writer is None:
                self._write_to(self._firsts[-1], "ab")
            sequence = self.end
            self._payload[:size] = payload
            for i in range(size, self.payload_size):
                self._payload[i] = 255
            struct.pack_into("<I", self._buffer, 0, sequence)
            struct.pack_into("<I", self._buffer, self._size, crc32(self._summed) & _MASK or 1)
            self._write()
        except OSError:
            self._files.counts["failed"] += 1
            self._recover()
            raise
        self.end = sequence + 1
        self._left -= 1
        return sequence

    def read_into(self, sequence: int, buffer) -> bool:
        """Fill `buffer` (no longer than a payload) from a record; False if it is torn, corrupt or gone.

        IndexError outside `oldest`..`end`.
        """
        if not self.oldest <= sequence < self.end:
            raise IndexError("record %d is not held" % sequence)
        first = self._firsts[self._segment(sequence)]
        if self._load(first, sequence - first, self._stored) != self._size:
            return False
        self._files.bytes_read = (self._files.bytes_read + self._size) & _MASK
        struct.pack_into("<I", self._buffer, 0, sequence)
        if (crc32(self._summed) & _MASK or 1) != struct.unpack_from("<I", self._buffer, self._size)[0]:
            return False
        buffer[:] = self._payload if len(buffer) == self.payload_size else self._payload[: len(buffer)]
        return True

    def is_lost(self, sequence: int) -> bool:
        """Tell whether a record was kept at a sequence that is held, and cannot be read any more."""
        first = self._firsts[self._segment(sequence)]
        whole = self._load(first, sequence - first, self._stored) == self._size
        return whole and not self.read_into(sequence, bytearray(0))

    def read_run(self, sequence: int, view) -> int:
        """Read slots one after the other from `sequence` on, as many as `view` takes and as lie together.

        Returns how many, 1 at least. Each takes `payload_size` + 4 bytes; the sum of what is no record is 0.
        IndexError outside `oldest`..`end`.
        """
        if not self.oldest <= sequence < self.end:
            raise IndexError("record %d is not held" % sequence)
        segment = self._segment(sequence)
        first = self._firsts[segment]
        last = segment + 1 == len(self._firsts)
        end = self.end if last else self._firsts[segment + 1]
        count = min(len(view) // self._size, end - sequence)
        size = self._load(first, sequence - first, view[: count * self._size])
        for i in range(size, count * self._size):
            view[i] = 0
        self._files.bytes_read = (self._files.bytes_read + size) & _MASK
        _sift(view, count, self.payload_size, sequence)
        return count

    def _segment(self, sequence: int) -> int:
        """Return which segment a sequence belongs to."""
        firsts = self._firsts
        low, high = 0, len(firsts)
        while high - low > 1:
            middle = (low + high) // 2
            if firsts[middle] <= sequence:
                low = middle
            else:
                high = middle
        return low

    def _write(self) -> None:
        writer = self._writer
        if writer is None or writer.write(self._stored) != self._size:
            raise OSError(28)
        writer.flush()

    def _measure(self) -> None:
        """Find `end` from the size of the newest segment; one that ends in a part of a record is full."""
        if not self._firsts:
            return
        first = self._firsts[-1]
        with self._files.system.open(self._files.path(self.kind, first), "rb") as file:
            size = file.seek(0, 2)
        slots = -(-size // self._size)
        self.end = max(self.end, first + slots)
        self._left = 0 if size % self._size or self.end > first + slots else self.slots - slots

    def to_grow(self) -> int:
        """Return how many bytes of the file system it may still take."""
        return max(0, self._keep + 1 - len(self._firsts)) * self._files.size

    def _open(self) -> None:
        """Begin a segment for the record at `end`; the oldest one goes if that makes one too many."""
        self._write_to(self.end, "wb")
        self._files.counts["segments"] += 1
        if not self._firsts or self._firsts[-1] != self.end:
            self._firsts.append(self.end)
        self._left = self.slots
        self._trim()

    def _trim(self) -> None:
        extra = len(self._firsts) - self._keep
        if extra <= 0:
            return
        self._close_reader()
        for first in self._firsts[:extra]:
            self._files.system.remove(self._files.path(self.kind, first))
        self._firsts = self._firsts[extra:]

    def _write_to(self, first: int, mode: str) -> None:
        files = self._files
        if files.writes is not None:
            files.writes._close()  # noqa: SLF001 - another log
        files.writes = self
        self._writer = files.system.open(files.path(self.kind, first), mode)

    def _recover(self) -> None:
        """After an error: believe only what the newest segment has, and use no sequence twice."""
        self._close()
        self._close_reader()
        try:
            self._measure()
        except OSError:
            self._left = 0

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer:
            try:
                writer.close()
            except OSError:
                pass

    def _load(self, first: int, slot: int, view) -> int:
        """Read from a slot on as much as `view` takes; returns how many bytes there were."""
        now = (first, self.end if first == self._firsts[-1] else -1)
        if self._reader is None or self._reads != now:
            files = self._files
            if files.reads is not None:
                files.reads._close_reader()  # noqa: SLF001 - another log
            files.reads = self
            self._reader = files.system.open(files.path(self.kind, first), "rb")
            self._reads = now
        self._reader.seek(slot * self._size)
        return self._reader.readinto(view)

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        self._reads = (-1, -1)
        if reader:
            reader.close()
