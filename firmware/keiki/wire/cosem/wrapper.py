"""The wrapper: APDUs on TCP and UDP port 4059, each after a head of 8 bytes.

Document: IEC 62056-4-7 (Green Book 7). Version 0001, source port, destination port, length: u16 each. The
ports are those of the COSEM world: client SAP and server SAP.
"""

import struct

from keiki.wire.compat import const
from keiki.wire.cosem.axdr import FrameError

HEAD = const(8)
PORT = const(4059)
_VERSION = const(1)
_FORMAT = const(">HHHH")


def pack_into(buffer, at: int, source: int, destination: int, length: int) -> None:
    """Write the head of an APDU of `length` bytes."""
    struct.pack_into(_FORMAT, buffer, at, _VERSION, source, destination, length)


def encode(source: int, destination: int, data: bytes) -> bytes:
    """Return an APDU with its head."""
    return struct.pack(_FORMAT, _VERSION, source, destination, len(data)) + data


def decode(buffer, size: int) -> "tuple[int, int, int, int]":
    """Return (source, destination, start, end) of the APDU that fills the first `size` bytes: a datagram.

    FrameError if it does not.
    """
    if size < HEAD:
        raise FrameError("wrapper: short")
    version, source, destination, length = struct.unpack_from(_FORMAT, buffer, 0)
    if version != _VERSION or HEAD + length != size:
        raise FrameError("wrapper")
    return source, destination, HEAD, size


class Inbox:
    """The stream of a connection, taken apart: one buffer, for APDUs of `size` bytes at most.

    Read into `space()`, say `filled(n)`, then call `take()` until it returns None. What it returns lies in
    `buffer` until the next call.
    """

    def __init__(self, size: int) -> None:
        self.buffer = bytearray(HEAD + size)
        self._view = memoryview(self.buffer)
        self._have = 0
        self._taken = 0

    def space(self) -> memoryview:
        """Return where the next bytes of the stream go; never empty after `take()` has returned None."""
        return self._view[self._have :] if self._have else self._view

    def filled(self, size: int) -> None:
        """Take note that `size` bytes have come into `space()`."""
        self._have += size

    def take(self) -> "tuple[int, int, int, int] | None":
        """Return (source, destination, start, end) of the next APDU, None if it is not whole yet.

        FrameError for another version and for an APDU longer than the buffer: the stream cannot be read on.
        """
        buffer = self.buffer
        if self._taken:
            left = self._have - self._taken
            buffer[:left] = self._view[self._taken : self._have]
            self._have = left
            self._taken = 0
        if self._have < HEAD:
            return None
        version, source, destination, length = struct.unpack_from(_FORMAT, buffer, 0)
        if version != _VERSION or HEAD + length > len(buffer):
            raise FrameError("wrapper")
        if self._have < HEAD + length:
            return None
        self._taken = HEAD + length
        return source, destination, HEAD, HEAD + length

    def reset(self) -> None:
        """Forget what has come: there is another connection."""
        self._have = self._taken = 0
