"""The measurements of a calibration as CSV: every reading, and one row for each window."""

import csv
from collections.abc import Sequence
from pathlib import Path

from keiki_host.calibrate.judge import COVERAGE
from keiki_host.calibrate.meter import PHASE_NAMES
from keiki_host.calibrate.observation import ROW_HEAD
from keiki_host.calibrate.plan import Step
from keiki_host.calibrate.state import State

_POINT_HEAD = (
    *("phase", "step", "purpose", "trial", "date", "seconds"),
    *("reference_v", "reference_a", "reference_w", "reference_pf", "reference_hz"),
    *("meter_v", "meter_a", "meter_w", "meter_energy_w"),
    *("error_percent", "noise_percent", "all_percent", "taken_from", "pulses", "pulse_seconds"),
)


def write_readings(state: State, path: Path) -> None:
    """Write every reading that was used. OSError: it cannot be written."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("phase", "step", "trial", *ROW_HEAD))
        for seen in state.observations:
            for row in seen.rows:
                writer.writerow((PHASE_NAMES[seen.phase], seen.step, int(seen.trial), *row))


def write_points(state: State, plan: Sequence[Step], path: Path) -> None:
    """Write one row for each window, in the order in which they were measured. OSError as above."""
    purposes = {step.name: step.purpose for step in plan}
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_POINT_HEAD)
        for seen in state.observations:
            ref = seen.reference
            errors = (seen.error, COVERAGE * seen.u_error, COVERAGE * seen.u) if ref.p else ()
            pulses = seen.pulses if seen.pulses is not None and seen.pulses.imp_per_kwh else None
            shown = [f"{error * 100:.5f}" for error in errors] or [""] * 3
            writer.writerow(
                (
                    *(PHASE_NAMES[seen.phase], seen.step, purposes[seen.step], int(seen.trial), seen.date),
                    seen.seconds,
                    *(f"{ref.v:.4f}", f"{ref.i:.5f}", f"{ref.p:.4f}", f"{ref.power_factor:.4f}", ref.f or ""),
                    *(f"{seen.v:.4f}", f"{seen.i:.5f}", f"{seen.p:.4f}", f"{seen.energy_w:.4f}"),
                    *shown,
                    seen.source,
                    *(("", "") if pulses is None else (pulses.pulses, pulses.seconds)),
                )
            )
