"""docs/metering-ics.md: its tables are those of the code, and its command runs."""

import re
import shlex
from pathlib import Path

import pytest
from keiki_host.bench import options
from keiki_host.bench.house import House

from tests.host.ic_sessions import documented

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "metering-ics.md").read_text()


def test_every_ic_and_its_board_is_there() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `boards/(\w+)` \|", TEXT, re.MULTILINE)
    assert dict(rows) == options.ICS and len(rows) == len(options.ICS)
    assert all((ROOT / "boards" / board / "board.py").exists() for _, board in rows)


@pytest.mark.parametrize("ic", options.ICS)
def test_every_ic_has_its_figures(ic: str) -> None:
    half_hour, month = documented(ic)
    assert 0 < month < 0.00005 and 0 < half_hour < 0.0005


def test_the_command_is_one() -> None:
    [line] = re.findall(r"^keiki bench (.*)$", TEXT, re.MULTILINE)
    words = shlex.split(line)
    asked = dict(zip(words[::2], words[1::2], strict=True))
    assert options.parse_ic(asked.pop("--ic")) == "atm90e32"
    assert House(asked.pop("--load")).phases == 2
    assert not asked
