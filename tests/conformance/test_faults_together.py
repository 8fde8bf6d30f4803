"""Many faults at once, now and then, for a while; when they are over all is well, whatever the client met."""

import asyncio
import random
from typing import Any

import pytest
from keiki_host.bench.faults_catalogue import CATALOGUE

from tests.conformance.rpc import ClientError
from tests.conformance.stage import CALM, HASTY, Stage, stage

GETTERS = (
    "instantaneous_power",
    "instantaneous_current",
    "measured_cumulative_energy",
    "cumulative_energy_measured_at_fixed_time",
    "one_minute_measured_cumulative_energy",
    "fault_status",
    "properties_to_get_values",
)
SETS = (("set_day", {"day": 3}), ("history_day", {"day": 1}), ("history_30min", {"points": 12}))
PER_USE = tuple(kind.name for kind in CATALOGUE.values() if kind.act == "answer" and kind.spec != "L10")
EVENTS = tuple(kind.name for kind in CATALOGUE.values() if kind.act == "event" and kind.spec != "L10")
WH_LOST = 10.0
"""Each reset or jump of the IC may cost a count of 0.93 Wh, each way."""


async def use(at: Stage, dice: random.Random, reports: dict[str, int]) -> None:
    """One request as a program would make it; what momonga reports is counted, and cured by a reopen."""
    try:
        if dice.random() < 0.2:
            op, args = dice.choice(SETS)
            await at.client.call(op, timeout=60, **args)
        else:
            await at.get(dice.choice(GETTERS))
    except ClientError as error:
        assert error.name.startswith("Momonga"), error
        reports[error.name] = reports.get(error.name, 0) + 1
        if error.name not in ("MomongaResponseNotExpected", "MomongaResponseNotPossible"):
            try:
                await at.client.call("reopen", timeout=100)
            except ClientError as again:
                assert again.name.startswith("Momonga"), again
                reports[again.name] = reports.get(again.name, 0) + 1


@pytest.mark.parametrize("seed", [1, 2])
def test_after_many_faults_at_once_all_is_well(seed: int) -> None:
    async def session() -> None:
        dice = random.Random(seed)
        options: dict[str, Any] = {
            "dialects": ("bp35c2", "bp35a1")[seed % 2 :][:1],
            "seed": seed,
            "speed": 10,
        }
        async with stage(**options) as at:
            await at.open()
            await at.healthy()
            before, counters = await at.status(), await at.counters()
            await at.client.call("settings", **HASTY)
            for name in PER_USE:
                at.faults.enable(name, probability=0.02)
            reports: dict[str, int] = {}
            end_s = asyncio.get_running_loop().time() + 30
            while asyncio.get_running_loop().time() < end_s:
                if dice.random() < 0.05:
                    name = dice.choice(EVENTS)
                    at.faults.enable(name, **({"seconds": 2} if name == "tx_limit" else {}))
                await use(at, dice, reports)
                await at.udp(0x97)
            struck = dict(at.faults.struck)
            for name in PER_USE + EVENTS:
                at.faults.disable(name)
            assert len(struck) >= 5 and reports, (struck, reports)
            await at.client.call("close")
            await at.run_on(300)  # longer than the meter's longest pause before it tries its module again
            await at.open(settings=CALM)
            await at.healthy()
            after = await at.status()
            true_wh, _ = at.meter.house.energy_wh(before["utc_ms"] / 1000, after["utc_ms"] / 1000)
            gained_wh = (after["import_wh_x1000"] - before["import_wh_x1000"]) / 1000
            assert abs(gained_wh - true_wh) < WH_LOST
            moved = {name for name, value in (await at.counters()).items() if value != counters[name]}
            assert not moved & {
                f"echonet.{name}" for name in ("malformed", "oversize", "unsupported_esv", "no_object")
            }
            await at.client.call("close")

    asyncio.run(session())
