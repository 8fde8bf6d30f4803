"""Power cuts of a whole meter on an emulated Pico, many of them in the middle of a flash operation.

Checked after each: no record that was on flash is lost or changed, registers are not lower than the newest of
them and not more than flowed, what was booked before the last checkpoint interval is there, and the meter
measures and serves again. Around some cuts a half-hour ends. It takes minutes a cut: `make ontarget`.
"""

import os
import random
from pathlib import Path
from typing import Any

import pytest
from keiki_host.board_data import load

from tests.ontarget import figures

CUTS = int(os.environ.get("KEIKI_ONTARGET_CUTS", "50"))
SEED = 7
WATTS = 800
BOARD = "rp2_pico_bl0942"
SLOT_MS, MINUTE_MS = 1_800_000, 60_000
CHECKPOINT_S = 60
LATE_S = 3
LONGEST_MS = 12_000
"""The longest that the power stays on after a look at the flash, another start with it."""
ROTATED = ("checkpoints",)
"""Logs that keep few records: what is gone there has made way for newer ones."""


class Meter:
    """A meter whose power goes; `flowed_wh_x1000` is all energy that its chips have seen."""

    def __init__(self, uf2: Path) -> None:
        from tests.ontarget.meter_world import MeterWorld
        from tests.ontarget.slow_flash import SlowFlash

        self.world = MeterWorld("pico", BOARD, uf2)
        self.board = self.world.board
        self.flash = SlowFlash(self.board)
        self.plan = load(BOARD).flash.model_dump(exclude_none=True)
        self.flowed_wh_x1000 = 0.0
        self.kept: dict[Any, bytes] = {}

    def committed(self) -> dict[Any, bytes]:
        """What is on its flash now."""
        from tests.ontarget.records import committed

        return committed(self.board, self.plan)

    def start(self) -> dict[str, Any]:
        """Give it power; returns its status as soon as it measures."""
        self.board.power_on()
        assert self.board.go(20_000, lambda: self.world.answered >= 2), bytes(self.board.said)
        self.board.go(50)
        status: dict[str, Any] = self.world.ask({"op": "status"})
        return status

    def cut(self, chance: random.Random, where: str) -> bool:
        """Take its power away: in the middle of a flash operation of the next minute's end, or of the next
        start (`where`), or at some moment; returns whether it was in the middle of one."""
        over: list[bool] = []

        def now() -> None:
            over.append(True)
            self.board.wake()

        self.flash.on_cut = now
        if where == "start":
            self._flows()
            self.board.power_on()
            self.flash.cut_in = chance.randrange(12)
            self.board.go(4000, lambda: bool(over))
        elif where == "flash":
            self.flash.cut_in = chance.randrange(12)
            self.board.go(7000, lambda: bool(over))
        else:
            self.board.go(chance.uniform(0, 7000))
        self.flash.cut_in = None
        self._flows()
        return bool(over)

    def _flows(self) -> None:
        self.flowed_wh_x1000 += WATTS * self.board.since_power_ms() / 3600


@pytest.mark.long
def test_power_cuts_lose_nothing(pico_image: Path) -> None:
    from tests.ontarget.records import registers

    meter, chance = Meter(pico_image), random.Random(SEED)
    world, board = meter.world, meter.board
    inside = boundaries = 0
    for n in range(CUTS):
        # a minute or a half-hour ends 3 to 7 s after the power has come: something is written then
        period_ms = SLOT_MS if n % 5 == 1 else MINUTE_MS
        world.offset_ms += period_ms - (world.utc_ms() + chance.randrange(3000, 7000)) % period_ms
        world.rtc.set_right()
        status = meter.start()
        booked = status["import_wh_x1000"]
        assert status["ic_answers"] and not status["safe_mode"] and not status["lost"], (n, status)
        assert booked <= meter.flowed_wh_x1000 + WATTS * board.since_power_ms() / 3600, n
        if meter.kept:
            assert booked >= registers(meter.kept)[1], n
        if n % 5 == 2:
            slot_s = world.utc_ms() // SLOT_MS * SLOT_MS // 1000
            (row,) = world.ask({"op": "half_hours", "from": slot_s, "count": 1})["rows"]
            known = [
                data
                for (name, _), data in meter.kept.items()
                if name == "half_hours" and _time(data) == slot_s
            ]
            assert (row is not None) == bool(known), (n, row)
            boundaries += bool(known)
        if n % 10 == 9:
            board.go(CHECKPOINT_S * 1000)  # long enough that a checkpoint is due
        before = meter.committed()
        _nothing_lost(meter.kept, before, n)
        on_ms = board.since_power_ms()
        inside += meter.cut(chance, ("flash", "moment", "start")[n % 3])
        after = meter.committed()
        _nothing_lost(before, after, n)
        if on_ms > 1000 * (CHECKPOINT_S + LATE_S):
            assert registers(after)[0] >= (world.utc_ms() - LONGEST_MS) // 1000 - CHECKPOINT_S, n
        meter.kept = after
        print(f"cut {n}: {len(after)} records, {booked} Wh x 1000 of {meter.flowed_wh_x1000:.0f}", flush=True)
    meter.start()
    world.controller.search()
    assert board.go(20_000, lambda: world.controller.meter is not None), bytes(board.said)
    world.get(1, 0xE7)
    figures.tell("power cuts", CUTS, "")
    figures.tell("power cuts: in the middle of a flash operation", inside, "")
    figures.tell("power cuts: half-hours that ended around them", boundaries, "")
    figures.tell("power cuts: records lost", 0, "", most=0)


def _time(data: bytes) -> int:
    from keiki.wire import record

    return record.time_of(data)


def _nothing_lost(before: dict[Any, bytes], after: dict[Any, bytes], n: int) -> None:
    for key, data in before.items():
        if key in after:
            assert after[key] == data, (n, key)
        else:
            newer = [sequence for name, sequence in after if name == key[0]]
            assert key[0] in ROTATED and newer and min(newer) > key[1], (n, key)
