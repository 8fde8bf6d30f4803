"""Pushes of the whole firmware in virtual time: cuts of the uplink, reboots, receivers that say nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from keiki.wire.cosem.security import Cipher
from keiki_host.bench.meter import Meter

from tests.conformance.desk import desk
from tests.host.push_receiver import HeadEnd

NAME = "10.0.0.1:4059"
SLOT_S = 1800
START_S = 1_795_839_000.0
HOUR_S = 3600


@asynccontextmanager
async def uplink(**settings: Any) -> AsyncIterator[tuple[Meter, HeadEnd]]:
    """A meter that sends to a head-end in its world."""
    settings = {"push_to": NAME, "sample_s": 60, "gap_s": 60, "checkpoint_s": 600, **settings}
    async with desk(load="constant:1000W", start_s=START_S, settings=settings) as bench:
        meter = bench.meters[0]
        keys = meter.settings
        headend = HeadEnd(Cipher(bytes.fromhex(keys["dlms_ek"]), bytes.fromhex(keys["dlms_ak"])))
        meter.uplink.receivers[NAME] = headend.connection
        yield meter, headend


async def pass_time(meter: Meter, seconds: float) -> None:
    """Let time pass as fast as it goes."""
    await meter.clock.run_to(meter.clock.now_ms + round(seconds * 1000))


async def statistics(meter: Meter) -> Any:
    """Counters of the A-route."""
    return (await meter.firmware.call("statistics"))["aroute"]


async def used_bytes(meter: Meter) -> int:
    """Heap in use while nothing is under way: the least of three looks, 25 s apart."""
    looks = []
    for _ in range(3):
        looks.append(int((await meter.firmware.call("memory"))["used"]))
        await pass_time(meter, 25)
    return min(looks)


def boundaries(from_s: float, until_s: float) -> list[int]:
    """The half hours after `from_s` up to `until_s`."""
    first = int(from_s) // SLOT_S * SLOT_S + SLOT_S
    return list(range(first, int(until_s) + 1, SLOT_S))


def test_each_half_hour_arrives_within_its_window_and_is_what_the_registers_were() -> None:
    async def scenario() -> None:
        async with uplink(push_window_s=300) as (meter, headend):
            for _ in range(6):
                await pass_time(meter, SLOT_S)
            now_s = meter.clock.utc_ms() / 1000
            slots = boundaries(START_S, now_s - 300)
            assert sorted(headend.slots)[: len(slots)] == slots
            first, second = headend.slots[slots[0]], headend.slots[slots[1]]
            assert second[2] - first[2] in (499, 500, 501) and second[3] == 0 and second[1] == 0
            assert headend.again == 0 and all(message.confirmed for message in headend.messages)
            assert headend.counters == sorted(set(headend.counters))

    asyncio.run(scenario())


def test_an_uplink_cut_for_20_hours_with_two_reboots_inside_loses_nothing_and_doubles_nothing() -> None:
    async def scenario() -> None:
        async with uplink() as (meter, headend):
            await pass_time(meter, 2 * HOUR_S)
            before = len(headend.slots)
            began_s = meter.clock.utc_ms() / 1000
            meter.faults.enable("uplink_cut")
            for hours, cut in ((7, True), (6, True), (7, False)):
                await pass_time(meter, hours * HOUR_S)
                if cut:
                    meter.faults.enable("power_cut", for_s=2)
            meter.faults.disable("uplink_cut")
            assert len(headend.slots) == before
            await pass_time(meter, HOUR_S)
            arrived = [message.utc_s for message in headend.messages if message.kind == "values"]
            now_s = meter.clock.utc_ms() / 1000
            assert arrived == boundaries(START_S, now_s - 300)[: len(arrived)]
            assert len(arrived) >= len(boundaries(START_S, now_s - 300))
            assert began_s - START_S < 3 * HOUR_S and headend.again == 0
            assert (await meter.firmware.call("events", most=16))["counts"]["push_failed"] > 20
            assert len(meter.keeper.ends) == 2

    asyncio.run(scenario())


def test_a_receiver_that_never_confirms_costs_no_memory_and_no_metering() -> None:
    async def scenario() -> None:
        async with uplink() as (meter, headend):
            headend.confirms = False
            await pass_time(meter, 2 * HOUR_S)
            early = await used_bytes(meter)
            before = await meter.firmware.call("status")
            await pass_time(meter, 22 * HOUR_S)
            late = await used_bytes(meter)
            after = await meter.firmware.call("status")
            assert abs(late - early) <= 1024
            used_wh, _ = meter.house.energy_wh(before["utc_ms"] / 1000, after["utc_ms"] / 1000)
            assert abs((after["import_wh_x1000"] - before["import_wh_x1000"]) / 1000 - used_wh) < 20
            counts = await statistics(meter)
            assert counts["delivered"] == 0 and counts["failed"] > 100 and counts["waiting"] >= 47
            headend.confirms = True
            headend.messages.clear()
            await pass_time(meter, HOUR_S)
            assert (await statistics(meter))["waiting"] == 0
            assert (
                sorted(headend.slots)
                == boundaries(START_S, meter.clock.utc_ms() / 1000)[: len(headend.slots)]
            )
            assert len(headend.slots) >= 48

    asyncio.run(scenario())


def test_answers_that_are_lost_bring_values_again_and_the_application_has_each_once() -> None:
    async def scenario() -> None:
        async with uplink(push_window_s=0) as (meter, headend):
            for _ in range(2):  # that the power is back is an alarm; then the first value
                meter.faults.enable("uplink_deaf", count=1)
                await pass_time(meter, HOUR_S / 2 + 60)
            alarms = [message.number for message in headend.messages if message.kind == "alarm"]
            assert len(alarms) == 2 and alarms[0] == alarms[1] and headend.again == 1
            assert sorted(headend.slots) == boundaries(START_S, meter.clock.utc_ms() / 1000)

    asyncio.run(scenario())


def test_an_alarm_leaves_at_once_and_a_last_gasp_before_the_power_is_gone() -> None:
    async def scenario() -> None:
        async with uplink() as (meter, headend):
            await pass_time(meter, 301)
            headend.messages.clear()
            meter.supply.pins[0] = type("Open", (), {"read": lambda _: True, "drive": lambda *_: None})()
            meter.i2c.pins[0] = meter.supply.pins[0]
            await pass_time(meter, 65)
            assert [message.kind for message in headend.messages] == ["alarm"]
            assert headend.messages[0].fields[1] & 1 << 12
            meter.faults.enable("power_cut", for_s=600)
            await pass_time(meter, 1)
            assert [message.kind for message in headend.messages] == ["alarm", "last gasp"]
            last = headend.messages[-1]
            assert abs(last.utc_s - meter.clock.utc_ms() / 1000) <= 2 and last.fields[1] == 0x80
            assert not last.confirmed

    asyncio.run(scenario())
