"""`keiki device` over the A-route of a meter of the bench, with the keys of its clients."""

import datetime
import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
from keiki_host import cli
from keiki_host.device import Device

from tests.bench_process import BenchProcess
from tests.conformance.desk import own_address

LOAD = ("--load", "constant:1300W", "--start", "2026-06-11T11:59:50+09:00")


@pytest.fixture(scope="module")
def meter() -> Iterator[dict[str, Any]]:
    with BenchProcess(*LOAD, "--udp4", own_address()) as bench:
        yield bench.ready["meters"][0]


def device(meter: dict[str, Any], *words: str, reader: bool = False) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `keiki device ...`, with the management's keys or the
    reader's."""
    keys = meter["route_a"]["keys"]
    secret = f"reader:{keys['read_ek']}:{keys['read_ak']}" if reader else f"{keys['ek']}:{keys['ak']}"
    argv = ["keiki", "device", *words, "--meter", f"tcp://{meter['route_a']['tcp']}", "--timeout", "60"]
    said, complained = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(complained):
        patch.setenv("KEIKI_KEYS", secret)
        patch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0), said.getvalue(), complained.getvalue()


def says(meter: dict[str, Any], *words: str, reader: bool = False) -> str:
    code, said, complained = device(meter, *words, reader=reader)
    assert (code, complained) == (0, "")
    return said


def console(meter: dict[str, Any], op: str, **arguments: Any) -> Any:
    with Device(meter["console"], 60) as there:
        return there.ask(op, **arguments)


def the_state_is_that_of_the_console(meter: dict[str, Any]) -> None:
    before, found = console(meter, "status"), json.loads(says(meter, "status", "--json", reader=True))
    after = console(meter, "status")
    assert found["serial"] == before["serial"] and found["system_title"] == before["system_title"]
    assert before["utc_ms"] - 1000 <= found["utc_ms"] <= after["utc_ms"]
    wh_x1000 = found["import_wh_x1000"]
    assert before["import_wh_x1000"] - 1000 <= wh_x1000 <= after["import_wh_x1000"]
    assert found["ic_answers"] and found["relay_follows"] and found["lost"] == []
    assert "relay          follows" in says(meter, "status").splitlines()


def events_are_those_of_the_console_but_for_their_numbers(meter: dict[str, Any]) -> None:
    found = [json.loads(line) for line in says(meter, "events", "--json").splitlines()]
    told = console(meter, "events", before=None, most=16)["events"][::-1]
    rows = [[event[name] for name in event if name != "sequence"] for event in found]
    assert rows[: len(told)] == [row[1:] for row in told][: len(rows)] and len(rows) >= 3
    assert len(says(meter, "events", "--last", "2").splitlines()) == 3  # and their head


def settings_are_read_and_those_that_the_management_may_set_are_set(meter: dict[str, Any]) -> None:
    held = console(meter, "settings")
    found = json.loads(says(meter, "config", "--json"))
    assert set(found) == {
        "serial", "session_idle_s", "push_to", "push_window_s", "disconnect_mode", "contract_a",
        "limit_over_s", "reclose_s",
    }  # fmt: skip
    assert found == {name: held[name] for name in found}
    for name, text, value in (
        ("contract_a", "40", 40), ("contract_a", "absent", None), ("push_window_s", "60", 60),
        ("push_to", "head-end.example:4061", "head-end.example:4061"), ("disconnect_mode", "5", 5),
    ):  # fmt: skip
        assert says(meter, "config", name, text) == f"{name}: {text}, holds now\n"
        assert console(meter, "settings")[name] == value
        assert json.loads(says(meter, "config", name, "--json")) == {name: value}


def the_clock_is_set_to_the_second(meter: dict[str, Any]) -> None:
    now_ms = console(meter, "status")["utc_ms"]
    wanted_s = now_ms // 1000 + 7200
    text = datetime.datetime.fromtimestamp(wanted_s, datetime.UTC).isoformat()
    said = json.loads(says(meter, "set-clock", text, "--json"))
    assert said["result"] == "set" and abs(said["offset_ms"] - 7_200_000) < 600_000
    assert console(meter, "status")["utc_ms"] >= wanted_s * 1000


REFUSED = [
    (
        ["config", "digits", "7"],
        False,
        2,
        "config: digits: over the A-route one may set session_idle_s",
    ),
    (["config", "digits"], False, 1, "digits: this meter has no such setting"),
    (["config", "push_window_s", "60"], True, 1, "these keys have no right to it"),
    (["set-clock"], True, 1, "these keys have no right to it"),
    (
        ["set-register", "import", "5"],
        False,
        2,
        "set-register: not over the A-route; ask",
    ),
    (["logs"], False, 2, "logs: not over the A-route"),
    (["restart"], False, 2, "restart: not over the A-route"),
    (["restore", "none"], False, 2, "backup: none: No such file"),
]


def what_cannot_be_had_there_is_one_line_and_changes_nothing(meter: dict[str, Any]) -> None:
    before = console(meter, "settings")
    for words, reader, code, said in REFUSED:
        ended, printed, complained = device(meter, *words, reader=reader)
        assert (ended, printed, complained.count("\n")) == (code, "", 1), (words, complained)
        assert said in complained and complained.startswith("keiki: ")
    assert console(meter, "settings") == before


def test_a_meter_is_looked_at_and_changed_over_a_network(meter: dict[str, Any]) -> None:
    the_state_is_that_of_the_console(meter)
    events_are_those_of_the_console_but_for_their_numbers(meter)
    settings_are_read_and_those_that_the_management_may_set_are_set(meter)
    what_cannot_be_had_there_is_one_line_and_changes_nothing(meter)
    the_clock_is_set_to_the_second(meter)
