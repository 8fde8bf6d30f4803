"""Faults of the air, and of the meter's own radio module, which must recover by itself; momonga."""

import asyncio

from tests.conformance.stage import Stage, perform, plays, stage

GAVE_UP = ("MomongaNeedToReopen", "Gave up obtaining a response for transaction id")
PATIENT = {"xmit_retries": 40, "xmit_timeout": 100}


@plays("loss")
async def lost_datagrams_are_sent_again(at: Stage) -> None:
    lost = at.meter.air.stats["lost"]
    async with at.hasty(**PATIENT), at.fault("loss", count=1):
        await at.client_reads()
    async with at.hasty(**PATIENT), at.fault("loss", probability=0.2):
        while at.meter.air.stats["lost"] < lost + 4:
            await at.client_reads()


@plays("loss")
async def when_everything_is_lost_the_client_gives_up_and_finds_no_pan(at: Stage) -> None:
    async with at.hasty(), at.fault("loss"):
        await at.fails(*GAVE_UP, at.get("instantaneous_power"))
        await at.client.call("close")
        await at.fails("MomongaSkScanFailure", "Gave up looking for a PAN", at.open())
    await at.open()


@plays("delay")
async def datagrams_that_are_late_both_ways_are_waited_for(at: Stage) -> None:
    async with at.fault("delay", ms=1200):
        began_s = asyncio.get_running_loop().time()
        at.power_right(await at.get("instantaneous_power"))
        assert asyncio.get_running_loop().time() - began_s >= 2.4 - 0.1
    async with at.hasty(**PATIENT), at.fault("delay", ms=1500):
        await at.client_reads()
    await asyncio.sleep(3.0)  # what is still under way


@plays("duplicate")
async def datagrams_that_arrive_twice_are_answered_twice_and_read_once(at: Stage) -> None:
    before = await at.counters()
    async with at.fault("duplicate"):
        await at.client_reads()
        await at.client_reads()
    await asyncio.sleep(0.5)
    after = await at.counters()
    assert after["echonet.answers"] - before["echonet.answers"] == 2 * 8


@plays("reorder")
async def a_request_that_its_own_repetition_overtakes_is_harmless(at: Stage) -> None:
    before = await at.counters()
    async with at.hasty(**PATIENT), at.fault("reorder", ms=3500, count=1):
        at.power_right(await at.get("instantaneous_power"))
        for _ in range(6):
            await at.client_reads()
            await asyncio.sleep(0.4)
    assert (await at.counters())["echonet.requests"] - before["echonet.requests"] >= 2 + 6 * 4


# -- the meter's module ---------------------------------------------------------------------------------


async def away(at: Stage) -> None:
    """The client gives up; over UDP the meter answers as ever."""
    async with at.hasty():
        await at.fails(*GAVE_UP, at.get("instantaneous_power"))
    assert (await at.udp(0x88))[0x88] == b"\x42"


async def network(at: Stage) -> tuple[int, int]:
    """Channel and PAN ID of the meter."""
    radio = at.meter.module.radio
    assert radio.beaconing
    return radio.channel, radio.pan_id


@plays("module_reset", counts=("radio.restarts", "radio.junk"))
async def after_a_reset_the_module_is_set_up_again_as_it_was(at: Stage) -> None:
    """The junk is the echo of the probe: it is on again after a reset."""
    before, was = await at.counters(), await network(at)
    async with at.fault("module_reset"):
        await away(at)
    await at.reopen_until_it_works()
    assert await network(at) == was
    after = await at.counters()
    assert after["radio.restarts"] == before["radio.restarts"] + 1


@plays("module_fail", counts=("radio.restarts", "radio.dropped"))
async def a_module_that_refuses_everything_is_tried_until_it_obeys(at: Stage) -> None:
    before, was = await at.counters(), await network(at)
    async with at.fault("module_fail"):
        await away(at)
        await at.run_on(300)
        await away(at)
    assert (await at.counters())["radio.restarts"] > before["radio.restarts"]
    await at.reopen_until_it_works()
    assert await network(at) == was


@plays("module_hang", counts=("radio.restarts", "radio.dropped"))
async def a_module_that_hangs_is_tried_until_it_answers(at: Stage) -> None:
    before, was = await at.counters(), await network(at)
    async with at.fault("module_hang"):
        await away(at)
        await at.run_on(300)
        await away(at)
    assert (await at.counters())["radio.restarts"] > before["radio.restarts"]
    await at.reopen_until_it_works()
    assert await network(at) == was


@plays("module_fail", counts=("radio.dropped",))
async def one_refusal_costs_one_repetition(at: Stage) -> None:
    async with at.hasty(**PATIENT), at.fault("module_fail", count=1):
        at.power_right(await at.get("instantaneous_power"))


AIR = (
    lost_datagrams_are_sent_again,
    when_everything_is_lost_the_client_gives_up_and_finds_no_pan,
    datagrams_that_are_late_both_ways_are_waited_for,
    datagrams_that_arrive_twice_are_answered_twice_and_read_once,
    a_request_that_its_own_repetition_overtakes_is_harmless,
)
MODULE = (
    after_a_reset_the_module_is_set_up_again_as_it_was,
    a_module_that_refuses_everything_is_tried_until_it_obeys,
    a_module_that_hangs_is_tried_until_it_answers,
    one_refusal_costs_one_repetition,
)


def test_momonga_meets_a_bad_air() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35c2",)) as at:
            await at.open()
            await perform(at, AIR)
            await at.client.call("close")

    asyncio.run(session())


def test_momonga_meets_a_meter_whose_module_fails() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35a1",)) as at:
            await at.open()
            await perform(at, MODULE)
            await at.client.call("close")

    asyncio.run(session())
