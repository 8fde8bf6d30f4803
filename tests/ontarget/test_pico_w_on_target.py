"""The whole meter on an emulated Pico W, with less heap for more code: KEIKI_RP2W_UF2 names its MicroPython.

Without Wi-Fi its radio is not started, and neither is the A-route. With it the radio is one that never joins
a network: both routes are loaded, and wait.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.ontarget import figures

FREE_BYTES = 40_000
FIRST_MEASUREMENT_MS = 2000
FIRST_ANSWER_MS = 5000
WITH_WIFI = {
    "wifi.json": b'{"ssid": "nobody", "password": "nowhere-at-all"}',
    "boot.py": b"""
import sys
class Radio:
    STA_IF = PM_NONE = 0
    def WLAN(self, kind): return self
    def country(self, code): pass
    def active(self, on): pass
    def config(self, pm): pass
    def disconnect(self): pass
    def connect(self, ssid, password): pass
    def isconnected(self): return False
sys.modules["network"] = Radio()
""",
}


@pytest.fixture(scope="module")
def found(pico_w_image: Path) -> dict[str, Any]:
    """When it measured and answered, in ms after power had come, and its free heap."""
    from tests.ontarget.meter_world import MeterWorld

    world = MeterWorld("pico_w", "rp2_picow_bl0942", pico_w_image)
    board = world.board
    board.power_on()
    world.controller.search()
    assert board.go(20_000, lambda: world.answered >= 2), bytes(board.said)
    measured = board.since_power_ms()
    assert board.go(20_000, lambda: world.controller.meter is not None), bytes(board.said)
    world.get(1, 0xE7)
    answered = board.since_power_ms()
    return {"measured": measured, "answered": answered, "free": world.ask({"op": "memory"})["free"]}


def test_a_pico_w_measures_soon_after_power_has_come(found: dict[str, Any]) -> None:
    name = "Pico W: reset to first measurement"
    assert figures.tell(name, found["measured"], "ms", most=FIRST_MEASUREMENT_MS)


def test_a_pico_w_answers_the_b_route_soon_after_power_has_come(found: dict[str, Any]) -> None:
    assert figures.tell(
        "Pico W: reset to first B-route answer", found["answered"], "ms", most=FIRST_ANSWER_MS
    )


def test_a_pico_w_leaves_so_much_heap(found: dict[str, Any]) -> None:
    assert figures.tell("Pico W: free heap, no Wi-Fi set up", found["free"], "bytes", least=FREE_BYTES)


def test_a_pico_w_with_both_routes_leaves_so_much_heap(pico_w_image: Path) -> None:
    from tests.ontarget.meter_world import MeterWorld

    world = MeterWorld("pico_w", "rp2_picow_bl0942", pico_w_image, WITH_WIFI)
    board = world.board
    board.power_on()
    world.controller.search()
    assert board.go(20_000, lambda: world.answered >= 2), bytes(board.said)
    name = "Pico W, both routes: reset to first measurement"
    assert figures.tell(name, board.since_power_ms(), "ms", most=FIRST_MEASUREMENT_MS)
    assert board.go(20_000, lambda: world.controller.meter is not None), bytes(board.said)
    world.get(1, 0xE7)
    assert "aroute" in world.ask({"op": "statistics"}, 20_000)
    free = world.ask({"op": "memory"})["free"]
    assert figures.tell("Pico W: free heap, both routes loaded", free, "bytes", least=FREE_BYTES)
