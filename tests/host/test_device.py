"""The host's end of a meter's console: every way in which there is no answer ends in one line."""

import socket
from pathlib import Path

import pytest
from keiki_host import device
from keiki_host.device import Device, DeviceError, UrlError, parse_url

from tests.host.fake_meter import FakeMeter, Refusal, on_pty, on_socket

STATUS = {"utc_ms": 1_795_838_520_000, "ic_answers": True}


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("unix:///run/k/console", ("unix", "/run/k/console")),
        ("unix:///a%20b/%E8%A8%88", ("unix", "/a b/計")),
        ("serial:///dev/ttyUSB0", ("serial", "/dev/ttyUSB0")),
    ],
)
def test_a_url_names_a_line_and_a_path(url: str, parsed: tuple[str, str]) -> None:
    assert parse_url(url) == parsed


@pytest.mark.parametrize(
    "url", ["", "/dev/ttyUSB0", "unix:/run/console", "unix://console", "serial://", "tcp://127.0.0.1:4059"]
)
def test_what_names_no_meter_is_refused(url: str) -> None:
    with pytest.raises(UrlError, match=r"^meter: '.*' is neither unix:///PATH nor serial:///dev/PORT$"):
        Device(url)


def test_requests_are_answered_one_after_another(tmp_path: Path) -> None:
    meter = FakeMeter(status=STATUS, events=lambda request: request["most"])
    with on_socket(tmp_path / "console", meter) as url, Device(url) as to:
        assert to.ask("status") == STATUS
        assert to.ask("events", before=None, most=3) == 3
    assert meter.asked == [{"op": "status"}, {"op": "events", "before": None, "most": 3}]


def test_an_answer_may_come_in_portions_and_null_is_one(tmp_path: Path) -> None:
    with on_socket(tmp_path / "console", lambda _: b'{"ok": null}\n' + b'{"o') as url, Device(url) as to:
        assert to.ask("status") is None


def test_the_meters_refusal_is_told_in_its_words(tmp_path: Path) -> None:
    with on_socket(tmp_path / "console", FakeMeter(set=Refusal("unit: not one of 0, 1"))) as url:
        with Device(url) as to, pytest.raises(DeviceError) as raised:
            to.ask("set", values={"unit": 7})
        assert str(raised.value) == f"{url}: unit: not one of 0, 1"


NOT_A_METER = {
    "a web server": (b"HTTP/1.0 400 Bad request\r\n", "not a meter: it said 'HTTP/1.0 400 Bad request'"),
    "another JSON": (b'{"result": 1}\n', """not a meter: it said '{"result": 1}'"""),
    "a list": (b"[1]\n", "not a meter: it said '[1]'"),
    "binary": (b"\xff\x00\n", "not a meter: it said '\ufffd\\x00'"),
    "no end": (b"x" * (1 << 20) + b"x", "not a meter: its answer has no end"),
    "hangs up": (None, "the meter is gone"),
    "says nothing": (b"", "no answer within 0.3 s"),
    "half a line": (b'{"ok": ', "no answer within 0.3 s"),
}


@pytest.mark.parametrize("kind", NOT_A_METER)
def test_what_is_not_a_meter_gets_one_line(kind: str, tmp_path: Path) -> None:
    said, reason = NOT_A_METER[kind]
    timeout_s = 0.3 if reason.endswith("0.3 s") else 60
    with (
        on_socket(tmp_path / "console", lambda _: said) as url,
        Device(url, timeout_s=timeout_s) as to,
        pytest.raises(DeviceError) as raised,
    ):
        to.ask("status")
    assert str(raised.value) == f"{url}: {reason}"


def test_a_trickle_that_is_no_answer_does_not_outlast_the_timeout(tmp_path: Path) -> None:
    path = tmp_path / "console"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()
        with Device(f"unix://{path}", timeout_s=0.3) as to:
            client, _ = server.accept()
            with client:
                for _ in range(3):
                    client.sendall(b"x")
                with pytest.raises(DeviceError, match=r"no answer within 0\.3 s$"):
                    to.ask("status")


def test_no_socket_a_dead_one_and_a_file_get_one_line(tmp_path: Path) -> None:
    dead, plain = tmp_path / "dead", tmp_path / "plain"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(dead))
    plain.touch()
    for path, reason in (
        (tmp_path / "none", "there is no such socket: does its bench run?"),
        (dead, "nobody answers there: does its bench run?"),
        (plain, "nobody answers there: does its bench run?"),
        (tmp_path / ("x" * 200), "AF_UNIX path too long"),
    ):
        with pytest.raises(DeviceError) as raised:
            Device(f"unix://{path}")
        assert str(raised.value) == f"unix://{path}: {reason}"


def test_a_socket_of_somebody_else_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: str, _timeout_s: float) -> None:
        raise PermissionError(13, "Permission denied")

    # root is refused nothing, and tests may run as root
    monkeypatch.setitem(device._LINES, "unix", refused)
    with pytest.raises(DeviceError, match=r"^unix:///run/x: no permission: only who runs the bench may$"):
        Device("unix:///run/x")


def test_a_serial_line_passes_over_what_others_print_on_it() -> None:
    meter = FakeMeter(status=STATUS)
    with on_pty(lambda line: b"boot: ok\r\n\xff\n[1]\n" + meter(line) + b"more") as url, Device(url) as to:
        assert to.ask("status") == STATUS
        assert to.ask("status") == STATUS


def test_a_line_that_somebody_left_half_on_a_serial_port_costs_one_more_request() -> None:
    meter = FakeMeter(status=STATUS)
    lines: list[bytes] = []

    def talk(line: bytes) -> bytes:
        lines.append(line)
        return b'{"error": "request: not JSON"}\n' if len(lines) == 1 else meter(line)

    with on_pty(talk) as url, Device(url) as to:
        assert to.ask("status") == STATUS
    assert len(lines) == 2


def test_a_serial_port_that_is_pulled_out_silent_or_not_there_gets_one_line() -> None:
    with on_pty(lambda _: None) as url, Device(url, timeout_s=5) as to:
        with pytest.raises(DeviceError) as raised:
            to.ask("status")
        assert str(raised.value) == f"{url}: the meter is gone"
    with on_pty(lambda _: b"boot\n") as url, Device(url, timeout_s=0.3) as to:
        with pytest.raises(DeviceError) as raised:
            to.ask("status")
        assert str(raised.value) == f"{url}: no answer within 0.3 s"
    with pytest.raises(DeviceError) as raised:
        Device("serial:///dev/ttyNone")
    assert str(raised.value) == "serial:///dev/ttyNone: there is no such port: is the cable in?"
    with pytest.raises(DeviceError) as raised:
        Device("serial:///dev/null")
    assert str(raised.value).startswith("serial:///dev/null: ") and "\n" not in str(raised.value)
