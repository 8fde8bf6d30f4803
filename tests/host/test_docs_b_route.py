"""docs/b-route.md says what the code does: properties, settings, faults."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from keiki.wire.echonet import class0288, epc
from keiki_host.bench.faults_catalogue import CATALOGUE
from keiki_host.bench.faults_doc import fault_table, setting_table, written_anew
from keiki_host.bench.faults_file import parse_faults

PATH = Path(__file__).resolve().parents[2] / "docs" / "b-route.md"
TEXT = PATH.read_text()


def test_the_tables_are_those_of_the_code() -> None:
    assert written_anew(TEXT) == TEXT, "run: python -m keiki_host.bench.faults_doc docs/b-route.md"
    assert fault_table() in TEXT
    assert setting_table() in TEXT


def test_every_fault_has_one_row_that_says_whether_udp_meets_it() -> None:
    rows = [line.split(" | ") for line in fault_table().splitlines()[2:]]
    assert [row[1] for row in rows] == [f"`{name}`" for name in CATALOGUE]
    assert {row[1].strip("`") for row in rows if row[4] == "yes"} == {
        "rollover",
        "meter_setting",
        "clock_offset",
        "midnight",
        "push_late",
        "push_ea_only",
        "ic_reset",
        "ic_silence",
        "ic_garbage",
        "ic_counter_jump",
        "power_cut",
        "relay_stuck",
        "button_press",
        "rtc_battery",
        "rtc_drift",
    }


def test_a_row_of_the_faults_is_as_written_here() -> None:
    row = (
        "| L5 | `late_answer` | ECHONET frames on the air | per use | no | the meter's answer comes late, "
        "with its old TID | `seconds`: a number 0 to 600, default 12 (how late) |"
    )
    assert row in fault_table().splitlines()
    assert (
        "`seoj`: a whole number 0x000000 to 0xFFFFFF, default 0x028802 (the object it names)" in fault_table()
    )
    assert (
        "`digits`: a whole number 1 to 8, default 3 (D7); `unit`: one of 0x00, 0x01, 0x02," in fault_table()
    )


def test_a_row_of_the_settings_is_as_written_here() -> None:
    assert "| `coefficient` | 0 to 999999 or absent | `1` | at once |" in setting_table()
    assert "| `route_b_password` | 12 characters | secret | from the start |" in setting_table()


def test_the_example_of_a_fault_file_loads() -> None:
    match = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert match
    assert [entry.name for entry in parse_faults(match[1])] == ["late_answer", "expire_rejoin"]


@pytest.mark.parametrize(("column", "profile"), [(3, "gen1"), (4, "gen2")])
def test_the_properties_are_those_of_the_class(column: int, profile: str) -> None:
    view = SimpleNamespace(
        profile=profile,
        coefficient=1,
        reverse=True,
        push_ea=True,
        push_eb=True,
        route_b_id=bytes(16),
        serial="1",
        production=(2026, 1, 1),
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines()]
    told = {int(row[0], 16): row[column] for row in rows if re.fullmatch("[0-9A-F]{2}", row[0])}
    letters = ((epc.CAN_GET, "G"), (epc.CAN_SET, "S"), (epc.CAN_INF, "I"))
    served = {}
    for code in range(0x80, 0x100):
        access = class0288.TABLE.access(view, code)
        if access or code in told:
            served[code] = "".join(letter for bit, letter in letters if access & bit)
    assert told == served
