"""Each metering IC of the bench through the whole firmware: what the house used is what the registers say."""

import asyncio
from typing import Any

import pytest
from keiki_host.bench.bench import Bench
from keiki_host.bench.metering_ics import ICS
from keiki_host.bench.options import BenchOptions

from tests.conformance.desk import own_address

HOUR_MS = 3_600_000


@pytest.mark.parametrize("ic", ICS)
@pytest.mark.parametrize("load", ["house", "constant:-800W"])
def test_the_registers_follow_the_house(ic: str, load: str) -> None:
    async def live() -> tuple[dict[str, Any], dict[str, Any], tuple[float, float]]:
        bench = Bench(BenchOptions(udp4=own_address(), ic=ic, load=load, start_s=1_790_000_000.0))
        try:
            await bench.start()
            [meter] = bench.meters
            before = await meter.firmware.call("status")
            await meter.clock.run_to(3 * HOUR_MS)
            after = await meter.firmware.call("status")
            events = await meter.firmware.call("events")
            assert set(events["counts"]) == {"power_up", "clock_set"}
            used = meter.house.energy_wh(before["utc_ms"] // 1000, after["utc_ms"] // 1000)
            return before, after, used
        finally:
            await bench.close()

    before, after, used = asyncio.run(live())
    for name, true_wh in zip(("import_wh_x1000", "export_wh_x1000"), used, strict=True):
        gain_wh = (after[name] - before[name]) / 1000
        assert abs(gain_wh - true_wh) <= 0.001 * true_wh + 0.5, (ic, name, gain_wh, true_wh)
    assert after["ic_answers"]
