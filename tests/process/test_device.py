"""`keiki device` on the console of a real bench."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.bench_process import KEIKI, BenchProcess
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


def test_a_secret_goes_in_and_never_out(url: str) -> None:
    assert "CHANGED00000" not in says(url, "config", "route_b_password", stdin="CHANGED00000\n")
    everything = says(url, "config") + says(url, "config", "--json")
    assert "CHANGED00000" not in everything and "route_b" not in everything


def test_a_reader_that_goes_away_is_no_traceback(url: str) -> None:
    command = f"{KEIKI} device config --meter {url} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
