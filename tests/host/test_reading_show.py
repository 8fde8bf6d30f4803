"""What `keiki read` and `keiki monitor` show people and programs."""

import io
import json

from keiki_host.reading.model import HalfHour, Phase, Reading
from keiki_host.reading.show import sparkline, view
from rich.console import Console

UTC_S = 1_781_146_790.0
FULL = Reading(
    serial="KEIKI0000001",
    utc_s=UTC_S,
    power_w=-1234.5,
    import_wh_x1000=123_456_789,
    export_wh_x1000=0,
    phases=(Phase("R", 100.12, 6.5, -650.0, -0.998, 50.01), Phase("T", 99.5, None, None, None, None)),
    identity={"ic": "bl0942"},
    half_hours=(HalfHour(1_781_146_800, None, None), HalfHour(1_781_148_600, 1_000_000, 2)),
)
BARE = Reading(serial="", utc_s=UTC_S, power_w=None, import_wh_x1000=None, export_wh_x1000=None)


def shown(reading: Reading, *powers: float) -> list[str]:
    """The lines on a terminal of 100 columns."""
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(view(reading, powers))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_every_quantity_has_its_place_its_unit_and_its_sign() -> None:
    assert shown(FULL) == [
        "KEIKI0000001  2026-06-11 11:59:50  -1,234.5 W",
        "phase       V      A       W      PF     Hz",
        "R      100.12  6.500  -650.0  -0.998  50.01",
        "T       99.50      -       -       -      -",
        "import  123.456789 kWh",
        "export    0.000000 kWh",
        "ic              bl0942",
        "half hour               import        export",
        "2026-06-11 12:00             -             -",
        "2026-06-11 12:30  1.000000 kWh  0.000002 kWh",
    ]


def test_what_a_meter_does_not_tell_is_a_dash_and_never_a_number() -> None:
    assert shown(BARE) == ["meter  2026-06-11 11:59:50  -", "import  -", "export  -"]


def test_the_line_of_powers_reaches_from_zero_or_the_lowest_to_the_highest() -> None:
    assert sparkline(()) == ""
    assert sparkline((0, 50, 100)) == "▁▅█"
    assert sparkline((1000, 1000)) == "██"
    assert sparkline((-100, 0, 100)) == "▁▅█"
    assert sparkline((-500, -250)) == "▁▅"
    assert sparkline((0.0,)) == "▁"
    assert shown(BARE, 0.0, 10.0)[0] == "meter  2026-06-11 11:59:50  - ▁█"


def test_programs_get_times_of_japan_and_null_for_what_is_not_known() -> None:
    said = json.loads(json.dumps(FULL.as_json()))
    assert said["time"] == "2026-06-11T11:59:50+09:00" and said["phases"][1]["current_a"] is None
    assert said["half_hours"][0] == {
        "time": "2026-06-11T12:00:00+09:00",
        "import_wh_x1000": None,
        "export_wh_x1000": None,
    }
    assert "half_hours" not in BARE.as_json() and BARE.as_json()["power_w"] is None
