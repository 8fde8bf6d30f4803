"""The hal of real boards runs under MicroPython, on modules that stand in for those of the chips."""

import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
HAL = TESTS / "board_hal"


@pytest.mark.parametrize("path", sorted(HAL.glob("hal_*.py")), ids=lambda path: path.stem)
def test_the_hal_of_boards_does_what_it_says(
    path: Path, tmp_path: Path, micropython: str, mpy_env: dict[str, str]
) -> None:
    done = subprocess.run(
        [micropython, "-X", "heapsize=512wK", str(TESTS / "pure" / "run.py"), str(path)],
        env={**mpy_env, "MICROPYPATH": f"{HAL}:{mpy_env['MICROPYPATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
