"""What both ends of an HDLC link do alike: agreeing on sizes, numbering frames, cutting APDUs.

Document: IEC 62056-46 (Green Book 8), normal response mode, window 1; LLC heads of IEC 62056-46.
"""

import struct

from keiki.wire.compat import const
from keiki.wire.cosem.axdr import FrameError, Reader
from keiki.wire.cosem.hdlc import I_FRAME, OVERHEAD, RR, Address, encode_into

INFO_MAX = const(128)
"""Bytes of information in a frame that every end can take, and that hold if nothing else is agreed."""

INFO_MOST = const(2030)
LLC = const(3)
REQUEST = b"\xe6\xe6\x00"
ANSWER = b"\xe6\xe7\x00"

_GROUP = b"\x81\x80"
_SEND_MAX = const(5)
_RECEIVE_MAX = const(6)


def encode_sizes(send_max: int, receive_max: int) -> bytes:
    """Return the information of SNRM or UA: what this end sends and takes at most in a frame; window 1."""
    return _GROUP + struct.pack(
        ">BBBHBBHBBIBBI", 20, _SEND_MAX, 2, send_max, _RECEIVE_MAX, 2, receive_max, 7, 4, 1, 8, 4, 1
    )


def decode_sizes(buffer, start: int, end: int) -> "tuple[int, int]":
    """Return (most that the other end sends, most that it takes) of SNRM or UA information.

    What is not said is INFO_MAX. FrameError if it is malformed, or less than one byte.
    """
    sizes = {_SEND_MAX: INFO_MAX, _RECEIVE_MAX: INFO_MAX}
    if start < end:
        reader = Reader(buffer, start, end)
        reader.expect(_GROUP[0])
        reader.expect(_GROUP[1])
        if reader.length() != reader.end - reader.at:
            raise FrameError("sizes")
        while reader.at < reader.end:
            name = reader.byte()
            size = reader.length()
            if size > 4:
                raise FrameError("sizes")
            value = reader.bare(size)
            if name in sizes:
                sizes[name] = value
    if not sizes[_SEND_MAX] or not sizes[_RECEIVE_MAX]:
        raise FrameError("sizes")
    return sizes[_SEND_MAX], sizes[_RECEIVE_MAX]


class Numbered:
    """One end's numbers and its frame buffer: `sent` and `received` count I frames modulo 8.

    `frame` is the frame built last; it may have to be sent again.
    """

    def __init__(self, info_max: int) -> None:
        self.info_max = info_max
        self._buffer = bytearray(info_max + OVERHEAD)
        self.frame = memoryview(self._buffer)[:0]
        self.reset()

    def reset(self) -> None:
        """Begin to count."""
        self.sent = self.received = 0
        self.send_max = min(INFO_MAX, self.info_max)

    def build(
        self,
        receiver: Address,
        sender: Address,
        control: int,
        segmented: bool = False,
        info: "bytes | memoryview" = b"",
    ) -> memoryview:
        """Build a frame and return it, flags included."""
        size = encode_into(self._buffer, receiver, sender, control, segmented, info)
        self.frame = memoryview(self._buffer)[:size]
        return self.frame

    def build_ready(self, receiver: Address, sender: Address) -> memoryview:
        """Build a frame that acknowledges, and lets the other end go on."""
        return self.build(receiver, sender, RR | self.received << 5)

    def build_part(self, receiver: Address, sender: Address, data, start: int, end: int) -> int:
        """Build an I frame with what of `data[start:end]` goes into one; return where the rest begins."""
        stop = min(end, start + self.send_max)
        control = I_FRAME | self.received << 5 | self.sent << 1
        self.sent = self.sent + 1 & 7
        self.build(receiver, sender, control, stop < end, memoryview(data)[start:stop])
        return stop
