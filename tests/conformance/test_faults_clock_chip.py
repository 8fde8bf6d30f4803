"""Faults of the clock chip: what the meter makes of a chip that is wrong, and what the client is told."""

import asyncio
from typing import Any

from tests.conformance.stage import Stage, perform, plays, stage

HOUR_S = 3600


async def ahead_ms(at: Stage) -> int:
    """How far the meter's clock is ahead of the world."""
    status = await at.status()
    ahead: int = status["utc_ms"] - at.meter.clock.utc_ms()
    return ahead


async def count(at: Stage, kind: str) -> int:
    """How often an event of a kind has happened."""
    answer = await at.meter.firmware.call("events", before=None, most=1)
    return int(answer["counts"].get(kind, 0))


async def cut(at: Stage, off_s: float) -> dict[str, Any]:
    """A power cut; returns the status after it, when the client is back too."""
    at.meter.keeper.cut()
    await at.run_on(off_s)
    at.meter.keeper.restore()
    status = await at.status()
    await at.reopen_until_it_works()
    return status


@plays("rtc_battery")
async def a_flat_battery_makes_the_clock_unsure_after_a_power_cut_until_it_is_set(at: Stage) -> None:
    async with at.fault("rtc_battery"):
        status = await cut(at, 600)
        assert status["clock_unsure"] is True
        assert await count(at, "clock_unsure") == 1
        await at.client_reads()
        # as far as the meter knows it is not much later than when the power went
        assert -660_000 < await ahead_ms(at) < -590_000
        set_to = await at.meter.firmware.call("set_clock", utc_ms=at.meter.clock.utc_ms())
        assert set_to["result"] == "set"
        await at.run_on(60)
        assert abs(await ahead_ms(at)) < 1000
    chip_ms = at.meter.rtc.chip.utc_ms()
    assert chip_ms is not None and abs(chip_ms - at.meter.clock.utc_ms()) < 1000


@plays("rtc_battery")
async def a_battery_that_was_replaced_carries_the_clock_through_a_power_cut(at: Stage) -> None:
    async with at.fault("rtc_battery"):
        await at.run_on(60)
    status = await cut(at, 600)
    assert status["clock_unsure"] is False
    assert abs(await ahead_ms(at)) < 1000


@plays("rtc_drift")
async def a_clock_chip_that_is_a_little_fast_takes_the_meters_clock_with_it(at: Stage) -> None:
    before_ms = await ahead_ms(at)
    async with at.fault("rtc_drift", ppm=300):
        await at.run_on(4 * HOUR_S)
        chip_ms = at.meter.rtc.chip.utc_ms()
        assert chip_ms is not None and abs(chip_ms - at.meter.clock.utc_ms() - 4320) <= 1
        gained_ms = await ahead_ms(at) - before_ms
        assert 2000 < gained_ms < 4320
        await at.client_reads()
    assert await count(at, "clock_refused") == 0


@plays("rtc_drift")
async def a_clock_chip_that_runs_away_is_not_followed(at: Stage) -> None:
    before_ms = await ahead_ms(at)
    async with at.fault("rtc_drift", ppm=-10_000):
        await at.run_on(4 * HOUR_S)
        gained_ms = await ahead_ms(at) - before_ms
        assert -8000 < gained_ms < 0
    assert await count(at, "clock_refused") == 1


SCENARIOS = (
    a_flat_battery_makes_the_clock_unsure_after_a_power_cut_until_it_is_set,
    a_battery_that_was_replaced_carries_the_clock_through_a_power_cut,
    a_clock_chip_that_is_a_little_fast_takes_the_meters_clock_with_it,
    a_clock_chip_that_runs_away_is_not_followed,
)


def test_momonga_meets_a_meter_whose_clock_chip_fails() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35c2",), start_s=1_795_838_520.0) as at:
            await at.open()
            await perform(at, SCENARIOS)
            await at.client.call("close")

    asyncio.run(session())
