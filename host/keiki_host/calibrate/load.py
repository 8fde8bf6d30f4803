"""What is switched on at the meter: by a person who is told, or by a load that programs set."""

from typing import Protocol

from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.meter import PHASE_NAMES
from keiki_host.calibrate.plan import PERSON, Step
from keiki_host.calibrate.reference import Ask


class LoadSource(Protocol):
    """Whoever switches loads. `plan`: the steps that it can do."""

    plan: tuple[Step, ...]

    async def set(self, phase: int, step: Step, fault: str | None) -> bool:
        """Have the load of a step on one phase; False: this step is left out.

        `fault` is what was wrong with the load that it set before for the same step. CalibrateError: there is
        no other.
        """


class Person:
    """Tells a person what to switch on, and waits for Enter."""

    plan: tuple[Step, ...] = PERSON

    def __init__(self, ask: Ask, attempts: int = 3) -> None:
        self._ask = ask
        self._attempts = attempts
        self._phase: int | None = None
        self._faults = 0

    async def set(self, phase: int, step: Step, fault: str | None) -> bool:
        """Ask for it; after three loads that do not fit CalibrateError."""
        name = PHASE_NAMES[phase]
        self._faults = self._faults + 1 if fault else 0
        if self._faults >= self._attempts:
            raise CalibrateError(f"phase {name}, {step.title}: {fault}")
        text = f"Phase {name}, {step.title}: {step.words}"
        if phase != self._phase:
            self._phase = phase
            text = f"Connect the reference and the load to phase {name}, behind the meter.\n{text}"
        if fault:
            text = f"{fault[0].upper()}{fault[1:]}.\n{text}"
        hint = " Enter when it is on, s to leave it out: " if step.optional else " Then Enter: "
        return not ((await self._ask(text + hint)).strip().lower() == "s" and step.optional)
