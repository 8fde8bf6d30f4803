"""The whole meter on an emulated Pico W in a network, with both routes: KEIKI_RP2W_UF2 names its MicroPython.

Its radio is emulated down to the wire, and takes a minute of a wall clock to be started; whoever it talks to
lives in this process, in the time of the chip (wifi_lan.py).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aroute_world import SERIAL
from keiki.meter.clock import SNTP
from keiki.meter.cosem.objects import obis
from keiki.meter.push_message import RECEIVER
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.protection import GENERAL_GLO

from tests.ontarget import figures

E7_800_W = bytes.fromhex("028801 05FF01 72 01 E7 04 00000320")
INSTANCE_LIST = bytes.fromhex("0EF001 0EF001 73 01 D5 04 01 028801")
SERIAL_NUMBER = (1, obis("0.0.42.0.0"), 2)
IMPORT_WH = (3, obis("1.0.1.8.0"), 2)
SERVER_AHEAD_MS = 3000
SAME_MS = 50
RTC_STEP_MS = 1000
FREE_BYTES = 40_000
FIRST_MEASUREMENT_MS = 2000
ASSOCIATION_MS = 500


@pytest.fixture(scope="module")
def world(pico_w_image: Path) -> Iterator[Any]:
    """A meter that has been given power and a network."""
    from tests.ontarget.wifi_world import WifiWorld

    world = WifiWorld(pico_w_image)
    world.server_offset_ms = SERVER_AHEAD_MS
    world.board.power_on()
    world.controller.search()
    yield world


@pytest.fixture(scope="module")
def measured(world: Any) -> float:
    """When it had measured for the first time, in ms after power had come."""
    assert world.board.go(20_000, lambda: world.answered >= 2), bytes(world.board.said)
    return float(world.board.since_power_ms())


@pytest.fixture(scope="module")
def joined(world: Any, measured: float) -> float:
    """When it was in the network, in ms after power had come."""
    assert world.board.go(20_000, lambda: world.lan.given > 0), bytes(world.board.said)
    leased_ms = world.board.since_power_ms()
    assert world.board.go(5_000, lambda: bool(world.announced)), "no instance list"
    assert world.announced[0][4:] == INSTANCE_LIST
    return float(leased_ms)


@pytest.fixture(scope="module")
def head_end(world: Any, joined: float) -> Iterator[Any]:
    """A head-end that has associated with keys as soon as that was possible, and when it had."""
    found = world.head_end()
    yield found, world.board.since_power_ms()
    found.close()


def test_it_measures_soon_after_power_has_come(measured: float) -> None:
    name = "Pico W with Wi-Fi: reset to first measurement"
    assert figures.tell(name, measured, "ms", most=FIRST_MEASUREMENT_MS)


def test_the_a_route_is_open_as_soon_as_there_is_a_network(world: Any, head_end: Any) -> None:
    client, at_ms = head_end
    figures.tell("Pico W: reset to an association with keys (HLS5) over TCP", at_ms, "ms")
    name = "Pico W: that association, all of it"
    assert figures.tell(name, sum(client.took_ms), "ms", most=ASSOCIATION_MS)
    assert client.secured and bytes(client.get(SERIAL_NUMBER)).endswith(SERIAL.encode())


def test_it_joins_the_network_and_announces_itself(world: Any, joined: float) -> None:
    from tests.ontarget.wifi_lan import CHIP

    figures.tell("Pico W: reset to an address by DHCP", joined, "ms")
    assert world.ask({"op": "status"})["network"] == CHIP
    assert world.ask({"op": "statistics"})["wifi"] == {"joins": 1, "failed": 0, "deaf": 0, "radio_off": 0}


def test_it_answers_over_wifi_its_own_address_and_the_group(world: Any, joined: float) -> None:
    from tests.ontarget.controller import get_frame
    from tests.ontarget.wifi_lan import CHIP, GROUP

    for tid, address in ((300, CHIP), (301, GROUP)):
        assert world.ask_echonet(get_frame(tid, 0xE7), address) == get_frame(tid)[:4] + E7_800_W


def test_it_answers_the_b_route_by_radio_meanwhile(world: Any, joined: float) -> None:
    assert world.board.go(20_000, lambda: world.controller.meter is not None), bytes(world.board.said)
    took_ms = []
    for tid in range(310, 316):
        data, times = world.get(tid, 0xE7)
        assert data[4:] == E7_800_W
        took_ms.append(times["first"])
        world.board.go(700)  # what it announces to who has joined is out of the way
    name = "Pico W with Wi-Fi: E7, last byte in to first byte of SKSENDTO out"
    figures.tell(f"{name}, right after the join", took_ms[0], "ms")
    figures.tell(f"{name}, slowest of the next 5", max(took_ms[1:]), "ms")


def test_both_routes_answer_at_the_same_time(world: Any, head_end: Any) -> None:
    from tests.ontarget.controller import get_frame

    client, _ = head_end
    assert world.board.go(20_000, lambda: world.controller.meter is not None), bytes(world.board.said)
    answers = world.controller.answers
    answers.clear()
    for tid in range(400, 404):
        world.controller.send(get_frame(tid, 0xE7))
        assert bytes(client.get(SERIAL_NUMBER)).endswith(SERIAL.encode())
    figures.tell("Pico W: a Get over TCP, with a Get of E7 by radio", client.took_ms[-1], "ms")
    assert world.board.go(5_000, lambda: len(answers) >= 4), answers
    assert [data for _, data in answers] == [get_frame(tid)[:4] + E7_800_W for tid in range(400, 404)]


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


def test_it_connects_to_a_head_end_to_tell_its_alarms(world: Any, joined: float) -> None:
    from tests.ontarget.wifi_world import SERVER

    values = {"push_to": SERVER, "push_ack": "tcp", "push_window_s": 0}
    world.ask({"op": "set", "values": values})
    received = world.receiver.received
    assert world.board.go(20_000, lambda: len(received) >= wrapper.HEAD), world.receiver.state
    world.board.go(500)
    _, destination, start, _ = wrapper.decode(received, len(received))
    assert destination == RECEIVER and received[start] == GENERAL_GLO
    found = world.ask({"op": "statistics"})["aroute"]
    assert (found["alarms"], found["failed"]) == (1, 0), found


def _said(world: Any) -> list[bytes]:
    """What the meter has told everybody, without its numbers."""
    return [data[4:] for data in world.announced]


def _at_a_sample(world: Any) -> tuple[float, int]:
    """Wait for the end of a sample; returns its time in ms, and how often chips have been polled so far."""
    before = world.answered
    assert world.board.go(3_000, lambda: world.answered > before and not world.answered % 2)
    at_ms = world.board.since_power_ms()
    return at_ms, world.ask({"op": "statistics"})["ic"]["polls"]


def test_a_network_that_goes_is_joined_again_and_no_sample_is_missed(world: Any, joined: float) -> None:
    from tests.ontarget.controller import get_frame

    board, lan = world.board, world.lan
    wifi = world.ask({"op": "statistics"})["wifi"]
    world.announced.clear()
    began_ms, polls = _at_a_sample(world)
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
    assert board.go(120_000, lambda: INSTANCE_LIST in _said(world)), "not joined again"
    assert world.ask_echonet(get_frame(303, 0xE7), limit_ms=10_000)[4:] == E7_800_W
    client = world.head_end()
    assert client.secured and client.get(IMPORT_WH) > 0
    client.close()
    ended_ms, polls_then = _at_a_sample(world)
    seconds = round((ended_ms - began_ms) / 1000)  # its clock gains half a ms in each while it is slewed
    missed = 2 * seconds - (polls_then - polls)
    figures.tell("Pico W: seconds without a network", seconds, "s")
    figures.tell("Pico W: samples missed meanwhile", missed, "", most=0)
    assert missed == 0
    ic = world.ask({"op": "statistics"})["ic"]
    assert not any(ic[name] for name in ("stale", "missed", "implausible", "refused")), ic


def test_it_leaves_so_much_heap(world: Any, joined: float) -> None:
    free = world.ask({"op": "memory"})["free"]
    name = "Pico W: free heap, both routes and Wi-Fi"
    assert figures.tell(name, free, "bytes", least=FREE_BYTES)


def test_a_restart_by_command_finds_the_network_again(world: Any, joined: float) -> None:
    from tests.ontarget.controller import get_frame

    world.announced.clear()
    world.ask({"op": "restart"})
    assert world.board.go(30_000, lambda: INSTANCE_LIST in _said(world)), bytes(world.board.said)
    assert world.ask_echonet(get_frame(500, 0xE7), limit_ms=10_000)[4:] == E7_800_W
