"""Slots of an ESP32: what an update brings goes to the part of the flash that it is executed from.

Partition romfs has three equal parts: what was flashed, and the slots a and b. The file `rom.img` of a slot
is its part of the partition; on the file system, under the same name, is only how long it is by now.
"""

from keiki.hal.files import SlotFiles
from keiki.wire.compat import const

ROM = "rom.img"
_SLOTS = ("a", "b")
_BLOCK = const(4096)
_COUNT_OP, _ERASE_OP = const(4), const(6)
_ENOENT, _ENOSPC = const(2), const(28)


class RomSlots(SlotFiles):
    """Files and folders below `root`, but for the images, which are in `partition` (an esp32.Partition)."""

    def __init__(self, root: str, partition) -> None:
        super().__init__(root)
        self.partition = partition
        self.blocks = partition.ioctl(_COUNT_OP, 0) // (1 + len(_SLOTS))

    def _first(self, path: str) -> int:
        """Return the first block of an image, -1: this path is none of them."""
        slot, _, name = path.partition("/")
        return self.blocks * (1 + _SLOTS.index(slot)) if name == ROM and slot in _SLOTS else -1

    def size(self, path: str) -> int:
        """Return the size of a file in bytes, -1 if there is none."""
        if self._first(path) < 0:
            return super().size(path)
        try:
            with super().open(path, "r") as file:
                return int(file.read())
        except (OSError, ValueError):
            return -1

    def keep_size(self, path: str, size: int) -> None:
        """Remember how long an image is, once that much of it is there."""
        with super().open(path, "w") as file:
            file.write(str(size))

    def taken(self, path: str, size: int) -> int:
        """Return how many bytes of the file system a file takes; an image too long for its part takes all."""
        if self._first(path) >= 0 and 0 < size <= self.blocks * _BLOCK:
            return _BLOCK
        return super().taken(path, size)

    def open(self, path: str, mode: str):  # pyright: ignore[reportIncompatibleMethodOverride]
        """Open a file."""
        first = self._first(path)
        if first < 0:
            return super().open(path, mode)
        size = self.size(path)
        if mode == "rb" and size < 0:
            raise OSError(_ENOENT)
        return _Image(self, path, first, 0 if mode == "wb" else max(0, size), mode == "rb")


class _Image:
    """An image that is read, or written at its end; a block is erased when the first byte of it comes."""

    def __init__(self, slots: RomSlots, path: str, first: int, size: int, reads: bool) -> None:
        self._slots = slots
        self._path = path
        self._first = first
        self._size = size
        self._at = 0
        self._reads = reads

    def __enter__(self):
        return self

    def __exit__(self, kind, _error, _trace) -> None:
        # why only now: after a power cut in between, the same bytes come again and change nothing
        if not self._reads and kind is None:
            self._slots.keep_size(self._path, self._size)

    def read(self, most: int) -> bytearray:
        """Return the next bytes, `most` at most."""
        data = bytearray(min(most, self._size - self._at))
        if data:
            self._slots.partition.readblocks(self._first + self._at // _BLOCK, data, self._at % _BLOCK)
        self._at += len(data)
        return data

    def write(self, data) -> None:
        """Add to its end. OSError: there is no room, or the flash refuses."""
        data = memoryview(data)
        if self._size + len(data) > self._slots.blocks * _BLOCK:
            raise OSError(_ENOSPC)
        while data:
            block, offset = self._first + self._size // _BLOCK, self._size % _BLOCK
            piece = data[: _BLOCK - offset]
            if not offset:
                self._slots.partition.ioctl(_ERASE_OP, block)
            self._slots.partition.writeblocks(block, piece, offset)
            self._size += len(piece)
            data = data[len(piece) :]
