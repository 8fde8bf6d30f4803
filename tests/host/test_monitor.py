"""`keiki monitor` and `keiki read` as people start them, on a meter played by the test."""

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench_process import KEIKI, until
from tests.host.fake_meter import FakeMeter, on_pty, on_socket

STATUS = {
    "serial": "KEIKI0000001",
    "utc_ms": 1_781_149_200_000,
    "import_wh_x1000": 1_500,
    "export_wh_x1000": 0,
}
PHASE = {
    "voltage_v_x100": 10_000,
    "current_ma": 6_500,
    "power_w_x10": 6_500,
    "power_factor_x1000": 1_000,
    "frequency_hz_x100": None,
}
CONTROLS = re.compile(r"\x1b\[[?\d;]*[a-zA-Z]")
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def meter() -> FakeMeter:
    """A meter with 650 W on each of two phases."""
    return FakeMeter(status=STATUS, reading={"ic": "bl0942", "phases": [PHASE, PHASE]})


class Terminal:
    """A command on a terminal of its own, and all that it has written there."""

    def __init__(self, *command: str) -> None:
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "250"}
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env)
        os.close(slave)
        self._written = b""

    @property
    def raw(self) -> str:
        """Everything, with its control sequences."""
        try:
            while data := os.read(self._master, 65536):
                self._written += data
        except OSError:  # nothing more now, or ever
            pass
        return self._written.decode(errors="replace")

    def shows(self, text: str, times: int = 1) -> None:
        """Wait until it has shown a text so often."""
        until(lambda: CONTROLS.sub("", self.raw).count(text) >= times, f"{times} x {text!r}")

    def interrupt(self) -> int:
        """Ctrl-C; returns the status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    """`keiki ...` on a terminal."""
    shown = Terminal(KEIKI, *arguments)
    try:
        yield shown
    finally:
        shown.close()


def test_a_person_sees_it_live_is_told_when_the_meter_is_away_and_when_it_is_back(tmp_path: Path) -> None:
    path, played = tmp_path / "console", meter()
    with on_socket(path, played) as url, terminal("monitor", "--meter", url, "--every", "0.1") as shown:
        shown.shows("KEIKI0000001  2026-06-11 12:40:00  1,300.0 W ██", 3)
        played.answers.pop("status")
        shown.shows(f"{url}: op: no such operation; trying again", 2)
        said = shown.raw.count("1,300.0 W")
        played.answers["status"] = {**STATUS, "import_wh_x1000": 987_654}
        shown.shows("0.987654 kWh")
        assert shown.raw.count("1,300.0 W") > said
        assert shown.interrupt() == 0
        assert shown.raw.count(HIDE_CURSOR) == shown.raw.count(SHOW_CURSOR) == 1
        assert "Traceback" not in shown.raw and "keiki:" not in shown.raw


def test_a_meter_whose_line_ends_is_connected_again(tmp_path: Path) -> None:
    played, asked = meter(), [0]

    def talk(line: bytes) -> bytes | None:
        asked[0] += 1
        return None if asked[0] % 5 == 0 else played(line)

    with on_socket(tmp_path / "console", talk) as url:
        monitor = subprocess.Popen(
            (KEIKI, "monitor", "--json", "--every", "0.1", "--meter", url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert monitor.stdout is not None
        readings: list[dict[str, Any]] = [json.loads(monitor.stdout.readline()) for _ in range(6)]
        monitor.send_signal(signal.SIGINT)
        _, complaints = monitor.communicate(timeout=30)
    assert monitor.returncode == 0 and {reading["power_w"] for reading in readings} == {1300.0}
    lines = complaints.splitlines()
    assert 2 <= len(lines) <= 4 and set(lines) == {f"keiki: {url}: the meter is gone; trying again"}


def test_a_reader_of_the_output_that_goes_away_ends_it_without_a_word(tmp_path: Path) -> None:
    with on_socket(tmp_path / "console", meter()) as url:
        monitor = subprocess.Popen(
            (KEIKI, "monitor", "--json", "--every", "0.1", "--meter", url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert monitor.stdout is not None and monitor.stderr is not None
        json.loads(monitor.stdout.readline())
        monitor.stdout.close()
        assert monitor.wait(30) == 1 and monitor.stderr.read() == ""
        monitor.stderr.close()


def test_a_meter_on_a_serial_port_is_read_between_what_others_write_there() -> None:
    played = meter()
    with on_pty(lambda line: b"I (31) wifi:start\r\n" + played(line)) as url:
        done = subprocess.run(
            (KEIKI, "read", "--json", "--meter", url), capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["import_wh_x1000"] == 1_500 and said["phases"][1]["voltage_v"] == 100.0
    assert said["phases"][0]["frequency_hz"] is None and said["time"] == "2026-06-11T12:40:00+09:00"
