"""Faults of a session that is up (L3): ends, expiries, the sending limit; momonga."""

import asyncio

from keiki_host.bench.wisun.air import Datagram
from keiki_host.bench.wisun.registers import LIMITED

from tests.conformance.stage import Stage, perform, plays, stage

NO_RIGHT_TO_SEND = ("MomongaXmitTimeout", "The transmission gate did not open within")


async def gone(at: Stage) -> None:
    """Wait until both ends have lost the session, and momonga has had time to read of it."""
    await at.until(lambda: at.meter.module.sessions.paa.session is None, "the session is over")
    await asyncio.sleep(1.0)


async def ends(at: Stage) -> int:
    """How many sessions have ended, as the meter's event log counts."""
    counts: dict[str, int] = (await at.meter.firmware.call("events"))["counts"]
    return counts.get("session_ended", 0)


async def needs_reopen(at: Stage, fault: str) -> None:
    """The session is lost for good: requests are not sent, reopen() helps, and so does nothing else."""
    before = await ends(at)
    async with at.fault(fault):
        await gone(at)
        assert await ends(at) == before + 1
        async with at.hasty():
            await at.fails(*NO_RIGHT_TO_SEND, at.get("instantaneous_power"))
    async with at.hasty():
        await at.fails(*NO_RIGHT_TO_SEND, at.get("instantaneous_power"))
    await at.reopen()


@plays("meter_ends")
async def an_end_by_the_meter_needs_a_reopen(at: Stage) -> None:
    await needs_reopen(at, "meter_ends")


@plays("expire_only")
async def an_expiry_that_nothing_follows_needs_a_reopen(at: Stage) -> None:
    await needs_reopen(at, "expire_only")


@plays("meter_ends")
async def with_reopen_delays_the_client_comes_back_by_itself(at: Stage) -> None:
    await at.client.call("close")
    await at.open(reopen_delays=[0, 1, 2, 4])
    async with at.fault("meter_ends"):
        await gone(at)
        await at.client.call("settings", xmit_timeout=3)
        await at.client_reads()
    await at.client.call("close")
    await at.open()


@plays("expire_rejoin")
async def an_expiry_that_a_join_follows_is_only_a_pause(at: Stage) -> None:
    joins = (await at.counters())["radio.joins"]
    async with at.fault("expire_rejoin"), at.hasty(xmit_retries=12, xmit_timeout=60):
        await at.client_reads()
    assert (await at.counters())["radio.joins"] == joins + 1


@plays("expire_fail")
async def after_a_failed_rejoin_the_client_joins_itself(at: Stage) -> None:
    joins = (await at.counters())["radio.joins"]
    async with at.fault("expire_fail"), at.hasty(xmit_retries=12, xmit_timeout=60):
        await at.client_reads()
    assert (await at.counters())["radio.joins"] == joins + 1


@plays("tx_limit")
async def at_the_sending_limit_a_request_waits(at: Stage) -> None:
    requests: list[bool] = []

    def watch(datagram: Datagram) -> list[Datagram]:
        if datagram.to_meter:
            requests.append(bool(at.module.registers.number(LIMITED)))
        return [datagram]

    async with at.fault("tx_limit", seconds=6):
        await asyncio.sleep(1.0)  # momonga reads EVENT 32
        at.meter.air.filters.append(watch)
        at.power_right(await at.get("instantaneous_power"))
        at.meter.air.filters.remove(watch)
    assert requests == [False]


@plays("tx_limit")
async def at_the_sending_limit_a_client_in_haste_gives_up_and_can_go_on_later(at: Stage) -> None:
    async with at.fault("tx_limit", seconds=8):
        await asyncio.sleep(1.0)
        async with at.hasty():
            await at.fails(*NO_RIGHT_TO_SEND, at.get("instantaneous_power"))
        await at.until(lambda: not at.module.registers.number(LIMITED), "the limit is over")


SCENARIOS = (
    an_end_by_the_meter_needs_a_reopen,
    an_expiry_that_nothing_follows_needs_a_reopen,
    with_reopen_delays_the_client_comes_back_by_itself,
    an_expiry_that_a_join_follows_is_only_a_pause,
    after_a_failed_rejoin_the_client_joins_itself,
    at_the_sending_limit_a_request_waits,
    at_the_sending_limit_a_client_in_haste_gives_up_and_can_go_on_later,
)


def test_momonga_meets_the_ends_of_its_session() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35c2",)) as at:
            await at.open()
            await perform(at, SCENARIOS)
            await at.client.call("close")

    asyncio.run(session())
