"""Relay, limiter, button and brown-out of a whole meter: the house goes dark, comes back, and is believed."""

import asyncio
from pathlib import Path
from typing import Any

from keiki_host.bench.bench import Bench
from keiki_host.bench.keeper import POWER
from keiki_host.bench.meter import Meter
from keiki_host.bench.truth import read_truth

from tests.conformance.desk import desk

LIMITED = {"contract_a": 30, "disconnect_mode": 6}
START_S = 1_795_838_520.0


async def pass_time(meter: Meter, seconds: float) -> None:
    """Let time pass as fast as it goes."""
    await meter.clock.run_to(meter.clock.now_ms + round(seconds * 1000))


async def told(meter: Meter, *kinds: str) -> list[tuple[str, int]]:
    """Events of these kinds, oldest first, with their sources."""
    found = (await meter.firmware.call("events", most=16))["events"]
    return [(event[2], event[3]) for event in found if event[2] in kinds][::-1]


async def energy_agrees(bench: Bench, meter: Meter, before: dict[str, Any]) -> float:
    """Registers have moved as the house says; returns what it used, in Wh."""
    after = await meter.firmware.call("status")
    used_wh, _ = meter.house.energy_wh(before["utc_ms"] / 1000, after["utc_ms"] / 1000)
    gained_wh = (after["import_wh_x1000"] - before["import_wh_x1000"]) / 1000
    assert abs(gained_wh - used_wh) < 1 + used_wh / 100, (gained_wh, used_wh)
    return used_wh


def test_the_limiter_opens_closes_again_and_the_house_uses_nothing_meanwhile(tmp_path: Path) -> None:
    async def scenario() -> None:
        truth = tmp_path / "truth.csv"
        options = {"load": "constant:4000W", "start_s": START_S, "truth": truth}
        async with desk(**options) as bench:
            meter = bench.meters[0]
            before = await meter.firmware.call("status")
            await meter.firmware.call("set", values=LIMITED)
            await pass_time(meter, 20)
            assert (await told(meter, "disconnected", "connected")) == [("disconnected", 3), ("connected", 3)]
            await pass_time(meter, 3580)
            used_wh = await energy_agrees(bench, meter, before)
            assert 4000 * 5 / 17 < used_wh < 4000 * 8 / 17
            counts = (await meter.firmware.call("events"))["counts"]
            assert counts["disconnected"] > 200 and counts["limit_exceeded"] == counts["disconnected"]
            rows = sorted(read_truth(truth).items())
            assert rows[-1][1][0] - rows[-2][1][0] < 1000

    asyncio.run(scenario())


def test_a_load_within_the_contract_is_never_cut() -> None:
    async def scenario() -> None:
        async with desk(load="constant:2900W", settings=LIMITED) as bench:
            meter = bench.meters[0]
            await pass_time(meter, 3600)
            assert meter.house.lit and "disconnected" not in (await meter.firmware.call("events"))["counts"]

    asyncio.run(scenario())


def test_what_was_opened_stays_open_over_a_power_cut_until_the_button_is_pressed() -> None:
    async def scenario() -> None:
        async with desk(load="constant:4000W", settings={"contract_a": 30}) as bench:
            meter = bench.meters[0]
            await pass_time(meter, 20)
            assert not meter.house.lit and not meter.supply.relay.closed
            meter.faults.enable("power_cut", for_s=60)
            await pass_time(meter, 120)
            assert [end.cause for end in meter.keeper.ends] == [POWER]
            assert not meter.supply.relay.closed
            assert (await meter.firmware.call("status"))["ic_answers"]
            meter.faults.enable("button_press", for_s=2)
            await pass_time(meter, 3)
            assert meter.house.lit
            assert (await told(meter, "connected")) == [("connected", 2)]

    asyncio.run(scenario())


def test_a_relay_that_is_stuck_is_an_event_and_the_house_stays_lit() -> None:
    async def scenario() -> None:
        async with desk(load="constant:4000W") as bench:
            meter = bench.meters[0]
            meter.faults.enable("relay_stuck", for_s=60)
            await meter.firmware.call("set", values=LIMITED)
            await pass_time(meter, 50)
            assert meter.house.lit
            assert (await told(meter, "relay_fault", "disconnected"))[:1] == [("relay_fault", 0)]
            await pass_time(meter, 20)
            assert "disconnected" in (await meter.firmware.call("events"))["counts"]

    asyncio.run(scenario())


def test_a_dip_shorter_than_the_supply_bears_is_no_power_cut() -> None:
    async def scenario() -> None:
        async with desk(load="constant:1000W", start_s=START_S) as bench:
            meter = bench.meters[0]
            before = await meter.firmware.call("status")
            for _ in range(5):
                meter.faults.enable("power_cut", for_s=0.09)
                await pass_time(meter, 60)
            assert not meter.keeper.ends and meter.house.lit
            await energy_agrees(bench, meter, before)
            meter.faults.enable("power_cut", for_s=0.09, hold_up_ms=0)
            await pass_time(meter, 60)
            assert [end.cause for end in meter.keeper.ends] == [POWER]

    asyncio.run(scenario())


def test_a_relay_keeps_its_place_from_one_bench_to_the_next(tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"load": "constant:4000W", "settings": {"contract_a": 30}, "state": tmp_path}
        async with desk(**options) as bench:
            await pass_time(bench.meters[0], 20)
            assert not bench.meters[0].house.lit
        async with desk(**options) as bench:
            await pass_time(bench.meters[0], 20)
            assert not bench.meters[0].house.lit
            assert (await told(bench.meters[0], "relay_fault")) == []

    asyncio.run(scenario())
