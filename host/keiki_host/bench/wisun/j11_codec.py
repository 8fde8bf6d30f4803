"""Frames of a BP35C0-J11 module's UART: build and cut, in both directions.

Ref: b-route.md E6.1, E6.2. Twelve bytes of header, all big-endian: unique code 4 (which also says the
direction), command 2, message length 2 (= 4 + data), checksum 2 of the first eight bytes, checksum 2 of the
data; then the data. A checksum is the sum of bytes mod 65536. Pure: bytes in, frames out, no time.
"""

from dataclasses import dataclass, field

REQUEST = 0xD0EA83FC
"""Unique code of what the host sends."""
ANSWER = 0xD0F9EE5D
"""Unique code of what the module sends: replies and notifications."""

HEADER_BYTES = 12
MAX_FRAME_BYTES = 1361
MAX_DATA_BYTES = MAX_FRAME_BYTES - HEADER_BYTES
_LENGTH_EXTRA = 4

REPLY_BIT = 0x2000
UNKNOWN_COMMAND = 0xFFFF
BAD_HEADER = 0x2FFF

OK = 0x01
TOO_SLOW = 0x13
HEADER_CHECKSUM = 0xF0
DATA_CHECKSUM = 0xF1
LENGTH_SHORT = 0xF2
LENGTH_LONG = 0xF3


@dataclass(frozen=True)
class Frame:
    """A whole frame: command 0..0xFFFF and up to 1349 bytes of data, which may hold credentials."""

    command: int
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Broken:
    """A frame that cannot be used. `command` None: the header is not to be trusted; `result` says why."""

    command: int | None
    result: int


def checksum(data: bytes) -> int:
    """Sum of the bytes mod 65536."""
    return sum(data) & 0xFFFF


def encode(unique: int, command: int, data: bytes = b"") -> bytes:
    """A frame as it goes over the line; ValueError for more than 1349 bytes of data."""
    if len(data) > MAX_DATA_BYTES:
        raise ValueError(f"{len(data)} bytes of data, the most is {MAX_DATA_BYTES}")
    head = unique.to_bytes(4, "big") + command.to_bytes(2, "big")
    head += (_LENGTH_EXTRA + len(data)).to_bytes(2, "big")
    return head + checksum(head).to_bytes(2, "big") + checksum(data).to_bytes(2, "big") + data


def encode_request(command: int, data: bytes = b"") -> bytes:
    """What a host sends."""
    return encode(REQUEST, command, data)


def encode_answer(command: int, data: bytes = b"") -> bytes:
    """What a module sends."""
    return encode(ANSWER, command, data)


class Reader:
    """Cuts frames out of a stream; never raises. It makes no difference how the bytes are cut into calls.

    Bytes before a unique code are dropped without a word. After a header that is wrong only the header is
    dropped, after wrong data the whole frame; then the search for the next unique code goes on.
    """

    def __init__(self, unique: int) -> None:
        self._unique = unique.to_bytes(4, "big")
        self._buffer = b""
        self.dropped_bytes = 0

    @property
    def waiting(self) -> bool:
        """True while a frame has begun and its end has not come."""
        return len(self._buffer) >= len(self._unique)

    def receive(self, data: bytes) -> list[Frame | Broken]:
        """Take bytes of the line and return what they complete."""
        self._buffer += data
        found: list[Frame | Broken] = []
        while (item := self._next()) is not None:
            found.append(item)
        return found

    def give_up(self) -> Broken | None:
        """Drop a frame whose end does not come; Broken if its header was whole, else None."""
        waiting, self._buffer = self._buffer, b""
        self.dropped_bytes += len(waiting)
        if len(waiting) < HEADER_BYTES:
            return None
        return Broken(int.from_bytes(waiting[4:6], "big"), TOO_SLOW)

    def _next(self) -> Frame | Broken | None:
        self._seek()
        buffer = self._buffer
        if len(buffer) < HEADER_BYTES:
            return None
        command = int.from_bytes(buffer[4:6], "big")
        length = int.from_bytes(buffer[6:8], "big")
        if checksum(buffer[:8]) != int.from_bytes(buffer[8:10], "big"):
            return self._drop(HEADER_BYTES, Broken(None, HEADER_CHECKSUM))
        if length < _LENGTH_EXTRA:
            return self._drop(HEADER_BYTES, Broken(command, LENGTH_SHORT))
        if length > _LENGTH_EXTRA + MAX_DATA_BYTES:
            return self._drop(HEADER_BYTES, Broken(command, LENGTH_LONG))
        size = HEADER_BYTES + length - _LENGTH_EXTRA
        if len(buffer) < size:
            return None
        data = buffer[HEADER_BYTES:size]
        if checksum(data) != int.from_bytes(buffer[10:12], "big"):
            return self._drop(size, Broken(command, DATA_CHECKSUM))
        self._buffer = buffer[size:]
        return Frame(command, data)

    def _drop(self, size: int, broken: Broken) -> Broken:
        self.dropped_bytes += size
        self._buffer = self._buffer[size:]
        return broken

    def _seek(self) -> None:
        """Drop what stands before the next unique code, or before what may still become one."""
        at = self._buffer.find(self._unique)
        if at < 0:
            tails = (n for n in (3, 2, 1) if self._buffer.endswith(self._unique[:n]))
            at = len(self._buffer) - next(tails, 0)
        self.dropped_bytes += at
        self._buffer = self._buffer[at:]
