"""The tests of a calibration report that are no points of a curve: register, start, no load, pulses."""

from collections.abc import Sequence

from keiki_host.calibrate.judge import COVERAGE, PulseVerdict, Verdict, pulse_verdicts
from keiki_host.calibrate.limits import CREEP_SHARE, START_SHARE
from keiki_host.calibrate.meter import PHASE_NAMES
from keiki_host.calibrate.observation import Observation
from keiki_host.calibrate.plan import CREEP, REGISTER, START, Step
from keiki_host.calibrate.pulses import PulseCount
from keiki_host.calibrate.report_blocks import Block, Paragraph, Table, signed
from keiki_host.calibrate.state import State

_HEAD = ("test", "with", "result", "limit", "")
_SHARES = (1.3, 1.5, 2.1, 1.9, 0.8)
_NOT_TESTED = "not tested"


def tests(state: State, plan: Sequence[Step], judged: Sequence[Verdict]) -> list[Block]:
    """Return the table of them; what was not done is in it, with the reason."""
    rows = []
    for purpose, name, describe in _TESTS:
        own = [verdict for verdict in judged if verdict.step.purpose == purpose]
        for verdict in own:
            where = f"{PHASE_NAMES[verdict.seen.phase]}: {name}"
            rows.append((where, *describe(state, verdict.seen), _mark(verdict)))
        names = {step.name for step in plan if step.purpose == purpose}
        left = [phase for phase, step in state.left_out if step in names]
        rows += [(f"{PHASE_NAMES[phase]}: {name}", "left out", "", "", _NOT_TESTED) for phase in left]
        if not own and not left:
            rows.append((name, "", "", "", _NOT_TESTED))
    return [Table(_HEAD, rows, numbers=False, shares=_SHARES)]


def _mark(verdict: Verdict) -> str:
    if verdict.step.purpose == START:
        return "starts" if verdict.seen.energy_w > 0 else "does not start"
    return "passed" if verdict.passed else "NOT PASSED"


def _register(state: State, seen: Observation) -> tuple[str, str, str]:
    error = (seen.energy_w / seen.reference.p - 1) * 100
    energy_wh = seen.energy_w * seen.seconds / 3600
    return (
        f"{seen.reference.p:,.1f} W for {seen.seconds:.0f} s",
        f"{energy_wh:,.3f} Wh are counted: {signed(error)} %",
        f"±{state.limit_percent:g} %",
    )


def _start(state: State, seen: Observation) -> tuple[str, str, str]:
    most_ma = START_SHARE * state.rated_a * 1000
    return (
        f"{seen.reference.i * 1000:.0f} mA, {seen.reference.p:.2f} W for {seen.seconds:.0f} s",
        f"{seen.energy_w:.2f} W are counted",
        f"class 1: starts at {most_ma:.0f} mA",
    )


def _creep(state: State, seen: Observation) -> tuple[str, str, str]:
    limit_w = CREEP_SHARE * seen.reference.v * state.rated_a
    return (
        f"no load for {seen.seconds:.0f} s, {seen.reference.v:.1f} V",
        f"{seen.p:+.2f} W are shown, {seen.energy_w * seen.seconds:+.0f} J counted",
        f"±{limit_w:.2f} W: 1/10,000 of full power, as class 1",
    )


_TESTS = (
    (REGISTER, "energy", _register),
    (START, "starting current", _start),
    (CREEP, "no load", _creep),
)

_PULSE_HEAD = (
    "phase",
    "pulses",
    "time s",
    "Wh",
    "reference Wh",
    "error %",
    "U %",
    "limit %",
    "by register",
    "",
)
_PULSE_SHARES = (0.6, 0.8, 0.8, 1.0, 1.3, 0.9, 0.8, 0.9, 1.2, 1.9)
_OUTCOMES = {True: "passed", False: "NOT PASSED", None: "too few pulses to tell"}


def pulses(state: State) -> list[Block]:
    """Return what pulses came to against the reference's energy and the register, or why nobody counted."""
    judged = pulse_verdicts(state)
    seen = [one.pulses for one in state.observations if one.pulses is not None]
    if not judged:
        why = (
            "this board has no pulse output" if seen else "the energy step, which counts pulses, was not done"
        )
        return [Paragraph(f"Pulse output: not tested; {why}."), *_ic_pulses(seen)]
    constant = judged[0].count.imp_per_kwh
    text = (
        f"The pulses that the meter sent to its output during the energy test, {constant} for each kWh, "
        "against the energy of the reference (its mean power over the same time) and against the pulses that "
        "the gain of its own register means, which may differ by one. Pulses are whole: that alone makes the "
        f"comparison with the reference uncertain by U (k = {COVERAGE}; a part of a pulse is cut off at both "
        "ends). Passed: error and U together are within the limit of class 1, and the register agrees. "
        "Counted is what the meter sends; whether lamp or contact behind the pin follow, nobody has watched."
    )
    few = [one for one in judged if one.passed is None]
    blocks: list[Block] = [
        Paragraph(text),
        Table(_PULSE_HEAD, [_pulse_row(one) for one in judged], shares=_PULSE_SHARES),
    ]
    for one in few:
        blocks.append(Paragraph(f"Phase {PHASE_NAMES[one.seen.phase]}: {_more(one)}"))
    return [*blocks, *_ic_pulses(seen)]


def _pulse_row(one: PulseVerdict) -> tuple[str, ...]:
    count, ref = one.count, one.seen.reference
    return (
        PHASE_NAMES[one.seen.phase],
        f"{count.pulses}",
        f"{count.seconds:.0f}",
        f"{count.wh:,.2f}",
        f"{abs(ref.p) * count.seconds / 3600:,.3f}",
        signed(one.error * 100),
        f"{COVERAGE * one.u * 100:.3f}",
        f"±{one.limit_percent:g}",
        f"{count.due:.1f}",
        _OUTCOMES[one.passed],
    )


def _more(one: PulseVerdict) -> str:
    wanted_u = one.limit_percent / 100 / 2 / COVERAGE
    minutes = one.count.seconds_for(one.seen.reference.p, wanted_u) / 60
    return f"too few pulses to tell; {minutes:.0f} minutes at this load would make U half of the limit."


def _ic_pulses(seen: Sequence[PulseCount]) -> list[Block]:
    """Tell of the metering IC's own pulses, which the meter checks by itself."""
    wired = [wrong for count in seen[-1:] for wrong in count.cf_wrong]
    if not seen:
        return []
    if not wired:
        return [
            Paragraph("The metering IC’s own pulses (CF): no pin is wired, so the meter cannot check them.")
        ]
    bad = [str(number + 1) for number, wrong in enumerate(wired) if wrong]
    told = (
        f"pin {', '.join(bad)} does not count what the IC’s register counts: look at its wire"
        if bad
        else f"as many as the IC’s register counts, on {len(wired)} pin{'s' * (len(wired) > 1)}"
    )
    return [
        Paragraph(f"The metering IC’s own pulses (CF), by the meter’s own check: {told}.", strong=bool(bad))
    ]
