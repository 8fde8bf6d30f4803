"""The house behind the meter: what it uses and makes, known exactly at every instant.

It is the truth of the bench: no metering IC has a part in it. Import and export are of the net of both phases
at each instant: import = integral of max(P_R + P_T, 0). Powers are positive for import, piecewise constant.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from keiki_host.bench.house_day import house_day
from keiki_host.bench.house_gaps import Gaps
from keiki_host.bench.house_spec import LoadError, Table, constant_day, parse_constant
from keiki_host.bench.timeline import Piece, Timeline, day_of

__all__ = ["House", "HousePhase", "LoadError", "Mains", "PhaseMains", "Window"]

_DAYS_KEPT = 3


class PhaseMains(NamedTuple):
    """One phase at an instant: V rms, A rms (>= 0), W (export negative), power factor (0: no current)."""

    v: float
    i: float
    p: float
    pf: float


@dataclass(frozen=True)
class Mains:
    """All phases at an instant, 0 = R-N, 1 = T-N."""

    phases: tuple[PhaseMains, ...]
    frequency_hz: float

    @property
    def power_w(self) -> float:
        """Net power of all phases."""
        return sum(phase.p for phase in self.phases)


class Window(NamedTuple):
    """One phase over a span of time: signed Wh, integral of |p| in Wh, means of v, i, p."""

    wh: float
    abs_wh: float
    v: float
    i: float
    p: float


class House:
    """A house by its `--load` specification; LoadError names what is wrong with it.

    `constant:1000W`, `constant:1000W@pf0.5`, `constant:-500W`: at 100 V, an equal share on each phase (so a
    200 V load when there are two). `house`: a household with solar panels, different for each `seed`, the
    same whenever asked. Anything else is the path of a CSV file `time,power_w[,pf]`, again an equal share on
    each phase. A house with one phase has everything on R.
    """

    def __init__(self, spec: str, seed: int = 0, phases: int = 2, frequency_hz: float = 50.0) -> None:
        if phases not in (1, 2):
            raise LoadError("phases", f"{phases} is not 1 or 2")
        self.spec = spec
        self.phases = phases
        self.frequency_hz = frequency_hz
        self._make = self._source(spec, seed, phases)
        self._days: dict[int, Timeline] = {}
        self._dark = Gaps()
        self._apart = Gaps()
        self._now = self._day(0)

    @staticmethod
    def _source(spec: str, seed: int, phases: int) -> Callable[[int], Timeline]:
        if spec == "house":
            return lambda day: house_day(seed, day, phases)
        if spec == "constant" or spec.startswith("constant:"):
            power_w, pf = parse_constant(spec)
            return lambda day: constant_day(day, phases, power_w, pf)
        if not spec or not (spec.endswith(".csv") or Path(spec).exists()):
            raise LoadError("spec", f"{spec!r} is not constant:..., house, or the path of a CSV file")
        table = Table(Path(spec))
        return lambda day: table.day(day, phases)

    def _day(self, day: int) -> Timeline:
        timeline = self._days.get(day)
        if timeline is None:
            while len(self._days) >= _DAYS_KEPT:
                del self._days[min(self._days)]
            timeline = self._days[day] = self._make(day)
        return timeline

    def _timeline(self, t_ms: int) -> Timeline:
        now = self._now
        if not now.start_ms <= t_ms < now.end_ms:
            now = self._now = self._day(day_of(t_ms))
        return now

    def _parts(self, t0_ms: int, t1_ms: int) -> list[tuple[Timeline, int, int]]:
        """Cut a span at midnights."""
        parts = []
        while t0_ms < t1_ms:
            timeline = self._timeline(t0_ms)
            end_ms = min(t1_ms, timeline.end_ms)
            parts.append((timeline, t0_ms, end_ms))
            t0_ms = end_ms
        return parts

    def cut(self, t_ms: int) -> None:
        """The mains are gone from `t_ms` (UTC) on: until `restore` no voltage is there, no energy flows."""
        self._dark.begin(t_ms)

    def restore(self, t_ms: int) -> None:
        """The mains are back at `t_ms` (UTC)."""
        self._dark.end(t_ms)

    def disconnect(self, t_ms: int) -> None:
        """The meter's contact opens at `t_ms` (UTC): the house is dark, the meter has its voltage."""
        self._apart.begin(t_ms)

    def connect(self, t_ms: int) -> None:
        """The meter's contact closes at `t_ms` (UTC)."""
        self._apart.end(t_ms)

    @property
    def lit(self) -> bool:
        """Whether the house has electricity now."""
        return not (self._dark.open or self._apart.open)

    def _steady(self, t0_ms: int, t1_ms: int) -> list[tuple[int, int]]:
        """Cut a span where mains or contact go off or on."""
        if not (self._dark.touch(t0_ms, t1_ms) or self._apart.touch(t0_ms, t1_ms)):
            return [(t0_ms, t1_ms)]
        inner = {*self._dark.edges(t0_ms, t1_ms), *self._apart.edges(t0_ms, t1_ms)}
        edges = [t0_ms, *sorted(inner), t1_ms]
        return list(itertools.pairwise(edges))

    def _flows(self, t_ms: float) -> bool:
        return not (self._dark.holds(t_ms) or self._apart.holds(t_ms))

    def phase(self, index: int) -> "HousePhase":
        """Return what a metering IC on phase `index` (0 = R, 1 = T) is wired to."""
        if not 0 <= index < self.phases:
            raise ValueError(f"no phase {index}")
        return HousePhase(self, index)

    def at(self, t_s: float) -> Mains:
        """Return voltage, current and power of each phase at `t_s` (UTC seconds)."""
        timeline = self._timeline(int(t_s * 1000))
        step = timeline.step_at(t_s * 1000)
        phases = []
        dark, flows = self._dark.holds(t_s * 1000), self._flows(t_s * 1000)
        for series in timeline.phases:
            v = 0.0 if dark else series.v[step]
            i, p = (series.i[step], series.p[step]) if flows else (0.0, 0.0)
            phases.append(PhaseMains(v, i, p, abs(p) / (v * i) if i else 0.0))
        return Mains(tuple(phases), self.frequency_hz)

    def energy_wh(self, t0_s: float, t1_s: float) -> tuple[float, float]:
        """Return (import, export) in Wh of the net of all phases from t0 to t1 (UTC seconds, to the ms)."""
        imported = exported = 0.0
        for span in self._steady(round(t0_s * 1000), round(t1_s * 1000)):
            for timeline, start_ms, end_ms in self._parts(*span) if self._flows(span[0]) else ():
                gain = timeline.net_wms(start_ms, end_ms)
                imported += gain[0]
                exported += gain[1]
        return imported / 3.6e6, exported / 3.6e6

    def window(self, t0_ms: int, t1_ms: int) -> tuple[Window, ...]:
        """Return what each phase did from t0 to t1 (UTC ms, t1 > t0)."""
        return tuple(self.phase_window(index, t0_ms, t1_ms) for index in range(self.phases))

    def phase_window(self, index: int, t0_ms: int, t1_ms: int) -> Window:
        """Return what one phase did from t0 to t1 (UTC ms, t1 > t0)."""
        span_ms = t1_ms - t0_ms
        if span_ms <= 0:
            raise ValueError("an empty window")
        energy = absolute = v = i = 0.0
        for ms, watts, volts, amperes in self.pieces(index, t0_ms, t1_ms):
            energy += watts * ms
            absolute += abs(watts) * ms
            v += volts * ms
            i += amperes * ms
        return Window(energy / 3.6e6, absolute / 3.6e6, v / span_ms, i / span_ms, energy / span_ms)

    def pieces(self, index: int, t0_ms: int, t1_ms: int) -> list[Piece]:
        """Return one phase from t0 to t1 (UTC ms) as spans of constant power."""
        spans = self._steady(t0_ms, t1_ms)
        now = self._now
        if len(spans) == 1 and now.start_ms <= t0_ms and t1_ms <= now.end_ms and self._flows(t0_ms):
            return now.pieces(index, t0_ms, t1_ms)
        found = []
        for span in spans:
            dark, flows = self._dark.holds(span[0]), self._flows(span[0])
            for day, start_ms, end_ms in self._parts(*span):
                pieces = day.pieces(index, start_ms, end_ms)
                if not flows:
                    pieces = [(ms, 0.0, 0.0 if dark else v, 0.0) for ms, _, v, _ in pieces]
                found += pieces
        return found

    def day_totals_wh(self, t_s: float) -> tuple[float, float]:
        """Return what the house used and what its panels made on the JST day that holds `t_s`."""
        timeline = self._timeline(int(t_s * 1000))
        return timeline.load_wh, timeline.pv_wh


class HousePhase:
    """One phase of a house, as a metering IC sees it."""

    def __init__(self, house: House, index: int) -> None:
        self._house = house
        self._index = index
        self.frequency_hz = house.frequency_hz

    def pieces(self, t0_ms: int, t1_ms: int) -> list[Piece]:
        """Return t0 to t1 (UTC ms) as spans of constant (ms, p in W, v in V rms, i in A rms)."""
        return self._house.pieces(self._index, t0_ms, t1_ms)
