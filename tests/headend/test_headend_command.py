"""`keiki headend` as a person and a program use it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from keiki_host.cli import main
from keiki_host.headend import jst
from keiki_host.headend.database import open_store
from keiki_host.headend.ingest import ingest

from tests.headend.fleet_of_few import DAY, value

Keiki = Callable[..., str]


@pytest.fixture
def keiki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Keiki:
    """`keiki headend` in a folder of its own; gives what it prints, on standard error if it fails."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")

    def run(*words: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["keiki", "headend", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert (ended.value.code or 0) == code, told.err
        assert (told.out if code else told.err) == ""
        return told.err if code else told.out

    return run


def test_from_an_empty_folder_to_values_in_a_file(keiki: Keiki, tmp_path: Path) -> None:
    assert "`keiki headend upgrade` makes it" in keiki("status", code=2)
    assert list(tmp_path.iterdir()) == []
    assert "keiki-headend.key: made" in keiki("upgrade")
    assert keiki("upgrade") == "database: of release 0002\n"
    (tmp_path / "keys.json").write_text(json.dumps({"ek": "00" * 16, "ak": "11" * 16}))
    at = ("--at", "2026-05-01", "--registers", "0,0")
    where = ("--point", "0001", "--area", "north", "--verified", "2020-01-05", "--keys", "keys.json")
    keiki("meter", "add", "K1", "--title", "4b45490000000001", *where, *at)
    keiki("meter", "party", "RA", "Retailer A", "--kind", "retailer")
    keiki("meter", "assign", "K1", "RA", "--at", "2026-05-01")
    assert "2030-01-04" in keiki("meter", "due", "--until", "2030-02-01")

    store = open_store(f"sqlite:///{tmp_path / 'keiki-headend.db'}")
    ingest(store, [value(1, n, 100 * n) for n in range(49) if n != 7], now_s=DAY)
    store.close()

    assert "days of areas judged" in keiki("judge")
    day = ("--from", "2026-06-01", "--to", "2026-06-02")
    assert keiki("export", "--out", "a.csv", *day) == "a.csv: 47 values\n"
    head, first, *_ = (tmp_path / "a.csv").read_text().splitlines()
    assert head == "point,meter,slot,import_wh,export_wh,quality,rules,status,path,arrived"
    assert first.startswith("0001,K1,2026-06-01T00:00:00+09:00,0,0,valid,,0,1,2026-06-01T00:01:00+09:00")
    told = json.loads(keiki("export", "--out", "a.parquet", "--format", "parquet", *day, "--json"))
    assert told == {"file": "a.parquet", "rows": 47}
    (file,) = json.loads(keiki("deliver", "--out", ".", "--json"))["files"]
    assert (file["rows"], (tmp_path / file["name"]).exists()) == (48, True)

    state = json.loads(keiki("status", "--day", "2026-06-01", "--json"))
    assert (state["meters"], state["installed"], state["values"]) == (1, 1, 48)
    assert state["areas"][0]["within_30"] == {"part": 47, "of": 48, "rate": 47 / 48}
    assert state["newest_slot_s"] == jst.parse("2026-06-02")
    shown = keiki("status", "--day", "2026-06-01")
    assert "north  100.0 %     97.9 %  97.9 %  97.9 %  100.0 %  -" in shown

    keiki("meter", "add", "K2", "--title", "4b45490000000002")
    ends = ("--last", "5000,0", "--first", "0,0")
    keiki("meter", "exchange", "K1", "K2", *ends, "--at", "2026-06-03")
    keiki("meter", "remove", "K2", "--at", "2026-06-04", "--registers", "90,0")
    listed = json.loads(keiki("meter", "list", "--json"))["meters"]
    assert [(meter["serial"], meter["point"]) for meter in listed] == [("K1", None), ("K2", None)]


def test_a_token_is_shown_once_and_can_be_ended(keiki: Keiki, tmp_path: Path) -> None:
    keiki("upgrade")
    text = keiki("token", "make", "page", "--scope", "operator", "--days", "3").strip()
    assert text.startswith("keiki_") and len(text) == 49
    (listed,) = json.loads(keiki("token", "list", "--json"))["tokens"]
    assert (listed["name"], listed["scope"], listed["revoked_s"]) == ("page", "operator", None)
    keiki("token", "revoke", "1")
    assert "no valid number 1" in keiki("token", "revoke", "1", code=2)
    assert "operator" in keiki("token", "list")


BAD = [
    (("upgrade", "--database", "mysql://x"), 2, "not a URL like"),
    (("upgrade", "--database", "postgresql://127.0.0.1:1/x"), 1, "refused"),
    (("export", "--out", "x", "--from", "yesterday", "--to", "2026-06-02"), 2, "time: yesterday: not like"),
    (("export", "--out", "no/x", "--from", "2026-06-01", "--to", "2026-06-02"), 1, "No such file"),
    (("meter", "add", "K1", "--title", "4b45490000000001", "--keys", "keys.json"), 2, "keys keys.json: "),
    (("meter", "add", "K1", "--title", "4b45490000000001", "--point", "1"), 2, "there is no 1"),
    (("meter", "add", "K1", "--title", "4b45", "--point", "1", "--area", "north"), 2, "16 hex digits"),
    (("meter", "remove", "K1", "--registers", "1"), 2, "registers: 1: not two whole numbers"),
    (("token", "make", "x", "--scope", "root"), 2, "scope: root is none of"),
    (("dance",), 2, "No such command"),
    (("status", "--day"), 2, "requires an argument"),
]


@pytest.mark.parametrize(("words", "code", "fault"), BAD)
def test_what_is_wrong_is_one_line_and_changes_nothing(
    keiki: Keiki, tmp_path: Path, words: tuple[str, ...], code: int, fault: str
) -> None:
    keiki("upgrade")
    keiki("meter", "party", "RA", "Retailer", "--kind", "retailer")
    (tmp_path / "keys.json").write_text('{"ek": "secret"}')
    before = keiki("status")
    line = keiki(*words, code=code)
    assert fault in line and line.count("\n") == 1 and line.startswith("keiki: ")
    assert "secret" not in line
    assert keiki("status") == before
    assert json.loads(keiki("meter", "list", "--json"))["meters"] == []


def test_a_wrong_key_file_is_one_line(keiki: Keiki, tmp_path: Path) -> None:
    keiki("upgrade")
    (tmp_path / "keiki-headend.key").unlink()
    keiki("upgrade", "--database", "sqlite:///other.db")
    line = keiki("upgrade", code=2)
    assert line == "keiki: key file keiki-headend.key: not the one that this database was made with\n"
