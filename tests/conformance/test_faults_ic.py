"""Faults of the metering IC: what the client is told, and that no energy is lost or invented; momonga."""

import asyncio
import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.conformance.stage import Stage, perform, plays, stage

SAMPLE_WH = 1200 / 3600
COUNT_WH = 0.94
"""One count of the IC's energy counter."""
HALF_HOUR_MS = 1_800_000
JST = datetime.timezone(datetime.timedelta(hours=9))


@asynccontextmanager
async def all_energy(at: Stage, tolerance_wh: float) -> AsyncIterator[None]:
    """The registers gain what the house uses, within the tolerance, plus a sample at each end."""
    before = await at.status()
    yield
    await at.run_on(10)
    after = await at.status()
    true_wh, _ = at.meter.house.energy_wh(before["utc_ms"] / 1000, after["utc_ms"] / 1000)
    gained_wh = (after["import_wh_x1000"] - before["import_wh_x1000"]) / 1000
    assert abs(gained_wh - true_wh) <= tolerance_wh + 2 * SAMPLE_WH + true_wh / 1000
    assert after["export_wh_x1000"] == before["export_wh_x1000"]


async def answers(at: Stage, expected: bool) -> None:
    """Wait until the meter knows that its IC answers, or that it does not."""
    for _ in range(600):
        if (await at.status())["ic_answers"] is expected:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the meter never noticed that its IC answers: {expected}")


@plays("ic_silence", counts=("ic.missed", "ic.stale"))
async def a_silent_ic_is_a_fault_without_values_and_loses_no_energy(at: Stage) -> None:
    await at.client.call("notifications", seconds=0.2)
    async with all_energy(at, 2 * COUNT_WH):
        async with at.fault("ic_silence"):
            await answers(at, False)
            assert await at.get("fault_status") is True
            assert await at.get("instantaneous_power") is None
            assert await at.get("instantaneous_current") == {"r phase current": None, "t phase current": None}
            told = await at.client.call("notifications", seconds=20, count=1)
            assert told == [{"esv": "73", "properties": {"88": True}}]
            stood_kwh = await at.get("measured_cumulative_energy")
            await at.run_on(60)
            assert await at.get("measured_cumulative_energy") == stood_kwh
            found = await at.udp(0x88, 0xE7, 0xE8)
            assert found == {0x88: b"\x41", 0xE7: bytes.fromhex("7FFFFFFE"), 0xE8: bytes.fromhex("7FFE7FFE")}
        await answers(at, True)
        assert await at.get("fault_status") is False
        assert await at.client.call("notifications", seconds=20, count=1) == [
            {"esv": "73", "properties": {"88": False}}
        ]


@plays("ic_silence", counts=("ic.missed", "ic.stale"))
async def a_boundary_in_a_long_silence_is_missing_not_invented(at: Stage) -> None:
    boundary_ms = (at.meter.clock.utc_ms() // HALF_HOUR_MS + 1) * HALF_HOUR_MS
    async with all_energy(at, 2 * COUNT_WH):
        await at.run_until(boundary_ms - 60_000)
        async with at.fault("ic_silence"):
            await at.run_until(boundary_ms + 60_000)
        await at.run_on(5)
        await answers(at, True)
    before, missing = await slots(at, boundary_ms - HALF_HOUR_MS), await slots(at, boundary_ms)
    assert missing == {"normal direction": None, "reverse direction": None}
    await at.run_until(boundary_ms + HALF_HOUR_MS + 5000)
    after = await slots(at, boundary_ms + HALF_HOUR_MS)
    used_kwh = after["normal direction"] - before["normal direction"]
    assert abs(used_kwh - 1.2) <= 0.0012 + 2 * COUNT_WH / 1000


async def slots(at: Stage, utc_ms: int) -> dict[str, float]:
    """The registers at one half hour, by ED and EC."""
    stamp = datetime.datetime.fromtimestamp(utc_ms / 1000, JST).replace(tzinfo=None).isoformat()
    found = await at.client.call("history_30min", timestamp=stamp, points=1)
    assert [slot["timestamp"] for slot in found] == [stamp]
    energy: dict[str, float] = found[0]["cumulative energy"]
    return energy


@plays("ic_reset", counts=("ic.refused", "ic.resets"))
async def a_reset_of_the_ic_is_noticed_and_moves_no_register(at: Stage) -> None:
    await at.run_on(120)
    before = await at.counters()
    async with all_energy(at, 2 * COUNT_WH), at.fault("ic_reset"):
        await at.run_on(3)
        await at.client_reads()
    after = await at.counters()
    assert after["ic.resets"] == before["ic.resets"] + 2  # one of each phase
    assert after["ic.mode_writes"] == before["ic.mode_writes"] + 2


@plays("ic_counter_jump", counts=("ic.refused",))
async def a_jump_of_the_counter_is_refused(at: Stage) -> None:
    for counts in (100_000, 8_388_608, 16_000_000):
        before = await at.counters()
        async with all_energy(at, COUNT_WH), at.fault("ic_counter_jump", counts=counts, count=1):
            await at.run_on(3)
            await at.client_reads()
        after = await at.counters()
        assert after["ic.refused"] == before["ic.refused"] + 1


@plays("ic_counter_jump", counts=("ic.refused",))
async def a_counter_that_jumps_all_the_time_is_replaced_by_the_power(at: Stage) -> None:
    async with all_energy(at, 2 * COUNT_WH), at.fault("ic_counter_jump"):
        await at.run_on(60)
        await at.client_reads()


@plays("ic_garbage", counts=("ic.missed", "ic.stale"))
async def noise_on_the_wire_gives_no_wrong_value(at: Stage) -> None:
    before = await at.counters()
    async with all_energy(at, 2 * COUNT_WH):
        async with at.fault("ic_garbage"):
            for _ in range(20):
                power_w = await at.get("instantaneous_power")
                if power_w is not None:
                    at.power_right(power_w)
                await at.run_on(3)
        await answers(at, True)
    assert (await at.counters())["ic.missed"] > before["ic.missed"]


SCENARIOS = (
    a_silent_ic_is_a_fault_without_values_and_loses_no_energy,
    a_boundary_in_a_long_silence_is_missing_not_invented,
    a_reset_of_the_ic_is_noticed_and_moves_no_register,
    a_jump_of_the_counter_is_refused,
    a_counter_that_jumps_all_the_time_is_replaced_by_the_power,
    noise_on_the_wire_gives_no_wrong_value,
)


def test_momonga_meets_a_meter_whose_ic_fails() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35c2",), start_s=1_795_838_520.0) as at:
            await at.open()
            await perform(at, SCENARIOS)
            await at.client.call("close")

    asyncio.run(session())
