"""SPI NOR flash as a block device: for boards whose chip has no raw flash to spare.

Document: Winbond W25Q16JV datasheet rev. H; other makers have the same commands (JEDEC JESD216).
4096 bytes are erased at a time, 45 ms as a rule and 400 ms at most. The bus is free meanwhile and so are
interrupts: serial lines are heard while the chip erases.
"""

from keiki.wire.compat import const

BLOCK = const(4096)
_PAGE = const(256)
_READ, _PROGRAM, _ERASE = const(0x03), const(0x02), const(0x20)
_WRITE_ENABLE, _STATUS, _JEDEC_ID, _WAKE = const(0x06), const(0x05), const(0x9F), const(0xAB)
_BUSY = const(0x01)
_PROGRAM_MS, _ERASE_MS = const(20), const(2000)
_BLOCKS_OP, _SIZE_OP, _ERASE_OP = const(4), const(5), const(6)
_EIO, _ENODEV = const(5), const(19)


class SpiNor:
    """The first `blocks` x 4096 bytes of a chip, with the methods of MicroPython's extended block device.

    `spi.send(head, data)` and `spi.fetch(head, into)` are one frame each with chip select low: `head`, then
    `data` out or `into` filled. `ticks_ms()` only grows. OSError: ENODEV, no chip answers or it is too small;
    EIO, it is busy for longer than any chip is.
    """

    def __init__(self, spi, blocks: int, ticks_ms) -> None:
        self._spi = spi
        self._blocks = blocks
        self._ticks_ms = ticks_ms
        self._head = bytearray(4)
        self._one = bytearray(1)
        self._command(_WAKE)
        identity = bytearray(3)
        self._one[0] = _JEDEC_ID
        spi.fetch(self._one, identity)
        # the third byte is the size as a power of two
        if identity[0] in (0x00, 0xFF) or not 16 <= identity[2] < 32 or 1 << identity[2] < blocks * BLOCK:
            raise OSError(_ENODEV)
        self._wait(_ERASE_MS)  # an erase that a restart has interrupted goes on in the chip

    def readblocks(self, block: int, buffer, offset: int = 0) -> None:
        """Fill `buffer` from `offset` of a block."""
        self._spi.fetch(self._at(_READ, block * BLOCK + offset), buffer)

    def writeblocks(self, block: int, data, offset: int = 0) -> None:
        """Program `data`, which may begin anywhere: bits go from 1 to 0, never back."""
        address = block * BLOCK + offset
        view = memoryview(data)
        done = 0
        while done < len(view):
            # a program that reaches the end of its page goes on at the beginning of the same page
            size = min(len(view) - done, _PAGE - address % _PAGE)
            self._command(_WRITE_ENABLE)
            self._spi.send(self._at(_PROGRAM, address), view[done : done + size])
            self._wait(_PROGRAM_MS)
            address += size
            done += size

    def ioctl(self, op: int, block: int) -> "int | None":
        """Number of blocks (4), their size (5), erase one (6)."""
        if op == _BLOCKS_OP:
            return self._blocks
        if op == _SIZE_OP:
            return BLOCK
        if op == _ERASE_OP:
            self._command(_WRITE_ENABLE)
            self._spi.send(self._at(_ERASE, block * BLOCK), b"")
            self._wait(_ERASE_MS)
            return 0
        return None

    def _at(self, command: int, address: int) -> bytearray:
        head = self._head
        head[0] = command
        head[1] = address >> 16
        head[2] = address >> 8 & 255
        head[3] = address & 255
        return head

    def _command(self, command: int) -> None:
        self._one[0] = command
        self._spi.send(self._one, b"")

    def _wait(self, limit_ms: int) -> None:
        """Wait until the chip is ready."""
        until_ms = self._ticks_ms() + limit_ms
        status = bytearray(1)
        while True:
            self._one[0] = _STATUS
            self._spi.fetch(self._one, status)
            if not status[0] & _BUSY:
                return
            if self._ticks_ms() > until_ms:
                raise OSError(_EIO)
