"""`keiki read` and `keiki monitor` on a real bench, over the console and over both routes."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench_process import KEIKI, BenchProcess
from tests.conformance.desk import own_address

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reading.md"
LOAD = ("--load", "constant:1300W@pf0.9", "--start", "2026-06-11T11:59:50+09:00", "--history", "1")


@pytest.fixture(scope="module")
def meter() -> Iterator[dict[str, Any]]:
    with BenchProcess(*LOAD, "--udp4", own_address(), restarts=True) as bench:
        yield bench.ready["meters"][0]


@pytest.fixture(scope="module")
def a_route(meter: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The meter's URL on the A-route, with its keys in a file."""
    keys = meter["route_a"]["keys"]
    path = tmp_path_factory.mktemp("keys") / "meter.keys"
    path.touch(mode=0o600)
    path.write_text(f'ek = "{keys["ek"]}"\nak = "{keys["ak"]}"\n')
    return f"tcp://{meter['route_a']['tcp']}?keys={path}"


def b_route(meter: dict[str, Any]) -> str:
    """The meter's URL on UDP, asked from an address that no other test has."""
    return f"udp://{meter['route_b']['udp4']}?source={own_address()}"


def read(url: str, *options: str) -> dict[str, Any]:
    """What `keiki read --json` prints; it must succeed."""
    done = run("read", "--json", "--meter", url, *options)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **variables}
    return subprocess.run(
        [KEIKI, *arguments], capture_output=True, text=True, timeout=60, env=env, check=False
    )


def test_both_ways_read_the_same_meter(meter: dict[str, Any]) -> None:
    console, echonet = read(meter["console"]), read(b_route(meter))
    after = read(meter["console"])
    assert console["serial"] == echonet["serial"] == "KEIKI0000001"
    assert console["power_w"] == pytest.approx(1300, abs=5)
    assert echonet["power_w"] == pytest.approx(1300, abs=5)
    assert [phase["name"] for phase in console["phases"]] == ["R", "T"]
    for phase, coarse in zip(console["phases"], echonet["phases"], strict=True):
        assert phase["voltage_v"] == pytest.approx(100, rel=0.01)
        assert phase["power_factor"] == pytest.approx(0.9, abs=0.01)
        assert phase["frequency_hz"] == pytest.approx(50, abs=0.1)
        assert coarse["current_a"] == pytest.approx(phase["current_a"], abs=0.06)
    least, most = console["import_wh_x1000"], after["import_wh_x1000"]
    assert least // 100_000 * 100_000 <= echonet["import_wh_x1000"] <= most
    assert console["export_wh_x1000"] == echonet["export_wh_x1000"] == 0
    assert "half_hours" not in console and echonet["identity"]["release"] == "R"


def test_a_day_has_48_half_hours_and_those_to_come_have_no_data(meter: dict[str, Any]) -> None:
    console = read(meter["console"], "--day", "0")["half_hours"]
    echonet = read(b_route(meter), "--day", "0", "--route", "b")["half_hours"]
    assert len(console) == len(echonet) == 48
    assert console[0]["time"] == "2026-06-11T00:00:00+09:00"
    for fine, coarse in zip(console, echonet, strict=True):
        assert fine["time"] == coarse["time"]
        if fine["import_wh_x1000"] is not None:
            assert fine["import_wh_x1000"] // 100_000 * 100_000 == coarse["import_wh_x1000"]
    known = [row["import_wh_x1000"] for row in console if row["import_wh_x1000"] is not None]
    assert 24 <= len(known) <= 26 and known == sorted(known)
    assert console[40]["import_wh_x1000"] is None and echonet[40]["import_wh_x1000"] is None
    yesterday = read(meter["console"], "--day", "1")["half_hours"]
    assert yesterday[47]["time"] == "2026-06-10T23:30:00+09:00"
    assert yesterday[47]["import_wh_x1000"] < known[0]


def test_the_a_route_reads_what_the_console_reads(meter: dict[str, Any], a_route: str) -> None:
    console, cosem = read(meter["console"], "--day", "0"), read(a_route, "--route", "a", "--day", "0")
    after = read(meter["console"], "--day", "0")  # energy is booked, or a half-hour ends, in between
    assert cosem["serial"] == "KEIKI0000001" and cosem["power_w"] == pytest.approx(1300, abs=5)
    least, most = console["import_wh_x1000"], after["import_wh_x1000"]
    assert least // 1000 * 1000 <= cosem["import_wh_x1000"] <= most
    assert cosem["export_wh_x1000"] == 0 and [phase["name"] for phase in cosem["phases"]] == ["R", "T"]
    for phase, same in zip(console["phases"], cosem["phases"], strict=True):
        assert same["voltage_v"] == pytest.approx(phase["voltage_v"], rel=0.01)
        assert same["current_a"] == pytest.approx(phase["current_a"], rel=0.01)
        assert same["frequency_hz"] == pytest.approx(50, abs=0.1)
    assert len(cosem["half_hours"]) == 48
    days = zip(console["half_hours"], cosem["half_hours"], after["half_hours"], strict=True)
    for fine, coarse, later in days:
        assert fine["time"] == coarse["time"]
        known = [fine["import_wh_x1000"], later["import_wh_x1000"]]
        assert coarse["import_wh_x1000"] in [None if wh is None else wh // 1000 * 1000 for wh in known]


def test_keys_come_from_the_environment_too_and_are_never_shown(meter: dict[str, Any]) -> None:
    keys, url = meter["route_a"]["keys"], f"tcp://{meter['route_a']['tcp']}"
    secrets = {"KEIKI_KEYS": f"reader:{keys['read_ek']}:{keys['read_ak']}"}
    done = run("read", "--meter", url, "--json", **secrets)
    assert done.returncode == 0 and json.loads(done.stdout)["serial"] == "KEIKI0000001"
    for wrong, code, said in (
        ({"KEIKI_KEYS": f"{keys['ak']}:{keys['ek']}"}, 1, "the meter refuses"),
        ({"KEIKI_KEYS": "12:34"}, 2, "KEIKI_KEYS: ek is not 16 bytes in hex"),
        ({"KEIKI_KEYS": keys["ek"]}, 2, "KEIKI_KEYS: neither EK:AK nor reader:EK:AK"),
        ({}, 2, "keys: none"),
    ):
        done = run("read", "--meter", url, **wrong)
        assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1
        assert not any(key in done.stderr for key in keys.values())


def test_a_key_file_that_others_may_read_is_refused(meter: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("ek = 1\n")
    url = f"tcp://{meter['route_a']['tcp']}?keys={path}"
    path.chmod(0o644)
    assert "others may read it (chmod 600)" in run("read", "--meter", url).stderr
    path.chmod(0o600)
    done = run("read", "--meter", url)
    assert done.returncode == 2 and "ek is not 16 bytes in hex" in done.stderr
    path.write_text("not TOML")
    assert "not TOML" in run("read", "--meter", url).stderr


def test_people_get_tables(meter: dict[str, Any]) -> None:
    done = run("read", "--meter", meter["console"], "--day", "0")
    assert done.returncode == 0
    for word in ("KEIKI0000001", "PF", "import", "kWh", "2026-06-11 12:00"):
        assert word in done.stdout


def test_the_monitor_goes_on_after_the_meter_restarts_and_ends_with_ctrl_c(meter: dict[str, Any]) -> None:
    command = [KEIKI, "monitor", "--json", "--every", "0.1", "--timeout", "5", "--meter", meter["console"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as monitor:
        assert monitor.stdout is not None
        first = json.loads(monitor.stdout.readline())
        assert run("device", "restart", "--meter", meter["console"]).returncode == 0
        end_s = time.monotonic() + 120
        newest = first
        while newest["power_w"] is not None and time.monotonic() < end_s:
            newest = json.loads(monitor.stdout.readline())  # until it has no reading yet ...
        while newest["power_w"] is None and time.monotonic() < end_s:
            newest = json.loads(monitor.stdout.readline())  # ... and has one again
        assert newest["power_w"] == pytest.approx(1300, abs=5)
        assert newest["import_wh_x1000"] >= first["import_wh_x1000"]
        monitor.send_signal(signal.SIGINT)
        _, complaint = monitor.communicate(timeout=30)
    assert monitor.returncode == 0 and "Traceback" not in complaint


def test_every_command_of_the_docs_reads_this_meter(meter: dict[str, Any], a_route: str) -> None:
    block = re.search(r"^```sh\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    stands_for = {"udp://192.168.0.7": b_route(meter), "serial:///dev/ttyUSB0": meter["console"]}
    stands_for["tcp://192.168.0.7?keys=meter.keys"] = a_route
    commands = [line.partition("#")[0].split() for line in block[1].splitlines()]
    assert {words[1] for words in commands} == {"read", "monitor"}
    for keiki, *words in commands:
        assert keiki == "keiki"
        url = words.index("--meter") + 1
        words[url] = stands_for[words[url]]
        if words[0] == "read":
            done = run(*words)
            assert (done.returncode, done.stderr) == (0, "") and "KEIKI0000001" in done.stdout, words
            continue
        with subprocess.Popen([KEIKI, *words, "--json"], stdout=subprocess.PIPE, text=True) as monitor:
            assert monitor.stdout is not None
            assert json.loads(monitor.stdout.readline())["serial"] == "KEIKI0000001"
            monitor.send_signal(signal.SIGINT)
            assert monitor.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("read", "--meter", "http://x"), 2, "is none of unix://, serial://, udp://, tcp://"),
        (("read", "--meter", "udp://"), 2, "is none of"),
        (("read", "--meter", "unix:///nowhere"), 1, "there is no such socket"),
        (("monitor", "--meter", "serial:///dev/nowhere"), 1, "no such port"),
        (("read", "--meter", "udp://127.0.0.1:99999"), 1, "udp://127.0.0.1:99999: "),
        (("read", "--meter", "udp://127.1.1.1?source=127.1.1.2", "--timeout", "0.3"), 1, "no answer within"),
        (("read", "--meter", "udp://127.1.1.1?source=192.0.2.1"), 1, "port 3610 of this host"),
        (("read", "--meter", "unix:///x", "--route", "b"), 2, "unix:// is not the B-route"),
        (("read", "--meter", "udp://x", "--route", "a"), 2, "udp:// is not the A-route"),
        (("read", "--meter", "tcp://127.1.1.1:port"), 2, "meter: 'tcp://127.1.1.1:port'"),
        (("read", "--meter", "tcp://127.1.1.1?keys=/nowhere"), 2, "keys: /nowhere: No such file"),
        (("read", "--meter", "unix:///x", "--day", "100"), 2, "equal to 99"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(arguments: tuple[str, ...], code: int, said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr and done.stderr.count("\n") == 1 and done.stderr.startswith("keiki: ")
