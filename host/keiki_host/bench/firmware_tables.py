"""Tables of names behind which nothing stays in the heap by mistake.

MicroPython keeps a module's constants behind its names, in one piece of memory. If a module has none, and
its names fill that piece, where its constants begin is where something else does: for the collector that is
in use for ever. It has been the code of a whole module, of 3 KB.

Document: MicroPython's py/bc.h (mp_module_context_alloc_tables), py/gc.h.
"""

from keiki_host.bench.mpy_file import Reader, spelt

_FILLS = ((4, 8), (8, 16))
"""For words of 32 and of 64 bits: bytes of a word, and how many names fill a block of the heap."""
_NO_NAME = b"\x03"
"""The empty text, a number that every MicroPython has."""


def roomy(code: bytes) -> bytes:
    """Return a .mpy whose names leave room behind them, if it has no constants."""
    reader = Reader(code, 4)
    names, constants = reader.uint(), reader.uint()
    if constants:
        return code
    begin = reader.at
    for _ in range(names):
        reader.name()
    more = 0
    while any(_fills(names + more, *sizes) for sizes in _FILLS):
        more += 1
    counts = spelt(names + more) + spelt(0)
    return code[:4] + counts + code[begin : reader.at] + _NO_NAME * more + code[reader.at :]


def _fills(names: int, word: int, block: int) -> bool:
    return -(-names // (word // 2)) * (word // 2) % block == 0
