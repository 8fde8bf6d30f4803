"""The calibration from beginning to end: measure, solve, verify, and store only what was verified.

Each phase by itself. The meter corrects by its old values while it is measured for solving, so that is also
the state it was found in. Whatever happens, it is left with a stored record or with the old values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keiki_host.calibrate import state as states
from keiki_host.calibrate.clock import Clock
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.judge import reasons
from keiki_host.calibrate.load import LoadSource
from keiki_host.calibrate.meter import PHASE_NAMES, Meter, Record
from keiki_host.calibrate.observation import Observation
from keiki_host.calibrate.observe import LoadFault, Observer, Rules, Screen
from keiki_host.calibrate.plan import SOLVE, Step
from keiki_host.calibrate.progress import place, summary
from keiki_host.calibrate.reference import Reference, Sample
from keiki_host.calibrate.solve import solve
from keiki_host.calibrate.state import Solved, State
from keiki_host.calibrate.values import PHASE, WORDS, Values

TRIAL_MDEG = 1000
"""How far the second value of the phase is from the first: within reach of every chip, far above noise."""


@dataclass(frozen=True)
class Conditions:
    """What is not measured: who, how good it must be (percent), and the temperature if it is known."""

    who: str
    limit_percent: float = 0.5
    temperature_c: float | None = None


class Calibration:
    """One calibration of one meter, kept in `folder`; `await run()` does it, or goes on with it."""

    def __init__(
        self,
        meter: Meter,
        reference: Reference,
        load: LoadSource,
        folder: Path,
        conditions: Conditions,
        clock: Clock,
        screen: Screen,
        rules: Rules | None = None,
    ) -> None:
        self._meter = meter
        self._reference = reference
        self._load = load
        self._folder = folder
        self._conditions = conditions
        self._clock = clock
        self._screen = screen
        self._observer = Observer(meter, reference, clock, screen, rules or Rules())
        self._old: list[Values] = []
        self._touched = False
        self._present: tuple[int, str] | None = None

    async def run(self) -> State:
        """Return what became of it. CalibrateError: why it stopped; run again, it goes on from there."""
        try:
            state = await self._begin()
            await self._measure(state)
            await self._finish(state)
            if state.stored:
                self._touched = False
            elif note := await self._restored():
                state.reasons.append(note.removeprefix("; "))
            return state
        except CalibrateError as error:
            raise CalibrateError(f"{error}{await self._restored()}") from None
        finally:
            await self._restored()
            await self._reference.close()
            await self._meter.close()

    async def _restored(self) -> str:
        """Give the meter its old values back; returns what is to be said if that does not work."""
        if not self._touched:
            return ""
        self._touched = False
        try:
            # by what it holds, which may be the new record: an answer to storing it can be lost
            await self._meter.calibrate(_values_of(await self._meter.calibration(), len(self._old)))
        except CalibrateError:
            return "; until it starts again, the meter may go on with values on trial"
        return ""

    async def _begin(self) -> State:
        await self._meter.open()
        named = await self._reference.open()
        reading = await self._meter.reading()
        if not reading.phases:
            raise CalibrateError("meter: its metering IC does not answer")
        record = await self._meter.calibration()
        self._old = _values_of(record, len(reading.phases))
        fresh = State(
            serial=self._meter.serial,
            ic=reading.ic,
            reference=named,
            rated_a=self._meter.rated_a,
            limit_percent=self._conditions.limit_percent,
            who=self._conditions.who,
            temperature_c=self._conditions.temperature_c,
            ignored=[key for key in reading.ignored if key in WORDS],
            begun=self._clock.date().isoformat(timespec="seconds"),
            before=record,
        )
        state = states.load(self._folder)
        if state is None:
            states.save(self._folder, fresh)
            return fresh
        self._check_same(state, fresh)
        count = len(state.observations)
        self._screen.say(f"goes on with what was begun on {state.begun}: {count} measurements are there")
        return state

    def _check_same(self, state: State, fresh: State) -> None:
        """CalibrateError unless what is in the folder can go on with what is connected now."""
        begun = f"{self._folder}: the calibration that was begun there"
        if state.done:
            raise CalibrateError(f"{begun} is finished; name another folder")
        for name, there, here in (
            ("is of meter", state.serial, fresh.serial),
            ("is with reference", state.reference, fresh.reference),
        ):
            if there != here:
                raise CalibrateError(f"{begun} {name} {there}, not {here}; name another folder")
        # the meter may have stored the new record, and this program not have heard of it
        if fresh.before not in (state.before, state.pending or state.before):
            raise CalibrateError(
                f"{begun} is older than the record that the meter has now; name another folder"
            )

    # -- measuring -------------------------------------------------------------------------------------

    async def _measure(self, state: State) -> None:
        for key in state.ignored:
            self._screen.say(f"{WORDS[key]}: this metering IC ({state.ic}) has no use for it; it is left out")
        for phase in range(len(self._old)):
            for step in self._load.plan:
                if step.purpose == SOLVE:
                    await self._solving(state, phase, step)
            if phase not in state.solved:
                self._solve(state, phase)
            for step in self._load.plan:
                if step.purpose != SOLVE:
                    await self._observe(state, phase, step, self._values(state))

    def _values(self, state: State) -> list[Values]:
        """The new values where there are some, else the old ones."""
        return [state.solved[n].values if n in state.solved else old for n, old in enumerate(self._old)]

    async def _solving(self, state: State, phase: int, step: Step) -> None:
        if step.turns_phase and PHASE in state.ignored:
            return
        values = self._values(state)
        # a phase whose values are known already is not measured again
        values[phase] = self._old[phase]
        seen = await self._observe(state, phase, step, values)
        if seen is not None and step.turns_phase:
            held = self._old[phase].get(PHASE, 0)
            step_mdeg = -TRIAL_MDEG if held > 0 else TRIAL_MDEG
            values[phase] = {**self._old[phase], PHASE: held + step_mdeg}
            await self._observe(state, phase, step, values, trial=True)

    async def _observe(
        self, state: State, phase: int, step: Step, values: Sequence[Values], *, trial: bool = False
    ) -> Observation | None:
        """Return the observation, made now or before; None if the step is left out."""
        seen = state.find(phase, step.name, trial=trial)
        if seen is not None:
            return seen
        if (phase, step.name) in state.left_out:
            return None
        fault: str | None = None
        # the load of the first of two measurements is still on, unless it was interrupted between them
        present = trial and self._present == (phase, step.name)
        while True:
            if not present and not await self._load.set(phase, step, fault):
                state.left_out.append((phase, step.name))
                states.save(self._folder, state)
                return None
            self._present = (phase, step.name)
            present = False
            try:
                self._touched = True
                seen = await self._observer.observe(
                    phase,
                    step,
                    values,
                    trial=trial,
                    place=place(state, self._load.plan, len(self._old)),
                    fits=lambda sample: self._fits(state, phase, step, sample),
                )
                break
            except LoadFault as error:
                fault = str(error)
        state.observations.append(seen)
        states.save(self._folder, state)
        self._screen.say(summary(seen, step))
        return seen

    def _fits(self, state: State, phase: int, step: Step, sample: Sample) -> str | None:
        """Tell if a load is too near to another one."""
        for name, factor in step.apart:
            other = state.find(phase, name)
            if other is not None and 1 / factor < sample.p / other.reference.p < factor:
                return (
                    f"the load of {sample.p:,.1f} W is too near the one of before ({other.reference.p:,.1f}"
                    f" W), a factor of {factor:g} is needed"
                )
        return None

    def _solve(self, state: State, phase: int) -> None:
        points = [seen.point() for seen in state.observations if seen.phase == phase]
        try:
            found = solve(points, state.ignored)
        except CalibrateError as error:
            raise CalibrateError(f"phase {PHASE_NAMES[phase]}: {error}") from None
        notes = [*found.notes]
        if PHASE not in found.values and not notes:
            why = (
                "this metering IC has none"
                if PHASE in state.ignored
                else "no load of low power factor was measured"
            )
            notes.append(f"the phase angle was not calibrated: {why}")
        for note in notes:
            self._screen.say(f"phase {PHASE_NAMES[phase]}: {note}")
        # what was not found stays as it was
        kept = {key: value for key, value in self._old[phase].items() if key not in state.ignored}
        state.solved[phase] = Solved(
            values={**kept, **found.values},
            u_noise=found.u_noise,
            u_reference=found.u_reference,
            phase_response=found.phase_response,
            notes=notes,
        )
        states.save(self._folder, state)

    # -- the end ---------------------------------------------------------------------------------------

    async def _finish(self, state: State) -> None:
        """Store what was verified, or say why not."""
        state.reasons = reasons(state, self._load.plan)
        if not state.reasons:
            record = state.pending = state.pending or self._record(state)
            states.save(self._folder, state)
            await self._meter.store(record)
            if await self._meter.calibration() != record:
                raise CalibrateError("meter: the record that it holds is not the one that was stored")
            state.stored = True
        state.done = True
        state.ended = self._clock.date().isoformat(timespec="seconds")
        states.save(self._folder, state)

    def _record(self, state: State) -> Record:
        celsius = state.temperature_c
        return Record(
            phases=[dict(values) for values in self._values(state)],
            reference=state.reference[:100],
            date=self._clock.date().date().isoformat(),
            who=state.who,
            temperature_c_x10=None if celsius is None else round(celsius * 10),
        )


def _values_of(record: Record | None, phases: int) -> list[Values]:
    """What a meter with this record corrects by."""
    if record is None or len(record.phases) != phases:
        return [{} for _ in range(phases)]
    return [dict(values) for values in record.phases]
