"""What one window of readings says: how far the meter was from the reference, and how sure that is.

Power readings are rounded, which matters where the load is small; energy is not, but some ICs count it in
steps so coarse that a minute of it tells little. Its noise is of two kinds, which its changes over short and
over long spans tell apart: what does not add up (steps of a counter) and what does (noise).
"""

from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ENERGY_STEP_J = 3.6
"""Wh x 1000."""
_ROUNDED = 1 / sqrt(12)
_FEW = 1.3
"""Spreads out of some five spans: how much wider 95 % is than for a normal distribution (Student)."""


@dataclass(frozen=True)
class Estimate:
    """A difference and its standard uncertainty; `source` is what it was taken from."""

    value: float
    u: float
    source: str = ""


def mean(values: Floats, step: float) -> Estimate:
    """Return the mean of readings that are rounded to `step`; neighbours may be alike."""
    n = len(values)
    rest = values - values.mean()
    variance = float(rest @ rest) / (n - 1)
    alike = float(rest[1:] @ rest[:-1]) / float(rest @ rest) if variance else 0.0
    alike = min(0.9, max(0.0, alike))
    spread = sqrt(variance / n * (1 + alike) / (1 - alike))
    return Estimate(float(values.mean()), hypot(spread, step * _ROUNDED))


def slope(t_s: Floats, energy_j: Floats) -> Estimate:
    """Return the mean power of a meter's energy, end to end, in W."""
    span_s = float(t_s[-1] - t_s[0])
    power_w = float(energy_j[-1] - energy_j[0]) / span_s
    rest = energy_j - energy_j[0] - power_w * (t_s - t_s[0])
    n = len(rest)
    far = max(2, n // 5)

    def wander(steps: int) -> tuple[float, float]:
        change = rest[steps:] - rest[:-steps]
        return float(change @ change) / len(change), float(np.mean(t_s[steps:] - t_s[:-steps]))

    (near_j2, near_s), (far_j2, far_s) = wander(1), wander(far)
    adds_up = max(0.0, (far_j2 - near_j2) / (far_s - near_s))
    ends = max(0.0, near_j2 - adds_up * near_s, 2 * (ENERGY_STEP_J * _ROUNDED) ** 2)
    return Estimate(power_w, _FEW * sqrt(ends + adds_up * span_s) / span_s, "energy")


def power_difference(t_s: Floats, energy_j: Floats, power_w: Floats, reference_w: Floats) -> Estimate:
    """Return by how much the meter's power is above the reference's, in W; all taken at the same times.

    By whichever is surer; by the power readings if both disagree: a coarse counter may be steadily behind.
    """
    steps = np.diff(t_s) * (reference_w[1:] + reference_w[:-1]) / 2
    by_energy = slope(t_s, energy_j - np.concatenate(([0.0], np.cumsum(steps))))
    shown = mean(power_w - reference_w, 0.1)
    by_power = Estimate(shown.value, shown.u, "power")
    agree = abs(by_energy.value - by_power.value) <= 3 * hypot(by_energy.u, by_power.u)
    return by_energy if agree and by_energy.u < by_power.u else by_power
