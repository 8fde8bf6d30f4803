"""The whole meter on an emulated Pico: does it fit, is it in time, does it answer the B-route?

It starts by its main.py after power has come, with its watchdog, two BL0942, a clock chip and a Wi-SUN module
that a controller waits to join. All of that lives in the time of the chip. It takes minutes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ontarget import figures

GETS = 40
STEP_MS = 337
"""No divisor of a second: the Gets fall everywhere between two samples."""
FIRST_MEASUREMENT_MS = 2000
FIRST_ANSWER_MS = 5000
TURN_MS = 25
BLOCK_MS = 50
FREE_BYTES = 60_000
E7_800_W = bytes.fromhex("028801 05FF01 72 01 E7 04 00000320")


@pytest.fixture(scope="module")
def world(pico_image: Path) -> Iterator[Any]:
    """A meter that has been on for a while, and what it did since the power came, in ms."""
    from tests.ontarget.probed import ProbedMeter

    world = ProbedMeter("pico", "rp2_pico_bl0942", pico_image)
    world.board.power_on()
    world.controller.search()
    yield world


@pytest.fixture(scope="module")
def started(world: Any) -> dict[str, float]:
    """When it did what for the first time, in ms after the power had come."""
    board = world.board
    assert board.go(20_000, lambda: world.answered >= 2), bytes(board.said)
    found = {"measured": board.since_power_ms()}
    assert board.go(20_000, lambda: world.controller.meter is not None), bytes(board.said)
    found["joined"] = board.since_power_ms()
    world.get(1, 0xE7)
    found["answered"] = board.since_power_ms()
    return found


def test_it_measures_soon_after_power_has_come(started: dict[str, float]) -> None:
    assert figures.tell("reset to first measurement", started["measured"], "ms", most=FIRST_MEASUREMENT_MS)


def test_it_answers_the_b_route_soon_after_power_has_come(started: dict[str, float]) -> None:
    figures.tell("reset to a controller that has joined", started["joined"], "ms")
    assert figures.tell("reset to first B-route answer", started["answered"], "ms", most=FIRST_ANSWER_MS)


@pytest.fixture(scope="module")
def turned(world: Any, started: dict[str, float]) -> list[float]:
    """How long Gets of E7 took from the last byte in to the first byte of SKSENDTO out, the fastest first."""
    world.board.go(1000)
    found = []
    for n in range(GETS):
        world.board.go(STEP_MS)
        data, times = world.get(100 + n, 0xE7)
        assert data[4:] == E7_800_W
        found.append(times)
    figures.tell("E7: to the last byte of SKSENDTO, slowest", max(times["last"] for times in found), "ms")
    return sorted(times["first"] for times in found)


def test_most_gets_of_e7_are_turned_round_at_once(turned: list[float]) -> None:
    median_ms = turned[GETS // 2]
    assert figures.tell(
        "E7: last byte in to first byte of SKSENDTO out, median", median_ms, "ms", most=TURN_MS
    )


def test_all_gets_of_e7_are_turned_round_at_once(turned: list[float]) -> None:
    assert figures.tell(f"the same, slowest of {GETS}", turned[-1], "ms", most=TURN_MS)


def test_nothing_blocks_for_long(world: Any, started: dict[str, float]) -> None:
    world.measure_blocks()
    for n in range(GETS):
        world.board.go(STEP_MS)
        world.get(200 + n, 0xE7)
    block_ms, looks = world.blocks()
    assert looks > 100
    assert figures.tell("longest block of the event loop, with traffic", block_ms, "ms", most=BLOCK_MS)


def test_an_answer_longer_than_a_uart_sends_by_itself_comes_whole(
    world: Any, started: dict[str, float]
) -> None:
    data, _ = world.get(300, 0xE2, 0xE4)
    day = 2 + 4 * 48  # half-hours of a day, and which day
    assert len(data) == 12 + 2 * (2 + day)
    assert (data[10], data[11], data[12], data[13], data[14 + day]) == (0x72, 2, 0xE2, day, 0xE4)


def test_it_leaves_so_much_heap(world: Any, started: dict[str, float]) -> None:
    free = world.ask({"op": "memory"})["free"]
    assert figures.tell("free heap with everything running", free, "bytes", least=FREE_BYTES)
