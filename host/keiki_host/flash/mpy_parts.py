"""Where the functions and texts of a .mpy lie in its file, and a file in which few of them are cut in two.

On a board without ROMFS they are used where they lie in flash (hal/rp2_moves.py), but for what lies in two
blocks of the file: that stays in the heap. A longer name of the file moves all that is behind it.

Document: MicroPython's py/persistentcode.c, .mpy version 6; littlefs SPEC.md (skip-lists).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

BLOCK = 4096
LEAST = 6
"""What is shorter stays in the heap."""
FILLING = "_"
"""What names of files are made longer with."""
_MOST = 128
_HEAP_BLOCK = 16
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
        self.texts: list[tuple[int, int]] = []

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
            return
        if kind in _STRINGS:
            self.texts.append((self.at, length))
            length += 1
        self.at += length

    def function(self) -> Function:
        head = self.uint()
        if head & 3:
            raise ValueError("machine code")
        found = Function(self.at, head >> 3)
        self.at += found.length
        if head & 4:
            found.children = [self.function() for _ in range(self.uint())]
        return found


def _read(code: bytes) -> tuple[Function, list[tuple[int, int]]]:
    if code[:2] != b"M\x06" or code[2] & ~3:
        raise ValueError("machine code, or another version of .mpy")
    reader = _Reader(code)
    names, constants = reader.uint(), reader.uint()
    for _ in range(names):
        reader.qstr()
    for _ in range(constants):
        reader.constant()
    return reader.function(), reader.texts


def module_of(code: bytes) -> Function:
    """Return the code of a .mpy. ValueError: it has machine code, or is of another version."""
    return _read(code)[0]


def parts_of(code: bytes) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of a .mpy's texts, and of its functions but its own. ValueError as above."""
    module, texts = _read(code)
    yield from texts
    waiting = list(module.children)
    while waiting:
        function = waiting.pop()
        yield function.offset, function.length
        waiting += function.children


def cuts_of(size: int) -> list[int]:
    """Where littlefs cuts a file into blocks: each begins with a pointer per power of two in its number."""
    found, number = [0], 0
    while found[-1] < size:
        found.append(found[-1] + BLOCK - 4 * (number & -number).bit_length())
        number += 1
    return found


def placed(code: bytes) -> bytes:
    """Return a .mpy with the name of its file so long that least of it stays in the heap; one of machine code
    as it is."""
    try:
        parts = [part for part in parts_of(code) if part[1] >= LEAST]
    except ValueError:
        return code
    reader = _Reader(code)
    reader.uint(), reader.uint()
    begin = reader.at
    length = reader.uint()
    if length & 1:  # a name that MicroPython has
        return code
    name = code[reader.at : reader.at + (length >> 1)]
    cuts = cuts_of(len(code) + _MOST)
    costs = []
    for more in range(_MOST):
        head = _name(name + FILLING.encode() * more)
        shift = len(head) - (reader.at - begin) - len(name) - 1
        stays = sum(
            -(-size // _HEAP_BLOCK) * _HEAP_BLOCK
            for offset, size in parts
            if any(offset + shift < cut < offset + shift + size for cut in cuts)
        )
        costs.append((stays + shift, more, head))
    head = min(costs)[2]
    return code[:begin] + head + code[reader.at + len(name) + 1 :]


def _name(text: bytes) -> bytes:
    size = len(text) << 1
    spelt = bytes([size]) if size < 128 else bytes([size >> 7 | 128, size & 127])
    return spelt + text + b"\0"
