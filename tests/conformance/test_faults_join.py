"""Faults of scans (L2), of joining (L3) and of leaving (L9): momonga's open and close."""

import asyncio

from tests.conformance.rpc import Client
from tests.conformance.stage import HASTY, Stage, perform, plays, stage

NO_PAN = ("MomongaSkScanFailure", "Gave up looking for a PAN")
NO_SESSION = ("MomongaSkJoinFailure", "Gave up establishing a PANA session")


async def close(at: Stage) -> None:
    """End the session, and wait until the meter knows."""
    await at.client.call("close")
    await at.until(lambda: at.meter.module.sessions.paa.session is None, "the meter's session is over")


async def opens_although(at: Stage, fault: str) -> None:
    """momonga meets the fault once, and opens nevertheless."""
    struck = at.faults.struck.get(fault, 0)
    async with at.fault(fault, count=1):
        state = await at.open()
    assert at.faults.struck[fault] == struck + 1
    radio = at.meter.module.radio
    assert state["is_open"] and state["channel"] == radio.channel


async def fails_to_open(at: Stage, fault: str, error: tuple[str, str], **options: int) -> None:
    """momonga cannot open while the fault lasts, and can afterwards."""
    async with at.fault(fault):
        await at.fails(*error, at.open(**options))
    await at.open()


@plays("epandesc_no_pairid")
async def a_description_without_pairing_id_is_scanned_for_again(at: Stage) -> None:
    await close(at)
    await opens_although(at, "epandesc_no_pairid")


@plays("epandesc_no_pairid")
async def without_any_pairing_id_no_pan_is_found(at: Stage) -> None:
    await close(at)
    await fails_to_open(at, "epandesc_no_pairid", NO_PAN)


@plays("epandesc_truncated")
async def a_description_that_stops_is_scanned_for_again(at: Stage) -> None:
    await close(at)
    await opens_although(at, "epandesc_truncated")


@plays("epandesc_truncated")
async def without_a_whole_description_no_pan_is_found(at: Stage) -> None:
    await close(at)
    await fails_to_open(at, "epandesc_truncated", NO_PAN)


@plays("two_pans")
async def of_two_pans_the_last_is_taken_and_that_is_the_meters(at: Stage) -> None:
    await close(at)
    await opens_although(at, "two_pans")


@plays("foreign_pan")
async def a_foreign_pan_cannot_be_joined(at: Stage) -> None:
    await close(at)
    await fails_to_open(at, "foreign_pan", NO_SESSION)


@plays("join_fail")
async def a_refused_join_is_tried_again(at: Stage) -> None:
    await close(at)
    await opens_although(at, "join_fail")


@plays("join_fail")
async def three_refused_joins_are_the_end(at: Stage) -> None:
    await close(at)
    struck = at.faults.struck["join_fail"]
    await fails_to_open(at, "join_fail", NO_SESSION)
    assert at.faults.struck["join_fail"] == struck + 3


@plays("join_silent")
async def a_join_that_nobody_knows_of_leads_to_no_answer(at: Stage) -> None:
    await close(at)
    counters = await at.counters()
    async with at.fault("join_silent"):
        await at.fails("MomongaNeedToReopen", "Gave up obtaining a response", at.open(settings=HASTY))
    assert (await at.counters())["radio.joins"] == counters["radio.joins"]
    await at.open()


@plays("glued")
async def a_join_whose_event_comes_with_the_instance_list_succeeds(at: Stage) -> None:
    await close(at)
    await opens_although(at, "glued")


@plays("skterm_lost")
async def a_lost_end_of_session_keeps_others_out_but_not_the_same_dongle(at: Stage) -> None:
    async with at.fault("skterm_lost"):
        await at.client.call("close")
    assert at.meter.module.sessions.paa.session is not None
    async with Client("momonga") as other:
        await at.fails(*NO_SESSION, Stage(at.bench, other, dongle=1).open())
    await at.open()


@plays()
async def a_second_controller_is_refused_while_a_session_is_up(at: Stage) -> None:
    async with Client("momonga") as client:
        second = Stage(at.bench, client, dongle=1)
        await at.fails(*NO_SESSION, second.open())
        await at.client_reads()
        await close(at)
        await second.open()
        await second.healthy()
        await at.fails(*NO_SESSION, at.open())
        await second.client_reads()
        await close(second)
    await at.open()


DIALECTS = ("bp35c2", "bp35a1")


def test_momonga_meets_faults_of_scans() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35a1",)) as at:
            await at.open()
            await perform(
                at,
                (
                    a_description_without_pairing_id_is_scanned_for_again,
                    without_any_pairing_id_no_pan_is_found,
                    a_description_that_stops_is_scanned_for_again,
                    without_a_whole_description_no_pan_is_found,
                    of_two_pans_the_last_is_taken_and_that_is_the_meters,
                    a_foreign_pan_cannot_be_joined,
                ),
            )

    asyncio.run(session())


def test_momonga_meets_faults_of_joining_and_leaving() -> None:
    async def session() -> None:
        async with stage(dialects=DIALECTS) as at:
            await at.open()
            await perform(
                at,
                (
                    a_refused_join_is_tried_again,
                    three_refused_joins_are_the_end,
                    a_join_that_nobody_knows_of_leads_to_no_answer,
                    a_join_whose_event_comes_with_the_instance_list_succeeds,
                    a_lost_end_of_session_keeps_others_out_but_not_the_same_dongle,
                    a_second_controller_is_refused_while_a_session_is_up,
                ),
            )

    asyncio.run(session())
