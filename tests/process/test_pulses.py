"""The pulse output of the real firmware against the house's truth, and the metering IC's own pulses."""

import asyncio
from typing import Any

import pytest

from tests.conformance.desk import desk

WH_MS = 3_600_000
REGISTERS = ("import_wh_x1000", "export_wh_x1000")  # a CSE7766 knows no direction


def told(events: dict[str, Any]) -> int:
    """How often a mismatch of pulses was told."""
    return int(events["counts"].get("cf_mismatch", 0))


@pytest.mark.parametrize("ic", ["bl0942", "cse7766", "atm90e32", "ade7953"])
def test_half_an_hour_of_pulses_is_what_the_house_used(ic: str) -> None:
    async def scenario() -> None:
        async with desk(ic=ic, load="constant:-6000W@pf0.9", start_s=1_781_146_800.0, speed=600) as bench:
            meter = bench.meters[0]
            before, start_ms = meter.supply.pulse_output.total, meter.clock.now_ms
            registers = await meter.firmware.call("status")
            await meter.clock.run_to(start_ms + 1_800_000)
            pulses = meter.supply.pulse_output.total - before
            now = await meter.firmware.call("status")
            measured_wh = sum(now[name] - registers[name] for name in REGISTERS) / 1000
            used_wh = 6000 * (meter.clock.now_ms - start_ms) / WH_MS
            assert pulses == pytest.approx(measured_wh, abs=4)
            assert pulses == pytest.approx(used_wh, rel=0.005, abs=4)
            said = await meter.firmware.call("pulse")
            assert said["imp_per_kwh"] == 1000 and said["pulses"] == meter.supply.pulse_output.total
            assert said["late"] == said["dropped"] == 0
            assert said["cf_wrong"] == ([False, False] if ic in ("bl0942", "cse7766") else [])
            assert told(await meter.firmware.call("events", most=1)) == 0

    asyncio.run(scenario())


def test_a_start_makes_no_pulse_that_was_not_measured() -> None:
    async def scenario() -> None:
        async with desk(load="constant:3000W", speed=600) as bench:
            meter = bench.meters[0]
            before = meter.supply.pulse_output.total
            start_ms = meter.clock.now_ms
            for _ in range(3):
                await meter.firmware.call("restart")
                await meter.clock.run_to(meter.clock.now_ms + 60_000)
            used_wh = 3000 * (meter.clock.now_ms - start_ms) / WH_MS
            assert used_wh - 60 <= meter.supply.pulse_output.total - before <= used_wh + 1

    asyncio.run(scenario())


def test_a_counter_that_jumps_without_pulses_is_told() -> None:
    async def scenario() -> None:
        async with desk(load="constant:3000W", speed=600) as bench:
            meter = bench.meters[0]
            chip = meter.ic.chips[0]
            await meter.clock.run_to(meter.clock.now_ms + 60_000)
            for _ in range(25):  # steps that each could be
                chip.cf_cnt = (chip.cf_cnt + 2) & 0xFFFFFF
                await meter.clock.run_to(meter.clock.now_ms + 60_000)
            said = await meter.firmware.call("pulse")
            events = await meter.firmware.call("events", most=16)
            mismatch = [event for event in events["events"] if event[2] == "cf_mismatch"]
            print(said, mismatch)
            assert mismatch and mismatch[0][3] == 0 and mismatch[0][6] > mismatch[0][5]

    asyncio.run(scenario())
