"""Where the functions and texts of a .mpy lie in its file, and a file in which few of them are cut in two.

On a board without ROMFS they are used where they lie in flash (hal/rp2_moves.py), but for what lies in two
blocks of the file: that stays in the heap. A longer name of the file moves all that is behind it.

Document: MicroPython's py/persistentcode.c, .mpy version 6; littlefs SPEC.md (skip-lists).
"""

from collections.abc import Iterator

from keiki_host.bench.mpy_file import BYTECODE, Function, Reader, read, spelt

BLOCK = 4096
LEAST = 6
"""What is shorter stays in the heap."""
FILLING = "_"
"""What names of files are made longer with."""
_MOST = 128
_HEAP_BLOCK = 16


def module_of(code: bytes) -> Function:
    """Return the code of a .mpy. ValueError: it cannot be read (bench/mpy_file.py)."""
    return read(code).module


def parts_of(code: bytes) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of a .mpy's texts, and of its functions but its own. ValueError as above."""
    mpy = read(code)
    yield from mpy.texts
    for function in mpy.module.within():
        yield function.offset, function.length


def cuts_of(size: int) -> list[int]:
    """Where littlefs cuts a file into blocks: each begins with a pointer per power of two in its number."""
    found, number = [0], 0
    while found[-1] < size:
        found.append(found[-1] + BLOCK - 4 * (number & -number).bit_length())
        number += 1
    return found


def placed(code: bytes) -> bytes:
    """Return a .mpy with the name of its file so long that least of it stays in the heap.

    One with machine code stays as it is: that begins where it must.
    """
    try:
        parts = [part for part in parts_of(code) if part[1] >= LEAST]
        if any(function.kind != BYTECODE for function in module_of(code).within()):
            return code
    except ValueError:
        return code
    reader = Reader(code, 4)
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
    return spelt(len(text) << 1) + text + b"\0"
