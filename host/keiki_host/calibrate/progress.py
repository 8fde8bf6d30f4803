"""How far a calibration is, and what a measurement has shown, in words for the screen."""

from collections.abc import Sequence

from keiki_host.calibrate.meter import PHASE_NAMES
from keiki_host.calibrate.observation import Observation
from keiki_host.calibrate.plan import Step
from keiki_host.calibrate.state import State
from keiki_host.calibrate.values import PHASE


def place(state: State, plan: Sequence[Step], phases: int) -> str:
    """Return which measurement the next one is, of how many: "3/21 "."""
    windows = {step.name: 2 if step.turns_phase else 1 for step in plan}
    if PHASE in state.ignored:
        windows.update((step.name, 0) for step in plan if step.turns_phase)
    every = phases * sum(windows.values()) - sum(windows[name] for _, name in state.left_out)
    return f"{len(state.observations) + 1}/{every} "


def summary(seen: Observation, step: Step) -> str:
    """Return the line that stays of a measurement."""
    name = f"phase {PHASE_NAMES[seen.phase]}, {step.title}{', trial of the phase' if seen.trial else ''}"
    if not step.loaded:
        return f"{name}: {seen.energy_w:+.2f} W are counted"
    return (
        f"{name}: {seen.reference.p:,.1f} W, {seen.reference.i:.3f} A; the meter {seen.error * 100:+.3f} % "
        f"±{2 * seen.u_error * 100:.3f} % by {seen.source}"
    )
