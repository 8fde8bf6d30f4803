"""Each metering IC of the bench through the whole firmware: what the house used is what the registers say."""

import asyncio
from typing import Any

import pytest
from keiki_host.bench.bench import Bench
from keiki_host.bench.house import House
from keiki_host.bench.metering_ics import ICS
from keiki_host.bench.options import BenchOptions

from tests.conformance.desk import own_address

MORNING_S = 1_790_027_400.0
"""06:50 in Japan: within half an hour the house turns from import to export."""
WARM_UP_MS = 617_000
RUN_MS = 1_200_000
WITHOUT_DIRECTION = ("cse7766",)
WITHOUT_FREQUENCY = ("cse7766",)


def used_wh(ic: str, house: House, t0_s: float, t1_s: float) -> tuple[float, float]:
    """(import, export) as a chip without errors has them: one without direction takes all for import."""
    if ic not in WITHOUT_DIRECTION:
        return house.energy_wh(t0_s, t1_s)
    pieces = [
        piece
        for index in range(house.phases)
        for piece in house.phase(index).pieces(round(t0_s * 1000), round(t1_s * 1000))
    ]
    return sum(abs(power_w) * ms for ms, power_w, _, _ in pieces) / 3.6e6, 0.0


async def lived(ic: str, load: str, run_ms: int, **settings: Any) -> tuple[Any, ...]:
    """Let a meter live: its status before and after, what was used, its newest reading, its heap twice."""
    options = BenchOptions(udp4=own_address(), ic=ic, load=load, start_s=MORNING_S, settings=settings)
    bench = Bench(options)
    try:
        await bench.start()
        [meter] = bench.meters
        firmware = meter.firmware
        await meter.clock.run_to(meter.clock.now_ms + WARM_UP_MS)
        heap = [await firmware.call("memory")]
        before = await firmware.call("status")
        await meter.clock.run_to(meter.clock.now_ms + run_ms)
        after, reading = await firmware.call("status"), await firmware.call("reading")
        heap.append(await firmware.call("memory"))
        events = await firmware.call("events")
        assert set(events["counts"]) == {"power_up", "clock_set"}
        assert not meter.keeper.ends
        used = used_wh(ic, meter.house, before["utc_ms"] / 1000, after["utc_ms"] / 1000)
        return before, after, used, reading, heap
    finally:
        await bench.close()


def assert_booked(ic: str, before: Any, after: Any, used: tuple[float, float], slack_wh: float) -> None:
    """The registers gained what was used."""
    for name, true_wh in zip(("import_wh_x1000", "export_wh_x1000"), used, strict=True):
        gain_wh = (after[name] - before[name]) / 1000
        print(f"{ic} {name}: {gain_wh:.3f} of {true_wh:.3f} Wh")
        assert abs(gain_wh - true_wh) <= 0.001 * true_wh + slack_wh, (ic, name, gain_wh, true_wh)


@pytest.mark.parametrize("ic", ICS)
@pytest.mark.parametrize("load", ["house", "constant:-800W@pf0.7"])
def test_registers_and_readings_follow_the_house_and_the_heap_does_not_grow(ic: str, load: str) -> None:
    before, after, used, reading, heap = asyncio.run(lived(ic, load, RUN_MS))
    assert_booked(ic, before, after, used, 0.5)
    assert after["ic_answers"] and after["ic_faults"] == [] and after["t_assumed"] is False
    print(f"{ic}: heap {heap}")
    assert heap[1]["used"] <= heap[0]["used"] * 1.01
    assert reading["ic"] == ic and len(reading["phases"]) == 2
    if load == "house":
        return
    for phase in reading["phases"]:
        sign = 1 if ic in WITHOUT_DIRECTION else -1
        assert phase["voltage_v_x100"] == pytest.approx(10000, rel=0.002)
        assert phase["current_ma"] == pytest.approx(400 / 100 / 0.7 * 1000, rel=0.002)
        assert phase["power_w_x10"] == pytest.approx(sign * 4000, rel=0.002)
        assert phase["power_factor_x1000"] == pytest.approx(sign * 700, abs=2)
        if ic in WITHOUT_FREQUENCY:
            assert phase["frequency_hz_x100"] is None
        else:
            assert phase["frequency_hz_x100"] == pytest.approx(5000, abs=10)


@pytest.mark.parametrize("ic", ICS)
def test_with_a_reading_every_ten_minutes_the_registers_follow_all_the_same(ic: str) -> None:
    load = "constant:1800W@pf0.9"
    before, after, used, _, _ = asyncio.run(lived(ic, load, 6 * RUN_MS, sample_s=600, gap_s=900))
    # the last reading may be ten minutes old, before and after
    assert_booked(ic, before, after, used, 2.0)
    assert after["ic_answers"]
