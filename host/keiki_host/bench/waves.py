"""One phase of the mains as a metering IC sees it: voltage and current, harmonic by harmonic, over time.

Conventions, of all metering ICs here: v_n(t) = sqrt(2) v cos(2 pi n f t + a), i_n(t) = sqrt(2) i
cos(2 pi n f t + a - phi). So phi is the angle by which the current lags, in radians of that harmonic; power
is positive for import (phi about 0) and negative for export (phi about pi); the reactive power is positive
if the current lags. All volts and amperes are rms.

A 1P3W service is two sources, R and T, each from its leg to neutral; a 200 V load is the same current in
both.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from math import acos, cos, pi, sin, sqrt
from typing import NamedTuple, Protocol

from keiki_host.bench.timeline import Piece


class Part(NamedTuple):
    """Harmonic `n` (1 is the fundamental): volts, amperes, and how far the current lags (radians)."""

    n: int
    v: float
    i: float
    phi: float


class Span(NamedTuple):
    """`ms` long, nothing changes; the fundamental is one of the parts."""

    ms: int
    frequency_hz: float
    parts: tuple[Part, ...]

    @property
    def v_rms(self) -> float:
        """Volts of all harmonics."""
        return sqrt(sum(part.v * part.v for part in self.parts))

    @property
    def i_rms(self) -> float:
        """Amperes of all harmonics."""
        return sqrt(sum(part.i * part.i for part in self.parts))

    @property
    def p_w(self) -> float:
        """Active power of all harmonics, signed."""
        return sum(part.v * part.i * cos(part.phi) for part in self.parts)

    @property
    def q_var(self) -> float:
        """Reactive power of the fundamental, positive if the current lags."""
        return sum(part.v * part.i * sin(part.phi) for part in self.parts if part.n == 1)

    @property
    def s_va(self) -> float:
        """Apparent power, the product of the rms values."""
        return self.v_rms * self.i_rms

    @property
    def active(self) -> float:
        """Active energy of the span in W ms, signed."""
        return self.p_w * self.ms

    def power(self, delay_s: float = 0.0) -> tuple[float, float]:
        """Return (p_w, q_var) as they are measured if the current is delayed against the voltage.

        That is what the phase error of a current transformer or a filter does: each harmonic lags by
        2 pi n f delay_s more. A negative delay makes the current lead.
        """
        p_w = q_var = 0.0
        turn = 2 * pi * self.frequency_hz * delay_s
        for n, v, i, phi in self.parts:
            p_w += v * i * cos(phi + n * turn)
            if n == 1:
                q_var += v * i * sin(phi + turn)
        return p_w, q_var


class Source(Protocol):
    """What a channel of a metering IC is wired to."""

    @property
    def frequency_hz(self) -> float:
        """The frequency now."""

    def spans(self, t0_ms: int, t1_ms: int) -> list[Span]:
        """Return t0 to t1 (UTC ms) as spans of constant state, in order, without gaps; [] if t1 <= t0."""


@dataclass(frozen=True)
class Point:
    """A steady state, such as a test bench sets: the fundamental in volts and amperes, and what is added.

    `power_factor` (0 to 1) is that of the fundamental; `kind` "L": the current lags, "C": it leads. `export`
    turns the whole current round. `harmonics`: (n, fraction of the voltage, fraction of the current, radians
    by which its current lags its voltage).
    """

    frequency_hz: float = 50.0
    voltage_v: float = 100.0
    current_a: float = 0.0
    power_factor: float = 1.0
    kind: str = "L"
    export: bool = False
    harmonics: tuple[tuple[int, float, float, float], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.power_factor <= 1 or self.kind not in ("L", "C"):
            raise ValueError(f"power factor {self.power_factor:g} {self.kind}")
        if self.frequency_hz <= 0 or self.voltage_v < 0 or self.current_a < 0:
            raise ValueError("frequency, voltage and current are not negative; to export, use `export`")
        if any(harmonic[0] < 2 for harmonic in self.harmonics):
            raise ValueError("harmonics have numbers from 2 on")

    @property
    def parts(self) -> tuple[Part, ...]:
        """All harmonics, the fundamental first."""
        turn = pi if self.export else 0.0
        phi = acos(self.power_factor) * (1 if self.kind == "L" else -1)
        first = Part(1, self.voltage_v, self.current_a, phi + turn)
        others = [Part(n, self.voltage_v * v, self.current_a * i, a + turn) for n, v, i, a in self.harmonics]
        return (first, *others)


class Wave:
    """A source that stays at one point until it is set to another: a test bench with a programmable load."""

    def __init__(self, point: Point | None = None) -> None:
        self.point = point or Point()
        self._starts_ms: list[int] = []
        self._spans: list[tuple[float, tuple[Part, ...]]] = []
        self._keep(self.point)

    def _keep(self, point: Point) -> None:
        self.point = point
        self._spans.append((point.frequency_hz, point.parts))

    @property
    def frequency_hz(self) -> float:
        """The frequency that was set last."""
        return self.point.frequency_hz

    def set(self, at_ms: int, point: Point) -> None:
        """Be at `point` from `at_ms` (UTC) on; not before the last change, else ValueError."""
        if self._starts_ms and at_ms < self._starts_ms[-1]:
            raise ValueError("a wave is set in order of time")
        self._starts_ms.append(at_ms)
        self._keep(point)

    def spans(self, t0_ms: int, t1_ms: int) -> list[Span]:
        """Return t0 to t1; each change is exact to its ms."""
        starts = self._starts_ms
        at = bisect_right(starts, t0_ms)
        result = []
        while t0_ms < t1_ms:
            end_ms = t1_ms if at == len(starts) else min(t1_ms, starts[at])
            if end_ms > t0_ms:
                result.append(Span(end_ms - t0_ms, *self._spans[at]))
            t0_ms = end_ms
            at += 1
        return result


class Pieces(Protocol):
    """One phase of a house, as `House.phase` returns it."""

    @property
    def frequency_hz(self) -> float:
        """The frequency now."""

    def pieces(self, t0_ms: int, t1_ms: int) -> list[Piece]:
        """Return t0 to t1 (UTC ms) as spans of constant (ms, p in W, v in V rms, i in A rms)."""


class HouseSource:
    """One phase of a house as a source: a sine, its current as far behind as p, v and i tell: it lags."""

    def __init__(self, phase: Pieces) -> None:
        self._phase = phase

    @property
    def frequency_hz(self) -> float:
        """The frequency of the house."""
        return self._phase.frequency_hz

    def spans(self, t0_ms: int, t1_ms: int) -> list[Span]:
        """Return t0 to t1."""
        if t1_ms <= t0_ms:
            return []
        frequency_hz = self._phase.frequency_hz
        result = []
        for ms, p, v, i in self._phase.pieces(t0_ms, t1_ms):
            phi = acos(max(-1.0, min(1.0, p / (v * i)))) if i and v else 0.0
            result.append(Span(ms, frequency_hz, (Part(1, v, i, phi),)))
        return result


class Plain:
    """A source as pieces (ms, W, V, A), for a model that knows nothing of angles and harmonics."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def frequency_hz(self) -> float:
        """The frequency now."""
        return self._source.frequency_hz

    def pieces(self, t0_ms: int, t1_ms: int) -> list[Piece]:
        """Return t0 to t1 (UTC ms) as spans of constant (ms, p in W, v in V rms, i in A rms)."""
        return [(span.ms, span.p_w, span.v_rms, span.i_rms) for span in self._source.spans(t0_ms, t1_ms)]


def energy_wh(sources: Iterable[Source], t0_ms: int, t1_ms: int) -> tuple[float, float]:
    """Return the truth, (import, export) in Wh of the net of all sources from t0 to t1 (UTC ms).

    As the house has it: import is the integral of what of the sum of all powers is positive.
    """
    rows = [source.spans(t0_ms, t1_ms) for source in sources]
    edges = {t1_ms}
    powers: list[list[tuple[int, float]]] = []
    for row in rows:
        at_ms, leg = t0_ms, []
        for span in row:
            at_ms += span.ms
            leg.append((at_ms, span.p_w))
        edges.update(end_ms for end_ms, _ in leg)
        powers.append(leg)
    imported = exported = 0.0
    at, before_ms = [0] * len(powers), t0_ms
    for edge_ms in sorted(edges):
        net_w = 0.0
        for index, leg in enumerate(powers):
            while leg and leg[at[index]][0] < edge_ms:
                at[index] += 1
            net_w += leg[at[index]][1] if leg else 0.0
        energy = net_w * (edge_ms - before_ms) / 3.6e6
        imported, exported = imported + max(0.0, energy), exported + max(0.0, -energy)
        before_ms = edge_ms
    return imported, exported
