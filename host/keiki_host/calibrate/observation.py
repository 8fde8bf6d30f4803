"""One steady state as meter and reference saw it over a window of time."""

from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from pydantic import BaseModel

from keiki_host.calibrate.estimate import Estimate, mean, power_difference
from keiki_host.calibrate.meter import Reading
from keiki_host.calibrate.pulses import PulseCount
from keiki_host.calibrate.reference import Limits, Sample
from keiki_host.calibrate.solve import Point
from keiki_host.calibrate.values import I_GAIN, I_OFFSET, P_GAIN, P_OFFSET, PHASE, V_GAIN, measured

VOLT_STEP = 0.01
JOULES = 3.6
"""Of one Wh x 1000."""


@dataclass(frozen=True)
class Row:
    """One reading of the meter and what the reference showed then, for one phase."""

    ticks_ms: int
    v: float
    i: float
    p: float
    energy_wh_x1000: int
    reference: Sample | None


ROW_HEAD = (
    "ticks_ms", "meter_v", "meter_a", "meter_w", "meter_wh_x1000",
    "reference_v", "reference_a", "reference_w", "reference_var", "reference_hz",
)  # fmt: skip
"""What the places of a kept row mean; None: the reference did not show it."""


class Observation(BaseModel):
    """A window's result: means of meter (as it corrected by `values`) and reference, V, A, W, rms.

    `u_v`, `u_i`, `u_p`: standard uncertainty of the meter's mean against the reference's, by noise and
    rounding. `energy_w`: mean power by the meter's energy alone; `source`: what `p` was taken from. `asleep`:
    at some time the meter measured no power at all. `pulses`: what its output sent, if they were counted.
    """

    phase: int
    step: str
    trial: bool
    date: str
    seconds: float
    values: dict[str, int]
    v: float
    i: float
    p: float
    u_v: float
    u_i: float
    u_p: float
    energy_w: float
    source: str
    asleep: bool
    reference: Sample
    rows: list[tuple[float | None, ...]]
    pulses: PulseCount | None = None

    @property
    def error(self) -> float:
        """Error of the meter's power and energy, relative."""
        return self.p / self.reference.p - 1

    @property
    def u_error(self) -> float:
        """Its standard uncertainty by noise, relative."""
        return self.u_p / self.reference.p

    @property
    def u_reference(self) -> float:
        """Standard uncertainty of the reference's power, relative."""
        return self.reference.limits.power_u_w(self.reference.p, self.reference.q_var) / self.reference.p

    @property
    def u(self) -> float:
        """Standard uncertainty of the error with all that is known of it, relative."""
        return hypot(self.u_error, self.u_reference)

    def point(self) -> Point:
        """Return it as the solver takes it: what the meter measured before it corrected."""
        ref, values = self.reference, self.values
        i_scale, p_scale = (1 + values.get(key, 0) / 1e6 for key in (I_GAIN, P_GAIN))
        return Point(
            v_ref=ref.v,
            i_ref=ref.i,
            p_ref=ref.p,
            q_ref=ref.q_var,
            v=measured(self.v, values, V_GAIN),
            i=None if self.asleep else measured(self.i, values, I_GAIN, I_OFFSET),
            p=None if self.asleep else measured(self.p, values, P_GAIN, P_OFFSET),
            u_v=self.u_v,
            u_i=self.u_i / i_scale,
            u_p=self.u_p / p_scale,
            u_v_common=VOLT_STEP / sqrt(12),
            phase_mdeg=values.get(PHASE, 0),
            f_hz=ref.f or 50.0,
            limits=ref.limits,
        )


def row_of(reading: Reading, phase: int, reference: Sample | None) -> Row:
    """Take one phase out of a reading."""
    seen = reading.phases[phase]
    return Row(
        reading.ticks_ms,
        seen.voltage_v_x100 / 100,
        seen.current_ma / 1000,
        seen.power_w_x10 / 10,
        seen.net_wh_x1000,
        reference,
    )


@dataclass(frozen=True)
class Compared:
    """What rows say, in whole or in part: the reference's means, and the meter's differences from them."""

    reference: Sample
    v: Estimate
    i: Estimate
    p: Estimate
    energy_w: float


def compare(rows: list[Row], whole: Sample | None) -> Compared:
    """Return what rows say (5 at least); `whole` is the reference's own mean over all of them, if any."""
    shown = [row.reference or whole for row in rows]
    samples = [sample for sample in shown if sample is not None]
    t_s = np.array([row.ticks_ms / 1000 for row in rows])
    ref_w = np.array([sample.p for sample in samples])
    energy_j = np.array([row.energy_wh_x1000 * JOULES for row in rows])
    by_v = mean(np.array([row.v for row in rows]) - np.array([sample.v for sample in samples]), VOLT_STEP)
    by_i = mean(np.array([row.i for row in rows]) - np.array([sample.i for sample in samples]), 0.001)
    by_p = power_difference(t_s, energy_j, np.array([row.p for row in rows]), ref_w)
    energy_w = float(energy_j[-1] - energy_j[0]) / float(t_s[-1] - t_s[0])
    power_w = float(np.trapezoid(ref_w, t_s)) / float(t_s[-1] - t_s[0])
    return Compared(_mean_sample(samples, power_w), by_v, by_i, by_p, energy_w)


def _mean_sample(samples: list[Sample], power_w: float) -> Sample:
    """The mean of samples, whose mean power over time is known; the limits are the largest."""
    widest = max((sample.limits for sample in samples), key=_width)
    qs = [sample.q for sample in samples if sample.q is not None]
    fs = [sample.f for sample in samples if sample.f is not None]
    return Sample(
        v=float(np.mean([sample.v for sample in samples])),
        i=float(np.mean([sample.i for sample in samples])),
        p=power_w,
        q=float(np.mean(qs)) if qs else None,
        f=float(np.mean(fs)) if fs else None,
        limits=widest,
    )


def _width(limits: Limits) -> tuple[float, float]:
    return limits.p, limits.p_rel


def kept(row: Row) -> tuple[float | None, ...]:
    """Return a row as it is kept and written to the raw data (ROW_HEAD)."""
    ref = row.reference
    shown = (None,) * 5 if ref is None else (ref.v, ref.i, ref.p, ref.q, ref.f)
    return (row.ticks_ms, row.v, row.i, row.p, row.energy_wh_x1000, *shown)
