"""`keiki fleet`: wrong input is one line, and nothing is left behind when it ends."""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from keiki_host.cli import main

from tests.fleet.stage import Program, free_port


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out", "nowhere"], "out: nowhere is not a folder"),
        (["--push-to", "4059"], "push-to: 4059: not HOST:PORT"),
        (["--ports", "127.0.0.1:65500", "--meters", "100"], "ports: 100 do not fit above 65500"),
        (["--meters", "2", "--processes", "3"], "processes: more than 2 meters"),
        (["--outages", "none.toml"], "outages: none.toml: No such file or directory"),
        (["--start", "yesterday"], "start: 'yesterday' is neither"),
        (["--meters", "0"], "--meters"),
    ],
)
def test_wrong_input_is_one_line_and_code_2(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet").mkdir()
    monkeypatch.setattr(sys, "argv", ["keiki", "fleet", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    errors = capsys.readouterr().err
    assert ended.value.code == 2 and told in errors and errors.count("\n") == 1


def test_a_port_that_is_taken_is_one_line_and_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["keiki", "fleet", "--meters", "1", "--ports", f"127.0.0.1:{port}"])
        with pytest.raises(SystemExit) as ended:
            main()
    errors = capsys.readouterr().err
    assert ended.value.code == 1 and f"port 127.0.0.1:{port}: " in errors and errors.count("\n") == 1
    assert not (tmp_path / "fleet" / "meters.json").exists()


def test_when_it_is_killed_no_process_of_it_is_left(tmp_path: Path) -> None:
    (tmp_path / "fleet").mkdir()
    words = (
        "--meters",
        "3",
        "--processes",
        "2",
        "--ports",
        "127.0.0.1:0",
        "--push-to",
        f"127.0.0.1:{free_port()}",
    )
    fleet = Program(tmp_path, dict(os.environ), "fleet", *words)
    ready = fleet.line()
    assert ready["meters"] == 3 and len(ready["logs"]) == 2
    assert list(fleet.line()) == ["clock"]
    meters = json.loads((tmp_path / "fleet" / "meters.json").read_text())["meters"]
    ports = [int(meter["address"].rpartition(":")[2]) for meter in meters]
    with socket.create_connection(("127.0.0.1", ports[2])):
        pass
    fleet.end(signal.SIGKILL)
    end_s = time.monotonic() + 30
    while any(_answers(port) for port in ports):
        assert time.monotonic() < end_s, "a process of it is still there"


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False
