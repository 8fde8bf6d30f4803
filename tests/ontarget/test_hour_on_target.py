"""An hour of a meter on an emulated Pico, with a flash that takes its time: no sample is missed.

It takes a wall clock as long, or longer: `make ontarget`.
"""

import os
import time
from pathlib import Path

import pytest

from tests.ontarget import figures

HOUR_S = int(os.environ.get("KEIKI_ONTARGET_S", "3600"))
SLOT_S = 1800
EVERY_S = 60
PHASES = 2
UNBOOKED_S = 4
"""Before the first reading, and since the last one."""


@pytest.mark.long
def test_an_hour_passes_without_a_missed_sample(pico_image: Path) -> None:
    from tests.ontarget.meter_world import BEGAN_UTC_MS, R_W, T_W, MeterWorld
    from tests.ontarget.slow_flash import SlowFlash

    world = MeterWorld("pico", "rp2_pico_bl0942", pico_image)
    board, flash = world.board, SlowFlash(world.board)
    began = time.monotonic()
    board.power_on()
    world.controller.search()
    assert board.go(20_000, lambda: world.controller.meter is not None), bytes(board.said)
    board.go((1750 - world.utc_ms() % 1000) % 1000)  # no sample is under way
    first_s = world.utc_ms() // 1000 + 1
    for done_s in range(0, HOUR_S, EVERY_S):
        board.go(1000 * min(EVERY_S, HOUR_S - done_s))
        wall_s = time.monotonic() - began
        print(f"{done_s + EVERY_S} s: {world.answered} packets, {wall_s:.0f} s of the wall", flush=True)
    last_s = world.utc_ms() // 1000
    seconds = range(first_s, last_s + 1)
    ic = world.ask({"op": "statistics"})["ic"]
    status = world.ask({"op": "status"})
    # a check of the chips, after a minute and every hour, asks each of them once more
    missed = [second for second in seconds if world.packets[second] < PHASES]
    truth = (R_W + T_W) * (board.since_power_ms() / 3600)
    figures.tell("an hour: seconds of it", len(seconds), "s")
    figures.tell(
        "an hour: packets that the metering chips sent", sum(world.packets[at] for at in seconds), ""
    )
    figures.tell("an hour: seconds without a sample of both phases", len(missed), "", most=0)
    figures.tell("an hour: energy booked, of what flowed", 100 * status["import_wh_x1000"] / truth, "%")
    figures.tell("an hour: blocks of flash erased", flash.counts["erases"], "")
    figures.tell("an hour: free heap after it", world.ask({"op": "memory"})["free"], "bytes")
    figures.tell("emulated seconds in one of the wall clock", len(seconds) / (time.monotonic() - began), "s")
    print(ic)
    assert not missed
    assert not any(ic[name] for name in ("stale", "missed", "implausible", "refused")), ic
    unbooked = (R_W + T_W) * UNBOOKED_S / 3.6
    assert truth - unbooked <= status["import_wh_x1000"] <= truth * 1.0005
    boundaries = range(-(-BEGAN_UTC_MS // 1000 // SLOT_S) * SLOT_S, last_s, SLOT_S)
    for boundary in [at for at in boundaries if at > first_s]:
        (row,) = world.ask({"op": "half_hours", "from": boundary, "count": 1})["rows"]
        assert row is not None and row[0] > 0
