"""The whole meter on an emulated Pico, its metering chips on the emulated UART: does it fit, is it in time?

It takes minutes, because the chip is emulated. The watchdog is left out: it would bite between two tests.
"""

from typing import Any

import pytest

from tests.ontarget.test_hal_on_target import BEGIN, R_W, T_W, VOLTS, wire_metering

RUN_MS = 3000
FREE_BYTES = 60_000
BLOCK_MS = 50

METER = """
import asyncio, gc, time
import keiki.hal.rp2 as hal
import keiki.core as core

class Dog:
    latest = None
    def __init__(self, limit_ms):
        self.limit_ms = limit_ms
    def feed(self):
        pass

hal.Watchdog = Dog
hal.console = lambda: None
made = []
make = core.App

def keep(*args):
    made.append(make(*args))
    return made[0]

core.App = keep

async def watch():
    meter = made[0].metering
    while meter.snapshot is None:
        await asyncio.sleep_ms(5)
    print("first_ms", time.ticks_ms())
    end = last = time.ticks_ms()
    end += RUN_MS
    block_ms = 0
    while last < end:
        await asyncio.sleep_ms(5)
        now = time.ticks_ms()
        block_ms = max(block_ms, now - last - 5)
        last = now
    gc.collect()
    print("block_ms", block_ms)
    print("free_bytes", gc.mem_free())
    snapshot = meter.snapshot
    print("volts_x100", snapshot.voltage_v_x100[0])
    print("watts_x10", snapshot.power_w_x10[0] + snapshot.power_w_x10[1])
    raise SystemExit

async def both(main):
    asyncio.create_task(main)
    await watch()

hal.start = lambda main: asyncio.run(both(main))
import keiki_main
"""


@pytest.fixture(scope="module")
def found(pico: Any) -> dict[str, int]:
    """What the whole meter said of itself."""
    wire_metering(pico)
    said = pico.run(BEGIN + METER.replace("RUN_MS", str(RUN_MS)))
    print(said)
    return {name: int(value) for name, value in (line.split() for line in said.splitlines())}


def test_the_meter_measures_and_never_blocks_for_long(found: dict[str, int]) -> None:
    assert abs(found["volts_x100"] - VOLTS * 100) <= 2
    assert abs(found["watts_x10"] - 10 * (R_W + T_W)) <= 20
    assert found["block_ms"] <= BLOCK_MS


@pytest.mark.xfail(strict=True, reason="59,296 bytes were free (docs/on-target.md)")
def test_the_meter_leaves_so_much_heap(found: dict[str, int]) -> None:
    assert found["free_bytes"] >= FREE_BYTES
