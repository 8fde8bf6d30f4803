"""Gain, offset and phase of one phase out of what meter and reference said, by weighted least squares.

Model, of the meter before it corrects anything: V = a v;  I = a i + b;
P = a (p cos(d + k m) - q sin(d + k m)) + b, with m the phase value that was set, d the angle of the parts,
and k what one unit of the phase value does: its sign is not assumed but found from two trial values. As q has
no sign either, k has that of both together, and the value sought, -d / k, is right whatever the signs are.

What is wrong with the reference has the same three forms (relative, absolute, an angle), so each goes into
its own parameter, and is kept apart from the noise.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import atan2, cos, hypot, pi, sin

import numpy as np

from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.estimate import Floats
from keiki_host.calibrate.reference import RECTANGULAR, Limits
from keiki_host.calibrate.values import I_GAIN, I_OFFSET, P_GAIN, P_OFFSET, PHASE, V_GAIN, beyond

RAD_PER_MDEG = pi / 180_000
_ROUNDS = 20
_RESISTIVE = 0.99
_IGNORED = 0.1
_STRAIN = 9.0
_PHASE_RESPONSE = (0.75, 1.35)


@dataclass(frozen=True)
class Point:
    """A steady state. `v`, `i`, `p` are what the meter measured before it corrected it, None: it slept.

    `u_` are standard uncertainties of these against the reference, without the reference's own limits.
    """

    v_ref: float
    i_ref: float
    p_ref: float
    q_ref: float
    v: float
    i: float | None
    p: float | None
    u_v: float
    u_i: float
    u_p: float
    phase_mdeg: int = 0
    f_hz: float = 50.0
    u_v_common: float = 0.0
    """Of rounding, which is the same at all points, for they have the same voltage."""
    limits: Limits = field(default_factory=Limits)

    @property
    def resistive(self) -> bool:
        """The power factor is so high that no instrument knows the reactive power, only that it is small."""
        return self.p_ref >= _RESISTIVE * hypot(self.p_ref, self.q_ref)


@dataclass(frozen=True)
class Solution:
    """Values to be set, with the standard uncertainty of each: by noise, and by the reference's limits.

    `phase_response` is what one unit of the phase value did, None if that was not tried; `notes` are
    sentences.
    """

    values: dict[str, int]
    u_noise: dict[str, float]
    u_reference: dict[str, float]
    phase_response: float | None
    notes: tuple[str, ...]


def solve(points: Sequence[Point], ignored: Collection[str] = ()) -> Solution:
    """Return what makes the meter agree with the reference, without what the meter ignores.

    CalibrateError: too little was measured, a value is beyond its limits, or a trial of the phase did
    something else than turn it.
    """
    found = _Found()
    _voltage(points, found)
    _current([point for point in points if point.i is not None], found, offset=I_OFFSET not in ignored)
    seen = [point for point in points if point.p is not None]
    trials = {point.phase_mdeg for point in seen if not point.resistive}
    _power(seen, found, offset=P_OFFSET not in ignored, phase=PHASE not in ignored and len(trials) > 1)
    for key in ignored:
        found.drop(key)
    values = {key: round(value) for key, value in found.values.items()}
    for sentence in beyond(values):
        raise CalibrateError(f"{sentence}: wrong parts on the board, or wrong numbers in its board.py")
    return Solution(values, found.u_noise, found.u_reference, found.phase_response, tuple(found.notes))


class _Found:
    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.u_noise: dict[str, float] = {}
        self.u_reference: dict[str, float] = {}
        self.phase_response: float | None = None
        self.notes: list[str] = []

    def add(self, key: str, value: float, u_noise: float, u_reference: float) -> None:
        self.values[key], self.u_noise[key], self.u_reference[key] = value, u_noise, u_reference * RECTANGULAR

    def strain(self, name: str, rest: Floats, parameters: int) -> float:
        """Return what a variance is to be multiplied by: points may lie further apart than their noise."""
        spare = len(rest) - parameters
        ratio = float(rest @ rest) / spare if spare else 0.0
        if ratio <= _STRAIN:
            return 1.0
        self.notes.append(
            f"the {name} does not follow gain and offset: points are {ratio**0.5:.0f} times their noise off"
        )
        return ratio

    def drop(self, key: str) -> None:
        for held in (self.values, self.u_noise, self.u_reference):
            held.pop(key, None)


def _weighted(rows: Floats, values: Floats, u: Floats) -> tuple[Floats, Floats]:
    """Return the parameters of a linear model and their covariance."""
    weights = 1 / u
    matrix = rows * weights[:, None]
    scale = np.abs(matrix).max(axis=0)
    normal = np.linalg.inv((matrix / scale).T @ (matrix / scale)) / np.outer(scale, scale)
    return normal @ matrix.T @ (values * weights), normal


def _voltage(points: Sequence[Point], found: _Found) -> None:
    volts, rows = np.array([p.v for p in points]), np.array([[p.v_ref] for p in points])
    (a,), covariance = _weighted(rows, volts, np.array([p.u_v for p in points]))
    limit = max(p.limits.v_rel + p.limits.v / p.v_ref for p in points)
    u = hypot(covariance[0, 0] ** 0.5, points[0].u_v_common / points[0].v_ref)
    found.add(V_GAIN, (1 / a - 1) * 1e6, u / a**2 * 1e6, limit / a * 1e6)


def _current(points: Sequence[Point], found: _Found, *, offset: bool) -> None:
    loaded = [point for point in points if point.i_ref > 0]
    if len(loaded) < 1 + offset:
        raise CalibrateError("current: too few loads were measured")
    rows = np.array([[p.i_ref, 1.0][: 1 + offset] for p in loaded])
    currents = np.array([p.i for p in loaded])
    u = np.array([p.u_i for p in loaded])
    solved, covariance = _weighted(rows, currents, u)
    covariance *= found.strain("current", (currents - rows @ solved) / u, len(solved))
    most, least = max(loaded, key=_current_of), min(loaded, key=_current_of)
    limit = most.limits.i_rel + most.limits.i / most.i_ref
    _enter(found, (I_GAIN, I_OFFSET), (solved, covariance), (limit, least.limits.i), 1e6)


def _current_of(point: Point) -> float:
    return point.i_ref


def _enter(
    found: _Found,
    keys: tuple[str, str],
    fit: tuple[Floats, Floats],
    limits: tuple[float, float],
    per_unit: float,
) -> None:
    """Enter gain and offset, and what corrects them: reading = (measured - b) / a."""
    solved, covariance = fit
    a = float(solved[0])
    found.add(keys[0], (1 / a - 1) * 1e6, covariance[0, 0] ** 0.5 / a**2 * 1e6, limits[0] / a * 1e6)
    if len(solved) > 1:
        b = float(solved[1])
        turn = np.array([b / a**2, -1 / a])
        u = float(turn @ covariance[:2, :2] @ turn) ** 0.5
        found.add(keys[1], -b / a * per_unit, u * per_unit, limits[1] / a * per_unit)


def _power(points: Sequence[Point], found: _Found, *, offset: bool, phase: bool) -> None:
    plain = [point for point in points if point.resistive]
    if not plain or len(plain) < 1 + offset:
        raise CalibrateError("power: too few loads of power factor 1 were measured")
    rows = np.array([[p.p_ref, 1.0][: 1 + offset] for p in plain])
    powers, u = np.array([p.p or 0.0 for p in plain]), np.array([p.u_p for p in plain])
    solved, covariance = _weighted(rows, powers, u)
    covariance *= found.strain("power", (powers - rows @ solved) / u, len(solved))
    if phase:
        start = (float(solved[0]), float(solved[1]) if offset else 0.0)
        turned = _with_phase(points, start, found, offset=offset)
        if turned is not None:
            solved, covariance = turned
    loaded = [p for p in plain if p.p_ref > 0]
    most, least = max(loaded, key=_power_of), min(loaded, key=_power_of)
    limit = most.limits.p_rel + most.limits.p / most.p_ref
    _enter(found, (P_GAIN, P_OFFSET), (solved, covariance), (limit, least.limits.p), 1e3)


def _power_of(point: Point) -> float:
    return point.p_ref


def _with_phase(
    points: Sequence[Point], start: tuple[float, float], found: _Found, *, offset: bool
) -> tuple[Floats, Floats] | None:
    """Solve for the phase too and enter it; returns gain (and offset), covariance; None: it is ignored."""
    order = [0, 1, 2, 3] if offset else [0, 2, 3]
    solved = np.array([*start, *_first_angles(points, start)])
    u, covariance = np.ones(len(points)), np.zeros((4, 4))
    for _ in range(_ROUNDS):
        # a load called resistive may have as much reactive power as the reference cannot tell
        slack = np.array([sin(solved[2]) * p.q_ref * RECTANGULAR if p.resistive else 0.0 for p in points])
        u = np.hypot([p.u_p for p in points], solved[0] * slack)
        rows, rest = zip(*(_row(p, solved) for p in points), strict=True)
        step, covariance = _weighted(np.array(rows)[:, order], np.array(rest), u)
        solved[order] += step
    covariance *= found.strain("power", np.array([_row(p, solved)[1] for p in points]) / u, len(order))
    d, k = float(solved[2]), float(solved[3])
    at_d, at_k = order.index(2), order.index(3)
    expected = _frequency(points) / 50
    found.phase_response = k / expected
    if abs(k) < _IGNORED * expected:
        found.notes.append(
            "the phase angle was not calibrated: the meter takes the value and does nothing with it"
        )
        return None
    low, high = _PHASE_RESPONSE
    if not low <= abs(k) / expected <= high:
        raise CalibrateError(
            f"a trial of the phase turned it by {abs(k) / expected:.2f} of what was set: the load of low "
            "power factor is not steady, or its current is no sine; use a motor or a transformer"
        )
    turn = np.zeros(len(order))
    turn[at_d], turn[at_k] = -1 / k, d / k**2
    u = float(turn @ covariance @ turn) ** 0.5 / RAD_PER_MDEG
    angle = max(p.limits.angle_rad for p in points)
    found.add(PHASE, -d / k / RAD_PER_MDEG, u, angle / abs(k) / RAD_PER_MDEG)
    gain = 1 + offset
    return solved[:gain], covariance[:gain, :gain]


def _frequency(points: Sequence[Point]) -> float:
    return float(np.mean([point.f_hz for point in points]))


def _first_angles(points: Sequence[Point], start: tuple[float, float]) -> tuple[float, float]:
    """Return a first d and k by the two most different trials: the sine of each point's angle."""
    a, b = start
    angles = {}
    for point in points:
        if not point.resistive and point.p is not None:
            cosine = (point.p - b) / a / hypot(point.p_ref, point.q_ref)
            phi = atan2(point.q_ref, point.p_ref)
            angles[point.phase_mdeg * RAD_PER_MDEG] = float(np.arccos(np.clip(cosine, -1, 1))) - phi
    first, last = min(angles), max(angles)
    k = (angles[last] - angles[first]) / (last - first)
    return angles[first] - k * first, k


def _row(point: Point, solved: Floats) -> tuple[list[float], float]:
    """Return the derivatives by a, b, d, k, and what the model leaves over."""
    a, b, d, k = (float(value) for value in solved)
    m = point.phase_mdeg * RAD_PER_MDEG
    q = 0.0 if point.resistive else point.q_ref
    turned = point.p_ref * cos(d + k * m) - q * sin(d + k * m)
    by_angle = -a * (point.p_ref * sin(d + k * m) + q * cos(d + k * m))
    return [turned, 1.0, by_angle, by_angle * m], (point.p or 0.0) - a * turned - b
