"""From a board as it is bought to a meter that measures right: the real firmware, its console, a whole bench.

The chip sees the mains through wrong parts: gains off by 5 %, the current late by 1.5 degrees where it is a
transformer's, an offset. The reference sees the mains. `make boards` has all metering ICs; `make test` the
first.
"""

import asyncio
import cmath
import datetime
import os
import random
from dataclasses import replace
from math import radians
from pathlib import Path

import pytest
from keiki_host.bench import metering_ics
from keiki_host.bench.house import House
from keiki_host.bench.meter import Meter
from keiki_host.bench.timeline import Piece
from keiki_host.bench.waves import Part, Point, Span, Wave
from keiki_host.calibrate import command
from keiki_host.calibrate.judge import pulse_verdicts, verdicts
from keiki_host.calibrate.meter import ConsoleMeter
from keiki_host.calibrate.plan import BENCH, REGISTER, VERIFY, Step
from keiki_host.calibrate.procedure import Conditions
from keiki_host.calibrate.reference import Limits, Sample

from tests.conformance.desk import desk
from tests.host.calibrate_world import JST, Quiet

RATED_A = 60
START_S = 1_781_146_800.0
ICS = {"bl0942": 0.0, "ade7953": 1500.0, "atm90e32": -1500.0, "cse7766": 0.0}
"""How late the current is, in 1/1000 degree: a shunt turns nothing, and these chips have no phase to set."""
LONG = "KEIKI_BOARDS" in os.environ
CHOSEN = tuple(ICS) if LONG else tuple(ICS)[:1]
GAIN_V, GAIN_I, OFFSET_W = 1.05, 1.04, 0.5
LIMIT = 0.002
RESTART_AT = 100
"""The reading of the reference, in the first loads, at which somebody starts the meter again."""
POINTS = ("5 %", "20 %", "100 %") if LONG else ("5 %", "100 %, PF 0.5")
PLAN = tuple(
    # half the time, and so half the pulses
    replace(step, seconds=300) if step.purpose == REGISTER and not LONG else step
    for step in BENCH
    if step.purpose != VERIFY or step.name.startswith(POINTS)
)


class Board:
    """Phase R of the house as the chip has it: the mains through a wrong divider, shunt or transformer."""

    def __init__(self, wave: Wave, late_mdeg: float) -> None:
        self._wave = wave
        self._turn = GAIN_I * cmath.exp(-1j * radians(late_mdeg / 1000))

    @property
    def frequency_hz(self) -> float:
        return self._wave.frequency_hz

    def _part(self, part: Part) -> Part:
        # what couples from the voltage is an offset of the power
        current = cmath.rect(part.i, -part.phi) * self._turn + OFFSET_W / part.v / GAIN_V
        return part._replace(v=part.v * GAIN_V, i=abs(current), phi=-cmath.phase(current))

    def spans(self, t0_ms: int, t1_ms: int) -> list[Span]:
        spans = self._wave.spans(t0_ms, t1_ms)
        return [span._replace(parts=tuple(self._part(part) for part in span.parts)) for span in spans]

    def pieces(self, t0_ms: int, t1_ms: int) -> list[Piece]:
        return [(span.ms, span.p_w, span.v_rms, span.i_rms) for span in self.spans(t0_ms, t1_ms)]


class Desk:
    """Time, programmable load and reference of a meter of the bench; time passes as fast as it can."""

    plan = PLAN

    def __init__(self, meter: Meter, wave: Wave) -> None:
        self._meter = meter
        self._wave = wave
        self._dice = random.Random(1)
        self._shown = 0

    def now_s(self) -> float:
        return self._meter.clock.now_ms / 1000

    async def sleep(self, seconds: float) -> None:
        await self._meter.clock.run_to(self._meter.clock.now_ms + round(seconds * 1000))

    def date(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self._meter.clock.utc_ms() / 1000, JST)

    async def set(self, phase: int, step: Step, fault: str | None) -> bool:
        assert phase == 0 and fault is None, fault
        load = step.load
        point = Point(50, current_a=load.share * RATED_A, power_factor=load.power_factor, kind=load.kind)
        self._wave.set(self._meter.clock.utc_ms(), point)
        await self.sleep(2)
        return True

    async def open(self) -> str:
        return "reference of the bench"

    async def close(self) -> None:
        pass

    async def begin(self) -> None:
        pass

    async def read(self) -> Sample:
        self._shown += 1
        if self._shown == RESTART_AT:
            await self._meter.firmware.call("restart")
        now_ms = self._meter.clock.utc_ms()
        (span,) = self._wave.spans(now_ms - 1000, now_ms)
        off = 1 + self._dice.gauss(0, 1e-4)
        return Sample(span.v_rms, span.i_rms, span.p_w * off, Limits(), f=50.0)

    async def end(self) -> None:
        return None


@pytest.mark.parametrize("ic", CHOSEN)
def test_a_board_as_it_is_bought_measures_right_after_one_calibration_with_a_restart_in_it(
    ic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = Wave(Point(50))
    board = Board(wave, ICS[ic])
    monkeypatch.setattr(House, "phase", lambda house, index: board)
    # the board knows on which side of the voltage its current is: a house's currents lag
    monkeypatch.setattr(metering_ics, "HouseSource", lambda phase: phase)

    async def scenario() -> None:
        async with desk(ic=ic, load="constant:0W", start_s=START_S, settings={"phases": 1}) as bench:
            meter = bench.meters[0]
            own = Desk(meter, wave)
            await own.sleep(5)
            bench_of = command.Bench(ConsoleMeter(meter.console.url), own, own, own)
            screen = Quiet()
            state = await command.calibrate(bench_of, tmp_path, Conditions("the bench"), screen)
            assert state.stored, state.reasons
            assert "once more: the meter started again" in screen.said
            before = [seen.error for seen in state.observations if seen.step == "high" and not seen.trial]
            points = [one for one in verdicts(state, PLAN) if one.step.purpose == VERIFY]
            worst = max(points, key=lambda one: abs(one.seen.error))
            (pulses,) = pulse_verdicts(state)
            print(
                f"\n{ic}: {before[0] * 100:+.3f} % as bought; then at worst {worst.seen.error * 100:+.4f} % "
                f"({worst.step.name}) of {len(points)} points; {pulses.count.pulses} pulses, "
                f"{pulses.error * 100:+.3f} %; in {meter.clock.now_ms / 60_000:.0f} minutes"
            )
            assert abs(before[0]) > 0.05 and abs(worst.seen.error) < LIMIT
            assert pulses.passed is True and pulses.count.cf_wrong == [False]
            record = (await meter.firmware.call("calibration"))["record"]
            assert record["phases"] == [state.solved[0].values]
            # the record is that of a meter which starts again
            await meter.firmware.call("restart")
            await own.sleep(60)
            assert (await meter.firmware.call("calibration"))["followed"] == record["phases"]
            for name in (command.HTML, command.PDF, command.POINTS, command.READINGS):
                assert (tmp_path / name).stat().st_size > 1000

    asyncio.run(scenario())
