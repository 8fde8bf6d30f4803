"""docs/device.md says what the console does: its operations, the limits of a line and of an answer."""

import re
from pathlib import Path

from keiki.meter import console
from keiki_host.bench.console import PATH_MAX
from keiki_host.device_command import PAGE

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "device.md").read_text()


def test_the_operations_are_those_of_the_firmware() -> None:
    cells = re.findall(r"^\| (`[^|]+`) \|", TEXT, re.MULTILINE)
    told = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert len(told) == len(set(told))
    assert set(told) == {name.removeprefix("op_") for name in dir(console.Console) if name.startswith("op_")}


def test_the_limits_are_those_of_the_code() -> None:
    assert f"A line has {console.LINE_MAX} bytes at most" in TEXT
    assert f"`most`: 1 to {console.EVENTS_MAX}" in TEXT and console.EVENTS_MAX == PAGE
    assert f"longer than {PATH_MAX} bytes" in TEXT
