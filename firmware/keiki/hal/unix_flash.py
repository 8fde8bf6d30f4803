"""A file that behaves as NOR flash behind MicroPython's extended block device."""

import os

from keiki.wire.compat import const

BLOCK = const(4096)

_BLOCKS_OP, _SIZE_OP, _ERASE_OP = const(4), const(5), const(6)


class FileFlash:
    """`blocks` of 4096 bytes in the file at `path`; a new file is blank. ValueError: it has another size."""

    def __init__(self, path: str, blocks: int) -> None:
        self._blocks = blocks
        self._blank = b"\xff" * 256
        try:
            size = os.stat(path)[6]
        except OSError:
            size = 0
        if not size:
            with open(path, "wb") as file:
                for _ in range(blocks * 16):
                    file.write(self._blank)
        elif size != blocks * BLOCK:
            raise ValueError("flash: %s has %d bytes, not %d" % (path, size, blocks * BLOCK))
        self._file = open(path, "r+b")  # noqa: SIM115 - open as long as the meter runs

    def readblocks(self, block: int, buffer, offset: int = 0) -> None:
        """Fill `buffer` from `offset` of a block."""
        self._file.seek(block * BLOCK + offset)
        if self._file.readinto(buffer) != len(buffer):
            raise OSError(5)

    def writeblocks(self, block: int, data, offset: int = 0) -> None:
        """Program `data`: bits go from 1 to 0, never back."""
        self.readblocks(block, old := bytearray(len(data)), offset)
        self._file.seek(block * BLOCK + offset)
        for i in range(len(old)):
            old[i] &= data[i]
        self._file.write(old)

    def ioctl(self, op: int, block: int) -> "int | None":
        """Number of blocks (4), their size (5), erase one (6)."""
        if op == _BLOCKS_OP:
            return self._blocks
        if op == _SIZE_OP:
            return BLOCK
        if op == _ERASE_OP:
            self._file.seek(block * BLOCK)
            for _ in range(16):
                self._file.write(self._blank)
            return 0
        return None
