"""Power cuts of the meter: what the client meets meanwhile, and that nothing committed is lost; momonga."""

import asyncio
import datetime

from keiki_host.bench.keeper import POWER
from keiki_host.bench.options import JST

from tests.conformance.rpc import ClientError
from tests.conformance.stage import AWAY, Stage, perform, plays, stage

LOAD_W = 1200
HALF_HOUR_MS = 1_800_000
LOST_S = 10 + 2 + 3
"""Checkpoints lie 10 s apart; a reading a second, and one more; a start and its first reading."""

Energy = dict[str, float | None]
NO_DATA: Energy = {"normal direction": None, "reverse direction": None}


async def slots(at: Stage, utc_ms: int, points: int = 1) -> list[Energy]:
    """The registers at half hours from `utc_ms` backwards, by ED and EC."""
    stamp = datetime.datetime.fromtimestamp(utc_ms / 1000, JST).replace(tzinfo=None).isoformat()
    found = await at.client.call("history_30min", timestamp=stamp, points=points)
    assert found[0]["timestamp"] == stamp
    return [slot["cumulative energy"] for slot in found]


async def started_again(at: Stage, times: int) -> None:
    """The meter is there, after so many power cuts, and its events say so."""
    ends = at.meter.keeper.ends
    assert [end.cause for end in ends] == [POWER] * times
    events = (await at.meter.firmware.call("events", most=16))["counts"]
    assert events["power_up"] == 1 + times and events["power_down"] == times


@plays("power_cut")
async def a_long_cut_leaves_its_boundaries_without_data_and_everything_else_as_it_was(at: Stage) -> None:
    boundary_ms = (at.meter.clock.utc_ms() // HALF_HOUR_MS + 2) * HALF_HOUR_MS
    await at.run_until(boundary_ms + 65_000)
    kept = await slots(at, boundary_ms, 2)
    before = await at.status()
    async with at.fault("power_cut"):
        await at.run_on(0.2)  # its supply bears the first 100 ms
        async with at.hasty():
            try:
                await at.get("instantaneous_power")
            except ClientError as error:
                assert error.name in AWAY, error
            else:
                raise AssertionError("a meter without power has answered")
        assert not at.meter.firmware.running and not at.meter.module.radio.on
        await at.run_until(boundary_ms + 2 * HALF_HOUR_MS + 600_000)
        assert not at.meter.firmware.running
    await at.reopen_until_it_works()
    await started_again(at, 1)
    after = await at.status()
    assert abs(after["utc_ms"] - at.meter.clock.utc_ms()) < 1500 and not after["clock_unsure"]
    used_wh, _ = at.meter.house.energy_wh(before["utc_ms"] / 1000, after["utc_ms"] / 1000)
    gained_wh = (after["import_wh_x1000"] - before["import_wh_x1000"]) / 1000
    assert used_wh - LOST_S * LOAD_W / 3600 <= gained_wh <= used_wh + 1
    assert await slots(at, boundary_ms + 2 * HALF_HOUR_MS, 4) == [NO_DATA, NO_DATA, *kept]
    await at.run_until(boundary_ms + 3 * HALF_HOUR_MS + 5000)
    [newest, *rest] = await slots(at, boundary_ms + 3 * HALF_HOUR_MS, 5)
    assert rest == [NO_DATA, NO_DATA, *kept]
    assert None not in newest.values()


@plays("power_cut")
async def cuts_one_after_another_each_cost_no_more_than_one(at: Stage) -> None:
    before = await at.status()
    ends = len(at.meter.keeper.ends)
    for length_s in (0.2, 1, 5):
        at.faults.enable("power_cut", for_s=length_s)
        await at.run_on(40)
    await at.reopen_until_it_works()
    await started_again(at, ends + 3)
    after = await at.status()
    used_wh, _ = at.meter.house.energy_wh(before["utc_ms"] / 1000, after["utc_ms"] / 1000)
    gained_wh = (after["import_wh_x1000"] - before["import_wh_x1000"]) / 1000
    assert used_wh - 3 * LOST_S * LOAD_W / 3600 <= gained_wh <= used_wh + 1


SCENARIOS = (
    a_long_cut_leaves_its_boundaries_without_data_and_everything_else_as_it_was,
    cuts_one_after_another_each_cost_no_more_than_one,
)


def test_momonga_meets_a_meter_without_power() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35c2",), start_s=1_795_838_520.0) as at:
            await at.open()
            await perform(at, SCENARIOS)
            await at.client.call("close")

    asyncio.run(session())
