"""Faults of answers: lost, late, wrong (L5), and values out of the ordinary (L6); momonga."""

import asyncio
from typing import Any

from keiki_host.bench.wisun.air import Datagram

from tests.conformance.stage import HASTY, Stage, perform, plays, stage

GAVE_UP = ("MomongaNeedToReopen", "Gave up obtaining a response for transaction id")
UNREADABLE = "MomongaResponseNotExpected"


async def is_no_answer(at: Stage, fault: str, **params: Any) -> None:
    """Once: the request is sent again, and answered. Always: momonga gives up; its session stays good."""
    async with at.hasty(xmit_retries=12), at.fault(fault, count=1, **params):
        at.power_right(await at.get("instantaneous_power"))
    async with at.hasty(), at.fault(fault, **params):
        await at.fails(*GAVE_UP, at.get("instantaneous_power"))
    await at.client_reads()


@plays("no_answer")
async def a_lost_answer_is_asked_for_again(at: Stage) -> None:
    await is_no_answer(at, "no_answer")


@plays("old_tid")
async def an_answer_to_an_older_request_is_no_answer(at: Stage) -> None:
    await is_no_answer(at, "old_tid")


@plays("wrong_seoj")
async def an_answer_of_another_object_is_no_answer(at: Stage) -> None:
    await is_no_answer(at, "wrong_seoj")
    await is_no_answer(at, "wrong_seoj", seoj=0x0EF001)


@plays("opc_mismatch")
async def an_answer_with_a_property_too_many_is_no_answer(at: Stage) -> None:
    await is_no_answer(at, "opc_mismatch")
    await is_no_answer(at, "opc_mismatch", malformed=True)


@plays("late_answer")
async def an_answer_after_the_clients_patience_is_not_taken_for_another(at: Stage) -> None:
    """momonga waits 12 s, then repeats the request with its TID; the first answer comes after all."""
    late: list[Datagram] = []

    def watch(datagram: Datagram) -> list[Datagram]:
        late.extend([datagram] * (datagram.delay_ms > 1000))
        return [datagram]

    at.meter.air.filters.append(watch)
    loop = asyncio.get_running_loop()
    async with at.fault("late_answer", count=1, seconds=14):
        asked_s = loop.time()
        at.power_right(await at.get("instantaneous_power"))
        assert loop.time() - asked_s >= 12 - 0.1
    assert len(late) == 1 and late[0].data[10] == 0x72 and late[0].data[12] == 0xE7
    for _ in range(8):
        await at.client_reads()
        await asyncio.sleep(0.4)
    at.meter.air.filters.remove(watch)


@plays("duplicate_answer")
async def an_answer_that_comes_twice_is_read_once(at: Stage) -> None:
    async with at.fault("duplicate_answer"):
        await at.client_reads()
        await at.client_reads()


@plays("epc_reordered")
async def properties_out_of_order_are_no_answer(at: Stage) -> None:
    both = {"op": "request_to_get", "epcs": ["E0", "E7"]}
    async with at.hasty(), at.fault("epc_reordered"):
        await at.fails(*GAVE_UP, at.client.call(**both))
        at.power_right(await at.get("instantaneous_power"))
    found = await at.client.call(**both)
    assert set(found) == {"E0", "E7"}
    at.power_right(found["E7"])


@plays("pdc_short")
async def a_value_that_is_too_short_is_unreadable(at: Stage) -> None:
    async with at.fault("pdc_short"):
        await at.fails(UNREADABLE, "3 bytes", at.get("instantaneous_power"))
        await at.fails(UNREADABLE, "3 bytes", at.get("measured_cumulative_energy"))
    at.power_right(await at.get("instantaneous_power"))
    async with at.fault("pdc_short", bytes=200):
        await at.fails(UNREADABLE, "no bytes", at.get("instantaneous_power"))


@plays("pdc_zero")
async def an_empty_value_is_unreadable(at: Stage) -> None:
    async with at.fault("pdc_zero"):
        await at.fails(UNREADABLE, "no bytes", at.get("instantaneous_power"))
        await at.fails(UNREADABLE, "no bytes", at.get("instantaneous_current"))


@plays("unit_undefined")
async def an_undefined_unit_is_refused_also_when_opening(at: Stage) -> None:
    async with at.fault("unit_undefined"):
        await at.fails("MomongaRuntimeError", "(5) is not defined", at.get("unit_for_cumulative_energy"))
        await at.client_reads()
        await at.client.call("close")
        await at.fails("MomongaRuntimeError", "(5) is not defined", at.open())
    async with at.fault("unit_undefined", code=0xFF):
        await at.fails("MomongaRuntimeError", "(FF) is not defined", at.open(settings=HASTY))
    await at.open()


@plays("no_data")
async def what_has_no_data_is_none(at: Stage) -> None:
    async with at.fault("no_data"):
        for getter in ("measured_cumulative_energy", "instantaneous_power"):
            assert await at.get(getter) is None
        assert await at.get("measured_cumulative_energy", reverse=True) is None
        assert await at.get("instantaneous_current") == {"r phase current": None, "t phase current": None}
        for reverse in (False, True):
            fixed = await at.get("cumulative_energy_measured_at_fixed_time", reverse=reverse)
            assert fixed["cumulative energy"] is None
            day = await at.client.call("history_day", day=0, reverse=reverse)
            assert [slot["cumulative energy"] for slot in day] == [None] * 48
        nothing = {"normal direction": None, "reverse direction": None}
        assert (await at.get("one_minute_measured_cumulative_energy"))["cumulative energy"] == nothing
        for op in ("history_30min", "history_1min"):
            slots = await at.client.call(op, points=3)
            assert [slot["cumulative energy"] for slot in slots] == [nothing] * 3
    async with at.fault("no_data", epcs=[0xE7]):
        assert await at.get("instantaneous_power") is None
        assert await at.get("measured_cumulative_energy") > 1234


@plays("negative")
async def negative_values_are_negative(at: Stage) -> None:
    async with at.fault("negative"):
        assert await at.get("instantaneous_power") == -524
        assert await at.get("instantaneous_current") == {"r phase current": -7.0, "t phase current": -7.0}
    async with at.fault("negative", power_w=-2147483647, current_a_x10=-32767):
        assert await at.get("instantaneous_power") == -2147483647
        assert await at.get("instantaneous_current") == {
            "r phase current": -32767 * 0.1,
            "t phase current": -32767 * 0.1,
        }


WRONG = (
    a_lost_answer_is_asked_for_again,
    an_answer_to_an_older_request_is_no_answer,
    an_answer_of_another_object_is_no_answer,
    an_answer_with_a_property_too_many_is_no_answer,
    properties_out_of_order_are_no_answer,
)
ODD = (
    an_answer_after_the_clients_patience_is_not_taken_for_another,
    an_answer_that_comes_twice_is_read_once,
    a_value_that_is_too_short_is_unreadable,
    an_empty_value_is_unreadable,
    an_undefined_unit_is_refused_also_when_opening,
    what_has_no_data_is_none,
    negative_values_are_negative,
)


def test_momonga_meets_answers_that_are_none() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35c2",)) as at:
            await at.open()
            await perform(at, WRONG)
            await at.client.call("close")

    asyncio.run(session())


def test_momonga_meets_answers_that_are_late_or_odd() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35a1",)) as at:
            await at.open()
            await perform(at, ODD)
            await at.client.call("close")

    asyncio.run(session())
