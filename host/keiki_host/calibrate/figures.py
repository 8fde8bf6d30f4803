"""Error curves of a calibration, as figures for the report."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator, NullFormatter

from keiki_host.calibrate.judge import COVERAGE
from keiki_host.calibrate.limits import GRADES, PLAIN_PF, Grade
from keiki_host.calibrate.meter import PHASE_NAMES
from keiki_host.calibrate.observation import Observation
from keiki_host.calibrate.plan import SOLVE, VERIFY, Step
from keiki_host.calibrate.state import State

SIZE_IN = (8.27, 11.69)
_BEFORE, _AFTER, _QUIET = "#D55E00", "#0072B2", "#555555"
_LIMITS = (("#000000", "-"), ("#000000", "--"), ("#009E73", "-."))
_LEAST_SCALE = 0.05
_SIDE = 0.06


def phase_figure(state: State, plan: Sequence[Step], phase: int) -> Figure:
    """Return a page for one phase: errors against limits, the new ones close up, and those of V and I."""
    steps = {step.name: step for step in plan}
    own = [seen for seen in state.observations if seen.phase == phase and steps[seen.step].loaded]
    before = [seen for seen in own if steps[seen.step].purpose == SOLVE and not seen.trial]
    after = [seen for seen in own if steps[seen.step].purpose == VERIFY]
    engine = ConstrainedLayoutEngine(rect=(0.05, 0.04, 0.91, 0.88), h_pad=0.1, w_pad=0.1)
    figure = Figure(figsize=SIZE_IN, layout=engine)
    figure.text(0.5, 0.965, f"Meter {state.serial}, phase {PHASE_NAMES[phase]}", fontsize=13, ha="center")
    axes = figure.subplots(3, 2, sharex=True)
    # the same scale for all points, and wide enough for every limit
    reaches = [abs(seen.error) + COVERAGE * seen.u for seen in [*before, *after]]
    wide = max([2.6, *(105 * reach for reach in reaches)])
    close = max([_LEAST_SCALE, *(120 * (abs(seen.error) + COVERAGE * seen.u_error) for seen in after)])
    for column, low_pf in enumerate((False, True)):
        found = [seen for seen in before if _low(seen) == low_pf]
        checked = [seen for seen in after if _low(seen) == low_pf]
        _against_limits(axes[0, column], state, found, checked, low_pf=low_pf)
        axes[0, column].set_ylim(-wide, wide)
        _close_up(axes[1, column], checked, low_pf=low_pf)
        axes[1, column].set_ylim(-close, close)
        if not checked:
            axes[1, column].text(
                0.5, 0.6, "not measured", transform=axes[1, column].transAxes, ha="center", color=_QUIET
            )
    _others(axes[2, 0], after, "current")
    _others(axes[2, 1], after, "voltage")
    for one in axes.flat:
        one.set_xscale("log")
        one.axhline(0, color=_QUIET, linewidth=0.6)
        one.grid(True, linewidth=0.3, alpha=0.5)
        one.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        one.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        one.xaxis.set_minor_formatter(NullFormatter())
    currents = [seen.reference.i for seen in [*before, *after]]
    axes[0, 0].set_xlim(min([0.04 * state.rated_a, *currents]) * 0.8, max([state.rated_a, *currents]) * 1.25)
    for one in axes[2]:
        one.set_xlabel(f"current, A (rated {state.rated_a:g} A)")
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="upper center",
        bbox_to_anchor=(0.5, 0.955),
        ncols=5,
        fontsize=8,
    )
    return figure


def _low(seen: Observation) -> bool:
    return seen.reference.power_factor <= PLAIN_PF


def _against_limits(
    axes: Axes, state: State, before: list[Observation], after: list[Observation], *, low_pf: bool
) -> None:
    """All that is known: bars are the whole uncertainty, the reference's included."""
    for grade, (color, style) in zip(GRADES, _LIMITS, strict=True):
        currents, limits = _outline(grade, state.rated_a, low_pf=low_pf)
        label = grade.name
        for sign in (1, -1):
            axes.plot(currents, sign * limits, style, color=color, linewidth=0.9, label=label)
            label = "_"
    for seen, color, marker, label in (
        (before, _BEFORE, "s", "as found"),
        (after, _AFTER, "o", "new values"),
    ):
        errors, u = [one.error * 100 for one in seen], [COVERAGE * one.u * 100 for one in seen]
        _bars(
            axes, seen, errors, u, color=color, marker=marker, label=label, name_pf=low_pf and marker == "s"
        )
    axes.set_title("power factor below 1 (at each point)" if low_pf else "power factor 1", fontsize=10)
    axes.set_ylabel(f"error of power, %, ± all (k = {COVERAGE})")


def _bars(
    axes: Axes,
    seen: list[Observation],
    errors: list[float],
    u: list[float],
    *,
    color: str = _AFTER,
    marker: str = "o",
    label: str = "_",
    name_pf: bool = False,
) -> None:
    """Points with bars; those at the same current side by side."""
    taken: list[float] = []
    places = []
    for one in seen:
        place = one.reference.i
        while any(abs(place / other - 1) < _SIDE / 2 for other in taken):
            place *= 1 + _SIDE
        taken.append(place)
        places.append(place)
    axes.errorbar(
        places, errors, u, fmt=marker, color=color, markersize=4.5, capsize=2.5, linewidth=1, label=label
    )
    for n, (one, place, error, half) in enumerate(zip(seen, places, errors, u, strict=True)):
        if name_pf:
            # neighbours by turns above and below
            beside = any(abs(place / other - 1) < 2 * _SIDE for other in places[:n])
            axes.annotate(
                f"{one.reference.power_factor:.2g}",
                (place, error - half if beside else error + half),
                (0, -8 if beside else 3),
                textcoords="offset points",
                fontsize=6,
                color=_QUIET,
                ha="center",
            )


def _outline(grade: Grade, rated_a: float, *, low_pf: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return currents and limits of a grade's stairs."""
    rows = grade.low_pf if low_pf else grade.plain
    edges = [share for share, _ in rows[1:]]
    starts = [rows[0][0], *edges]
    ends = [*edges, 1.0]
    currents = [share * rated_a for pair in zip(starts, ends, strict=True) for share in pair]
    limits = [percent for _, percent in rows for _ in range(2)]
    return np.array(currents), np.array(limits)


def _close_up(axes: Axes, after: list[Observation], *, low_pf: bool) -> None:
    """How well meter and reference agree: bars are the noise of the comparison alone."""
    errors = [seen.error * 100 for seen in after]
    _bars(axes, after, errors, [COVERAGE * seen.u_error * 100 for seen in after], name_pf=low_pf)
    axes.set_ylabel(f"new values close up, %, ± noise (k = {COVERAGE})")


def _others(axes: Axes, after: list[Observation], name: str) -> None:
    if name == "current":
        errors = [(seen.i / seen.reference.i - 1) * 100 for seen in after]
        noise = [COVERAGE * seen.u_i / seen.reference.i * 100 for seen in after]
    else:
        errors = [(seen.v / seen.reference.v - 1) * 100 for seen in after]
        noise = [COVERAGE * seen.u_v / seen.reference.v * 100 for seen in after]
    _bars(axes, after, errors, noise)
    most = max([_LEAST_SCALE, *(abs(error) + u for error, u in zip(errors, noise, strict=True))])
    axes.set_ylim(-1.25 * most, 1.25 * most)
    axes.set_ylabel(f"error of {name}, %, ± noise")
