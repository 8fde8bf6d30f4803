"""The whole meter on an emulated Pico W, with less heap for more code: KEIKI_RP2W_UF2 names its MicroPython.

No Wi-Fi is set up: its radio is not started, and neither is the A-route.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.ontarget import figures

FREE_BYTES = 40_000
FIRST_MEASUREMENT_MS = 2000
FIRST_ANSWER_MS = 5000


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
