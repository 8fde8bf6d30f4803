"""A-XDR: COSEM data as bytes, written into and read from buffers in place.

Document: IEC 61334-6 as IEC 62056-5-3 uses it (Green Book 9.5, Data). All numbers are big-endian. A value is
a tag and its contents; a length below 128 is one byte, else 80 + n and n bytes.
"""

import struct

from keiki.wire.compat import const

NULL = const(0)
ARRAY = const(1)
STRUCTURE = const(2)
BOOLEAN = const(3)
BITS = const(4)
I32 = const(5)
U32 = const(6)
OCTETS = const(9)
TEXT = const(10)
UTF8 = const(12)
BCD = const(13)
I8 = const(15)
I16 = const(16)
U8 = const(17)
U16 = const(18)
I64 = const(20)
U64 = const(21)
ENUM = const(22)
F32 = const(23)
F64 = const(24)
DATETIME = const(25)
DATE = const(26)
TIME = const(27)

NUMBERS: "dict[int, tuple[int, str, int, int]]" = {
    # tag: bytes, format, lowest, highest
    BOOLEAN: (1, ">B", 0, 255),
    BCD: (1, ">b", -0x80, 0x7F),
    I8: (1, ">b", -0x80, 0x7F),
    U8: (1, ">B", 0, 0xFF),
    ENUM: (1, ">B", 0, 0xFF),
    I16: (2, ">h", -0x8000, 0x7FFF),
    U16: (2, ">H", 0, 0xFFFF),
    I32: (4, ">i", -0x80000000, 0x7FFFFFFF),
    U32: (4, ">I", 0, 0xFFFFFFFF),
    I64: (8, ">q", -(1 << 63), (1 << 63) - 1),
    U64: (8, ">Q", 0, (1 << 64) - 1),
}
"""Tags of integers; a boolean is one of them."""

FLOATS = {F32: (4, ">f"), F64: (8, ">d")}
STRINGS = (OCTETS, TEXT, UTF8)
FIXED = {DATETIME: 12, DATE: 5, TIME: 4}
DEPTH_MAX = const(8)
"""Structures and arrays within each other that are read; the interface classes served here need 5."""


class FrameError(Exception):
    """The peer sent something that is not what the standard says."""


class Full(Exception):
    """What is to be written does not fit the buffer."""


class Writer:
    """Writes data into `buffer` from `at` on, never beyond `end`.

    Raises Full if there is no room (nothing of that value is kept) and ValueError for what has no form.
    """

    __slots__ = ("at", "buffer", "end")

    def __init__(self, buffer: bytearray, at: int = 0, end: int = -1) -> None:
        self.buffer = buffer
        self.at = at
        self.end = len(buffer) if end < 0 else end

    def room(self, size: int) -> int:
        """Take `size` bytes and return where they begin."""
        at = self.at
        if at + size > self.end:
            raise Full
        self.at = at + size
        return at

    def byte(self, value: int) -> None:
        """Write one bare byte."""
        self.buffer[self.room(1)] = value

    def raw(self, data: "bytes | bytearray | memoryview") -> None:
        """Write bytes as they are."""
        at = self.room(len(data))
        self.buffer[at : self.at] = data

    def length(self, value: int) -> None:
        """Write a length or a count, 0 to 65535."""
        if value < 0x80:
            self.byte(value)
            return
        size = 1 if value < 0x100 else 2
        at = self.room(1 + size)
        self.buffer[at] = 0x80 | size
        struct.pack_into(">B" if size == 1 else ">H", self.buffer, at + 1, value)

    def null(self) -> None:
        """Write null-data."""
        self.byte(NULL)

    def begin(self, tag: int, count: int) -> None:
        """Write the head of an ARRAY or STRUCTURE; `count` values are to follow."""
        at = self.at
        self.byte(tag)
        try:
            self.length(count)
        except Full:
            self.at = at
            raise

    def number(self, tag: int, value: int) -> None:
        """Write an integer of one of NUMBERS."""
        size, form, low, high = NUMBERS[tag]
        if not low <= value <= high:
            raise ValueError("out of range")
        at = self.room(1 + size)
        self.buffer[at] = tag
        struct.pack_into(form, self.buffer, at + 1, value)

    def string(self, tag: int, data: "bytes | bytearray | memoryview") -> None:
        """Write OCTETS, TEXT (ASCII) or UTF8, given as bytes."""
        at = self.at
        self.byte(tag)
        try:
            self.length(len(data))
            self.raw(data)
        except Full:
            self.at = at
            raise

    def bits(self, value: int, size: int) -> None:
        """Write a bit-string of `size` bits; the first one is the highest of `value`."""
        at = self.at
        self.byte(BITS)
        try:
            self.length(size)
            for shift in range(size, 0, -8):
                self.byte((value >> (shift - 8) if shift >= 8 else value << (8 - shift)) & 0xFF)
        except Full:
            self.at = at
            raise


class Reader:
    """Reads data of `buffer` from `at` up to `end`; FrameError for whatever is not there."""

    __slots__ = ("at", "buffer", "end")

    def __init__(self, buffer: "bytes | bytearray | memoryview", at: int = 0, end: int = -1) -> None:
        self.buffer = buffer
        self.at = at
        self.end = len(buffer) if end < 0 else end

    def take(self, size: int) -> int:
        """Pass over `size` bytes and return where they begin."""
        at = self.at
        if at + size > self.end:
            raise FrameError("cut off")
        self.at = at + size
        return at

    def byte(self) -> int:
        """Return the next byte."""
        return self.buffer[self.take(1)]

    def bare(self, size: int) -> int:
        """Return a bare unsigned number of `size` bytes."""
        at = self.take(size)
        value = 0
        for i in range(at, at + size):
            value = value << 8 | self.buffer[i]
        return value

    def octets(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        at = self.take(size)
        return bytes(self.buffer[at : self.at])

    def length(self) -> int:
        """Return a length or a count: never more than there are bytes left."""
        value = self.byte()
        if value & 0x80:
            if not 0x81 <= value <= 0x84:
                raise FrameError("length")
            value = self.bare(value & 0x7F)
        if value > self.end - self.at:
            raise FrameError("cut off")
        return value

    def expect(self, tag: int) -> None:
        """Pass over a tag (or any byte) that must be there."""
        if self.byte() != tag:
            raise FrameError("type")

    def finish(self) -> None:
        """Raise FrameError if anything is left."""
        if self.at != self.end:
            raise FrameError("too long")

    def begin(self, tag: int, count: int = -1) -> int:
        """Return the count of an ARRAY or STRUCTURE, which must be `count` if that is given."""
        self.expect(tag)
        found = self.length()
        if count >= 0 and found != count:
            raise FrameError("count")
        return found

    def number(self, tag: int) -> int:
        """Return an integer that must be of this tag."""
        self.expect(tag)
        size, form, _, _ = NUMBERS[tag]
        return struct.unpack_from(form, self.buffer, self.take(size))[0]

    def string(self, tag: int = OCTETS) -> bytes:
        """Return the bytes of a string that must be of this tag."""
        self.expect(tag)
        return self.octets(self.length())

    def bits(self, size: int) -> int:
        """Return a bit-string that must have `size` bits, the first one the highest."""
        self.expect(BITS)
        value, found = self.bare_bits()
        if found != size:
            raise FrameError("count")
        return value

    def bare_bits(self) -> "tuple[int, int]":
        """Return (value, number of bits) of a bit-string whose tag has been read."""
        size = self._bit_count()
        if (size + 7) // 8 > self.end - self.at:
            raise FrameError("cut off")
        return self.bare((size + 7) // 8) >> -size % 8, size

    def skip(self) -> None:
        """Pass over one value, whatever it is."""
        left = 1
        outer = []
        while True:
            while not left:
                if not outer:
                    return
                left = outer.pop()
            left -= 1
            tag = self.byte()
            if tag in (ARRAY, STRUCTURE):
                if len(outer) == DEPTH_MAX:
                    raise FrameError("depth")
                outer.append(left)
                left = self.length()
            elif tag in NUMBERS:
                self.take(NUMBERS[tag][0])
            elif tag in STRINGS:
                self.take(self.length())
            elif tag == BITS:
                self.take((self._bit_count() + 7) // 8)
            elif tag in FIXED:
                self.take(FIXED[tag])
            elif tag in FLOATS:
                self.take(FLOATS[tag][0])
            elif tag != NULL:
                raise FrameError("type")

    def _bit_count(self) -> int:
        count = self.byte()
        if count & 0x80:
            if not 0x81 <= count <= 0x84:
                raise FrameError("length")
            count = self.bare(count & 0x7F)
        return count
