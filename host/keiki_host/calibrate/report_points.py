"""The points of a calibration report: errors before and after, limits, and where the uncertainty is from."""

from collections.abc import Sequence
from math import hypot

from keiki_host.calibrate.judge import COVERAGE, Verdict
from keiki_host.calibrate.limits import GRADES
from keiki_host.calibrate.meter import PHASE_NAMES
from keiki_host.calibrate.observation import Observation
from keiki_host.calibrate.plan import SOLVE, VERIFY, Step
from keiki_host.calibrate.reference import RECTANGULAR
from keiki_host.calibrate.report_blocks import Block, Paragraph, Table, signed
from keiki_host.calibrate.state import State

_HEAD = (
    "point", "A", "PF", "W", "error %", "U noise %", "U %", "V %", "I %",
    *(f"{grade.short} %" for grade in GRADES),
)  # fmt: skip
_SHARES = (2.3, 0.9, 0.8, 1.1, 1.1, 1.3, 0.8, 0.9, 0.9, 1.0, 1.0, 1.35)
_FEW = 6


def _row(state: State, seen: Observation, title: str) -> tuple[str, ...]:
    ref = seen.reference
    total = (abs(seen.error) + COVERAGE * seen.u) * 100
    limits = [grade.limit_percent(ref.i / state.rated_a, ref.power_factor) for grade in GRADES]
    return (
        f"{PHASE_NAMES[seen.phase]}: {title}",
        f"{ref.i:.3f}",
        f"{ref.power_factor:.3f}",
        f"{ref.p:,.1f}",
        signed(seen.error * 100),
        f"{COVERAGE * seen.u_error * 100:.3f}",
        f"{COVERAGE * seen.u * 100:.3f}",
        signed((seen.v / ref.v - 1) * 100),
        signed((seen.i / ref.i - 1) * 100) if ref.i else "",
        *("–" if most is None else f"±{most:g} {'✓' if total <= most else '✗'}" for most in limits),
    )


def _points(judged: Sequence[Verdict]) -> list[Verdict]:
    return [verdict for verdict in judged if verdict.step.purpose == VERIFY]


def after(state: State, plan: Sequence[Step], judged: Sequence[Verdict]) -> list[Block]:
    """Return what was measured with the new values."""
    points = _points(judged)
    if not points:
        return [Paragraph("None was measured.")]
    text = (
        "None of these points was used to find the values. The error is that of the meter against the "
        f"reference; U is its expanded uncertainty (k = {COVERAGE}, about 95 %), the reference's limits of "
        "error included, “U noise” that of the comparison alone. ✓: error and U together are within "
        "the limit. Limits in the style of IEC 62053-21:2003 (informal) and of the Japanese ordinary grade."
    )
    rows = [_row(state, verdict.seen, verdict.step.title) for verdict in points]
    names = {step.name: step.title for step in plan}
    left = [
        Paragraph(f"Left out: phase {PHASE_NAMES[phase]}, {names[name]}.") for phase, name in state.left_out
    ]
    return [Paragraph(text), Table(_HEAD, rows, shares=_SHARES), *left]


def before(state: State, plan: Sequence[Step]) -> list[Block]:
    """Return what was measured with the values that the meter had."""
    steps = {step.name: step for step in plan}
    rows = [
        _row(state, seen, steps[seen.step].title)
        for seen in state.observations
        if steps[seen.step].purpose == SOLVE and steps[seen.step].loaded and not seen.trial
    ]
    return [Table(_HEAD, rows, shares=_SHARES)]


def budget(state: State, judged: Sequence[Verdict]) -> list[Block]:
    """Return where the uncertainty is from, at the points where it is largest and smallest."""
    points = sorted(_points(judged), key=lambda verdict: verdict.seen.u)
    many = len(points) > _FEW
    if many:
        points = [*points[: _FEW // 2], *points[-_FEW // 2 :]]
    head = ("point", "noise, A", "accuracy, B", "angle, B", "u", f"U, k = {COVERAGE}")
    rows = [
        (f"{PHASE_NAMES[verdict.seen.phase]}: {verdict.step.title}", *_parts(verdict.seen))
        for verdict in points
    ]
    text = (
        "Standard uncertainties of the error of active power in %, independent and added as squares. "
        "“Noise” (type A): spread of meter and reference over the window, with the rounding of both. "
        "“Accuracy” and “angle” (type B): the reference's limits of error for power and for the phase angle, "
        f"every value within them equally likely (limit / √3). U = {COVERAGE} u, about 95 %. Not in it: what "
        "the reference's certificate says, its drift, and the meter's own change with temperature and time."
        + (f" Of the points, those with the {_FEW // 2} smallest and largest." if many else "")
    )
    blocks: list[Block] = [Paragraph(text), Table(head, rows)] if rows else []
    ratio = max((verdict.seen.u_reference for verdict in points), default=0.0)
    if COVERAGE * ratio * 100 > state.limit_percent / 4:
        warning = (
            f"The reference is uncertain by up to ±{COVERAGE * ratio * 100:.2f} %, more than a quarter of "
            f"the limit of ±{state.limit_percent:g} %: that the points agree with it shows how well the "
            "meter follows this reference, not how well it measures."
        )
        blocks.append(Paragraph(warning, strong=True))
    return blocks


def _parts(seen: Observation) -> tuple[str, ...]:
    ref, limits = seen.reference, seen.reference.limits
    accuracy = RECTANGULAR * (limits.p_rel + limits.p / ref.p)
    angle = RECTANGULAR * limits.angle_rad * ref.q_var / ref.p
    u = hypot(seen.u_error, accuracy, angle)
    return tuple(f"{share * 100:.3f}" for share in (seen.u_error, accuracy, angle, u, COVERAGE * u))
