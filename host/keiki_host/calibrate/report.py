"""What a calibration report says: headings, sentences, tables and figures, once for HTML and PDF.

A stored record is a calibration and no verification under the Measurement Act of Japan: the report says so
first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from matplotlib.figure import Figure

from keiki_host.calibrate.figures import phase_figure
from keiki_host.calibrate.judge import COVERAGE, Verdict, grades_met, verdicts
from keiki_host.calibrate.limits import GRADES, START_SHARE
from keiki_host.calibrate.meter import PHASE_NAMES
from keiki_host.calibrate.observation import Observation
from keiki_host.calibrate.plan import CREEP, REGISTER, SOLVE, START, VERIFY, Step
from keiki_host.calibrate.state import State
from keiki_host.calibrate.values import MOST, UNITS, WORDS

NOT_FOR_BILLING = (
    "Not for billing, resale or apportioning: this meter is not verified under the Measurement Act of Japan, "
    "and this report does not make it so."
)
_NO_PULSES = "Pulse output: not tested; the meter tells this tool of none."
_UNKNOWN = "not recorded"


@dataclass(frozen=True)
class Heading:
    """Begins a part."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """A sentence or some; a `strong` one must not be missed."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head; the first column is text, the others are numbers if `numbers`."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: bool = True


@dataclass(frozen=True)
class Picture:
    """A figure, and what it shows in words."""

    figure: Figure
    text: str


Block = Heading | Paragraph | Table | Picture


@dataclass(frozen=True)
class Report:
    """A title and what follows it."""

    title: str
    blocks: list[Block]


def make_report(state: State, plan: Sequence[Step]) -> Report:
    """Return the report of a finished calibration."""
    steps = {step.name: step for step in plan}
    judged = verdicts(state, plan)
    blocks: list[Block] = [Paragraph(NOT_FOR_BILLING, strong=True), *_result(state, plan)]
    blocks += [Heading("Conditions"), _conditions(state)]
    blocks += [Heading("Errors of power with the new values"), *_after(state, judged)]
    blocks += [Heading("Errors as found, with the values from before"), _before(state, steps)]
    for phase in state.phases:
        if any(verdict.step.purpose == VERIFY and verdict.seen.phase == phase for verdict in judged):
            name = PHASE_NAMES[phase]
            blocks.append(Picture(phase_figure(state, plan, phase), f"Phase {name}: errors before and after"))
    blocks += [Heading("Energy, starting current, no load, pulses"), *_tests(state, judged)]
    blocks += [Heading("Values"), *_values(state), Heading("Uncertainty"), *_uncertainty(state, judged)]
    return Report(f"Calibration of meter {state.serial}", blocks)


def _result(state: State, plan: Sequence[Step]) -> list[Block]:
    met = ", ".join(grades_met(state, plan))
    if not state.stored:
        blocks: list[Block] = [Paragraph("Not passed: the meter keeps the values from before.", strong=True)]
        return blocks + [Paragraph(f"• {reason}") for reason in state.reasons]
    passed = f"Passed: every verifying point is within ±{state.limit_percent:g} %. The values are stored."
    grades = (
        f"With their whole uncertainty, all points are within the limits of: {met or 'none of the grades'}."
    )
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


_POINT_HEAD = (
    "point",
    "A",
    "PF",
    "W",
    "error %",
    "± noise",
    "± all",
    "V, %",
    "I, %",
    *(grade.short for grade in GRADES),
)


def _point_row(state: State, seen: Observation, title: str) -> tuple[str, ...]:
    ref = seen.reference
    limits = [grade.limit_percent(ref.i / state.rated_a, ref.power_factor) for grade in GRADES]
    return (
        f"{PHASE_NAMES[seen.phase]}: {title}",
        f"{ref.i:.3f}",
        f"{ref.power_factor:.3f}",
        f"{ref.p:,.1f}",
        f"{seen.error * 100:+.3f}",
        f"{COVERAGE * seen.u_error * 100:.3f}",
        f"{COVERAGE * seen.u * 100:.3f}",
        f"{(seen.v / ref.v - 1) * 100:+.3f}",
        f"{(seen.i / ref.i - 1) * 100:+.3f}" if ref.i else "",
        *(f"±{limit:g}" if limit is not None else "–" for limit in limits),
    )


def _after(state: State, judged: Sequence[Verdict]) -> list[Block]:
    points = [verdict for verdict in judged if verdict.step.purpose == VERIFY]
    if not points:
        return [Paragraph("None was measured.")]
    text = (
        "None of these points was used to find the values. Limits in %, in the style of IEC 62053-21:2003 "
        "(informal) and of the Japanese ordinary grade."
    )
    rows = [_point_row(state, verdict.seen, verdict.step.title) for verdict in points]
    return [Paragraph(text), Table(_POINT_HEAD, rows)]


def _before(state: State, steps: dict[str, Step]) -> Table:
    found = [
        seen
        for seen in state.observations
        if steps[seen.step].purpose == SOLVE and steps[seen.step].loaded and not seen.trial
    ]
    return Table(_POINT_HEAD, [_point_row(state, seen, steps[seen.step].title) for seen in found])


def _tests(state: State, judged: Sequence[Verdict]) -> list[Block]:
    blocks: list[Block] = []
    for purpose in (REGISTER, START, CREEP):
        for verdict in (verdict for verdict in judged if verdict.step.purpose == purpose):
            mark = "" if purpose == START else ("passed: " if verdict.passed else "NOT PASSED: ")
            blocks.append(Paragraph(f"• {mark}{verdict.text}, in {verdict.seen.seconds:.0f} s"))
        if not any(verdict.step.purpose == purpose for verdict in judged):
            blocks.append(Paragraph(f"• {_NOT_DONE[purpose]}: not tested."))
    start = f"Class 1 asks for a start at {START_SHARE * state.rated_a * 1000:.0f} mA"
    blocks.append(Paragraph(f"{start}, and without a load for no more than 1/10,000 of the largest power."))
    return [*blocks, Paragraph(_NO_PULSES)]


_NOT_DONE = {REGISTER: "Energy over ten minutes", START: "Starting current", CREEP: "No load"}


def _values(state: State) -> list[Block]:
    head = ("value", "before", "new", "± noise", "± reference", "unit")
    blocks: list[Block] = []
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


def _uncertainty(state: State, judged: Sequence[Verdict]) -> list[Block]:
    ratio = max(
        (verdict.seen.u_reference for verdict in judged if verdict.step.purpose == VERIFY), default=0.0
    )
    text = (
        f"Uncertainties are expanded by k = {COVERAGE}, about 95 %. “Noise” is that of the comparison: "
        "spread and rounding of meter and reference. “All” and “reference” take the reference to be "
        "anywhere within its limits of error. What its own calibration certificate says is not part of it."
    )
    blocks: list[Block] = [Paragraph(text)]
    if COVERAGE * ratio * 100 > state.limit_percent / 4:
        warning = (
            f"The reference is uncertain by up to ±{COVERAGE * ratio * 100:.2f} %, more than a quarter of "
            f"the limit of ±{state.limit_percent:g} %: that the points agree with it shows how well the "
            "meter follows this reference, not how well it measures."
        )
        blocks.append(Paragraph(warning, strong=True))
    return blocks
