"""The functions of a .mpy: where the bytecode of each lies in the file.

Document: MicroPython's py/persistentcode.c, .mpy version 6.
"""

from dataclasses import dataclass, field

_NO_DATA = range(5)
_STRINGS = (5, 6)
_TUPLE = 10


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
