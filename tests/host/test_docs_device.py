"""docs/device.md says what the console does, its limits, and commands that work."""

import io
import re
import shlex
import sys
from pathlib import Path

import pytest
from keiki.meter import console
from keiki_host import cli
from keiki_host.bench.console import PATH_MAX
from keiki_host.device_command import PAGE
from keiki_host.headend.keys import make_key_file
from keiki_host.provision import sealed

from tests.host.fake_meter import on_socket
from tests.host.test_device_backup import SECRET, Board

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


def test_its_commands_for_boards_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wifi-password.txt").write_text("12345678\n")
    make_key_file(tmp_path / "keiki-headend.key")
    record, held = tmp_path / "keiki-meters" / "A0000001.sealed", {"serial": "A0000001", **SECRET}
    sealed.write(record, tmp_path / "keiki-headend.key", "A0000001", held, new=True)
    meter = Board(1_000_000, serial="A0000001")
    # all others run on a bench: tests/process/test_device.py
    commands = re.findall(r"^keiki (device (?:wifi|backup|restore) .*)$", TEXT, re.MULTILINE)
    with on_socket(tmp_path / "console", meter) as url:
        monkeypatch.setenv("KEIKI_METER", url)
        for command in commands:
            words, _, typed = command.partition("#")[0].partition("<")
            file = tmp_path / typed.strip()
            monkeypatch.setattr(sys, "stdin", io.StringIO(file.read_text() if typed.strip() else "y\n"))
            monkeypatch.setattr(sys, "argv", ["keiki", *shlex.split(words)])
            with pytest.raises(SystemExit) as ended:
                cli.main()
            assert not ended.value.code, (command, capsys.readouterr().err)
    assert len(commands) == 3 and meter.restarts == 1
    assert {"op": "wifi", "ssid": "NETWORK", "password": "12345678"} in meter.asked
