"""What flows through the meter during one day: piecewise constant, so that every energy is exact."""

from bisect import bisect_right
from collections.abc import Sequence

DAY_MS = 86_400_000
JST_MS = 9 * 3_600_000

Piece = tuple[int, float, float, float]
"""(ms, signed power in W, voltage in V rms, current in A rms): constant for that long."""


def day_of(t_ms: int) -> int:
    """Return the number of the JST day that holds `t_ms` (UTC ms since 1970)."""
    return (t_ms + JST_MS) // DAY_MS


def day_start_ms(day: int) -> int:
    """Return the UTC ms at which JST day `day` begins."""
    return day * DAY_MS - JST_MS


class PhaseSeries:
    """One phase over the steps of a timeline: p in W (import positive), v in V rms, i in A rms."""

    __slots__ = ("i", "p", "v")

    def __init__(self, p: Sequence[float], v: Sequence[float], i: Sequence[float]) -> None:
        self.p = p
        self.v = v
        self.i = i


class Timeline:
    """Steps from `starts_ms[n]` to the next, the last one to `end_ms`; `phases` hold one value per step.

    `load_wh` and `pv_wh` are what the house used and what its panels made that day.
    """

    def __init__(
        self,
        starts_ms: list[int],
        end_ms: int,
        phases: tuple[PhaseSeries, ...],
        totals_wh: tuple[float, float] | None = None,
    ) -> None:
        self.starts_ms = starts_ms
        self.start_ms = starts_ms[0]
        self.end_ms = end_ms
        self.phases = phases
        spans = [b - a for a, b in zip(starts_ms, [*starts_ms[1:], end_ms], strict=True)]
        self._net = [sum(at) for at in zip(*(phase.p for phase in phases), strict=True)]
        energy, absolute = _integrals(self._net, spans)
        self._import = [(a + e) / 2 for e, a in zip(energy, absolute, strict=True)]
        self._export = [(a - e) / 2 for e, a in zip(energy, absolute, strict=True)]
        if totals_wh is None:
            totals_wh = self.net_wms(self.start_ms, self.end_ms)
            totals_wh = totals_wh[0] / 3.6e6, totals_wh[1] / 3.6e6
        self.load_wh, self.pv_wh = totals_wh

    def step_at(self, t_ms: float) -> int:
        """Return the index of the step that holds `t_ms`."""
        return max(0, bisect_right(self.starts_ms, t_ms) - 1)

    def net_wms(self, t0_ms: float, t1_ms: float) -> tuple[float, float]:
        """Return (import, export) of the net of all phases in W ms; both times in this day."""
        a, b = self.step_at(t0_ms), self.step_at(t1_ms)
        into_a, into_b = t0_ms - self.starts_ms[a], t1_ms - self.starts_ms[b]
        net_a, net_b = self._net[a], self._net[b]
        imported = self._import[b] + max(net_b, 0.0) * into_b - self._import[a] - max(net_a, 0.0) * into_a
        exported = self._export[b] - min(net_b, 0.0) * into_b - self._export[a] + min(net_a, 0.0) * into_a
        return imported, exported

    def pieces(self, index: int, t0_ms: int, t1_ms: int) -> list[Piece]:
        """Return what one phase was from t0 to t1 (> t0), step by step; both times in this day."""
        starts = self.starts_ms
        at = self.step_at(t0_ms)
        phase = self.phases[index]
        p, v, i = phase.p, phase.v, phase.i
        last = len(starts) - 1
        result = []
        while t0_ms < t1_ms:
            end_ms = t1_ms if at == last or starts[at + 1] > t1_ms else starts[at + 1]
            result.append((end_ms - t0_ms, p[at], v[at], i[at]))
            t0_ms = end_ms
            at += 1
        return result


def _integrals(values: Sequence[float], spans: Sequence[int]) -> tuple[list[float], list[float]]:
    """Return the integrals of the values and of their sizes, up to the start of each step."""
    signed, absolute = [0.0], [0.0]
    total = size = 0.0
    for value, span in zip(values[:-1], spans[:-1], strict=True):
        amount = value * span
        total += amount
        size += abs(amount)
        signed.append(total)
        absolute.append(size)
    return signed, absolute
