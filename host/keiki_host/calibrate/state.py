"""What a calibration keeps in its folder, so that it can be interrupted and resumed."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.meter import Record
from keiki_host.calibrate.observation import Observation

FILE = "calibration.json"


class Solved(BaseModel):
    """The values found for one phase, their standard uncertainties, and what is to be said of them."""

    values: dict[str, int]
    u_noise: dict[str, float]
    u_reference: dict[str, float]
    phase_response: float | None
    notes: list[str]


class State(BaseModel):
    """All that was measured and found so far; `done` when the record was stored, or given up for good."""

    version: Literal[1] = 1
    serial: str
    ic: str
    reference: str
    rated_a: float
    limit_percent: float
    who: str
    temperature_c: float | None
    ignored: list[str]
    begun: str
    ended: str = ""
    before: Record | None
    observations: list[Observation] = []
    left_out: list[tuple[int, str]] = []
    solved: dict[int, Solved] = {}
    pending: Record | None = None
    """What was to be stored, kept before it is: so it is known whose record a meter has that went away."""
    done: bool = False
    stored: bool = False
    reasons: list[str] = []

    @property
    def phases(self) -> list[int]:
        """The phases of which something is known."""
        return sorted({seen.phase for seen in self.observations})

    def find(self, phase: int, step: str, *, trial: bool = False) -> Observation | None:
        """Return what was observed, or None."""
        for seen in self.observations:
            if (seen.phase, seen.step, seen.trial) == (phase, step, trial):
                return seen
        return None


def load(folder: Path) -> State | None:
    """Return the state in a folder, None if there is none. CalibrateError: it cannot be read."""
    path = folder / FILE
    try:
        return State.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not what keiki calibrate wrote"
        raise CalibrateError(f"{path}: {reason}; name another folder") from None


def save(folder: Path, state: State) -> None:
    """Keep the state. CalibrateError: the folder does not take it."""
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(state.model_dump_json(indent=1))
        os.replace(fresh, path)
    except OSError as error:
        raise CalibrateError(f"{path}: {error.strerror or error}") from None
