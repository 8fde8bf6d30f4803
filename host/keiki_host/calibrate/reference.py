"""Reference instruments: what they show, how sure that is, and how they are named."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Protocol

from keiki_host.calibrate.errors import CalibrateError

RECTANGULAR = 1 / sqrt(3)
"""A limit of error becomes a standard uncertainty: all values within it are equally likely."""


_MOST_V, _MOST_A = 1000.0, 1000.0
_LEAST_HZ, _MOST_HZ = 40.0, 70.0
_SLACK_W = 1.0


class Nonsense(CalibrateError):
    """The instrument shows what cannot be; it may pass, as when it changes its range."""


@dataclass(frozen=True)
class Limits:
    """Limits of error, as a maker states them, without a sign.

    `_rel` is relative to the reading, `v`, `i`, `p` are volts, amperes and watts (range and resolution);
    `angle_rad` is the limit of the angle between voltage and current, which acts where the power factor is
    low.
    """

    v_rel: float = 0.0
    i_rel: float = 0.0
    p_rel: float = 0.0
    v: float = 0.0
    i: float = 0.0
    p: float = 0.0
    angle_rad: float = 0.0

    def power_u_w(self, p_w: float, q_var: float) -> float:
        """Return the standard uncertainty of a power in W."""
        return RECTANGULAR * hypot(self.p_rel * p_w + self.p, self.angle_rad * q_var)

    def __str__(self) -> str:
        """What a report says of it."""
        parts = [f"V {_limit(self.v_rel, self.v, 'V')}", f"I {_limit(self.i_rel, self.i, 'A')}"]
        parts.append(f"P {_limit(self.p_rel, self.p, 'W')}")
        if self.angle_rad:
            parts.append(f"angle {self.angle_rad * 1000:.2g} mrad")
        return ", ".join(parts)


def _limit(relative: float, absolute: float, unit: str) -> str:
    parts = [f"{relative * 100:.2g} %"] * bool(relative) + [f"{absolute:.2g} {unit}"] * bool(absolute)
    return "±" + (f"({' + '.join(parts)})" if len(parts) > 1 else "".join(parts) or "0")


@dataclass(frozen=True)
class Sample:
    """What an instrument shows: V, A, W rms of one phase, var without a sign if it tells, Hz if it tells."""

    v: float
    i: float
    p: float
    limits: Limits
    q: float | None = None
    f: float | None = None

    @property
    def s(self) -> float:
        """Apparent power in VA."""
        return self.v * self.i

    @property
    def power_factor(self) -> float:
        """P / S; 1 without a current."""
        return self.p / self.s if self.s else 1.0

    @property
    def q_var(self) -> float:
        """Reactive power without a sign, out of S and P if the instrument does not tell."""
        return abs(self.q) if self.q is not None else sqrt(max(0.0, self.s**2 - self.p**2))

    def check(self) -> None:
        """Raise Nonsense unless this can be."""
        limits = self.limits
        shown = f"reference: it shows {self.v:.6g} V, {self.i:.6g} A, {self.p:.6g} W"
        if not (0 < self.v < _MOST_V and 0 <= self.i < _MOST_A):
            raise Nonsense(f"{shown}: that is no mains")
        if self.f is not None and not _LEAST_HZ < self.f < _MOST_HZ:
            raise Nonsense(f"{shown}, {self.f:.6g} Hz: that is no mains")
        slack_w = limits.p + limits.v * self.i + limits.i * self.v + _SLACK_W
        share = 1.002 + limits.p_rel + limits.v_rel + limits.i_rel
        # written so that a power that is no number is refused too
        if not abs(self.p) <= self.s * share + slack_w:
            raise Nonsense(f"{shown}: more power than voltage times current")


class Reference(Protocol):
    """An instrument on the phase and load that are measured.

    CalibrateError if it does not work, Nonsense if it shows no value.
    """

    async def open(self) -> str:
        """Connect; returns what it is: maker, model, serial number."""

    async def begin(self) -> None:
        """A window of measurement begins."""

    async def read(self) -> Sample | None:
        """What it shows now; None if it shows nothing before the end of the window."""

    async def end(self) -> Sample | None:
        """The window is over: its mean, if the instrument knows it better than the samples do."""

    async def close(self) -> None:
        """Let go of the instrument."""


Ask = Callable[[str], Awaitable[str]]
"""Asks a person one question; returns the answer."""
