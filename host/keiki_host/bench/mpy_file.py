"""A .mpy as mpy-cross writes it: its names, constants, and functions within functions.

Document: MicroPython's py/persistentcode.c, .mpy version 6.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

BYTECODE, VIPER = 0, 2
_NO_DATA = range(5)
_STRINGS = (5, 6)
_TUPLE = 10
_NEEDS = 0x70
"""Addresses that are put into the code, data of its own."""


@dataclass
class Function:
    """The code of a function, and those that are made in it: where it lies in the file.

    `kind`: BYTECODE or VIPER; `flags` tell of machine code that is in need of more than itself.
    """

    offset: int
    length: int
    children: list["Function"] = field(default_factory=list)
    kind: int = BYTECODE
    flags: int = 0

    def within(self) -> Iterator["Function"]:
        """Yield all those in it."""
        for child in self.children:
            yield child
            yield from child.within()


class Reader:
    """Reads a .mpy from `at` on; `texts` are the (offset, length) of the texts it came by."""

    def __init__(self, code: bytes, at: int = 0) -> None:
        self.code = code
        self.at = at
        self.texts: list[tuple[int, int]] = []

    def uint(self) -> int:
        """Read a number."""
        value = 0
        while True:
            byte = self.code[self.at]
            self.at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value

    def name(self) -> bool:
        """Read a name; returns whether it is a number that every MicroPython has."""
        length = self.uint()
        if not length & 1:
            self.at += (length >> 1) + 1
        return bool(length & 1)

    def constant(self) -> None:
        """Read a constant."""
        kind = self.code[self.at]
        self.at += 1
        if kind in _NO_DATA:
            return
        length = self.uint()
        if kind == _TUPLE:
            for _ in range(length):
                self.constant()
            return
        if kind in _STRINGS:
            self.texts.append((self.at, length))
            length += 1
        self.at += length

    def function(self) -> Function:
        """Read a function. ValueError: it is machine code, but not one in viper that stands alone."""
        head = self.uint()
        found = Function(self.at, head >> 3, kind=head & 3)
        self.at += found.length
        if found.kind != BYTECODE:
            found.flags = self.uint()
            if head & 7 != VIPER or found.flags & _NEEDS:
                raise ValueError("machine code that needs more than itself")
        if head & 4:
            found.children = [self.function() for _ in range(self.uint())]
        return found


@dataclass
class Mpy:
    """What a .mpy has, by offsets in `code`."""

    code: bytes
    stock: list[bool]
    """Of each name, whether it is a number that every MicroPython has."""
    texts: list[tuple[int, int]]
    begin: int
    """Where the module begins, its head included."""
    module: Function


def read(code: bytes) -> Mpy:
    """Read a .mpy. ValueError: it is of another version, or has machine code that needs more than itself."""
    if code[:2] != b"M\x06":
        raise ValueError("another version of .mpy")
    reader = Reader(code, 4)
    names, constants = reader.uint(), reader.uint()
    stock = [reader.name() for _ in range(names)]
    for _ in range(constants):
        reader.constant()
    begin = reader.at
    return Mpy(code, stock, reader.texts, begin, reader.function())


def rebuilt(mpy: Mpy, change: Callable[[Function, bytes], bytes]) -> bytes:
    """Return a .mpy in which the code of each function is what `change` makes of it.

    Machine code begins at a multiple of 4: numbers before it are spelt longer.
    """
    out = bytearray(mpy.code[: mpy.begin])

    def put(function: Function) -> None:
        data = change(function, mpy.code[function.offset : function.offset + function.length])
        head = spelt(len(data) << 3 | bool(function.children) << 2 | function.kind)
        if function.kind != BYTECODE:
            head = bytes([0x80]) * (-(len(out) + len(head)) % 4) + head
        out.extend(head + data)
        if function.kind != BYTECODE:
            out.extend(spelt(function.flags))
        if function.children:
            out.extend(spelt(len(function.children)))
        for child in function.children:
            put(child)

    put(mpy.module)
    return bytes(out)


def spelt(value: int) -> bytes:
    """Return a number as it is written in a .mpy."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))
