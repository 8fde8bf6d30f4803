"""keiki provision: a meter gets what makes it one of its own, the head-end its keys, nobody sees them."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from keiki_host.cli import main
from keiki_host.headend import registry
from keiki_host.headend.database import open_store
from keiki_host.headend.keys import Safe
from keiki_host.provision import identity, label, sealed
from keiki_host.provision.errors import ProvisionInputError

from tests.host.fake_meter import FakeMeter, Refusal, on_socket

TITLE = "4b4549aabbccddee"
SECRETS = ("route_b_id", "route_b_password", *identity.KEYS.values())

Keiki = Callable[..., tuple[str, str]]


class NewMeter(FakeMeter):
    """A board that nobody has provisioned; `held` is what it was given."""

    def __init__(self) -> None:
        self.held: dict[str, Any] = {"serial": "KEIKI0000001"}
        self.network: str | None = ""
        super().__init__(
            status=lambda _: {"serial": self.held["serial"], "system_title": TITLE, "network": self.network},
            wifi={"holds": "from the next start"},
            set=lambda request: self.take(request["values"]),
            settings=lambda _: {name: of for name, of in self.held.items() if name not in SECRETS},
            set_clock={"result": "set", "offset_ms": 0},
            restart={},
        )

    def take(self, values: dict[str, Any]) -> dict[str, bool]:
        self.held.update(values)
        return dict.fromkeys(values, False)


@pytest.fixture
def keiki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Keiki:
    """`keiki ...` in a folder of its own with a head-end: standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")

    def run(*words: str, code: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["keiki", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert (ended.value.code or 0) == code, told.err
        return told.out, told.err

    run("headend", "upgrade")
    return run


@pytest.fixture
def meter(tmp_path: Path) -> Iterator[tuple[NewMeter, str]]:
    """A new meter and its URL."""
    played = NewMeter()
    with on_socket(tmp_path / "console", played) as url:
        yield played, url


def everything_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_meter_is_named_registered_and_labelled_and_no_secret_is_seen(
    keiki: Keiki, meter: tuple[NewMeter, str], tmp_path: Path
) -> None:
    played, url = meter
    out, err = keiki("provision", "--meter", url, "--rating", "30", "--label", "label.pdf", "--json")
    told = json.loads(out)
    held = played.held
    assert told["serial"] == held["serial"] != "KEIKI0000001" and told["system_title"] == TITLE
    assert held["rating_a"] == 30 and len(set(map(str, held.values()))) == len(held)
    assert [request["op"] for request in played.asked][-2:] == ["set_clock", "restart"]
    for name in SECRETS:
        assert held[name] not in out + err
        assert held[name].encode() not in everything_on_disk(tmp_path)
        assert bytes.fromhex(held[name]) not in everything_on_disk(tmp_path) if "dlms" in name else True
    store = open_store(f"sqlite:///{tmp_path}/keiki-headend.db")
    known = registry.find_meter(store, held["serial"])
    keys = Safe(store, tmp_path / "keiki-headend.key").current([known.meter_id])[known.meter_id]
    store.close()
    assert (known.system_title, known.rating_a) == (TITLE, 30)
    assert keys == {name: bytes.fromhex(held[of]) for name, of in identity.KEYS.items()}
    serial, record = sealed.read(tmp_path / told["record"], tmp_path / "keiki-headend.key")
    assert serial == held["serial"] and {**held, "system_title": TITLE} == record
    assert (tmp_path / told["record"]).stat().st_mode & 0o77 == 0
    pdf = (tmp_path / "label.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and b"/MediaBox [ 0 0 198.4" in pdf


def test_what_is_given_is_taken(keiki: Keiki, meter: tuple[NewMeter, str], tmp_path: Path) -> None:
    played, url = meter
    (tmp_path / "given.toml").write_text('route_b_password = "GIVEN0000000"\nproduction = 2026-04-01\n')
    out, err = keiki("provision", "--meter", url, "--serial", "A123", "--given", "given.toml", "--no-headend")
    assert played.held["serial"] == "A123" and played.held["production"] == "2026-04-01"
    assert played.held["route_b_password"] == "GIVEN0000000" and "GIVEN" not in out + err
    assert "registered nowhere" in out


def test_a_meter_is_told_its_network_before_anything_else_and_the_password_is_seen_nowhere(
    keiki: Keiki, meter: tuple[NewMeter, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    played, url = meter
    monkeypatch.setattr(sys, "stdin", io.StringIO("HIDDEN77\n"))
    out, err = keiki("provision", "--meter", url, "--serial", "A123", "--wifi", "net", "--no-headend")
    ops = [request["op"] for request in played.asked]
    assert ops == ["status", "wifi", "set", "settings", "set_clock", "restart"]
    assert played.asked[1] == {"op": "wifi", "ssid": "net", "password": "HIDDEN77"}
    assert "joins net" in out and "HIDDEN77" not in out + err and "wifi_ssid" not in played.held
    assert b"HIDDEN77" not in everything_on_disk(tmp_path)
    _, record = sealed.read(tmp_path / "keiki-meters" / "A123.sealed", tmp_path / "keiki-headend.key")
    assert record["wifi"] == {"ssid": "net", "password": "HIDDEN77"}
    (tmp_path / "given.toml").write_text('wifi_ssid = "other"\nwifi_password = ""\n')
    keiki("provision", "--meter", url, "--serial", "A124", "--given", "given.toml", "--no-headend", "--yes")
    assert {"op": "wifi", "ssid": "other", "password": ""} in played.asked


def test_a_board_without_a_radio_is_given_nothing(
    keiki: Keiki, meter: tuple[NewMeter, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    played, url = meter
    played.network = None
    monkeypatch.setattr(sys, "stdin", io.StringIO("HIDDEN77\n"))
    _, err = keiki("provision", "--meter", url, "--wifi", "net", code=1)
    assert "no radio for Wi-Fi; nothing was changed" in err and err.count("\n") == 1
    assert [request["op"] for request in played.asked] == ["status"]
    assert not (tmp_path / "keiki-meters").exists()


def test_a_label_for_a_printer_has_the_credentials_and_is_no_file(
    keiki: Keiki, meter: tuple[NewMeter, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Printer(io.StringIO):
        buffer = io.BytesIO()

    printed: list[dict[str, Any]] = []
    real = label.write_pdf

    def spy(settings: Any, title: str, file: Any, *, secrets: bool) -> None:
        printed.append({"secrets": secrets, "file": file})
        real(settings, title, file, secrets=secrets)

    monkeypatch.setattr(label, "write_pdf", spy)
    keiki("provision", "--meter", meter[1], "--serial", "A123", "--no-headend")
    monkeypatch.setattr(sys, "stdout", Printer())
    keiki("label", "keiki-meters/A123.sealed", "-")
    assert printed[0]["secrets"] and printed[0]["file"] is Printer.buffer
    assert Printer.buffer.getvalue().startswith(b"%PDF")


def test_only_a_printers_label_says_secrets() -> None:
    held = identity.settings({"rating_a": 60}, 0.0, lambda n: bytes(range(n)))
    open_text = label.code(held, TITLE, secrets=False) + "".join(label.lines(held, TITLE, secrets=False))
    whole_text = label.code(held, TITLE, secrets=True) + "".join(label.lines(held, TITLE, secrets=True))
    assert held["serial"] in open_text and TITLE in open_text
    for name in ("route_b_id", "route_b_password"):
        assert held[name] not in open_text and held[name] in whole_text
    for name in identity.KEYS.values():
        assert held[name] not in whole_text


def test_a_meter_that_refuses_is_registered_nowhere_and_its_record_stays(
    keiki: Keiki, meter: tuple[NewMeter, str], tmp_path: Path
) -> None:
    played, url = meter
    played.answers["set"] = Refusal("flash: it refuses; nothing has changed")
    _, err = keiki("provision", "--meter", url, "--serial", "A123", code=1)
    assert err == f"keiki: {url}: flash: it refuses; nothing has changed\n"
    assert "there is no A123" in keiki("headend", "meter", "remove", "A123", code=2)[1]
    del played.answers["set"]
    played.answers["set"] = lambda request: played.take(request["values"])
    assert "--replace writes over it" in keiki("provision", "--meter", url, "--serial", "A123", code=2)[1]
    keiki("provision", "--meter", url, "--serial", "A123", "--replace")
    assert (tmp_path / "keiki-meters" / "A123.sealed.old").exists()


def test_a_meter_that_the_headend_knows_keeps_its_keys(
    keiki: Keiki, meter: tuple[NewMeter, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    played, url = meter
    keiki("provision", "--meter", url, "--serial", "A123")
    before = dict(played.held)
    _, err = keiki("provision", "--meter", url, "--serial", "B456", "--yes", code=2)
    assert err.startswith(f"keiki: meter {TITLE}: the head-end has it as A123") and played.held == before
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    _, err = keiki("provision", "--meter", url, "--serial", "B456", "--no-headend", code=1)
    assert "This meter is A123 already. Make it B456?" in err and played.held == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--meter", "/dev/ttyUSB0"], "meter: '/dev/ttyUSB0' is neither unix:///PATH nor serial:///dev/PORT"),
        (["--rating", "55"], "rating: 55 A is none of 30, 60, 120"),
        (["--given", "none.toml"], "given: none.toml: No such file or directory"),
        (["--given", "broken.toml"], "given: broken.toml: not TOML"),
        (["--given", "wrong.toml"], "given: route_b_password: not 12 characters"),
        (["--given", "wifi.toml"], "wifi: its password has 8 to 63 ASCII characters"),
        (["--wifi", "n" * 33], "wifi: the name of a network has 1 to 32 bytes"),
        (["--serial", "a/b"], "serial: 1 to 64 letters, digits"),
        (["--key-file", "none.key"], "key file none.key: No such file or directory"),
    ],
)
def test_wrong_input_is_one_line_without_secrets_and_nothing_is_done(
    words: list[str], said: str, keiki: Keiki, tmp_path: Path
) -> None:
    (tmp_path / "broken.toml").write_text("route_b_password = HIDDEN\n")
    (tmp_path / "wifi.toml").write_text('wifi_ssid = "net"\nwifi_password = "HIDDEN"\n')
    (tmp_path / "wrong.toml").write_text('route_b_password = "HIDDEN"\n')
    _, err = keiki("provision", "--meter", "unix:///none", *words, code=2)
    assert err.startswith(f"keiki: {said}") and err.count("\n") == 1 and "HIDDEN" not in err
    assert not (tmp_path / "keiki-meters").exists()


def test_a_record_opens_under_its_own_key_file_only_and_unchanged_only(keiki: Keiki, tmp_path: Path) -> None:
    path, key = tmp_path / "A.sealed", tmp_path / "keiki-headend.key"
    sealed.write(path, key, "A", {"serial": "A", "dlms_ek": "00" * 16}, new=True)
    record = json.loads(path.read_text())
    for name, value in (("serial", "B"), ("sealed", "A" * len(record["sealed"])), ("form", "other")):
        (tmp_path / "B.sealed").write_text(json.dumps({**record, name: value}))
        with pytest.raises(ProvisionInputError, match="sealed"):
            sealed.read(tmp_path / "B.sealed", key)


def test_the_commands_of_the_document_work(
    keiki: Keiki, meter: tuple[NewMeter, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "provision.md").read_text()
    monkeypatch.setenv("KEIKI_METER", meter[1])
    commands = [line for line in text.splitlines() if line.startswith("keiki ")]
    assert len(commands) == 3
    for command in commands:
        words = command.partition("#")[0].partition("|")[0].split()[1:]
        if words[0] == "label":
            words[2] = "printed.pdf"  # pytest stands where the printer is
        keiki(*words)
    assert (tmp_path / "A0000001.pdf").exists() and meter[0].held["serial"] == "A0000001"
