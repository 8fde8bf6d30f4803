"""docs/on-target.md: its program works, and its commands are those that there are."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "on-target.md").read_text()


def test_its_program_tells_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    [program] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(program, {})
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1 and said[0].startswith('  File "') and "chdir" not in said[0]


def test_without_an_image_and_a_board_its_command_skips_and_says_why() -> None:
    images = re.findall(r"^(\w+)=\S+ pytest tests/ontarget ", TEXT, re.MULTILINE)
    assert len(images) == 2
    assert "\npytest tests/ontarget --device /dev/ttyACM0" in TEXT
    env = {name: value for name, value in os.environ.items() if name not in images}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/ontarget", "-rs", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode in (0, 5), done.stdout + done.stderr
    assert all(f"{image} names no MicroPython image" in done.stdout for image in images)
    assert "failed" not in done.stdout


def test_its_targets_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`make (\w+)`", TEXT))
    assert targets and all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
