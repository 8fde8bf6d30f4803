"""What `keiki calibrate` does: connects, calibrates or goes on with it, and writes the report."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keiki_host.calibrate import state as states
from keiki_host.calibrate.clock import Clock, WallClock
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.judge import COVERAGE, pulse_verdicts, verdicts
from keiki_host.calibrate.load import LoadSource, Person
from keiki_host.calibrate.meter import PHASE_NAMES, ConsoleMeter, Meter
from keiki_host.calibrate.observe import Screen
from keiki_host.calibrate.plan import VERIFY, Step
from keiki_host.calibrate.procedure import Calibration, Conditions
from keiki_host.calibrate.raw_data import write_points, write_readings
from keiki_host.calibrate.reference import Ask, Reference
from keiki_host.calibrate.reference_urls import make_reference
from keiki_host.calibrate.report import make_report
from keiki_host.calibrate.report_html import to_html
from keiki_host.calibrate.report_pdf import write_pdf
from keiki_host.calibrate.state import State
from keiki_host.calibrate.terminal import Terminal
from keiki_host.device import parse_url

HTML, PDF, POINTS, READINGS = "report.html", "report.pdf", "points.csv", "readings.csv"


@dataclass(frozen=True)
class Bench:
    """What is connected. UrlError, when it is made: one of the URLs names nothing."""

    meter: Meter
    reference: Reference
    load: LoadSource
    clock: Clock


def person_bench(meter_url: str, reference_url: str, timeout_s: float, ask: Ask) -> Bench:
    """Return a bench whose loads a person switches."""
    parse_url(meter_url)
    return Bench(
        ConsoleMeter(meter_url, timeout_s), make_reference(reference_url, ask), Person(ask), WallClock()
    )


async def calibrate(bench: Bench, folder: Path, conditions: Conditions, screen: Screen) -> State:
    """Calibrate into a folder, report included. CalibrateError: why it stopped.

    A calibration that is finished already is not done again; only its report is written anew.
    """
    state = states.load(folder)
    if state is not None and state.done:
        screen.say("this calibration is finished already: only its report is written again")
    else:
        state = await Calibration(
            bench.meter, bench.reference, bench.load, folder, conditions, bench.clock, screen
        ).run()
    write_all(state, bench.load.plan, folder)
    return state


def write_all(state: State, plan: tuple[Step, ...], folder: Path) -> None:
    """Write report and raw data. CalibrateError: the folder does not take them."""
    report = make_report(state, plan)
    try:
        (folder / HTML).write_text(to_html(report))
        write_pdf(report, folder / PDF)
        write_points(state, plan, folder / POINTS)
        write_readings(state, folder / READINGS)
    except OSError as error:
        raise CalibrateError(f"{folder}: {error.strerror or error}") from None


def summary(state: State, plan: tuple[Step, ...], folder: Path) -> dict[str, Any]:
    """Return the outcome for programs; errors in percent, uncertainties expanded; None: it cannot be told."""
    points = [
        {
            "phase": PHASE_NAMES[verdict.seen.phase],
            "step": verdict.step.name,
            "power_w": round(verdict.seen.reference.p, 4),
            "current_a": round(verdict.seen.reference.i, 5),
            "power_factor": round(verdict.seen.reference.power_factor, 4),
            "error_percent": round(verdict.seen.error * 100, 5),
            "noise_percent": round(COVERAGE * verdict.seen.u_error * 100, 5),
            "all_percent": round(COVERAGE * verdict.seen.u * 100, 5),
            "passed": verdict.passed,
        }
        for verdict in verdicts(state, plan)
        if verdict.step.purpose == VERIFY
    ]
    return {
        "serial": state.serial,
        "stored": state.stored,
        "reasons": state.reasons,
        "values": {PHASE_NAMES[phase]: solved.values for phase, solved in state.solved.items()},
        "points": points,
        "pulses": [
            {
                "phase": PHASE_NAMES[one.seen.phase],
                "imp_per_kwh": one.count.imp_per_kwh,
                "pulses": one.count.pulses,
                "seconds": one.count.seconds,
                "error_percent": round(one.error * 100, 5),
                "whole_pulses_percent": round(COVERAGE * one.u * 100, 5),
                "limit_percent": one.limit_percent,
                "passed": one.passed,
            }
            for one in pulse_verdicts(state)
        ],
        "files": [str(folder / name) for name in (HTML, PDF, POINTS, READINGS)],
    }


def run(
    make_bench: Callable[[Ask], Bench], folder: Path, conditions: Conditions
) -> tuple[State, dict[str, Any]]:
    """Calibrate with a person at the terminal; returns what became of it, and its summary."""
    with Terminal() as terminal:
        bench = make_bench(terminal.ask)
        state = asyncio.run(calibrate(bench, folder, conditions, terminal))
    return state, summary(state, bench.load.plan, folder)
