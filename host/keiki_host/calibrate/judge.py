"""What the measurements of a calibration amount to: point by point, test by test, and as a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from keiki_host.calibrate.limits import CLASS_1, COARSEST_STEP_J, CREEP_SHARE, GRADES
from keiki_host.calibrate.meter import PHASE_NAMES
from keiki_host.calibrate.observation import Observation
from keiki_host.calibrate.plan import CREEP, REGISTER, START, VERIFY, Step
from keiki_host.calibrate.pulses import PulseCount
from keiki_host.calibrate.state import State

COVERAGE = 2
"""Expanded uncertainties are twice the standard ones: about 95 %."""


@dataclass(frozen=True)
class Verdict:
    """One measurement that was to verify something: whether it did, and a sentence."""

    seen: Observation
    step: Step
    passed: bool
    text: str


@dataclass(frozen=True)
class PulseVerdict:
    """What counted pulses say; errors relative, `u` the standard uncertainty that whole pulses bring.

    `passed` None: too few pulses to tell.
    """

    seen: Observation
    count: PulseCount
    error: float
    u: float
    limit_percent: float
    passed: bool | None
    text: str


def verdicts(state: State, plan: Sequence[Step]) -> list[Verdict]:
    """Judge everything that was measured with the new values, in the order of the plan."""
    steps = {step.name: step for step in plan}
    judged = (_JUDGES.get(steps[seen.step].purpose) for seen in state.observations)
    return [
        judge(state, seen, steps[seen.step])
        for seen, judge in zip(state.observations, judged, strict=True)
        if judge is not None
    ]


def reasons(state: State, plan: Sequence[Step]) -> list[str]:
    """Return why the new values must not be stored; [] if they may."""
    judged = verdicts(state, plan)
    result = [verdict.text for verdict in judged if not verdict.passed]
    result += [verdict.text for verdict in pulse_verdicts(state) if verdict.passed is False]
    for phase, _ in sorted(state.solved.items()):
        if not any(v.seen.phase == phase and v.step.purpose == VERIFY for v in judged):
            result.append(f"phase {PHASE_NAMES[phase]}: nothing was measured that would verify it")
    return result


def verifying(state: State, plan: Sequence[Step]) -> list[Observation]:
    """Return the points that verify: what the error curve has."""
    return [verdict.seen for verdict in verdicts(state, plan) if verdict.step.purpose == VERIFY]


def grades_met(state: State, plan: Sequence[Step]) -> list[str]:
    """Return the grades in whose limits every verifying point lies, its whole uncertainty included."""
    seen = verifying(state, plan)
    met = []
    for grade in GRADES:
        limits = [
            grade.limit_percent(one.reference.i / state.rated_a, one.reference.power_factor) for one in seen
        ]
        known = [(one, limit) for one, limit in zip(seen, limits, strict=True) if limit is not None]
        if known and all((abs(one.error) + COVERAGE * one.u) * 100 <= limit for one, limit in known):
            met.append(grade.name)
    return met


def _name(seen: Observation, step: Step) -> str:
    return f"phase {PHASE_NAMES[seen.phase]}, {step.title}"


def _point(state: State, seen: Observation, step: Step) -> Verdict:
    error, u = seen.error * 100, COVERAGE * seen.u_error * 100
    passed = abs(error) + u <= state.limit_percent
    text = f"{_name(seen, step)}: {error:+.3f} % ±{u:.3f} %, limit ±{state.limit_percent:g} %"
    return Verdict(seen, step, passed, text)


def _register(state: State, seen: Observation, step: Step) -> Verdict:
    """What the register counted, which is what a meter is for, over a time in which its steps are small."""
    error = (seen.energy_w / seen.reference.p - 1) * 100
    passed = abs(error) <= state.limit_percent
    text = f"{_name(seen, step)}: {error:+.3f} %, limit ±{state.limit_percent:g} %"
    return Verdict(seen, step, passed, text)


def pulse_verdicts(state: State) -> list[PulseVerdict]:
    """Judge the pulses against class 1 and against the register, where an output was there to count."""
    return [
        _pulses(state, seen, seen.pulses)
        for seen in state.observations
        if seen.pulses is not None and seen.pulses.imp_per_kwh is not None
    ]


def _pulses(state: State, seen: Observation, count: PulseCount) -> PulseVerdict:
    ref = seen.reference
    error, u = count.error(ref.p), count.u(ref.p)
    # below 5 % of the rated current class 1 has no limit; nothing narrower than its widest is asked there
    limit = CLASS_1.limit_percent(ref.i / state.rated_a, ref.power_factor) or CLASS_1.plain[0][1]
    passed: bool | None
    text = f"phase {PHASE_NAMES[seen.phase]}, pulse output: {error * 100:+.3f} % ±{COVERAGE * u * 100:.3f} %"
    text += f", limit ±{limit:g} %"
    if not count.follows_register:
        passed, text = False, f"{text}; {count.pulses} pulses where the register counted {count.due:.1f}"
        if count.held:
            text += f" ({count.held} came late or never: the output is too slow for this load)"
    elif abs(error) + COVERAGE * u <= limit / 100:
        passed = True
    else:
        passed = False if abs(error) - COVERAGE * u > limit / 100 else None
    return PulseVerdict(seen, count, error, u, limit, passed, text)


def _creep(state: State, seen: Observation, step: Step) -> Verdict:
    """Neither shown nor counted, but for one step of a coarse counter: to wait for the next takes hours."""
    limit_w = CREEP_SHARE * seen.reference.v * state.rated_a
    most_j = max(limit_w * seen.seconds, COARSEST_STEP_J)
    passed = abs(seen.p) <= limit_w and abs(seen.energy_w) * seen.seconds <= most_j
    counted_j = seen.energy_w * seen.seconds
    shown = f"{seen.p:+.2f} W are shown, limit ±{limit_w:.2f} W; {counted_j:+.0f} J are counted"
    text = f"{_name(seen, step)}: {shown}"
    return Verdict(seen, step, passed, text)


def _start(_state: State, seen: Observation, step: Step) -> Verdict:
    passed = seen.energy_w > 0
    counted = f"counts {seen.energy_w:.2f} W" if passed else "counts nothing"
    text = f"{_name(seen, step)}: at {seen.reference.i * 1000:.0f} mA, {seen.reference.p:.2f} W, it {counted}"
    # why it decides nothing: a lamp at hand is seldom the current that a class asks for
    return Verdict(seen, step, True, text)


_JUDGES = {VERIFY: _point, REGISTER: _register, CREEP: _creep, START: _start}
