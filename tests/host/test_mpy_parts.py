"""Where functions and texts of a .mpy lie, and that blocks of littlefs cut few (flash/mpy_parts.py)."""

import subprocess
import sys
from pathlib import Path

import pytest
from keiki_host import board_data
from keiki_host.flash import app_files
from keiki_host.flash.mpy_parts import FILLING, cuts_of, module_of, parts_of, placed

from tests.host.mpy_sample import FUNCTIONS, compiled

SOURCE = (
    """
NAMES = ("a text of a tuple", 1, None, (2.5, b"bytes", 1 << 70))
"""
    + FUNCTIONS
    + """
print(outer(1, 2)(3), list(Counter(5).up(4)), NAMES[3][2] == 1 << 70)
"""
)


def cut(code: bytes) -> list[bytes]:
    """What of a file lies in two blocks."""
    cuts = cuts_of(len(code))
    found = [(at, at + length) for at, length in parts_of(code)]
    return [code[begin:end] for begin, end in found if any(begin < at < end for at in cuts)]


def test_functions_and_texts_are_where_they_are_said_to_be(tmp_path: Path) -> None:
    code = compiled(tmp_path, SOURCE, "-s", "aB", "-O3")
    found = [code[at : at + length] for at, length in parts_of(code)]
    assert found[:2] == [b"a text of a tuple", b"bytes"]
    # outer and inner, the class and its methods; the last byte of each returns
    assert len(found) == 7 and all(data[-1] == 0x63 for data in found[2:])
    assert [len(child.children) for child in module_of(code).children] == [1, 2]


def test_blocks_begin_with_a_pointer_for_each_power_of_two() -> None:
    assert cuts_of(4096 + 1) == [0, 4096, 8188]
    assert cuts_of(17000) == [0, 4096, 8188, 12276, 16368, 20452]


def test_a_placed_file_does_the_same_and_less_of_it_is_cut(tmp_path: Path) -> None:
    long = "".join(f"def f{i}(a):\n    return [a, {i}, 'a text with number {i}']\n" for i in range(200))
    plain = compiled(tmp_path, long + f"T = '{'x' * 60}' * 2\n" + SOURCE, "-s", "aB", "-O3")
    code = placed(plain)
    assert 0 <= len(code) - len(plain) < 130
    assert sum(map(len, cut(code))) < sum(map(len, cut(plain)))
    assert sorted(code[at : at + n] for at, n in parts_of(code)) == sorted(
        plain[at : at + n] for at, n in parts_of(plain)
    )
    (tmp_path / "meter.mpy").write_bytes(code)
    ran = subprocess.run(
        [Path(sys.executable).with_name("micropython"), "-c", "import meter; meter.f7(1).none"],
        env={"MICROPYPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ran.stdout.split("\n")[0] == "[1, 2, 3, 3, 5, 4] [5, 6, 8, 11] True", ran.stderr


def test_a_small_file_and_machine_code_stay_as_they_are(tmp_path: Path) -> None:
    small = compiled(tmp_path, SOURCE, "-s", "aB", "-O3")
    assert placed(small) == small
    machine = compiled(
        tmp_path, "@micropython.viper\ndef f(x: int) -> int:\n    return x\n", "-s", "aB", "-march=armv6m"
    )
    assert placed(machine) == machine
    python = compiled(tmp_path, "@micropython.native\ndef f(x):\n    return x\n", "-s", "aB", "-march=armv6m")
    assert placed(python) == python
    with pytest.raises(ValueError, match="machine code"):
        module_of(python)


def test_a_board_s_traceback_is_told_whatever_the_name_of_a_file_was_made() -> None:
    board = board_data.load("rp2_picow_bl0942")
    names = app_files.names(board)
    short = next(short for short, path in names.files.items() if path == "keiki/core.py")
    told = app_files.tracebacks(board).told(f'  File "{short}{FILLING * 40}", line 1, in chdir')
    assert told.startswith('  File "keiki/core.py", line 1, in ')
    core = app_files.code(board)["keiki/core.mpy"]
    assert short.encode() + FILLING.encode() in core[:16] or short.encode() + b"\0" in core[:16]
