"""HDLC frames of type 3, for COSEM on a serial line: bytes to fields and back, and frames out of a stream.

Document: IEC 62056-46 (Green Book 8). Flag 7E, format and length (u16: A, segmentation bit, 11 bits),
receiver, sender, control, check of the head, information, check of it all, flag. A frame without information
has one check. An address is 1, 2 or 4 bytes: the last one is odd; those of a server are its logical device
and, if it has more than one byte, its physical address.
"""

from array import array

from keiki.wire.compat import const
from keiki.wire.cosem.axdr import FrameError

FLAG = const(0x7E)
OVERHEAD = const(18)  # flags, format, addresses of 4 and 1 bytes, control, checks; one byte to spare

# control bytes, poll/final bit set; of I and RR without the numbers
I_FRAME = const(0x10)
RR = const(0x11)
RNR = const(0x15)
SNRM = const(0x93)
DISC = const(0x53)
UA = const(0x73)
DM = const(0x1F)
FRMR = const(0x97)
_POLL = const(0x10)

_FORMAT = const(0xA0)
_SEGMENTED = const(0x08)
_GOOD = const(0xF0B8)  # the check over data and its check, before it is inverted
_NIBBLES = array(
    "H",
    (
        0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
        0x8408, 0x9489, 0xA50A, 0xB58B, 0xC60C, 0xD68D, 0xE70E, 0xF78F,
    ),
)  # fmt: skip


def check(buffer, start: int, end: int) -> int:
    """Return the check (CRC-16/X.25, not yet inverted) over a range."""
    value = 0xFFFF
    for i in range(start, end):
        value ^= buffer[i]
        value = value >> 4 ^ _NIBBLES[value & 15]
        value = value >> 4 ^ _NIBBLES[value & 15]
    return value


def kind(control: int) -> int:
    """Return what a control byte says, poll bit and numbers aside: I_FRAME, RR, RNR, SNRM and so on."""
    control |= _POLL
    if not control & 1:
        return I_FRAME
    return control & 0x1F if control & 3 == 1 else control


class Address:
    """Who is at one end: `logical`, `physical` (-1: none), `size` in bytes (1, 2 or 4)."""

    __slots__ = ("logical", "physical", "size")

    def __init__(self, logical: int, physical: int = -1, size: int = 0) -> None:
        self.logical = logical
        self.physical = physical
        self.size = size or (1 if physical < 0 else 2 if logical < 0x80 and physical < 0x80 else 4)

    def encode(self) -> bytes:
        """Return its bytes."""
        if self.size == 1:
            return bytes((self.logical << 1 | 1,))
        if self.size == 2:
            return bytes((self.logical << 1, self.physical << 1 | 1))
        high, low = self.logical, self.physical
        return bytes((high >> 6 & 0xFE, high << 1 & 0xFE, low >> 6 & 0xFE, low << 1 & 0xFE | 1))


def _read_address(buffer, at: int, end: int) -> "tuple[Address, int]":
    """Return (address, where it ends)."""
    start = at
    while at < end and not buffer[at] & 1:
        at += 1
    at += 1
    size = at - start
    if at > end or size not in (1, 2, 4):
        raise FrameError("address")
    parts = [buffer[i] >> 1 for i in range(start, at)]
    if size == 1:
        return Address(parts[0], -1, 1), at
    if size == 2:
        return Address(parts[0], parts[1], 2), at
    return Address(parts[0] << 7 | parts[1], parts[2] << 7 | parts[3], 4), at


class Frame:
    """A frame that has been read: `receiver`, `sender`, `control`, `segmented`; its information is the range
    `start`..`end` of the buffer it was read from."""

    __slots__ = ("control", "end", "receiver", "segmented", "sender", "start")

    def __init__(self, receiver, sender, control: int, segmented: bool, start: int, end: int) -> None:
        self.receiver = receiver
        self.sender = sender
        self.control = control
        self.segmented = segmented
        self.start = start
        self.end = end


def decode(buffer, start: int, end: int) -> Frame:
    """Read the frame that fills `start`..`end`, flags not included; FrameError if it is not one."""
    if end - start < 7 or buffer[start] & 0xF0 != _FORMAT:
        raise FrameError("format")
    if (buffer[start] & 7) << 8 | buffer[start + 1] != end - start:
        raise FrameError("length")
    if check(buffer, start, end) != _GOOD:
        raise FrameError("check")
    receiver, at = _read_address(buffer, start + 2, end - 2)
    sender, at = _read_address(buffer, at, end - 2)
    if at >= end - 2:
        raise FrameError("control")
    control = buffer[at]
    at += 1
    stop = end - 2
    if at < stop:
        at += 2
        if at > stop or check(buffer, start, at) != _GOOD:
            raise FrameError("check of the head")
    return Frame(receiver, sender, control, bool(buffer[start] & _SEGMENTED), at, stop)


def encode_into(
    buffer,
    receiver: Address,
    sender: Address,
    control: int,
    segmented: bool = False,
    info: "bytes | memoryview" = b"",
) -> int:
    """Write a frame, flags included, to the beginning of `buffer`, and return its length.

    It needs len(info) + OVERHEAD bytes. ValueError if the information is longer than a frame can be.
    """
    heads = receiver.encode() + sender.encode()
    size = 2 + len(heads) + 1 + 2 + (2 + len(info) if len(info) else 0)
    if size > 0x7FF:
        raise ValueError("too long for a frame")
    buffer[0] = FLAG
    buffer[1] = _FORMAT | (_SEGMENTED if segmented else 0) | size >> 8
    buffer[2] = size & 0xFF
    at = 3 + len(heads)
    buffer[3:at] = heads
    buffer[at] = control
    at = _put_check(buffer, at + 1)
    if len(info):
        buffer[at : at + len(info)] = info
        at = _put_check(buffer, at + len(info))
    buffer[at] = FLAG
    return at + 1


def _put_check(buffer, at: int) -> int:
    value = check(buffer, 1, at) ^ 0xFFFF
    buffer[at] = value & 0xFF
    buffer[at + 1] = value >> 8
    return at + 2


class Scanner:
    """Frames out of a stream of bytes, in one buffer for frames with `info_max` bytes of information.

    `feed` a piece, then call `take` until it returns None. What is no frame is passed over up to the next
    flag; `lost` counts how often.
    """

    def __init__(self, info_max: int) -> None:
        self.buffer = bytearray(info_max + OVERHEAD)
        self.lost = 0
        self._have = 0
        self._waiting = b""

    def feed(self, data) -> None:
        """Take the next bytes of the stream; all that came before must have been taken."""
        self._waiting = data

    def reset(self) -> None:
        """Forget what has come of a frame: the line was quiet for too long."""
        self._have = 0

    def take(self) -> "Frame | None":
        """Return the next frame, None if there is none yet; it lies in `buffer` until the next call."""
        for i, byte in enumerate(self._waiting):
            if self._have == 1 and byte == FLAG:
                continue  # a closing flag may open the next frame, and flags fill pauses
            self.buffer[self._have] = byte
            self._have += 1
            found = self._look()
            if found is not None:
                self._waiting = self._waiting[i + 1 :]
                return found
        self._waiting = b""
        return None

    def _look(self) -> "Frame | None":
        """Return the frame that is whole now; drop what cannot become one."""
        buffer = self.buffer
        while self._have:
            size = (buffer[1] & 7) << 8 | buffer[2] if self._have > 2 else 7
            if buffer[0] == FLAG and 7 <= size <= len(buffer) - 2:
                if self._have < size + 2:
                    return None
                try:
                    found = decode(buffer, 1, 1 + size)
                    if buffer[1 + size] == FLAG:
                        self._have = 1  # the closing flag may be the next one's opening flag
                        return found
                except FrameError:
                    pass
            if buffer[0] == FLAG:
                self.lost += 1
            self._drop()
        return None

    def _drop(self) -> None:
        """Go on from the next flag in what has come."""
        buffer = self.buffer
        at = 1
        while at < self._have and buffer[at] != FLAG:
            at += 1
        for i in range(self._have - at):
            buffer[i] = buffer[at + i]
        self._have -= at
