"""The metering ICs of the bench: boards and models agree, and a chip that talks costs what is heard of it."""

import asyncio
import runpy
from pathlib import Path
from typing import Any

import pytest
from keiki_host.bench import metering_ics, options
from keiki_host.bench.cse7766_line import ROOM, TalkingChip
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics.atm90e32_parts import EXAMPLE as ATM90E32_PARTS
from keiki_host.bench.waves import Point, Wave
from keiki_host.bench.world import WorldClock

BOARDS = Path(__file__).resolve().parents[2] / "boards"
PARTS = {
    "bl0942": {"scale": metering_ics.BL0942_PARTS.scale()},
    "atm90e32": ATM90E32_PARTS.board(),
    "ade7953": {
        name: value
        for name, value in metering_ics.ADE7953_PARTS.board().items()
        if not name.startswith("pga")
    },
    "cse7766": {"scale": metering_ics.CSE7766_PARTS.scale()},
}
RANGE_A = {
    "bl0942": metering_ics.BL0942_PARTS.range_a,
    "atm90e32": ATM90E32_PARTS.range_a,
    "ade7953": metering_ics.ADE7953_PARTS.full_a,
    "cse7766": metering_ics.CSE7766_PARTS.range_a,
}


def test_every_ic_has_a_board_and_a_model() -> None:
    assert list(options.ICS) == list(metering_ics.ICS) == list(PARTS)


@pytest.mark.parametrize("ic", metering_ics.ICS)
def test_a_board_says_what_the_parts_around_its_model_are(ic: str) -> None:
    board = runpy.run_path(str(BOARDS / options.ICS[ic] / "board.py"))
    assert board["NAME"] == options.ICS[ic] and board["METERING"]["ic"] == ic
    assert {**board["METERING"], **PARTS[ic]} == board["METERING"]
    # ratings up to 120 A; what is beyond its range a chip clips
    assert RANGE_A[ic] >= 120 * (1 - 1e-9)


class Listener:
    """A chip that talks, in a world, and what a firmware reads of it."""

    def __init__(self) -> None:
        self.clock = WorldClock(1_777_734_000_000)
        wave = Wave(Point(current_a=20.0))
        self.talking = TalkingChip(self.clock, wave, Faults(), metering_ics.CSE7766_PARTS, 0)
        self.clock.attach(self.talking.line)

    def read(self) -> bytes:
        """Read all that is there, and rest."""
        with open(self.talking.line.path, "rb", buffering=0) as line:
            data = b""
            while self.talking.line.unread():
                data += line.read(ROOM)
        self.talking.line.pump()
        return data


def listened(act: Any) -> None:
    async def live() -> None:
        listener = Listener()
        try:
            act(listener)
        finally:
            listener.clock.close()

    asyncio.run(live())


def test_frames_arrive_whole_when_their_last_bit_does() -> None:
    def act(listener: Listener) -> None:
        first_ms = listener.talking.chip.next_ms - listener.clock.start_utc_ms
        listener.clock.advance_to(first_ms + 54)
        assert listener.read() == b""
        listener.clock.advance_to(first_ms + 55)
        frame = listener.read()
        assert len(frame) == 24 and frame[1] == 0x5A
        listener.clock.advance_to(first_ms + 105 + 54)
        assert listener.read() == b""

    listened(act)


def test_a_full_uart_loses_what_comes_and_the_chip_is_left_alone() -> None:
    def act(listener: Listener) -> None:
        clock = listener.clock
        clock.advance_to(600_000)
        assert clock.next_due_ms() is None
        old = listener.read()
        assert len(old) == ROOM
        # what arrives next is the rest of a frame, and then whole ones that know what has flowed meanwhile
        clock.advance_to(600_000 + 400)
        new = listener.read()
        at = new.index(b"\x5a", 1)
        while (sum(new[at + 1 : at + 22]) & 0xFF) != new[at + 22]:
            at = new.index(b"\x5a", at + 1)
        pulses = (new[at + 19] & 0x80) << 9 | new[at + 20] << 8 | new[at + 21]
        true = 2000 * 600 / metering_ics.CSE7766_PARTS.pulse_j
        assert pulses == pytest.approx(true, abs=2000 * 0.5 / metering_ics.CSE7766_PARTS.pulse_j)

    listened(act)


def test_the_rest_of_a_frame_that_has_begun_unheard_is_torn() -> None:
    def act(listener: Listener) -> None:
        clock, chip = listener.clock, listener.talking.chip
        torn = set()
        for _ in range(40):
            clock.advance_to(clock.now_ms + 2011)
            listener.read()
            clock.advance_to(chip.next_ms - clock.start_utc_ms)
            torn.add(len(listener.read()))
        assert torn - {0, 24} and max(torn) <= 24

    listened(act)
