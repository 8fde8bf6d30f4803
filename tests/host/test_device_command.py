"""`keiki device` against a meter played by the test: what it prints, asks, and how it ends."""

import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from keiki_host import cli

from tests.host.fake_meter import FakeMeter, Refusal, on_socket

T0_S = 1_781_149_200  # 2026-06-11 12:40:00 JST
STATUS = {
    "serial": "KEIKI0000001",
    "utc_ms": T0_S * 1000 + 7,
    "clock_unsure": False,
    "clock_age_s": 3600,
    "import_wh_x1000": 1_234_567_890,
    "export_wh_x1000": 5,
    "ic_answers": True,
    "safe_mode": False,
    "lost": [],
}
SETTINGS = {"digits": 6, "unit": 1, "pan_id": None, "reverse": True}
CONFIRMED = "y\n"


def log(count: int) -> list[list[Any]]:
    """Events as a meter holds them, by sequence from 7 on."""
    return [[7 + n, T0_S + n, "session_ended", n % 7, n + 1, 0, 0] for n in range(count)]


def pages(events: list[list[Any]]) -> Any:
    """How the firmware answers `events`."""

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        before, most = request["before"], min(request["most"], 16)
        older = [event for event in events if before is None or event[0] < before]
        return {"events": older[::-1][:most], "oldest": 7, "counts": {"session_ended": len(events)}}

    return answer


class Typed(io.StringIO):
    """Standard input."""

    person = False

    def isatty(self) -> bool:
        return self.person


class Desk:
    """Runs the command in this process."""

    def __init__(
        self, meter: FakeMeter, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.meter = meter
        self.url = url
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """(exit code, stdout, stderr) of `keiki device ... --meter URL`."""
        self._monkeypatch.setattr(sys, "argv", ["keiki", "device", *arguments, "--meter", self.url])
        self._monkeypatch.setattr(sys, "stdin", Typed(stdin))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = self._capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    def says(self, *arguments: str, stdin: str = "") -> str:
        """What it prints; it must succeed and complain of nothing."""
        code, out, error = self.run(*arguments, stdin=stdin)
        assert (code, error) == (0, "")
        return out

    def fails(self, code: int, *arguments: str, stdin: str = "") -> str:
        """Its one line of complaint; it must print nothing else."""
        found, out, error = self.run(*arguments, stdin=stdin)
        assert (found, out, error.count("\n")) == (code, "", 1)
        return error.removeprefix("keiki: ").removeprefix(f"{self.url}: ").rstrip("\n")

    def asked(self, op: str) -> list[dict[str, Any]]:
        """Arguments of every request of this kind."""
        return [
            {k: v for k, v in request.items() if k != "op"}
            for request in self.meter.asked
            if request["op"] == op
        ]


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    meter = FakeMeter(status=STATUS, settings=SETTINGS, events=pages(log(40)))
    with on_socket(tmp_path / "console", meter) as url:
        yield Desk(meter, url, monkeypatch, capsys)


def test_status_is_a_table_for_people_and_the_answer_itself_for_programs(desk: Desk) -> None:
    assert desk.says("status").splitlines() == [
        "serial number        KEIKI0000001",
        "clock (JST)          2026-06-11 12:40:00.007",
        "clock is             sure",
        "clock was confirmed  3,600 s ago",
        "import               1234.567890 kWh",
        "export               0.000005 kWh",
        "metering IC          answers",
        "safe mode            off",
        "lost on flash        nothing",
    ]
    assert json.loads(desk.says("status", "--json")) == STATUS


def test_status_shows_what_it_does_not_know(desk: Desk) -> None:
    desk.meter.answers["status"] = {"utc_ms": 0, "hat": [1]}
    assert desk.says("status").splitlines() == ["clock (JST)  1970-01-01 09:00:00.000", "hat          [1]"]


def test_events_come_from_all_pages_oldest_first(desk: Desk) -> None:
    lines = desk.says("events").splitlines()
    assert lines[0].split() == ["time", "(JST)", "event", "source", "n", "change"]
    assert lines[1].split() == ["2026-06-11", "12:40:00", "B-route", "session", "ended", "1"]
    assert [line.split()[-1] for line in lines[1:]] == [str(n) for n in range(1, 41)]
    assert [request["before"] for request in desk.asked("events")] == [None, 31, 15]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 32])
def test_a_log_of_any_length_is_read_to_its_end(desk: Desk, count: int) -> None:
    desk.meter.answers["events"] = pages(log(count))
    found = [json.loads(line) for line in desk.says("events", "--json").splitlines()]
    names = ("sequence", "utc_s", "kind", "source", "count", "before", "after")
    assert found == [dict(zip(names, event, strict=True)) for event in log(count)]
    assert len(desk.asked("events")) <= count // 16 + 1


@pytest.mark.parametrize("most", [1, 16, 17, 39, 41])
def test_the_newest_events_only(desk: Desk, most: int) -> None:
    found = [
        json.loads(line)["sequence"]
        for line in desk.says("events", "--json", "--last", str(most)).splitlines()
    ]
    assert found == [event[0] for event in log(40)][-most:]


def test_events_that_vanish_while_they_are_read_are_no_obstacle(desk: Desk) -> None:
    desk.meter.answers["events"] = lambda request: {
        "events": [event for event in log(3)[::-1] if request["before"] is None], "oldest": 2
    }  # fmt: skip
    assert len(desk.says("events", "--json").splitlines()) == 3


def test_follow_goes_on_as_events_happen_until_ctrl_c(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    held, naps = log(40), iter((0, 1, 20, 0))

    def sleep(_seconds: float) -> None:
        more = next(naps, None)
        if more is None:
            raise KeyboardInterrupt
        desk.meter.answers["events"] = pages(log(len(held) + more))
        held.extend([[]] * more)

    monkeypatch.setattr("time.sleep", sleep)
    lines = desk.says("events", "--follow", "--last", "2").splitlines()
    assert [line.split()[-1] for line in lines[1:]] == [str(n) for n in range(39, 62)]
    assert len({line.index(" B-route") for line in lines[1:]}) == 1
    naps = iter((1,))
    found = desk.says("events", "--follow", "--last", "1", "--json").splitlines()
    assert [json.loads(line)["count"] for line in found] == [61, 62]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"events": [[1, 2]], "oldest": 0},
        {"events": None, "oldest": 0},
        {"events": [[2, 0, "", 0, 1, 0, 0]] * 16, "oldest": 0},
    ],
)
def test_events_that_no_meter_has_get_one_line(desk: Desk, answer: Any) -> None:
    desk.meter.answers["events"] = answer
    assert desk.fails(1, "events").startswith("an answer that no meter gives")


def test_settings_are_shown_in_the_order_of_the_table(desk: Desk) -> None:
    assert desk.says("config").splitlines() == [
        "reverse  true", "unit     1", "digits   6", "pan_id   absent"
    ]  # fmt: skip
    assert desk.says("config", "reverse") == "reverse  true\n"
    assert json.loads(desk.says("config", "unit", "--json")) == {"unit": 1}
    assert list(json.loads(desk.says("config", "--json"))) == ["reverse", "unit", "digits", "pan_id"]


def test_a_setting_that_this_meter_does_not_have_gets_one_line(desk: Desk) -> None:
    assert desk.fails(1, "config", "push_ea") == "push_ea: this meter has no such setting"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("unit", "0x0D", 13),
        ("unit", "2", 2),
        ("digits", "8", 8),
        ("pan_id", "0x1234", 0x1234),
        ("pan_id", "absent", None),
        ("push_ea", "false", False),
        ("inf_mode", "infc", "infc"),
        ("profile", "gen1", "gen1"),
        ("production", "2026-06-11", "2026-06-11"),
        ("serial", "12345", "12345"),
        ("maker", "000077", "000077"),
    ],
)
def test_a_setting_is_sent_as_what_it_is(desk: Desk, name: str, text: str, value: Any) -> None:
    desk.meter.answers["set"] = lambda request: dict.fromkeys(request["values"], True)
    assert desk.says("config", name, text).endswith(", holds now\n")
    assert desk.asked("set") == [{"values": {name: value}}]


def test_a_setting_says_when_it_holds(desk: Desk) -> None:
    desk.meter.answers["set"] = {"pan_id": False}
    assert desk.says("config", "pan_id", "absent") == (
        "pan_id: absent, holds from the next start (keiki device restart)\n"
    )
    assert json.loads(desk.says("config", "pan_id", "1", "--json")) == {"name": "pan_id", "holds_now": False}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("digits", "six", "config: digits: not a whole number"),
        ("digits", "9", "config: digits: not in 1..8"),
        ("unit", "true", "config: unit: not one of 0, 1, 2, 3, 4, 10, 11, 12, 13"),
        ("push_ea", "1", "config: push_ea: not true or false"),
        ("digits", "absent", "config: digits: not a whole number"),
        ("production", "June", "config: production: not a date YYYY-MM-DD"),
        ("colour", "1", "config: colour: no such setting"),
    ],
)
def test_a_setting_that_cannot_be_is_not_sent(desk: Desk, name: str, text: str, line: str) -> None:
    assert desk.fails(2, "config", name, text) == line
    assert desk.meter.asked == []


PASSWORD = "0123456789AB"


def test_a_secret_is_read_from_standard_input_and_never_shown(desk: Desk) -> None:
    desk.meter.answers["set"] = {"route_b_password": False}
    out = desk.says("config", "route_b_password", stdin=PASSWORD + "\n")
    assert out == "route_b_password: changed, holds from the next start (keiki device restart)\n"
    out = desk.says("config", "route_b_password", "--json", stdin=PASSWORD + "\n")
    assert PASSWORD not in out
    assert desk.asked("set") == [{"values": {"route_b_password": PASSWORD}}] * 2


def test_a_person_is_asked_for_a_secret_without_echo(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []
    monkeypatch.setattr(Typed, "person", True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: prompts.append(prompt) or PASSWORD)
    desk.meter.answers["set"] = {"route_b_password": False}
    desk.says("config", "route_b_password")
    assert prompts == ["route_b_password: "] and desk.asked("set") == [
        {"values": {"route_b_password": PASSWORD}}
    ]


@pytest.mark.parametrize(
    ("arguments", "stdin", "line"),
    [
        ([PASSWORD], "", "secrets are not taken from the command line; leave the value out"),
        ([], "", "nothing came on standard input"),
        ([], "short\n", "not 12 characters"),
    ],
)
def test_a_secret_is_not_taken_otherwise(desk: Desk, arguments: Sequence[str], stdin: str, line: str) -> None:
    said = desk.fails(2, "config", "route_b_password", *arguments, stdin=stdin)
    assert said == f"config: route_b_password: {line}"
    assert desk.meter.asked == []


def test_the_clock_is_set_to_this_hosts_or_to_the_time_given(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.meter.answers["set_clock"] = {"result": "step", "offset_ms": -61_500}
    monkeypatch.setattr("time.time_ns", lambda: T0_S * 1_000_000_000 + 250_999_999)
    assert desk.says("set-clock") == "the clock has jumped: -61.500 s\n"
    desk.says("set-clock", "2026-06-11T12:40:00")
    desk.says("set-clock", "2026-06-11T03:40:01.5+00:00")
    assert desk.asked("set_clock") == [{"utc_ms": T0_S * 1000 + ms} for ms in (250, 0, 1500)]
    assert desk.fails(2, "set-clock", "noon") == "time: 'noon' is neither 'now' nor an ISO 8601 time"


def test_a_time_that_the_meter_refuses_is_a_failure(desk: Desk) -> None:
    desk.meter.answers["set_clock"] = {"result": "refused", "offset_ms": 9}
    code, out, error = desk.run("set-clock", "--json")
    assert (code, json.loads(out)["result"]) == (1, "refused")
    assert error == f"keiki: {desk.url}: the meter has refused this time\n"


def test_a_register_is_set_after_a_yes(desk: Desk) -> None:
    desk.meter.answers["set_register"] = {"before_wh": 1_234_567, "after_wh": 2_000}
    code, out, error = desk.run("set-register", "import", "2000", stdin=CONFIRMED)
    assert (code, out) == (0, "import: 1,234,567 Wh -> 2,000 Wh\n")
    assert error == "KEIKI0000001: set import from 1,234,567.890 Wh to 2,000 Wh? [y/N] "
    assert desk.says("set-register", "export", "5", "--yes").startswith("export: ")
    assert desk.asked("set_register") == [{"register": "import", "wh": 2000}, {"register": "export", "wh": 5}]


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "no\n", "yesterday\n"])
@pytest.mark.parametrize("command", [("set-register", "import", "0"), ("factory-reset",)])
def test_without_a_yes_nothing_is_changed(desk: Desk, command: Sequence[str], answer: str) -> None:
    code, out, error = desk.run(*command, stdin=answer)
    assert (code, out) == (1, "")
    assert error.endswith("\nkeiki: nothing was changed: it was not confirmed (--yes does without)\n")
    assert [request["op"] for request in desk.meter.asked] == ["status"]


@pytest.mark.parametrize(
    "arguments", [("imports", "1"), ("import", "-1"), ("import", "1e3"), ("import", "100000000000")]
)
def test_a_register_that_cannot_be_is_not_sent(desk: Desk, arguments: Sequence[str]) -> None:
    code, out, _ = desk.run("set-register", "--yes", "--", *arguments)
    assert (code, out, desk.meter.asked) == (2, "", [])


def test_a_factory_reset_and_a_restart(desk: Desk) -> None:
    desk.meter.answers.update(factory_reset={"holds": "from the next start"}, restart={})
    assert (
        desk.says("factory-reset", "--yes")
        == "done; the defaults hold from the next start (keiki device restart)\n"
    )
    assert desk.says("restart") == "it starts again now\n"
    assert json.loads(desk.says("restart", "--json")) == {}


def test_what_the_meter_refuses_gets_its_words(desk: Desk) -> None:
    desk.meter.answers["set_register"] = Refusal("flash: it refuses; nothing has changed")
    assert desk.fails(1, "set-register", "import", "1", "--yes") == "flash: it refuses; nothing has changed"
    assert desk.fails(1, "restart") == "op: no such operation"


def test_no_meter_a_wrong_url_and_a_wrong_command_get_one_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.url = "unix:///nowhere/console"
    assert desk.fails(1, "status") == "there is no such socket: does its bench run?"
    desk.url = "http://127.0.0.1:1"
    assert desk.fails(2, "status") == (
        "meter: 'http://127.0.0.1:1' is neither unix:///PATH nor serial:///dev/PORT nor tcp://HOST"
    )
    assert "No such command" in desk.fails(2, "explode")
    assert "--timeout" in desk.fails(2, "status", "--timeout", "0")


def test_the_meter_may_be_named_once_for_all_in_the_environment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for url, code in ((desk.url, 0), ("", 2)):
        monkeypatch.setenv("KEIKI_METER", url)
        monkeypatch.setattr(sys, "argv", ["keiki", "device", "status", "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert (ended.value.code or 0) == code
    captured = capsys.readouterr()
    assert json.loads(captured.out) == STATUS
    assert "--meter" in captured.err and captured.err.count("\n") == 1


def test_a_wifi_is_told_with_a_password_that_is_shown_nowhere(desk: Desk) -> None:
    desk.meter.answers.update(status={**STATUS, "network": ""}, wifi={"holds": "from the next start"})
    said = desk.says("wifi", "net", stdin="HIDDEN77\n") + desk.says("wifi", "open", "--json", stdin="\n")
    assert "net: joined from the next start" in said and "HIDDEN77" not in said
    assert desk.asked("wifi") == [{"ssid": "net", "password": "HIDDEN77"}, {"ssid": "open", "password": ""}]


@pytest.mark.parametrize(
    ("code", "name", "stdin", "network", "said"),
    [
        (2, "", "HIDDEN77\n", "", "wifi: the name of a network has 1 to 32 bytes"),
        (2, "net", "HIDDEN\n", "", "wifi: its password has 8 to 63 ASCII characters"),
        (2, "net", "", "", "config: wifi_password: nothing came on standard input"),
        (1, "net", "HIDDEN77\n", None, "this board has no radio for Wi-Fi; nothing was changed"),
    ],
)
def test_a_wifi_that_cannot_be_is_one_line_and_is_told_to_no_meter(
    desk: Desk, code: int, name: str, stdin: str, network: str | None, said: str
) -> None:
    desk.meter.answers["status"] = {**STATUS, "network": network}
    assert desk.fails(code, "wifi", name, stdin=stdin).startswith(said)
    assert desk.asked("wifi") == []
