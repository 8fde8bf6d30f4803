"""The size of what a board is given, and what it takes of the heap, kept in boards/sizes.toml.

`make sizes` prints the figures and writes the file anew, rounded up to 100 bytes. More than 2 % above that is
a failure. The heap is that of the unix port, with words of 64 bits: a board's is smaller. The
hal is loaded on tests/board_hal.
"""

import os
import platform
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from keiki_host import board_data, romfs
from keiki_host.bench.firmware_compile import compiled
from keiki_host.bench.firmware_image import NATIVE
from keiki_host.flash import app_files

ROOT = Path(__file__).resolve().parents[2]
BUDGET = ROOT / "boards" / "sizes.toml"
MORE = 1.02
HEAP = "4M"
MEASURED = ("rp2_pico_bl0942", "rp2_picow_bl0942", "esp32_devkit_atm90e32")
"""Boards whose heap `make sizes` measures."""


def mpy_bytes(name: str) -> int:
    """What the .mpy of a board have together."""
    return sum(len(code) for code in app_files.code(board_data.load(name)).values())


def heap_bytes(name: str, folder: Path) -> tuple[dict[str, int], dict[str, int]]:
    """What each module takes, from files and from a ROMFS."""
    board = board_data.load(name)
    native = NATIVE.get(platform.machine())
    sources, flags = app_files.sources(board), app_files.flags_of(board)
    files = compiled(sources, native, flags, always=app_files.always(board)).files
    for path, code in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(code)
    image = folder / "rom.img"
    image.write_bytes(romfs.build(files))
    modules = ["board", "keiki.core", f"keiki.hal.{board.port}"]
    if board.wifi:
        modules += ["keiki.aroute", "keiki.hal.lwip", "keiki.hal.wifi"]
    return _imported(folder, modules), _imported(image, modules)


def _imported(path: Path, modules: list[str]) -> dict[str, int]:
    done = subprocess.run(
        [Path(sys.executable).with_name("micropython"), "-X", f"heapsize={HEAP}", ROOT / "tests/size/heap.py",
         path, *modules],
        env={**os.environ, "MICROPYPATH": f"{ROOT / 'tests/board_hal'}:.frozen"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()}


def budget() -> dict[str, dict[str, int]]:
    return tomllib.loads(BUDGET.read_text())


def test_every_board_has_a_budget() -> None:
    assert list(budget()) == board_data.names()


@pytest.mark.parametrize("name", board_data.names())
def test_the_code_of_a_board_is_not_larger_than_it_was(name: str) -> None:
    assert mpy_bytes(name) <= budget()[name]["mpy"] * MORE


def test_the_code_of_a_board_takes_no_more_of_the_heap_than_it_did(tmp_path: Path) -> None:
    name = "rp2_picow_bl0942"  # one of them: the others are made of the same
    files, rom = heap_bytes(name, tmp_path)
    row = budget()[name]
    assert sum(files.values()) <= row["heap"] * MORE and sum(rom.values()) <= row["heap_romfs"] * MORE


def _budgeted(value: int) -> int:
    return -(-value // 100) * 100


def write() -> None:
    """Print the figures, and write the budget anew."""
    import tempfile

    rows = [
        "# What each board is given, in bytes: see tests/size/test_sizes.py. `make sizes` writes this file.\n"
    ]
    for name in board_data.names():
        row = {"mpy": mpy_bytes(name)}
        print(f"{name}: {row['mpy']:,} bytes of .mpy")
        if name in MEASURED:
            with tempfile.TemporaryDirectory() as folder:
                files, rom = heap_bytes(name, Path(folder))
            row.update(heap=sum(files.values()), heap_romfs=sum(rom.values()))
            for module in files:
                print(f"  {module:32} {files[module]:>8,} {rom[module]:>8,} with ROMFS")
            print(f"  {'heap':32} {row['heap']:>8,} {row['heap_romfs']:>8,} with ROMFS")
        rows += [f"\n[{name}]\n", *(f"{key} = {_budgeted(value)}\n" for key, value in row.items())]
    BUDGET.write_text("".join(rows))


if __name__ == "__main__":
    write()
