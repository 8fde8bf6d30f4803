"""What a calibration report says: headings, sentences, tables and figures, once for HTML and PDF.

A stored record is a calibration and no verification under the Measurement Act of Japan: the report says so
first.
"""

from collections.abc import Sequence
from importlib.metadata import version

from keiki_host.calibrate import report_points, report_tests
from keiki_host.calibrate.figures import phase_figure
from keiki_host.calibrate.judge import COVERAGE, grades_met, verdicts, verifying
from keiki_host.calibrate.limits import PLAIN_PF
from keiki_host.calibrate.meter import PHASE_NAMES
from keiki_host.calibrate.plan import VERIFY, Step
from keiki_host.calibrate.report_blocks import Block, Heading, Paragraph, Picture, Report, Table
from keiki_host.calibrate.state import State
from keiki_host.calibrate.values import MOST, UNITS, WORDS

NOT_FOR_BILLING = (
    "Not for billing, resale or apportioning: this meter is not verified under the Measurement Act of Japan, "
    "and this report does not make it so."
)
FOOT = "Not for billing: not verified under the Measurement Act of Japan."
_UNKNOWN = "not recorded"


def make_report(state: State, plan: Sequence[Step]) -> Report:
    """Return the report of a finished calibration."""
    judged = verdicts(state, plan)
    blocks: list[Block] = [Paragraph(NOT_FOR_BILLING, strong=True), *_result(state, plan)]
    blocks += [Heading("Conditions"), _conditions(state)]
    blocks += [Heading("Errors of power with the new values"), *report_points.after(state, plan, judged)]
    blocks += [Heading("Errors as found, with the values from before"), *report_points.before(state, plan)]
    for phase in state.phases:
        if any(verdict.step.purpose == VERIFY and verdict.seen.phase == phase for verdict in judged):
            name = PHASE_NAMES[phase]
            blocks.append(Picture(phase_figure(state, plan, phase), f"Phase {name}: errors before and after"))
    blocks += [Heading("Energy, starting current, no load"), *report_tests.tests(state, plan, judged)]
    blocks += [Heading("Pulse output"), *report_tests.pulses(state)]
    blocks += [Heading("Values"), *_values(state)]
    blocks += [Heading("Uncertainty"), *report_points.budget(state, judged)]
    return Report(f"Calibration of meter {state.serial}", FOOT, blocks)


def _result(state: State, plan: Sequence[Step]) -> list[Block]:
    met = ", ".join(grades_met(state, plan))
    if not state.stored:
        blocks: list[Block] = [Paragraph("Not passed: the meter keeps the values from before.", strong=True)]
        return blocks + [Paragraph(f"• {reason}") for reason in state.reasons]
    passed = f"Passed: every verifying point is within ±{state.limit_percent:g} %. The values are stored."
    grades = (
        f"With their whole uncertainty, all points are within the limits of: {met or 'none of the grades'}."
    )
    if all(seen.reference.power_factor > PLAIN_PF for seen in verifying(state, plan)):
        grades += " Below power factor 1 nothing was verified."
    return [Paragraph(passed, strong=True), Paragraph(grades)]


def _span(values: Sequence[float], digits: int, unit: str) -> str:
    if not values:
        return _UNKNOWN
    low, high = min(values), max(values)
    return (
        f"{low:.{digits}f} {unit}"
        if high - low < 10**-digits
        else f"{low:.{digits}f} to {high:.{digits}f} {unit}"
    )


def _conditions(state: State) -> Table:
    seen = [one.reference for one in state.observations]
    celsius = _UNKNOWN if state.temperature_c is None else f"{state.temperature_c:g} °C"
    limits = str(max((one.limits for one in seen), key=lambda limits: limits.p))
    before = state.before
    rows = [
        ("Meter", f"{state.serial}, metering IC {state.ic}, rated {state.rated_a:g} A a phase"),
        (
            "Record before",
            "none" if before is None else f"of {before.date}, by {before.who}, {before.reference}",
        ),
        ("Reference", state.reference),
        ("Its limits of error", limits),
        ("By", state.who),
        ("Begun", state.begun),
        ("Ended", state.ended or _UNKNOWN),
        ("Temperature", celsius),
        ("Voltage", _span([one.v for one in seen], 1, "V")),
        ("Frequency", _span([one.f for one in seen if one.f is not None], 2, "Hz")),
        ("Made by", f"keiki {version('keiki-meter')}"),
    ]
    return Table(("", ""), rows, numbers=False)


def _values(state: State) -> list[Block]:
    head = ("value", "before", "new", "U noise", "U reference", "unit")
    text = (
        f"What the meter corrects by. U (k = {COVERAGE}): by noise of the comparison, and by the reference, "
        "which may be anywhere within its limits of error."
    )
    blocks: list[Block] = [Paragraph(text)] if state.solved else [Paragraph("None was found.")]
    for phase, solved in sorted(state.solved.items()):
        old = state.before.phases[phase] if state.before and phase < len(state.before.phases) else {}
        rows = [
            (
                WORDS[key],
                f"{old.get(key, 0):+d}",
                f"{solved.values[key]:+d}" if key in solved.values else "–",
                f"{COVERAGE * solved.u_noise[key]:.0f}" if key in solved.u_noise else "–",
                f"{COVERAGE * solved.u_reference[key]:.0f}" if key in solved.u_reference else "–",
                UNITS[key],
            )
            for key in MOST
        ]
        blocks += [Paragraph(f"Phase {PHASE_NAMES[phase]}"), Table(head, rows)]
        if solved.phase_response is not None:
            turned = f"one unit of the phase value turned the phase by {solved.phase_response:+.3f}"
            blocks.append(Paragraph(f"By two trials, {turned} units (minus: the other way round)."))
        blocks += [Paragraph(note[0].upper() + note[1:] + ".") for note in solved.notes]
    return blocks
