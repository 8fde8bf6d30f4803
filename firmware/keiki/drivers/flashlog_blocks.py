"""Reading, programming, erasing and copying blocks of raw flash, each checked.

The device is MicroPython's extended block device: `readblocks(block, buf, offset)`, `writeblocks(block, buf,
offset)` (programs 1 to 0, never erases), `ioctl(4, 0)` blocks, `ioctl(5, 0)` block size, `ioctl(6, block)`
erase. It raises OSError, or returns something else than None and 0, when it fails.
"""

from binascii import crc32

from keiki.drivers import flashlog_header as header
from keiki.wire.compat import const

EIO = const(5)

_CHUNK = const(256)


class Blocks:
    """A region of erase blocks. `page` is 1 if the device programs any byte, 256 if only whole aligned pages.

    `bytes_read` counts what was read, modulo 2**30.
    """

    def __init__(self, device, page: int = 1) -> None:
        self._device = device
        self.blocks = device.ioctl(4, 0)
        self.size = device.ioctl(5, 0)
        self.page = page
        self._chunk = page if page > _CHUNK else _CHUNK
        if self.size % self._chunk or self._chunk % page:
            raise ValueError("pages of %d do not fit blocks of %d" % (page, self.size))
        self.bytes_read = 0
        self._pad = bytearray(b"\xff" * self._chunk)  # all FF between uses
        self._blank = bytes(self._pad)
        self._head = bytearray(header.SIZE)

    def read(self, block: int, buffer, offset: int) -> None:
        """Fill `buffer` from `offset` of a block."""
        self.bytes_read = (self.bytes_read + len(buffer)) & 0x3FFFFFFF
        if self._device.readblocks(block, buffer, offset):
            raise OSError(EIO)

    def program(self, block: int, data, offset: int) -> None:
        """Program `data` at `offset` of a block, in whole pages if the device wants them."""
        if self.page == 1:
            if self._device.writeblocks(block, data, offset):
                raise OSError(EIO)
            return
        done, pad = 0, self._pad
        while done < len(data):
            at = (offset + done) % self.page
            part = min(self.page - at, len(data) - done)
            pad[at : at + part] = data[done : done + part]
            try:
                if self._device.writeblocks(block, pad, offset + done - at):
                    raise OSError(EIO)
            finally:
                for i in range(at, at + part):
                    pad[i] = 255
            done += part

    def alive(self) -> None:
        """Raise OSError if the device does not even read: then no block is to blame."""
        self.read(0, self._head, 0)

    def erase(self, block: int) -> bool:
        """Erase a block; False if it failed to or does not read back blank."""
        pad = self._pad
        try:
            if self._device.ioctl(6, block):
                raise OSError(EIO)
            for offset in range(0, self.size, self._chunk):
                self.read(block, pad, offset)
                if pad != self._blank:
                    return False
            return True
        except OSError:
            self.alive()
            return False
        finally:
            pad[:] = self._blank

    def copy(self, block: int, target: int) -> bool:
        """Copy all but the header; False if the copy reads back otherwise."""
        pad = self._pad
        try:
            for offset in range(0, self.size, self._chunk):
                self.read(block, pad, offset)
                if not offset:
                    pad[: header.SIZE] = self._blank[: header.SIZE]
                if pad == self._blank:
                    continue
                total = crc32(pad)
                if self._device.writeblocks(target, pad, offset):
                    raise OSError(EIO)
                self.read(target, pad, offset)
                if not offset:
                    pad[: header.SIZE] = self._blank[: header.SIZE]
                if crc32(pad) != total:
                    return False
            return True
        except OSError:
            self.alive()
            return False
        finally:
            pad[:] = self._blank
