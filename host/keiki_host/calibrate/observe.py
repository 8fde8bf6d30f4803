"""Watches meter and reference at the same time until what they say is known well enough, or never will be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from keiki_host.calibrate.clock import Clock
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.meter import PHASE_NAMES, Meter, Reading
from keiki_host.calibrate.observation import Compared, Observation, Row, compare, kept, row_of
from keiki_host.calibrate.plan import REGISTER, SOLVE, VERIFY, Step
from keiki_host.calibrate.pulses import PulseCount, PulseState, counted
from keiki_host.calibrate.reference import Nonsense, Reference, Sample
from keiki_host.calibrate.values import Values
from keiki_host.calibrate.wiring import wiring_fault


class Screen(Protocol):
    """Where a person sees how it goes."""

    def say(self, text: str) -> None:
        """One line that stays."""

    def progress(self, title: str, share: float, detail: str) -> None:
        """How far the present window is (0 to 1)."""


@dataclass(frozen=True)
class Rules:
    """How well and how long to measure. Shares are of the power."""

    settle_s: float = 3.0
    good: float = 2e-4
    enough: float = 1e-3
    most_s: float = 300.0
    unsteady: float = 0.03
    repeats: float = 3e-4
    attempts: int = 4
    silence_s: float = 30.0


class LoadFault(Exception):
    """This load does not fit the step: the reason."""


class _Again(Exception):
    """This window was nothing; the reason, should the next ones be nothing too."""


_SKIPPED = 2
"""Readings after settling whose windows may reach to before it."""
_FIRST_PAUSE_S = 0.2
_PAUSES_S = 0.005, 1.0
_LOOKS = 5
"""How often to look for a new reading in the time from one to the next."""
_FEWEST = 10
_LONG_S = 100
_GLANCES = 20
"""How often to look for register and pulses of one and the same snapshot."""
_BLOCKS = 5


class Observer:
    """Makes observations on one meter with one reference."""

    def __init__(
        self, meter: Meter, reference: Reference, clock: Clock, screen: Screen, rules: Rules
    ) -> None:
        self._meter = meter
        self._reference = reference
        self._clock = clock
        self._screen = screen
        self._rules = rules
        self._pause_s = _FIRST_PAUSE_S

    async def observe(
        self,
        phase: int,
        step: Step,
        values: Sequence[Values],
        *,
        trial: bool = False,
        place: str = "",
        fits: Callable[[Sample], str | None] = lambda _: None,
    ) -> Observation:
        """Have the meter correct by `values` and watch one phase; `place` is said beside the progress.

        LoadFault: not the load that the step asks for (`fits` may know more reasons). CalibrateError: it is
        wired wrongly, is not steady, or one of both is gone.
        """
        reason = ""
        for attempt in range(self._rules.attempts):
            if attempt:
                self._screen.say(f"once more: {reason}")
            # each time: a meter that started again has forgotten its trial values
            await self._meter.calibrate(values)
            try:
                return await self._window(phase, step, values, trial, place, fits)
            except (_Again, Nonsense) as again:
                reason = str(again)
        raise CalibrateError(f"phase {PHASE_NAMES[phase]}, {step.title}: {reason}")

    async def _window(
        self,
        phase: int,
        step: Step,
        values: Sequence[Values],
        trial: bool,
        place: str,
        fits: Callable[[Sample], str | None],
    ) -> Observation:
        # by the meter's own clock, so that an emulated one may run as fast as it can
        first = reading = await self._settled()
        date = self._clock.date()
        await self._reference.begin()
        begun = await self._register_and_pulses() if step.purpose == REGISTER else None
        rows: list[Row] = []
        compared: Compared | None = None
        while True:
            reading = await self._newer(reading, phase + 1)
            sample = await self._reference.read()
            if sample is not None:
                sample.check()
                if not rows:
                    self._look(reading, phase, step, values, sample, fits)
            rows.append(row_of(reading, phase, sample))
            spent_s = (reading.ticks_ms - first.ticks_ms) / 1000
            if sample is not None and len(rows) % (_FEWEST if spent_s < _LONG_S else 6 * _FEWEST) == 0:
                compared = compare(rows, None)
            if self._enough(step, rows, spent_s, compared):
                break
            self._show(place, step, phase, spent_s, compared)
        count = None if begun is None else await self._count_since(*begun)
        whole = await self._reference.end()
        if not _same(await self._meter.followed(), values):
            raise _Again("the meter started again, or somebody else calibrates it")
        if whole is not None:
            whole.check()
            self._look(reading, phase, step, values, whole, fits)
        compared = compare(rows, whole)
        if step.loaded:
            self._steady(step, rows, whole, compared)
        used = whole if whole is not None else compared.reference
        last = rows[-1]
        return Observation(
            phase=phase,
            step=step.name,
            trial=trial,
            date=date.isoformat(timespec="seconds"),
            seconds=(last.ticks_ms - rows[0].ticks_ms) / 1000,
            values=dict(values[phase]),
            v=compared.reference.v + compared.v.value,
            i=compared.reference.i + compared.i.value,
            p=compared.reference.p + compared.p.value,
            u_v=compared.v.u,
            u_i=compared.i.u,
            u_p=compared.p.u,
            energy_w=compared.energy_w,
            source=compared.p.source,
            asleep=not all(row.p for row in rows),
            reference=used,
            rows=[kept(row) for row in rows],
            pulses=count,
        )

    async def _register_and_pulses(self) -> tuple[int, PulseState]:
        """The register (Wh x 1000, all phases: the output sends for all) and the pulses, of one snapshot."""
        for _ in range(_GLANCES):
            reading, state = await self._meter.reading(), await self._meter.pulses()
            if reading.ticks_ms == state.ticks_ms:
                return sum(phase.net_wh_x1000 for phase in reading.phases), state
        raise _Again("the meter's pulses are never those of its newest reading")

    async def _count_since(self, wh_x1000: int, begun: PulseState) -> PulseCount:
        now_wh_x1000, ended = await self._register_and_pulses()
        if ended.ticks_ms <= begun.ticks_ms or ended.pulses < begun.pulses:
            raise _Again("the meter started again")
        return counted(begun, ended, now_wh_x1000 - wh_x1000)

    def _enough(self, step: Step, rows: Sequence[Row], spent_s: float, compared: Compared | None) -> bool:
        if len(rows) < 2 * _FEWEST or spent_s < step.seconds:
            return False
        precise = step.loaded and step.purpose in (SOLVE, VERIFY)
        if compared is None or not precise or spent_s >= self._rules.most_s:
            return True
        # what is solved from a window goes into everything that is verified afterwards
        good = self._rules.good * (0.5 if step.purpose == SOLVE else 1)
        return compared.p.u <= good * compared.reference.p

    def _show(self, place: str, step: Step, phase: int, spent_s: float, compared: Compared | None) -> None:
        detail = ""
        if compared is not None and step.loaded:
            share, u = compared.p.value / compared.reference.p, compared.p.u / compared.reference.p
            detail = f"{compared.reference.p:,.1f} W, {share * 100:+.3f} % ±{2 * u * 100:.3f}"
        title = f"{place}phase {PHASE_NAMES[phase]}, {step.title}"
        self._screen.progress(title, min(1.0, spent_s / step.seconds), detail)

    async def _settled(self) -> Reading:
        """Wait for a snapshot that knows nothing of before the change."""
        reading = await self._newer(None)
        settled_ms = reading.ticks_ms + self._rules.settle_s * 1000
        skipped = 0
        while skipped < _SKIPPED:
            reading = await self._newer(reading)
            skipped += reading.ticks_ms >= settled_ms
        return reading

    async def _newer(self, before: Reading | None, phases: int = 1) -> Reading:
        """Wait for a snapshot after `before`. CalibrateError: there is none; _Again: the meter restarted."""
        begun_s = self._clock.now_s()
        while self._clock.now_s() - begun_s <= self._rules.silence_s:
            reading = await self._meter.reading()
            if len(reading.phases) >= phases:
                if before is None:
                    return reading
                if reading.ticks_ms > before.ticks_ms:
                    least_s, most_s = _PAUSES_S
                    between_s = self._clock.now_s() - begun_s
                    self._pause_s = min(max(least_s, between_s / _LOOKS), most_s)
                    return reading
                if reading.ticks_ms < before.ticks_ms:
                    raise _Again("the meter started again")
            await self._clock.sleep(self._pause_s)
        raise CalibrateError(
            f"meter: no new reading within {self._rules.silence_s:g} s: its metering IC does not answer, or "
            "its sample period (sample_s) is longer than that"
        )

    def _look(
        self,
        reading: Reading,
        phase: int,
        step: Step,
        values: Sequence[Values],
        sample: Sample,
        fits: Callable[[Sample], str | None],
    ) -> None:
        fault = wiring_fault(reading, phase, values, sample)
        if fault is not None:
            raise CalibrateError(fault)
        fault = step.fault(sample) or fits(sample)
        if fault is not None:
            raise LoadFault(fault)

    def _steady(self, step: Step, rows: list[Row], whole: Sample | None, compared: Compared) -> None:
        """_Again unless the load is steady, meter and reference repeat, and enough is known."""
        powers = np.array([row.reference.p if row.reference else row.p for row in rows])
        blocks = [float(block.mean()) for block in np.array_split(powers, _BLOCKS)]
        size = compared.reference.p
        changed = (max(blocks) - min(blocks)) / abs(size)
        if changed > self._rules.unsteady:
            raise _Again(f"the load is not steady: it changed by {changed * 100:.1f} % while it was measured")
        half = len(rows) // 2
        one, other = compare(rows[: half + 1], whole), compare(rows[half:], whole)
        apart = abs(one.p.value - other.p.value)
        noise = 3 * (one.p.u**2 + other.p.u**2) ** 0.5
        if apart > noise + self._rules.repeats * size:
            raise _Again(
                f"it does not repeat: meter and reference were {apart / size * 100:.2f} % further apart in "
                "one half of the time than in the other"
            )
        if step.purpose in (SOLVE, VERIFY) and compared.p.u > self._rules.enough * size + 0.1:
            known = f"±{2 * compared.p.u / size * 100:.2f} %"
            raise _Again(f"the difference of meter and reference is known to no better than {known}")


def _same(followed: Sequence[Values], values: Sequence[Values]) -> bool:
    """Tell if a meter follows these values; what is missing is 0."""
    padded = [*followed, *({} for _ in range(len(values) - len(followed)))]
    return len(padded) == len(values) and all(
        one.get(key, 0) == other.get(key, 0)
        for one, other in zip(padded, values, strict=True)
        for key in {*one, *other}
    )
