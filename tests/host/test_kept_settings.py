"""The settings that a bench keeps from one start to the next."""

import json
import stat
from pathlib import Path

import pytest
from keiki.meter.config import IDENTITY as FIRMWARES_IDENTITY
from keiki_host.bench.kept_settings import IDENTITY, KeptSettings
from keiki_host.bench.options import InputError

MADE = {"serial": "MADE", "route_b_password": "0123456789AB"}
OK = b'{"ok": {}}\n'


def request(**values: object) -> bytes:
    return json.dumps({"op": "set", "values": values}).encode() + b"\n"


def held(path: Path) -> dict[str, object]:
    values: dict[str, object] = json.loads(path.read_text())
    return values


def test_what_a_factory_reset_leaves_is_what_the_firmware_leaves() -> None:
    assert IDENTITY == FIRMWARES_IDENTITY


def test_what_was_asked_for_comes_before_what_was_kept_and_that_before_what_is_made(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    first = KeptSettings(path).start(MADE, {"digits": 8})
    assert (first["serial"], first["digits"], first["unit"]) == ("MADE", 8, 1)
    second = KeptSettings(path).start({**MADE, "serial": "OTHER"}, {"unit": 2})
    assert (second["serial"], second["digits"], second["unit"]) == ("MADE", 8, 2)
    third = KeptSettings(path).start(MADE, {"digits": 7})
    assert (third["digits"], third["unit"]) == (7, 2)
    assert held(path) == {**MADE, "digits": 7, "unit": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [left.name for left in tmp_path.iterdir()] == ["settings.json"]


def test_what_is_changed_at_the_console_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    kept = KeptSettings(path)
    kept.start(MADE, {"digits": 8})
    kept.hear(request(route_b_password="CHANGED00000", pan_id=None), OK)
    kept.hear(b'{"op": "set", "values": [["unit", 2]]}\n', OK)
    assert held(path) == {
        "serial": "MADE", "route_b_password": "CHANGED00000", "digits": 8, "pan_id": None, "unit": 2
    }  # fmt: skip
    settings = KeptSettings(path).start(MADE, {})
    assert settings["route_b_password"] == "CHANGED00000" and settings["digits"] == 8


def test_a_factory_reset_leaves_what_the_meter_is(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    kept = KeptSettings(path)
    kept.start(MADE, {"digits": 8, "phases": 1, "import_start_wh": 5})
    kept.hear(b'{"op": "factory_reset"}\n', OK)
    assert held(path) == {**MADE, "phases": 1}


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (request(digits=9), b'{"error": "digits: not in 1..8"}\n'),
        (request(digits=7), b""),
        (b'{"op": "settings"}\n', OK),
        (b"[]\n", OK),
        (b"\xff\n", OK),
        (b"[" * 100_000 + b"\n", OK),
    ],
)
def test_what_did_not_happen_is_not_kept(tmp_path: Path, line: bytes, answer: bytes) -> None:
    path = tmp_path / "settings.json"
    kept = KeptSettings(path)
    kept.start(MADE, {"digits": 8})
    kept.hear(line, answer)
    assert held(path) == {**MADE, "digits": 8}


@pytest.mark.parametrize("text", ['{"digits": 99}', "[", "[1]", '{"colour": 1}', "\xff"])
def test_a_file_that_cannot_be_gets_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        KeptSettings(path)
    assert str(raised.value).startswith(f"state: {path}: ") and "\n" not in str(raised.value)


def test_keys_that_a_head_end_may_have_changed_are_not_given_again(tmp_path: Path) -> None:
    kept = KeptSettings(tmp_path / "settings.json")
    kept.start({**MADE, "dlms_ek": "11" * 16, "dlms_ak": "22" * 16}, {})
    assert kept.provision({})["dlms_ek"] == "11" * 16
    (tmp_path / "flash.bin").touch()
    given = kept.provision({"dlms_ak": "22" * 16})
    assert given["dlms_ak"] == "22" * 16 and given["serial"] == "MADE"
    assert not {"dlms_kek", "dlms_ek", "dlms_read_ek", "dlms_read_ak"} & given.keys()
