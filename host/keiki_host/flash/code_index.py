"""Where the functions of a .mpy lie in its file: boards without ROMFS run them from there (hal/rp2_code.py).

Document: MicroPython's py/persistentcode.c, .mpy version 6. MicroPython reads no further than the code, so
the table stands behind it: ENTRY for each function, in the order of their keys, then TAIL.

key       of the first 8 bytes, see `key`
length    bytes of code
offset    in the file (24 bits), and behind it how many functions are made in this one (8 bits)

What has no more than a block of the heap (16 bytes) is left out, and so is the code of the module itself: it
runs once.
"""

import struct
from dataclasses import dataclass, field

ENTRY = "<HHI"
TAIL = "<H2s"
"""How many entries, and MAGIC."""
MAGIC = b"kc"
LEAST = 17
_KEY_BYTES = 8
_NO_DATA = range(5)
_STRINGS = (5, 6)
_TUPLE = 10
_OFFSET_BITS = 24


@dataclass
class Function:
    """The bytecode of a function and of those that are made in it."""

    offset: int
    length: int
    children: list["Function"] = field(default_factory=list)


class _Reader:
    def __init__(self, code: bytes) -> None:
        self._code = code
        self.at = 4

    def uint(self) -> int:
        value = 0
        while True:
            byte = self._code[self.at]
            self.at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value

    def qstr(self) -> None:
        length = self.uint()
        if not length & 1:
            self.at += (length >> 1) + 1

    def constant(self) -> None:
        kind = self._code[self.at]
        self.at += 1
        if kind in _NO_DATA:
            return
        length = self.uint()
        if kind == _TUPLE:
            for _ in range(length):
                self.constant()
        else:
            self.at += length + (kind in _STRINGS)

    def function(self) -> Function:
        head = self.uint()
        if head & 3:
            raise ValueError("machine code")
        found = Function(self.at, head >> 3)
        self.at += found.length
        if head & 4:
            found.children = [self.function() for _ in range(self.uint())]
        return found


def module_of(code: bytes) -> Function:
    """Return the code of a .mpy. ValueError: it has machine code, or is of another version."""
    if code[:2] != b"M\x06" or code[2] & ~3:
        raise ValueError("machine code, or another version of .mpy")
    reader = _Reader(code)
    names, constants = reader.uint(), reader.uint()
    for _ in range(names):
        reader.qstr()
    for _ in range(constants):
        reader.constant()
    return reader.function()


def key(code: bytes) -> int:
    """Return what a function is looked for by."""
    value = 0
    for byte in code[:_KEY_BYTES]:
        value = value * 31 + byte & 0xFFFF
    return value


def indexed(code: bytes) -> bytes:
    """Return a .mpy with its table behind it; as it is, if it has machine code or no functions."""
    try:
        waiting = list(module_of(code).children)
    except ValueError:
        return code
    rows = []
    while waiting:
        function = waiting.pop()
        waiting += function.children
        if function.length >= LEAST or function.children:
            start = key(code[function.offset : function.offset + function.length])
            where = function.offset | len(function.children) << _OFFSET_BITS
            rows.append((start, function.length, where))
    if not rows:
        return code
    table = b"".join(struct.pack(ENTRY, *row) for row in sorted(rows))
    return code + table + struct.pack(TAIL, len(rows), MAGIC)
