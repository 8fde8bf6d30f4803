"""Classes that do not know what they are called, nor in which module: two entries less in the table of each.

Every class begins with these two, and MicroPython has the name of a class elsewhere: its texts, and those of
its objects and exceptions, are as before. `__module__` and `__qualname__` are gone.

Document: MicroPython's py/compile.c (compile_scope), py/bc0.h, py/bc.h (the prelude, lines).
"""

from collections.abc import Iterable

from keiki_host.bench.mpy_file import BYTECODE, Reader, read, rebuilt

_LOAD_NAME, _STORE_NAME, _LOAD_TEXT = 0x11, 0x16, 0x10
_BEGIN = (_LOAD_NAME, _STORE_NAME, _LOAD_TEXT, _STORE_NAME)
"""`__module__ = __name__; __qualname__ = "C"`: code of no function loads names so, that of a module may."""


def nameless(code: bytes) -> bytes:
    """Return a .mpy without that; one that cannot be read as it is."""
    try:
        mpy = read(code)
    except (ValueError, IndexError):
        return code
    return rebuilt(
        mpy,
        lambda function, data: (
            data if function is mpy.module or function.kind != BYTECODE else _shorter(data, mpy.stock)
        ),
    )


def _shorter(data: bytes, stock: list[bool]) -> bytes:
    """Return the code of a class without its beginning; of anything else as it is."""
    reader = Reader(data)
    reader.uint()  # what it needs of the stack
    sizes = reader.at
    info = 0
    for n in range(len(data)):
        byte = data[reader.at]
        reader.at += 1
        info |= (byte & 0x7E) >> 1 << 6 * n
        if byte < 0x80:
            break
    cells = sum((byte & 1) << n for n, byte in enumerate(data[sizes : reader.at]))
    infos = reader.at
    begin = infos + info + cells
    reader.at = begin
    names = []
    for operation in _BEGIN:
        if reader.at >= len(data) or data[reader.at] != operation:
            return data
        reader.at += 1
        names.append(reader.uint())
    if not (stock[names[0]] and stock[names[1]] and stock[names[3]]):
        return data
    end = reader.at
    reader.at = infos
    reader.uint()  # its name
    lines = _lines_without(data[reader.at : infos + info], end - begin)
    return data[: reader.at] + bytes(lines) + data[infos + info : begin] + data[end:]


def _lines_without(info: Iterable[int], gone: int) -> list[int]:
    """Return what tells the lines of code whose first `gone` bytes are no more.

    Each step of it is a number of bytes and of lines.
    """
    found = list(info)
    at = 0
    while at < len(found):
        wide = found[at] >= 0x80
        taken = min(gone, found[at] & (0x0F if wide else 0x1F))
        found[at] -= taken
        gone -= taken
        at += 2 if wide else 1
    return found
