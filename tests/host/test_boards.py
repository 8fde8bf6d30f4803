"""boards/: each board can be built as it says; what cannot be is told in one line."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keiki.meter.store import Store
from keiki_host import board_data
from keiki_host.board_data import BoardError
from nor import Nor

ROOT = Path(__file__).resolve().parents[2]
NAMES = board_data.names()
EVERY_PIN = re.compile(r"\b(?:GPIO|GP)(\d+)\b")


def text_of(name: str, file: str) -> str:
    return (ROOT / "boards" / name / file).read_text()


def values_of(name: str) -> dict[str, Any]:
    return board_data.values_of(text_of(name, "board.py"))


def test_all_boards_are_there() -> None:
    found = [(board.chip, board.metering["ic"]) for board in map(board_data.load, NAMES)]
    for pair in (
        ("esp32", "atm90e32"),
        ("esp32s3", "ade7953"),
        ("esp32c3", "bl0942"),
        ("rp2040", "bl0942"),
        ("rp2350", "atm90e32"),
    ):
        assert pair in found


@pytest.mark.parametrize("name", NAMES)
def test_a_board_is_what_its_chip_and_parts_can_be(name: str) -> None:
    assert board_data.load(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_its_logs_fit_its_flash(name: str) -> None:
    plan = values_of(name)["FLASH"]
    if "blocks" in plan:
        store = Store(Nor(plan["blocks"]), plan)
        assert store.half_hours.end == 0 and store.days == plan["days"]


@pytest.mark.parametrize("name", NAMES)
def test_its_readme_wires_every_pin_and_no_other(name: str) -> None:
    said = {int(pin) for pin in EVERY_PIN.findall(text_of(name, "README.md"))}
    assert said == {pin for _, pin in board_data.load(name).pins()}


@pytest.mark.parametrize("name", NAMES)
def test_its_readme_warns_of_the_mains_and_of_billing(name: str) -> None:
    text = text_of(name, "README.md")
    for heading in ("## Safety", "## Wiring", "## Bill of materials"):
        assert f"\n{heading}\n" in text
    assert "not for billing" in text and "mains" in text


@pytest.mark.parametrize("name", ["unix", "unix_ade7953", "unix_atm90e32", "unix_cse7766"])
def test_the_boards_of_the_bench_are_data_too(name: str) -> None:
    assert values_of(name)["NAME"] == name


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for key in way:
            values = values[int(key) if key.isdigit() else key]
        values[last] = value

    return change


WRONG = [
    ("esp32_c3_bl0942", _set("CHIP", "esp8266"), "chip: Input should be"),
    ("esp32_c3_bl0942", _set("TAMPER", {"pin": 9}), "tamper: pin 9 of a esp32c3 is not to be had"),
    ("esp32_c3_bl0942", _set("TAMPER", {"pin": 4}), "tamper: pin 4 is uarts.1.tx already"),
    ("esp32_c3_bl0942", _set("TAMPER", {"pin": "3"}), "tamper.pin: Input should be a valid integer"),
    ("esp32_c3_bl0942", _set("TAMPRE", None), "tampre: Extra inputs are not permitted"),
    ("esp32_c3_bl0942", _set("WIFI", False), "radio: without it and without wifi nobody hears"),
    ("esp32_c3_bl0942", _set("UARTS", {0: {"tx": 4, "rx": 5}}), "uarts: a esp32c3 has [1] to spare"),
    ("esp32_c3_bl0942", _set("METERING.uart", 0), "metering.uart: 0 has no pins"),
    ("esp32_c3_bl0942", _set("METERING.scale", {}), "metering.scale: front_end makes it"),
    ("esp32_c3_bl0942", _set("METERING.ic", "pzem"), "metering.ic: 'pzem' is not for a board"),
    (
        "esp32_c3_bl0942",
        _set("RADIO", {"uart": 1, "baudrate": 115200, "dialect": "bp35c2"}),
        "uarts: a line has",
    ),
    ("esp32_c3_bl0942", _set("ACTIVE_LOW", (0,)), "active_low: nothing is on pin 0"),
    ("esp32_c3_bl0942", _set("FLASH.blocks", 128), "partitions: keiki has not the size"),
    ("esp32_c3_bl0942", _set("FLASH.days", 99), "flash.days: Input should be greater"),
    (
        "esp32_c3_bl0942",
        _set("FLASH", {"folder": "log", "days": 100, "minute_days": 2}),
        "flash: an ESP32 has",
    ),
    ("esp32_c3_bl0942", _set("PARTITIONS", ()), "partitions: one of them is factory"),
    ("esp32_c3_bl0942", _set("PARTITIONS", (("keiki",),)), "partitions: zip()"),
    (
        "esp32_c3_bl0942",
        _set("PARTITIONS", (("a", "app", "ota_0", 0x8000, 4096),)),
        "partitions: a does not lie",
    ),
    (
        "esp32_c3_bl0942",
        _set("PARTITIONS", (("a", "app", "ota_0", 0x9000, 4096),)),
        "partitions: a does not begin",
    ),
    ("esp32_devkit_atm90e32", _set("RATING_A", 120), None),
    ("esp32_devkit_atm90e32", _set("TAMPER", {"pin": 34}), "tamper: pin 34 of a esp32 drives nothing"),
    ("esp32_devkit_atm90e32", _set("FRONT_END.burden_mohm", 24_000), "metering.i_gain: front_end makes it"),
    ("rp2_picow_bl0942", _set("WATCHDOG_MS", 10_000), "watchdog_ms: a rp2040 takes 8388 at most"),
    (
        "rp2_picow_bl0942",
        _set("PARTITIONS", (("a", "app", "ota_0", 0x10000, 4096),)),
        "partitions: a rp2040 has no",
    ),
    (
        "rp2_pico2w_atm90e32",
        _set("FLASH", {"days": 100, "minute_days": 2}),
        "flash: either folder, or blocks",
    ),
    (
        "rp2_pico2w_atm90e32",
        _set("FLASH", {"blocks": 256, "page": 1, "days": 400, "minute_days": 2}),
        "flash: blocks lie on an SPI NOR chip",
    ),
]


@pytest.mark.parametrize(("name", "change", "said"), WRONG)
def test_what_cannot_be_is_told_in_one_line(
    name: str, change: Callable[[dict[str, Any]], None], said: str | None
) -> None:
    values = values_of(name)
    change(values)
    if said is None:
        assert board_data.check(values).rating_a == 120
        return
    with pytest.raises(BoardError, match=re.escape(f"{name}: {said}")) as caught:
        board_data.check(values)
    assert "\n" not in str(caught.value)


def test_a_board_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(BoardError, match=r"^board: 'esp8266' is not one of esp32_c3_bl0942, "):
        board_data.load("esp8266")


@pytest.mark.parametrize("text", ["import os", "A = B", "A = print(1)", "A.b = 1", "A = 1 + 1", "A = B = 1"])
def test_a_board_file_runs_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"line 1|malformed"):
        board_data.values_of(text)
