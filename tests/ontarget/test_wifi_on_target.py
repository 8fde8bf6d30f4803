"""The whole meter on an emulated Pico W that is in a network: KEIKI_RP2W_UF2 names its MicroPython.

Its radio is emulated down to the wire, and takes a minute of a wall clock to be started; whoever it talks to
lives in this process, in the time of the chip (wifi_lan.py).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keiki.meter.clock import SNTP

from tests.ontarget import figures
from tests.ontarget.controller import get_frame
from tests.ontarget.wifi_lan import CHIP

GROUP = "224.0.23.0"
ECHONET_PORT = 3610
E7_800_W = bytes.fromhex("028801 05FF01 72 01 E7 04 00000320")
INSTANCE_LIST = bytes.fromhex("0EF001 0EF001 73 01 D5 04 01 028801")
SERVER_AHEAD_MS = 3000
SAME_MS = 50
RTC_STEP_MS = 1000
FREE_BYTES = 40_000


@pytest.fixture(scope="module")
def world(pico_w_image: Path) -> Iterator[Any]:
    """A meter that has been given power and a network; it has no A-route."""
    from tests.ontarget.wifi_world import WifiWorld

    world = WifiWorld(pico_w_image, route_a=False)
    world.server_offset_ms = SERVER_AHEAD_MS
    world.board.power_on()
    world.controller.search()
    yield world


@pytest.fixture(scope="module")
def joined(world: Any) -> float:
    """When it was in the network, in ms after power had come."""
    announced: list[bytes] = []

    def hear(data: bytes, _sender: Any) -> None:
        announced.append(data)
        world.board.wake()

    world.lan.serve_udp((GROUP, ECHONET_PORT), hear)
    assert world.board.go(20_000, lambda: world.lan.given > 0), bytes(world.board.said)
    leased_ms = world.board.since_power_ms()
    assert world.board.go(5_000, lambda: bool(announced)), "no instance list"
    assert announced[0][4:] == INSTANCE_LIST
    return float(leased_ms)


def test_it_joins_the_network_and_announces_itself(world: Any, joined: float) -> None:
    figures.tell("Pico W: reset to an address by DHCP", joined, "ms")
    assert world.ask({"op": "status"})["network"] == CHIP
    assert world.ask({"op": "statistics"})["wifi"] == {"joins": 1, "failed": 0, "deaf": 0, "radio_off": 0}


def test_it_answers_over_wifi_its_own_address_and_the_group(world: Any, joined: float) -> None:
    for tid, address in ((300, CHIP), (301, GROUP)):
        assert world.ask_echonet(get_frame(tid, 0xE7), address) == get_frame(tid)[:4] + E7_800_W


def test_it_answers_the_b_route_by_radio_meanwhile(world: Any, joined: float) -> None:
    assert world.board.go(20_000, lambda: world.controller.meter is not None), bytes(world.board.said)
    data, times = world.get(302, 0xE7)
    assert data[4:] == E7_800_W
    figures.tell("Pico W with Wi-Fi: E7, last byte in to first byte of SKSENDTO out", times["first"], "ms")


def test_it_sets_its_clock_by_a_server_that_it_knows_by_name(world: Any, joined: float) -> None:
    assert world.board.go(40_000, lambda: bool(world.told_ms)), (world.asked, world.lan.unserved)
    figures.tell("Pico W: reset to the time by SNTP", world.board.since_power_ms(), "ms")
    world.board.go(1000)
    events = world.ask({"op": "events", "before": None, "most": 16})["events"]
    slewed = [event for event in events if event[2:4] == ["clock_slewed", SNTP]]
    assert len(slewed) == 1, events
    before_ms, after_ms = slewed[0][5:7]
    assert after_ms - before_ms > SERVER_AHEAD_MS - RTC_STEP_MS
    assert abs(after_ms - world.told_ms[0]) < SAME_MS, world.told_ms


def _at_a_sample(world: Any) -> tuple[float, int]:
    """Wait for the end of the next sample; returns its time in ms, and the packets so far."""
    before = world.answered
    assert world.board.go(3_000, lambda: world.answered > before and not world.answered % 2)
    return world.board.since_power_ms(), world.answered


def test_a_network_that_goes_is_joined_again_and_no_sample_is_missed(world: Any, joined: float) -> None:
    board, lan = world.board, world.lan
    wifi = world.ask({"op": "statistics"})["wifi"]
    given = lan.given
    began_ms, packets = _at_a_sample(world)
    board.radio.vanish()
    board.go(110_000)
    lost = world.ask({"op": "statistics"})["wifi"]
    assert world.ask({"op": "status"})["network"] == ""
    assert lost["radio_off"] > wifi["radio_off"] and lost["joins"] == wifi["joins"], lost
    lan.leases = False  # an access point without a router: joined, and good for nothing
    board.radio.return_()
    board.go(70_000)
    assert world.ask({"op": "status"})["network"] == ""
    lan.leases = True
    assert board.go(120_000, lambda: lan.given > given), "not joined again"
    assert world.ask_echonet(get_frame(303, 0xE7), limit_ms=10_000)[4:] == E7_800_W
    ended_ms, packets_then = _at_a_sample(world)
    seconds = round((ended_ms - began_ms) / 1000)  # its clock gains half a ms in each while it is slewed
    missed = 2 * seconds - (packets_then - packets)
    figures.tell("Pico W: seconds without a network", seconds, "s")
    assert figures.tell("Pico W: samples missed meanwhile", missed, "", most=0)
    ic = world.ask({"op": "statistics"})["ic"]
    assert not any(ic[name] for name in ("stale", "missed", "implausible", "refused")), ic


def test_it_leaves_so_much_heap_without_the_a_route(world: Any, joined: float) -> None:
    free = world.ask({"op": "memory"})["free"]
    assert figures.tell("Pico W: free heap with Wi-Fi, no A-route", free, "bytes", least=FREE_BYTES)
