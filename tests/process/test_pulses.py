"""The pulse output of the real firmware against the house's truth, and the metering IC's own pulses."""

import asyncio
import itertools
from typing import Any

import pytest
from keiki_host.bench.meter import Meter
from keiki_host.bench.metering_ics import ICS
from keiki_host.bench.pins import PulseInput
from keiki_host.bench.supply import CF_PINS

from tests.conformance.desk import desk

WH_MS = 3_600_000
START_S = 1_781_146_800.0
MORNING_S = 1_790_027_400.0
"""06:50 in Japan: within the hour the house turns from import to export."""
WIDTH_MS, IMP_PER_KWH = 40, 1000
PINS = {"bl0942": 2, "cse7766": 2, "atm90e32": 1, "ade7953": 2}


async def pass_time(meter: Meter, seconds: float) -> None:
    """Let time pass as fast as it goes."""
    await meter.clock.run_to(meter.clock.now_ms + round(seconds * 1000))


async def measured_wh_x1000(meter: Meter) -> int:
    """Both registers together: what was measured since the meter was made."""
    status = await meter.firmware.call("status")
    return int(status["import_wh_x1000"] + status["export_wh_x1000"])


async def mismatches(meter: Meter) -> list[list[Any]]:
    """Events of mismatches, oldest first: (pin, pulses, counts)."""
    events = (await meter.firmware.call("events", most=16))["events"]
    return [[event[3], *event[5:]] for event in events if event[2] == "cf_mismatch"][::-1]


@pytest.mark.parametrize("ic", ICS)
def test_pulses_are_what_the_registers_gained_and_come_evenly(ic: str) -> None:
    async def scenario() -> None:
        async with desk(ic=ic, load="constant:-3000W@pf0.9", start_s=START_S) as bench:
            meter = bench.meters[0]
            output = meter.supply.pulse_output
            before, start_ms = output.total, meter.clock.now_ms
            await pass_time(meter, 1500)
            said, measured = await meter.firmware.call("pulse"), await measured_wh_x1000(meter)
            assert said["pulses"] == measured * IMP_PER_KWH // 1_000_000 == output.total + output.waiting
            used_wh = 3000 * (meter.clock.now_ms - start_ms) / WH_MS
            assert output.total - before == pytest.approx(used_wh, rel=0.003, abs=2)
            assert (said["imp_per_kwh"], said["late"], said["dropped"]) == (IMP_PER_KWH, 0, 0)
            gaps = [after - begun for begun, after in itertools.pairwise(output.rises)][20:]
            print(f"{ic}: {len(gaps)} gaps of {min(gaps):.0f} to {max(gaps):.0f} ms, 1200 are due")
            assert min(gaps) >= 2 * WIDTH_MS
            assert sum(abs(gap - 1200) <= 120 for gap in gaps) >= 0.9 * len(gaps)
            assert said["cf_wrong"] == [False] * PINS[ic] and await mismatches(meter) == []
            assert (await meter.firmware.call("status"))["cf_agrees"] is True

    asyncio.run(scenario())


def test_over_a_change_of_direction_import_and_export_add_up() -> None:
    async def scenario() -> None:
        async with desk(load="house", start_s=MORNING_S) as bench:
            meter = bench.meters[0]
            output = meter.supply.pulse_output
            await pass_time(meter, 3600)
            status = await meter.firmware.call("status")
            assert status["import_wh_x1000"] > 0 and status["export_wh_x1000"] > 0
            measured = await measured_wh_x1000(meter)
            assert output.total + output.waiting == measured * IMP_PER_KWH // 1_000_000
            assert await mismatches(meter) == []

    asyncio.run(scenario())


def test_starts_and_power_cuts_make_no_pulse_that_was_not_measured() -> None:
    async def scenario() -> None:
        async with desk(load="constant:3000W", start_s=START_S) as bench:
            meter = bench.meters[0]
            output = meter.supply.pulse_output
            before, start_ms = output.total, meter.clock.now_ms
            for n in range(3):
                await pass_time(meter, 60)
                if n:
                    await meter.firmware.call("restart")
                else:
                    meter.faults.enable("power_cut", for_s=30)
                    await pass_time(meter, 15)
                    assert output.waiting == 0
                    dark = output.total
                    await pass_time(meter, 14)
                    assert output.total == dark
            await pass_time(meter, 60)
            used_wh = 3000 * (meter.clock.now_ms - start_ms - 30_000) / WH_MS
            # a start loses at most what was measured and not shown, and what was used until the first reading
            assert used_wh - 3 * 6 <= output.total - before <= used_wh + 1

    asyncio.run(scenario())


@pytest.mark.parametrize("ic", ICS)
def test_a_pulse_pin_that_comes_off_is_told_and_so_is_that_it_is_back(ic: str) -> None:
    async def scenario() -> None:
        async with desk(ic=ic, load="constant:6000W", start_s=START_S) as bench:
            meter = bench.meters[0]
            pin = CF_PINS[PINS[ic] - 1]
            wired = meter.i2c.pins[pin]
            meter.i2c.pins[pin] = PulseInput(lambda: 0)
            registers = await measured_wh_x1000(meter)
            await pass_time(meter, 1300)
            (told,) = await mismatches(meter)
            assert told[0] == PINS[ic] - 1 and told[2] > 100, told
            status = await meter.firmware.call("status")
            wrong = [False] * (PINS[ic] - 1) + [True]
            assert status["cf_agrees"] is False
            assert (await meter.firmware.call("pulse"))["cf_wrong"] == wrong
            gained_wh = (await measured_wh_x1000(meter) - registers) / 1000
            assert gained_wh == pytest.approx(6000 * 1300 / 3600, rel=0.003)
            meter.i2c.pins[pin] = wired
            await pass_time(meter, 1300)
            assert (await meter.firmware.call("status"))["cf_agrees"] is True
            assert 1 <= len(await mismatches(meter)) <= 2

    asyncio.run(scenario())


def test_a_counter_that_jumps_by_little_and_little_is_told() -> None:
    async def scenario() -> None:
        async with desk(load="constant:3000W", start_s=START_S) as bench:
            meter = bench.meters[0]
            chip = meter.ic.chips[0]  # type: ignore[attr-defined]
            await pass_time(meter, 60)
            for _ in range(25):  # steps that each could be
                chip.cf_cnt = (chip.cf_cnt + 2) & 0xFFFFFF
                await pass_time(meter, 60)
            told = await mismatches(meter)
            assert told and all(number == 0 and counts > pulses for number, pulses, counts in told)

    asyncio.run(scenario())


def test_a_chip_that_restarts_is_an_event_and_no_mismatch() -> None:
    async def scenario() -> None:
        for ic in ("bl0942", "ade7953"):
            async with desk(ic=ic, load="constant:6000W", start_s=START_S) as bench:
                meter = bench.meters[0]
                for _ in range(4):
                    await pass_time(meter, 400)
                    meter.faults.enable("ic_reset", for_s=1)
                await pass_time(meter, 1300)
                assert await mismatches(meter) == []
                assert (await meter.firmware.call("events"))["counts"]["ic_reset"] >= 4
                assert (await meter.firmware.call("status"))["cf_agrees"] is True

    asyncio.run(scenario())
