"""A meter on a test bench, in virtual time: loads that can be set, and a reference on them.

What the reference shows is what really flows, with the errors that it is given.
"""

import asyncio
import datetime
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import pi, radians
from pathlib import Path
from typing import Any

from keiki.drivers.metering import STALE
from keiki.meter.pulses import Pulses
from keiki_host.bench.timeline import Piece
from keiki_host.bench.waves import Point, Span, Wave
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.meter import PhaseReading, Reading, Record
from keiki_host.calibrate.plan import BENCH, Step
from keiki_host.calibrate.procedure import Calibration, Conditions
from keiki_host.calibrate.pulses import PulseState
from keiki_host.calibrate.reference import Limits, Sample
from keiki_host.calibrate.state import State
from metering_line import finish

from tests.host.calibrate_boards import DRIVERS, ICS

START_MS = 1_777_734_000_000
JST = datetime.timezone(datetime.timedelta(hours=9))
RATED_A = 30
SAMPLE_MS = 1000
READINGS = (
    "voltage_v_x100",
    "current_ma",
    "power_w_x10",
    "reactive_var_x10",
    "power_factor_x1000",
    "frequency_hz_x100",
)


class Lead:
    """One channel of the meter, on a wave; `turned`: its current transformer is reversed, or late."""

    def __init__(self, wave: Wave) -> None:
        self.wave = wave
        self.turned = False
        self.delay_mdeg = 0.0

    @property
    def frequency_hz(self) -> float:
        return self.wave.frequency_hz

    def spans(self, t0_ms: int, t1_ms: int) -> list[Span]:
        spans = self.wave.spans(t0_ms, t1_ms)
        turn = (pi if self.turned else 0.0) + radians(self.delay_mdeg / 1000)
        if not turn:
            return spans
        return [
            span._replace(parts=tuple(p._replace(phi=p.phi + turn) for p in span.parts)) for span in spans
        ]

    def pieces(self, t0_ms: int, t1_ms: int) -> list[Piece]:
        return [(span.ms, span.p_w, span.v_rms, span.i_rms) for span in self.spans(t0_ms, t1_ms)]


class World:
    """`phases` waves, a meter on them, and time; `ic` is a name of ICS, `seed` makes the board's errors.

    `unsteady`: by how much the current jumps every 5 s; `drift`: by how much it grows in a minute.
    """

    def __init__(
        self, ic: str = "bl0942", *, phases: int = 2, seed: int | None = None, f_hz: float = 50.0
    ) -> None:
        self.now_ms = START_MS - 3137
        self.f_hz = f_hz
        self.waves = [Wave(Point(f_hz)) for _ in range(phases)]
        self.leads = [Lead(wave) for wave in self.waves]
        self.loaded = 0
        self.unsteady = 0.0
        self.drift = 0.0
        self.ic = ic
        self._dice = random.Random(seed)
        self._changed_ms = self._switched_ms = self.now_ms
        self.board = ICS[ic](self, random.Random(f"{ic}/{seed}") if seed is not None else None)
        self.driver = self.board.driver
        self.advance(3137)

    def advance(self, ms: int) -> None:
        self.now_ms += ms
        if self.unsteady and self.now_ms - self._changed_ms >= 5000:
            self._changed_ms = self.now_ms
            change = 1 + self._dice.choice((-1, 1)) * self.unsteady
            point = replace(self._point, current_a=self._point.current_a * change)
            self.waves[self.loaded].set(self.now_ms, point)
        elif self.drift:
            change = 1 + self.drift * (self.now_ms - self._switched_ms) / 60_000
            point = replace(self._point, current_a=self._point.current_a * change)
            self.waves[self.loaded].set(self.now_ms, point)

    # the clock of a calibration

    def now_s(self) -> float:
        return self.now_ms / 1000

    async def sleep(self, seconds: float) -> None:
        self.advance(round(seconds * 1000))

    def date(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.now_ms / 1000, JST)

    # what a load sets and a reference sees

    def switch(self, phase: int, point: Point) -> None:
        """Have a load on one phase, and none on the others."""
        for number, wave in enumerate(self.waves):
            wave.set(self.now_ms, point if number == phase else Point(self.f_hz))
        self.loaded = phase
        self._point = point
        self._switched_ms = self.now_ms

    def truth(self, ms: int = 1000) -> Sample:
        """What really flows through the loaded phase, over the last second."""
        spans = self.waves[self.loaded].spans(self.now_ms - ms, self.now_ms)
        means = [
            sum(getattr(span, name) * span.ms for span in spans) / ms for name in ("v_rms", "i_rms", "p_w")
        ]
        return Sample(*means, Limits(), f=self.f_hz)


class WorldMeter:
    """The meter of a world, as the console gives it; `plugged` False: it is gone."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.serial = "K26000001"
        self.rated_a = RATED_A
        self.record: Record | None = None
        self.applied: list[dict[str, int]] = [{} for _ in world.waves]
        self.stored: list[Record] = []
        self.plugged = True
        self.before_reading: Callable[[], None] = lambda: None
        self.imp_per_kwh: int | None = 1000
        self.lost_pulses = 0
        self._energy = [[0, 0] for _ in world.waves]
        self._last: Reading | None = None
        self._start_pulses()

    def _start_pulses(self) -> None:
        self._output = Pulses(lambda n, first_us, step_us: None, self.imp_per_kwh or 1, 40)

    def _reach(self) -> None:
        if not self.plugged:
            raise CalibrateError("meter: unix:///here: no answer within 10 s")

    def restart(self) -> None:
        """The firmware starts again: sums at zero, the stored record in force."""
        self._energy = [[0, 0] for _ in self._energy]
        self._start_pulses()
        self._apply(self.record.phases if self.record else [{} for _ in self.applied])
        self._restarted_ms = self.world.now_ms

    _restarted_ms = START_MS - 10_000

    def _apply(self, phases: Sequence[dict[str, int]]) -> None:
        self.world.driver.apply([dict(values) for values in phases])
        self.applied = [dict(values) for values in phases]

    async def open(self) -> None:
        self._reach()

    async def close(self) -> None:
        pass

    async def reading(self) -> Reading:
        self._reach()
        self.before_reading()
        ticks_ms = self.world.now_ms - self._restarted_ms
        if self._last is None or not 0 <= ticks_ms - self._last.ticks_ms < SAMPLE_MS:
            snapshot = finish(self.world.driver.snapshot(self.world.now_ms))
            assert not snapshot.flags & STALE
            rows = []
            for n, energy in enumerate(self._energy):
                energy[0] += snapshot.import_wh_x1000[n]
                energy[1] += snapshot.export_wh_x1000[n]
                row = {name: getattr(snapshot, name)[n] for name in READINGS}
                rows.append(PhaseReading(**row, import_wh_x1000=energy[0], export_wh_x1000=energy[1]))
            self._output.book(sum(snapshot.import_wh_x1000) - sum(snapshot.export_wh_x1000), SAMPLE_MS)
            self._last = Reading(
                utc_ms=self.world.now_ms,
                ticks_ms=ticks_ms,
                ic=self.world.ic,
                ignored=self.world.driver.ignored,
                phases=tuple(rows),
            )
        return self._last

    async def pulses(self) -> PulseState:
        self._reach()
        assert self._last is not None
        if self.imp_per_kwh is None:
            return PulseState(ticks_ms=self._last.ticks_ms)
        output = self._output
        return PulseState(
            ticks_ms=self._last.ticks_ms,
            imp_per_kwh=output.imp_per_kwh,
            pulses=output.sent - self.lost_pulses,
            late=output.late,
            dropped=output.dropped,
        )

    async def calibration(self) -> Record | None:
        self._reach()
        return self.record

    async def followed(self) -> list[dict[str, int]]:
        self._reach()
        return self.applied

    async def calibrate(self, phases: Sequence[dict[str, int]]) -> None:
        self._reach()
        self._apply(phases)

    async def store(self, record: Record) -> None:
        self._reach()
        self.record = record
        self.stored.append(record)
        self._apply(record.phases)


@dataclass
class WorldReference:
    """An instrument on the loaded phase; its readings are off by `relative`, with noise (sigma, relative)."""

    world: World
    limits: Limits = field(default_factory=Limits)
    relative: float = 0.0
    noise: float = 0.0
    name: str = "reference of the bench, number 7"
    plugged: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    async def open(self) -> str:
        return self.name

    async def close(self) -> None:
        pass

    async def begin(self) -> None:
        pass

    async def read(self) -> Sample | None:
        if not self.plugged:
            raise CalibrateError("reference: no answer")
        true = self.world.truth()
        v, i, p = (
            value * (1 + self._dice.gauss(self.relative, self.noise)) for value in (true.v, true.i, true.p)
        )
        return Sample(v, i, p, self.limits, f=true.f)

    async def end(self) -> Sample | None:
        return None


@dataclass
class WorldLoad:
    """A programmable load; `shape(point)` may make of it what it likes."""

    world: World
    plan: tuple[Step, ...] = BENCH
    shape: Callable[[Point], Point] = lambda point: point
    wired: Callable[[int], int] = lambda phase: phase

    def __post_init__(self) -> None:
        self.asked: list[tuple[int, str]] = []

    async def set(self, phase: int, step: Step, fault: str | None) -> bool:
        if fault is not None:
            raise CalibrateError(f"{step.title}: {fault}")
        self.asked.append((phase, step.name))
        load = step.load
        point = Point(
            self.world.f_hz,
            current_a=load.share * RATED_A,
            power_factor=load.power_factor,
            kind=load.kind,
        )
        self.world.switch(self.wired(phase), self.shape(point))
        return True


class Quiet:
    """A screen that keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, title: str, share: float, detail: str) -> None:
        assert 0 <= share <= 1


class Bench:
    """A world with a meter, a reference and a load in it, and calibrations of them in a folder."""

    def __init__(self, folder: Path, ic: str = "bl0942", **options: Any) -> None:
        self.folder = folder
        self.world = World(ic, **options)
        self.meter = WorldMeter(self.world)
        self.reference = WorldReference(self.world)
        self.load = WorldLoad(self.world)
        self.screen = Quiet()
        self.conditions = Conditions("the bench")

    def run(self) -> State:
        """Calibrate, or go on with it."""
        calibration = Calibration(
            self.meter, self.reference, self.load, self.folder, self.conditions, self.world, self.screen
        )
        return asyncio.run(calibration.run())


@contextmanager
def asyncio_afterwards() -> Iterator[None]:
    """Give the drivers the real asyncio back, which a world takes the place of."""
    before = [driver.asyncio for driver in DRIVERS]
    yield
    for driver, module in zip(DRIVERS, before, strict=True):
        driver.asyncio = module
