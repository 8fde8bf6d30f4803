"""`keiki device` on the console of a real bench."""

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from keiki_host.device import parse_url
from keiki_host.device_backup import read_file

from tests.bench_process import KEIKI, BenchProcess, until
from tests.conformance.desk import own_address

START_MS = 1_781_146_790_000
LOAD = ("--load", "constant:1300W", "--start", "2026-06-11T11:59:50+09:00")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with BenchProcess(*LOAD, "--udp4", own_address()) as bench:
        yield bench.ready["meters"][0]["console"]


def device(url: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run `keiki device`."""
    command = [KEIKI, "device", *arguments, "--meter", url]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def says(url: str, *arguments: str, stdin: str = "") -> str:
    """What it prints; it must succeed."""
    done = device(url, *arguments, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_meter_tells_its_state(url: str) -> None:
    status = json.loads(says(url, "status", "--json"))
    assert START_MS <= status["utc_ms"] < START_MS + 600_000
    assert status["ic_answers"] is True and 60_000 < status["import_wh_x1000"] < 300_000
    assert "metering IC" in says(url, "status")


def test_a_setting_is_changed_and_a_wrong_one_is_not(url: str) -> None:
    assert says(url, "config", "digits", "8") == "digits: 8, holds now\n"
    assert says(url, "config", "digits") == "digits  8\n"
    done = device(url, "config", "digits", "9")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "keiki: config: digits: not in 1..8\n"
    assert json.loads(says(url, "config", "--json"))["digits"] == 8


def test_a_backup_has_what_a_real_meter_keeps_and_no_secret(url: str, tmp_path: Path) -> None:
    assert "events and" in says(url, "backup", str(tmp_path / "b"), "--days", "1")
    backup = read_file(tmp_path / "b")
    assert len(backup["half_hours"]["rows"]) == 48 and backup["events"]
    assert backup["status"]["import_wh_x1000"] > 60_000 and "dlms_ek" not in backup["settings"]
    assert json.loads(says(url, "logs", "--json"))["ic"]


def test_a_secret_goes_in_and_never_out(url: str) -> None:
    assert "CHANGED00000" not in says(url, "config", "route_b_password", stdin="CHANGED00000\n")
    everything = says(url, "config") + says(url, "config", "--json")
    assert "CHANGED00000" not in everything and "route_b" not in everything


def test_a_reader_that_goes_away_is_no_traceback(url: str) -> None:
    command = f"{KEIKI} device config --meter {url} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def events(url: str) -> list[dict[str, Any]]:
    """The whole event log."""
    return [json.loads(line) for line in says(url, "events", "--json").splitlines()]


def test_the_events_of_the_first_start_are_there(url: str) -> None:
    first, second = events(url)[:2]
    assert {first["kind"], second["kind"]} == {"power_up", "clock_set"}
    table = says(url, "events").splitlines()
    assert re.fullmatch(r"2026-06-11 11:5\d:\d\d  meter started +power came +1  nothing on flash", table[2])
    assert re.match(r"2026-06-11 11:5\d:\d\d  clock set +clock chip +1  2", table[1])


def test_what_is_changed_is_an_event_in_words(url: str) -> None:
    before = len(events(url))
    says(url, "config", "push_delay_s", "7")
    done = device(url, "set-register", "export", "1234", stdin="y\n")
    assert (done.returncode, done.stdout) == (0, "export: 0 Wh -> 1,234 Wh\n")
    assert done.stderr == "KEIKI0000001: set export from 0.000 Wh to 1,234 Wh? [y/N] "
    assert json.loads(says(url, "status", "--json"))["export_wh_x1000"] == 1_234_000
    utc_s = json.loads(says(url, "status", "--json"))["utc_ms"] // 1000 + 30
    said = says(url, "set-clock", datetime.fromtimestamp(utc_s, UTC).isoformat())
    assert re.fullmatch(r"the clock is being corrected little by little: \+[123]\d\.\d{3} s\n", said)
    says(url, "factory-reset", "--yes")
    rows = [re.split(" {2,}", line)[1:] for line in says(url, "events").splitlines()[before + 1 :]]
    assert [row[0] for row in rows] == [
        "setting changed",
        "register set",
        "clock corrected little by little",
        "settings back to their defaults",
    ]
    assert [row[1] for row in rows[:3]] == ["push_delay_s", "export", "host tool"]
    assert rows[1][-1] == "0.000 Wh -> 1,234.000 Wh"
    assert re.fullmatch(r"2026-06-11 \S+ -> 2026-06-11 \S+ \(\+[123]\d\.\d{3} s\)", rows[2][-1])
    assert says(url, "config", "push_delay_s") == "push_delay_s  7\n"


HOSTILE = [
    b"\n", b"\x00\xff\xfe\n", b"[]\n", b"null\n", b'"status"\n', b"[" * 1000 + b"\n", b"x" * 60_000 + b"\n",
    b'{"op": null}\n', b'{"op": "__init__"}\n', b'{"op": "answer"}\n', b'{"op": "set"}\n',
    b'{"op": "set", "values": 7}\n', b'{"op": "set", "values": {"digits": 1e400}}\n',
    b'{"op": "set", "values": {"serial": "\\ud800"}}\n', b'{"op": "set_clock", "utc_ms": "noon"}\n',
    b'{"op": "set_register", "register": "import", "wh": -1}\n', b'{"op": "events", "most": "x"}\n',
    b'{"op": "events", "before": 1e400}\n', b'{"op": "set_register", "register": "import", "wh": 1e400}\n',
    b'{"op": "set_clock", "utc_ms": -1e400}\n', b'{"op": "calibrate", "phases": [7]}\n',
]  # fmt: skip


def test_lines_that_are_wrong_get_the_firmwares_own_error(url: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock, sock.makefile("rb") as answers:
        sock.settimeout(30)
        sock.connect(parse_url(url)[1])
        for line in HOSTILE:
            sock.sendall(line)
            assert json.loads(answers.readline()).keys() == {"error"}, line
        sock.sendall(b'{"op": "status"}\n')
        assert "ok" in json.loads(answers.readline())


def test_what_is_set_stays_over_a_restart_and_a_factory_reset_undoes_it() -> None:
    with BenchProcess(*LOAD, "--udp4", own_address(), "--speed", "10", restarts=True) as bench:
        url = bench.ready["meters"][0]["console"]
        password = bench.ready["meters"][0]["route_b"]["password"]
        says(url, "config", "digits", "8")
        says(url, "set-register", "import", "5000", "--yes")
        assert says(url, "restart") == "it starts again now\n"
        until(lambda: [event["kind"] for event in events(url)].count("power_up") == 2, "it has started again")
        assert says(url, "config", "digits") == "digits  8\n"
        status = json.loads(says(url, "status", "--json"))
        assert 5_000_000 <= status["import_wh_x1000"] < 6_000_000 and not status["clock_unsure"]
        assert re.search(
            r"meter started +restart as asked +2 +newest on flash: 2026-06-11 1", says(url, "events")
        )
        says(url, "factory-reset", "--yes")
        says(url, "restart")
        until(lambda: [event["kind"] for event in events(url)].count("power_up") == 3, "and again")
        assert says(url, "config", "digits") == "digits  6\n"
        assert json.loads(says(url, "status", "--json"))["import_wh_x1000"] >= 5_000_000
        assert password not in says(url, "config", "--json")


def test_the_commands_of_the_documentation_work_as_they_stand(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "device.md").read_text()
    export, commands = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert export.startswith("export KEIKI_METER=unix:///PATH ")
    (tmp_path / "password.txt").write_text("CHANGED00000\n")
    with BenchProcess(*LOAD, "--udp4", own_address(), restarts=True) as bench:
        url = bench.ready["meters"][0]["console"]
        env = {**os.environ, "PATH": f"{Path(KEIKI).parent}:{os.environ['PATH']}", "KEIKI_METER": url}
        typed = [line.partition("#")[0].strip() for line in commands.splitlines()]
        assert len(typed) >= 9 and all(line.startswith("keiki device ") for line in typed)
        # a backup is given to another board, and a bench has no radio: tests/host/test_docs_device.py
        for line in (line for line in typed if " restore " not in line and " wifi " not in line):
            done = subprocess.run(
                ["sh", "-c", line],
                cwd=tmp_path,
                env=env,
                input="y\n",
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0 and done.stdout, (line, done.stderr)
        until(lambda: [event["kind"] for event in events(url)].count("power_up") == 2, "it has started again")


def test_what_is_set_stays_when_the_bench_starts_anew_and_its_ready_line_knows(tmp_path: Path) -> None:
    options = (*LOAD, "--state", str(tmp_path))
    with BenchProcess(*options, "--udp4", own_address()) as bench:
        url = bench.ready["meters"][0]["console"]
        assert url == f"unix://{tmp_path}/keiki-1/console"
        says(url, "config", "digits", "8")
        says(url, "config", "route_b_password", stdin="CHANGED00000\n")
    with BenchProcess(*options, "--udp4", own_address()) as bench:
        assert bench.ready["meters"][0]["route_b"]["password"] == "CHANGED00000"
        assert says(url, "config", "digits") == "digits  8\n"
        says(url, "factory-reset", "--yes")
    with BenchProcess(*options, "--udp4", own_address()) as bench:
        assert bench.ready["meters"][0]["route_b"]["password"] == "CHANGED00000"
        assert says(url, "config", "digits") == "digits  6\n"
        kinds = [event["kind"] for event in events(url)]
        assert kinds.count("power_up") == 3 and kinds.count("setting_changed") == 2
