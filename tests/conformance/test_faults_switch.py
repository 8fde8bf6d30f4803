"""The relay of the meter: a client reads the truth in a dark house, and when the relay is stuck; momonga."""

import asyncio

from tests.conformance.stage import Stage, perform, plays, stage

LIMIT = {"contract_a": 5, "limit_over_s": 2}
"""Well below the 12 A that the house draws."""


@plays("relay_stuck", "button_press")
async def the_button_brings_back_what_the_limiter_has_opened(at: Stage) -> None:
    async with at.fault("relay_stuck"):
        await at.meter.firmware.call("set", values=LIMIT)
        await at.run_on(10)
        assert at.meter.house.lit
        assert await at.get("instantaneous_power") == 1200
    await at.run_on(10)
    assert not at.meter.house.lit
    before = await at.status()
    assert await at.get("instantaneous_power") == 0
    assert set((await at.get("instantaneous_current")).values()) == {0}
    await at.run_on(600)
    assert (await at.status())["import_wh_x1000"] == before["import_wh_x1000"]
    await at.meter.firmware.call("set", values={"contract_a": None})
    async with at.fault("button_press"):
        await at.run_on(3)
    assert at.meter.house.lit
    events = (await at.meter.firmware.call("events", most=16))["counts"]
    assert events["relay_fault"] >= 1 and events["disconnected"] == events["connected"] == 1


SCENARIOS = (the_button_brings_back_what_the_limiter_has_opened,)


def test_momonga_reads_a_meter_that_has_cut_off_its_house() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35c2",)) as at:
            await at.open()
            await perform(at, SCENARIOS)
            await at.client.call("close")

    asyncio.run(session())
