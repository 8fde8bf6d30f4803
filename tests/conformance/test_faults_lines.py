"""Faults of the dongle's lines (L1) and of sending (L4), against momonga on both families of text modules."""

import asyncio

import pytest

from tests.conformance.stage import Stage, perform, plays, stage

GAVE_UP = ("MomongaNeedToReopen", "Gave up obtaining a response for transaction id")


@plays("erxudp_tokens")
async def lines_with_a_token_too_many_or_too_few_are_no_answer(at: Stage) -> None:
    for tokens in ("more", "fewer"):
        async with at.hasty(), at.fault("erxudp_tokens", tokens=tokens):
            await at.fails(*GAVE_UP, at.get("instantaneous_power"))
        await at.client_reads()


@plays("binary_output")
async def payloads_in_binary_are_no_answer(at: Stage) -> None:
    async with at.hasty(), at.fault("binary_output"):
        await at.fails(*GAVE_UP, at.get("measured_cumulative_energy"))


@plays("binary_output")
async def a_line_break_inside_a_binary_payload_spoils_nothing_after_it(at: Stage) -> None:
    """97 at 13:10 is 0D 0A."""
    assert (await at.udp(0x97))[0x97] == b"\r\n"
    async with at.hasty(xmit_retries=12, xmit_timeout=60), at.fault("binary_output", count=1):
        assert await at.get("current_time_setting") == "13:10:00"


@plays("hex_lowercase")
async def lower_case_is_read_like_upper_case(at: Stage) -> None:
    async with at.fault("hex_lowercase"):
        await at.client_reads()


@plays("ipv6_short")
async def answers_from_a_shortened_address_are_somebody_elses(at: Stage) -> None:
    async with at.hasty(), at.fault("ipv6_short"):
        await at.fails(*GAVE_UP, at.get("instantaneous_power"))


@plays("tx_no_ack")
async def a_frame_that_is_not_acknowledged_is_sent_again(at: Stage) -> None:
    before = at.faults.struck.get("tx_no_ack", 0)
    async with at.fault("tx_no_ack", count=2):
        await at.client_reads()
    assert at.faults.struck["tx_no_ack"] == before + 2


@plays("tx_no_ack")
async def without_any_acknowledgement_it_gives_up(at: Stage) -> None:
    async with at.hasty(), at.fault("tx_no_ack"):
        await at.fails(*GAVE_UP, at.get("instantaneous_power"))


@plays("tx_neighbor")
async def a_neighbour_search_before_the_frame_is_waited_for(at: Stage) -> None:
    async with at.fault("tx_neighbor"):
        await at.client_reads()


@plays("ok_before_event")
async def ok_may_come_before_its_event(at: Stage) -> None:
    async with at.fault("ok_before_event"):
        await at.client_reads()


@plays("glued")
async def an_answer_in_one_piece_with_ok_is_read(at: Stage) -> None:
    async with at.fault("glued"):
        await at.client_reads()


SCENARIOS = (
    a_line_break_inside_a_binary_payload_spoils_nothing_after_it,
    lines_with_a_token_too_many_or_too_few_are_no_answer,
    payloads_in_binary_are_no_answer,
    lower_case_is_read_like_upper_case,
    answers_from_a_shortened_address_are_somebody_elses,
    a_frame_that_is_not_acknowledged_is_sent_again,
    without_any_acknowledgement_it_gives_up,
    a_neighbour_search_before_the_frame_is_waited_for,
    ok_may_come_before_its_event,
    an_answer_in_one_piece_with_ok_is_read,
)
TEN_PAST_ONE_S = 1_795_839_000.0  # 2026-11-28 13:10:00 in Japan


@pytest.mark.parametrize("dialect", ["bp35a1", "bp35c2"])
def test_momonga_meets_faults_of_lines_and_sending(dialect: str) -> None:
    async def session() -> None:
        async with stage(dialects=(dialect,), start_s=TEN_PAST_ONE_S) as at:
            await at.open()
            await perform(at, SCENARIOS)
            await at.client.call("close")

    asyncio.run(session())
