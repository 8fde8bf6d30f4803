"""keiki device backup, restore and logs: a new board becomes the meter that the old one was."""

import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from keiki.wire import settings as table
from keiki_host import cli
from keiki_host.device import Device
from keiki_host.headend.keys import make_key_file
from keiki_host.provision import sealed

from tests.host.fake_meter import FakeMeter, Refusal, on_pty, on_socket

NOW_MS = 1_781_149_200_000
CALIBRATION = {"version": 1, "phases": [{"voltage_ppm": 12}]}
SECRET = {field[0]: "F" * 32 for field in table.fields() if field[4] == "secret" and "id" in field[0]}

Run = Callable[..., tuple[int, str, str]]


class Board(FakeMeter):
    """A meter with all settings; `restarts` counts its starts."""

    def __init__(self, imported: int, exported: int = 0, **settings: Any) -> None:
        self.held = {**table.checked({}), **settings}
        self.registers = {"import": imported, "export": exported}
        self.calibration: dict[str, Any] | None = None
        self.restarts = 0
        super().__init__(
            status=lambda _: {
                "serial": self.held["serial"], "utc_ms": NOW_MS, "network": "",
                **{f"{name}_wh_x1000": of for name, of in self.registers.items()},
            },
            settings=lambda _: {name: of for name, of in self.held.items() if table.when(name) != "secret"},
            set=lambda request: self.held.update(request["values"]) or {},
            calibration=lambda _: {"record": self.calibration, "followed": []},
            store_calibration=lambda request: setattr(self, "calibration", request["record"]) or {},
            set_register=lambda request: self.set_register(request["register"], request["wh"]),
            events={"events": [[3, NOW_MS // 1000, "restart", 0, 1, 0, 0]], "oldest": 3, "counts": {}},
            half_hours=lambda request: {
                "from": request["from"], "rows": [[request["from"], n] for n in range(request["count"])],
            },
            set_clock={"result": "set", "offset_ms": 0},
            wifi={"holds": "from the next start"},
            restart=lambda _: setattr(self, "restarts", self.restarts + 1) or {},
            statistics={"echonet": {"requests": 7}},
            memory={"used": 1, "free": 2},
        )  # fmt: skip

    def set_register(self, name: str, wh: int) -> dict[str, int]:
        before, self.registers[name] = self.registers[name], wh * 1000
        return {"before_wh": before // 1000, "after_wh": wh}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`keiki device ...`: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    make_key_file(tmp_path / "keiki-headend.key")

    def device(*arguments: str, stdin: str = "y\n") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["keiki", "device", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return device


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[tuple[Board, str, Board, str]]:
    """The old board and its URL, the new board and its URL."""
    old = Board(
        1_234_567_890, 5_000, serial="A0000001", digits=8, rating_a=30, sntp_servers="a.example b.example"
    )
    new = Board(2_000)
    old.calibration = CALIBRATION
    with ExitStack() as lines:
        first = lines.enter_context(on_socket(tmp_path / "old", old))
        yield old, first, new, lines.enter_context(on_socket(tmp_path / "new", new))


def test_a_new_board_becomes_the_meter_that_the_old_one_was(
    run: Run, boards: tuple[Board, str, Board, str], tmp_path: Path
) -> None:
    old, old_url, new, new_url = boards
    sealed.write(
        tmp_path / "A.sealed",
        tmp_path / "keiki-headend.key",
        "A0000001",
        {"serial": "A0000001", **SECRET, "wifi": {"ssid": "net", "password": "12345678"}},
        new=True,
    )
    code, out, err = run("backup", "meter.backup", "--meter", old_url, "--days", "2")
    assert (code, err) == (0, "") and "A0000001: 1 events and 96 half hours" in out
    assert (tmp_path / "meter.backup").stat().st_mode & 0o77 == 0
    code, out, err = run("restore", "meter.backup", "--meter", new_url, "--record", "A.sealed", "--json")
    assert code == 0 and json.loads(out)["secrets"] is True and json.loads(out)["unknown"] == []
    assert "KEIKI0000001: make it A0000001 with import 1,234,567 Wh, export 5 Wh?" in err
    assert new.registers == {"import": 1_234_567_000, "export": 5_000}
    assert {"op": "wifi", "ssid": "net", "password": "12345678"} in new.asked
    assert new.held == {**old.held, **SECRET} and new.restarts == 1
    assert new.calibration is None, "that of another metering IC"
    assert all(len(json.dumps(request)) < 1024 for request in new.asked)
    assert [request["op"] for request in new.asked][-3:] == ["set_register", "set_register", "restart"]
    for value in SECRET.values():
        assert value not in out + err + (tmp_path / "meter.backup").read_text()


def test_the_calibration_goes_along_with_its_ic(run: Run, boards: tuple[Board, str, Board, str]) -> None:
    run("backup", "b", "--meter", boards[1], "--days", "0")
    assert run("restore", "b", "--meter", boards[3], "--calibration", "--yes")[0] == 0
    assert boards[2].calibration == CALIBRATION


def test_no_register_goes_down(run: Run, boards: tuple[Board, str, Board, str]) -> None:
    _old, old_url, new, new_url = boards
    run("backup", "b", "--meter", old_url, "--days", "0")
    new.registers["export"] = 6_000
    before = dict(new.held)
    code, _, err = run("restore", "b", "--meter", new_url)
    assert (
        code == 1 and err.count("\n") == 1 and "export register is at 6 Wh and would go down to 5 Wh" in err
    )
    assert new.held == before


def test_an_interrupted_restore_is_run_again(run: Run, boards: tuple[Board, str, Board, str]) -> None:
    _, old_url, new, new_url = boards
    run("backup", "b", "--meter", old_url, "--days", "0")
    answer = new.answers["set_register"]
    new.answers["set_register"] = Refusal("flash: it refuses; nothing has changed")
    assert run("restore", "b", "--meter", new_url)[0] == 1
    new.answers["set_register"] = answer
    assert run("restore", "b", "--meter", new_url)[0] == 0 and new.registers["import"] == 1_234_567_000


def test_a_restore_that_is_not_confirmed_changes_nothing(
    run: Run, boards: tuple[Board, str, Board, str]
) -> None:
    _, old_url, new, new_url = boards
    run("backup", "b", "--meter", old_url, "--days", "0")
    before = dict(new.held)
    code, _, err = run("restore", "b", "--meter", new_url, stdin="\n")
    assert code == 1 and "nothing was changed" in err and new.held == before and new.restarts == 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:-40], "not a backup, or not all of it"),
        (lambda text: text.replace("A0000001", "A0000002"), "changed since it was made"),
        (lambda text: "[]", "not a backup"),
        (lambda text: "", "not a backup, or not all of it"),
    ],
)
def test_a_broken_backup_is_refused(
    damage: Callable[[str], str], said: str, run: Run, boards: tuple[Board, str, Board, str], tmp_path: Path
) -> None:
    run("backup", "b", "--meter", boards[1], "--days", "0")
    (tmp_path / "b").write_text(damage((tmp_path / "b").read_text()))
    code, _, err = run("restore", "b", "--meter", boards[3])
    assert (code, err) == (2, f"keiki: backup: b: {said}\n") and boards[2].asked == []


def test_a_record_of_another_meter_is_refused(
    run: Run, boards: tuple[Board, str, Board, str], tmp_path: Path
) -> None:
    run("backup", "b", "--meter", boards[1], "--days", "0")
    sealed.write(
        tmp_path / "B.sealed", tmp_path / "keiki-headend.key", "B", {"serial": "B", **SECRET}, new=True
    )
    code, _, err = run("restore", "b", "--meter", boards[3], "--record", "B.sealed")
    assert (code, err) == (2, "keiki: B.sealed: of B, and the backup is of A0000001\n")


def test_a_full_disk_leaves_the_backup_before(
    run: Run, boards: tuple[Board, str, Board, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "b").write_text("before")

    def full(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run("backup", "b", "--meter", boards[1], "--days", "0")
    assert (code, err) == (1, "keiki: b: No space left on device; there is no new backup\n")
    assert (tmp_path / "b").read_text() == "before"


def test_logs_show_counters_and_what_is_printed_on_a_serial_line(
    run: Run, boards: tuple[Board, str, Board, str]
) -> None:
    assert run("logs", "--meter", boards[1]) == (
        0, "echonet  requests  7\nmemory   used      1\nmemory   free      2\n", "",
    )  # fmt: skip
    code, _, err = run("logs", "--meter", boards[1], "--follow")
    assert code == 2 and "--follow is for a serial line" in err


def test_what_a_board_prints_beside_its_answers_is_heard() -> None:
    board = Board(0)

    def talk(line: bytes) -> bytes:
        more = b"metering: restarted\nradio: joined\n" if b"memory" in line else b""
        return board(line) + more

    with on_pty(talk) as url, Device(url) as device:
        device.ask("memory")
        heard = device.heard()
        assert [next(heard), next(heard)] == ["metering: restarted", "radio: joined"]
