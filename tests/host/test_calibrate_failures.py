"""Everything that can go wrong with a calibration ends in one clear line, and the meter as it was before."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from keiki_host.bench.waves import Point
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.meter import Reading, Record
from keiki_host.calibrate.plan import BENCH, Step
from keiki_host.calibrate.reference import Sample
from keiki_host.calibrate.state import FILE, State

from tests.host.calibrate_world import Bench, WorldLoad, asyncio_afterwards

OLD = Record(
    phases=[{"v_gain_ppm": 500, "p_gain_ppm": -700}, {"p_gain_ppm": 300}],
    reference="somebody's",
    date="2026-01-01",
    who="somebody",
)


@pytest.fixture(autouse=True)
def _real_asyncio_afterwards() -> Iterator[None]:
    with asyncio_afterwards():
        yield


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A good bench, and a meter that was calibrated before."""
    made = Bench(tmp_path, "phase+", seed=1)
    asyncio.run(made.meter.store(OLD))
    made.meter.stored.clear()
    return made


def refused(bench: Bench, text: str) -> None:
    """It stops with this text, and the old record is in force and the only one."""
    with pytest.raises(CalibrateError, match=text) as caught:
        bench.run()
    assert "\n" not in str(caught.value)
    assert bench.meter.record == OLD and bench.meter.stored == []
    assert bench.meter.applied == OLD.phases


# -- the load --------------------------------------------------------------------------------------------


def test_a_load_that_is_not_steady_is_refused(bench: Bench) -> None:
    bench.world.unsteady = 0.1
    refused(
        bench, r"phase R, light load: the load is not steady: it changed by \d+\.\d % while it was measured"
    )
    assert sum(said.startswith("once more: the load is not steady") for said in bench.screen.said) == 3


def test_a_load_that_becomes_steady_is_waited_for(bench: Bench) -> None:
    bench.world.unsteady = 0.1
    say = bench.screen.say

    def calm(text: str) -> None:
        say(text)
        if text.startswith("once more"):
            bench.world.unsteady = 0.0

    bench.screen.say = calm
    assert bench.run().stored


def test_a_load_that_drifts_fast_is_refused(bench: Bench) -> None:
    bench.world.drift = 0.2
    refused(bench, r"phase R, light load: the load is not steady: it changed by \d+\.\d % while")


def test_a_heater_that_warms_up_slowly_is_measured_as_well_as_a_steady_one(bench: Bench) -> None:
    bench.world.drift = -0.002
    state = bench.run()
    assert state.stored
    for seen in state.observations:
        if seen.step.endswith("PF 1"):
            assert abs(seen.error) < 0.002, seen.step


def test_a_load_that_is_not_on_is_told(bench: Bench) -> None:
    bench.load.shape = lambda point: replace(point, current_a=0.0)
    refused(bench, r"light load: no current flows: the load is off, or not behind the reference")


def test_too_small_a_load_is_refused(bench: Bench) -> None:
    bench.load.plan = tuple(
        replace(step, load=replace(step.load, least_w=500)) if step.name == "high" else step for step in BENCH
    )
    bench.load.shape = lambda point: replace(point, current_a=min(point.current_a, 3.0))
    refused(bench, r"high load: the load of 300\.0 W is too small: 500 W at least")


def test_a_load_with_a_motor_in_it_is_no_heater(bench: Bench) -> None:
    bench.load.shape = lambda point: replace(point, power_factor=min(point.power_factor, 0.95))
    refused(bench, r"light load: the load has a power factor of 0\.950: 0\.99 or more is needed")


def test_a_load_left_on_is_no_zero(bench: Bench) -> None:
    bench.load.shape = lambda point: replace(point, current_a=max(point.current_a, 0.1))
    refused(bench, r"no load: 10\.0 W still flow: switch everything off")


def test_two_loads_that_are_the_same_solve_nothing(bench: Bench) -> None:
    bench.load.plan = tuple(
        replace(step, apart=(("light", 3),)) if step.name == "high" else step for step in BENCH
    )
    bench.load.shape = lambda point: replace(point, current_a=min(point.current_a, 2.0))
    refused(
        bench, r"high load: the load of 200\.0 W is too near the one of before \(120\.0 W\), a factor of 3"
    )


# -- the wiring ------------------------------------------------------------------------------------------


def test_a_reversed_current_transformer_is_refused_with_that_sentence(bench: Bench) -> None:
    bench.world.leads[0].turned = True
    refused(
        bench,
        r"phase R: the current transformer is reversed: the meter measures -1\d\d\.\d W where 120\.0 W flow;"
        " turn it round, or swap its two wires",
    )


def test_the_wrong_phase_is_refused_with_that_sentence(bench: Bench) -> None:
    bench.load.wired = lambda phase: 1 - phase
    refused(bench, r"the wrong phase is wired: the load of 120\.0 W shows on phase T, not on phase R")


def test_a_load_before_the_meter_is_refused(bench: Bench) -> None:
    bench.world.leads[0].wave = bench.world.leads[1].wave
    refused(bench, r"phase R: the meter measures -0\.\d W of a load of 120\.0 W: the load is not behind it")


@pytest.mark.parametrize(("shunt", "share"), [(0.5, 50), (2.0, 200)])
def test_another_shunt_than_the_boards_is_refused(tmp_path: Path, shunt: float, share: int) -> None:
    bench = Bench(tmp_path, "phase+")
    bench.world.driver.errors[0]["p"] = shunt
    with pytest.raises(CalibrateError, match=rf"phase R: the meter measures {share} % of the power"):
        bench.run()


def test_another_divider_than_the_boards_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "phase+")
    bench.world.driver.errors[0]["v"] = 0.5
    with pytest.raises(CalibrateError, match=r"phase R: the meter measures 50\.0 V, the reference 100\.0 V"):
        bench.run()


# -- meter and reference ---------------------------------------------------------------------------------


def after(bench: Bench, readings: int, then) -> None:
    """Have something happen at that reading of the meter."""
    left = [readings]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            then()

    bench.meter.before_reading = count


def test_a_reference_gone_in_the_middle_leaves_the_old_values(bench: Bench) -> None:
    after(bench, 200, lambda: setattr(bench.reference, "plugged", False))
    refused(bench, "reference: no answer")


def shows(bench: Bench, times: int, **wrong: float) -> None:
    """The reference shows something else from the 30th reading on, so often."""
    read, count = bench.reference.read, [0]

    async def shown() -> Sample | None:
        sample = await read()
        count[0] += 1
        return replace(sample, **wrong) if 30 <= count[0] < 30 + times else sample

    bench.reference.read = shown


NONSENSE = [
    ({"v": 0.0}, r"it shows 0 V, \S+ A, \S+ W: that is no mains"),
    ({"i": -1.0}, r"it shows \S+ V, -1 A, \S+ W: that is no mains"),
    ({"p": 1e30}, r"it shows \S+ V, \S+ A, 1e\+30 W: more power than voltage times current"),
    ({"p": float("nan")}, r"it shows \S+ V, \S+ A, nan W: more power than"),
    ({"i": 9.9e37}, r"that is no mains"),
    ({"f": 0.05}, r"it shows \S+ V, \S+ A, \S+ W, 0\.05 Hz: that is no mains"),
]


@pytest.mark.parametrize(("wrong", "text"), NONSENSE)
def test_a_reference_that_shows_nonsense_is_told(bench: Bench, wrong: dict[str, float], text: str) -> None:
    shows(bench, 10**9, **wrong)
    refused(bench, rf"phase R, no load: reference: .*{text}")


@pytest.mark.parametrize(("wrong", "text"), NONSENSE)
def test_nonsense_that_passes_is_measured_again(bench: Bench, wrong: dict[str, float], text: str) -> None:
    shows(bench, 1, **wrong)
    state = bench.run()
    assert state.stored
    [said] = [said for said in bench.screen.said if said.startswith("once more: ")]
    assert re.search(text, said)
    assert all(abs(row[7]) < 1e4 for seen in state.observations for row in seen.rows)


def test_a_meter_gone_in_the_middle_is_told_with_what_it_may_still_do(bench: Bench) -> None:
    after(bench, 200, lambda: setattr(bench.meter, "plugged", False))
    with pytest.raises(
        CalibrateError, match=r"meter: unix:///here: no answer.*until it starts again, the meter may"
    ):
        bench.run()
    assert bench.meter.stored == []


def test_a_meter_that_starts_again_is_measured_again_with_its_trial_values(bench: Bench) -> None:
    after(bench, 150, bench.meter.restart)
    state = bench.run()
    assert "once more: the meter started again" in bench.screen.said
    assert state.stored and len(bench.meter.stored) == 1


@pytest.mark.parametrize("which", [3, 5, 9])
def test_a_meter_that_starts_again_while_it_settles_is_noticed(bench: Bench, which: int) -> None:
    calibrate, count = bench.meter.calibrate, [0]

    async def forgetful(phases: list[dict[str, int]]) -> None:
        await calibrate(phases)
        count[0] += 1
        if count[0] == which:
            bench.meter.restart()

    bench.meter.calibrate = forgetful
    state = bench.run()
    assert bench.screen.said.count("once more: the meter started again, or somebody else calibrates it") == (
        0 if which == 3 else 1  # the third is for the values that it has anyway
    )
    true = bench.world.board.truth[0]
    assert state.stored and state.solved[0].values["phase_mdeg"] == pytest.approx(true["phase_mdeg"], abs=15)


def test_a_meter_that_starts_again_all_the_time_is_told(bench: Bench) -> None:
    calibrate = bench.meter.calibrate

    async def forgetful(phases: list[dict[str, int]]) -> None:
        await calibrate(phases)
        if phases != OLD.phases:
            bench.meter.restart()

    bench.meter.calibrate = forgetful
    refused(bench, "phase R, low power factor: the meter started again, or somebody else calibrates it")


def test_an_ic_that_falls_silent_is_told(bench: Bench) -> None:
    reading = bench.meter.reading

    async def empty() -> Reading:
        return (await reading()).model_copy(update={"phases": ()})

    after(bench, 150, lambda: setattr(bench.meter, "reading", empty))
    refused(bench, r"meter: no new reading within 30 s: its metering IC does not answer")


# -- verification ----------------------------------------------------------------------------------------


def test_a_verification_that_fails_keeps_the_old_record(tmp_path: Path) -> None:
    # a current transformer's angle, and an IC that cannot correct it
    bench = Bench(tmp_path, "bl0942", seed=1)
    asyncio.run(bench.meter.store(OLD))
    bench.meter.stored.clear()
    bench.world.leads[0].delay_mdeg = 1500
    state = bench.run()
    assert not state.stored and state.done
    assert any("phase R, 50 %, PF 0.5 L: -4." in reason for reason in state.reasons)
    assert bench.meter.record == OLD and bench.meter.stored == [] and bench.meter.applied == OLD.phases
    assert any("phase angle" in said and "left out" in said for said in bench.screen.said)


def test_a_meter_that_counts_without_a_load_fails_verification(bench: Bench) -> None:
    creeping = [False]
    apply = bench.world.driver.apply

    def creep(values: list[dict[str, int]]) -> None:
        apply(
            [{**value, "p_offset_mw": value.get("p_offset_mw", 0) + 2000 * creeping[0]} for value in values]
        )

    class LastStep(WorldLoad):
        async def set(self, phase: int, step: Step, fault: str | None) -> bool:
            creeping[0] = step.name == "creep"
            return await super().set(phase, step, fault)

    bench.world.driver.apply = creep
    bench.load = LastStep(bench.world)
    state = bench.run()
    assert not state.stored
    assert [reason.partition(":")[0] for reason in state.reasons] == [
        "phase R, no load, new values",
        "phase T, no load, new values",
    ]


def test_nothing_is_stored_that_nothing_has_verified(bench: Bench) -> None:
    bench.load.plan = tuple(step for step in BENCH if step.purpose == "solve")
    state = bench.run()
    assert not state.stored
    assert state.reasons == [f"phase {n}: nothing was measured that would verify it" for n in "RT"]


# -- storing ---------------------------------------------------------------------------------------------


def test_a_record_that_the_meter_refuses_leaves_the_old_one(bench: Bench) -> None:
    async def refuse(record: Record) -> None:
        raise CalibrateError("meter: unix:///here: flash: it refuses; nothing has changed")

    bench.meter.store = refuse
    refused(bench, "flash: it refuses; nothing has changed")


def test_a_lost_answer_to_storing_leaves_the_new_record_in_force_and_the_rest_can_be_done(
    bench: Bench,
) -> None:
    store = bench.meter.store

    async def stored_and_gone(record: Record) -> None:
        await store(record)
        raise CalibrateError("meter: unix:///here: no answer within 10 s")

    bench.meter.store = stored_and_gone
    with pytest.raises(CalibrateError, match="no answer within 10 s"):
        bench.run()
    [record] = bench.meter.stored
    assert bench.meter.record == record and bench.meter.applied == record.phases
    bench.meter.store = store
    bench.load = WorldLoad(bench.world)
    state = bench.run()
    assert state.stored and bench.load.asked == []
    assert bench.meter.record == record and state.before == OLD


# -- interrupted and resumed -----------------------------------------------------------------------------


class Stops(WorldLoad):
    """A load at which somebody presses Ctrl-C."""

    at = (1, "high")

    async def set(self, phase: int, step: Step, fault: str | None) -> bool:
        if (phase, step.name) == self.at:
            raise asyncio.CancelledError
        return await super().set(phase, step, fault)


@pytest.mark.parametrize("at", [(0, "light"), (0, "20 %, PF 1"), (1, "high"), (1, "creep")])
def test_interrupted_and_resumed_it_measures_nothing_twice(bench: Bench, at: tuple[int, str]) -> None:
    bench.load = Stops(bench.world)
    bench.load.at = at
    with pytest.raises(asyncio.CancelledError):
        bench.run()
    assert bench.meter.applied == OLD.phases
    done = bench.load.asked
    bench.load = WorldLoad(bench.world)
    state = bench.run()
    assert state.stored
    steps = [(phase, step.name) for phase in (0, 1) for step in BENCH]
    assert done + bench.load.asked == steps and bench.load.asked[0] == at
    assert any(said.startswith("goes on with what was begun") for said in bench.screen.said)


def test_interrupted_between_two_trials_it_switches_the_load_on_again(bench: Bench) -> None:
    calibrate, count = bench.meter.calibrate, [0]

    async def stop(phases: list[dict[str, int]]) -> None:
        if phases[0].get("phase_mdeg", 0) == 1000 and not count[0]:
            count[0] = 1
            raise CalibrateError("meter: gone")
        await calibrate(phases)

    bench.meter.calibrate = stop
    with pytest.raises(CalibrateError, match="meter: gone"):
        bench.run()
    bench.load = WorldLoad(bench.world)
    bench.world.switch(0, Point())
    assert bench.run().stored
    assert bench.load.asked[0] == (0, "low_pf")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda bench: setattr(bench.meter, "serial", "K9"),
            "is of meter K26000001, not K9; name another folder",
        ),
        (
            lambda bench: setattr(bench.reference, "name", "other"),
            "is with reference .* number 7, not other; name",
        ),
        (
            lambda bench: setattr(bench.meter, "record", OLD.model_copy(update={"who": "else"})),
            "is older than the record that the meter has now",
        ),
    ],
)
def test_another_meter_reference_or_record_does_not_go_on_with_it(bench: Bench, change, text: str) -> None:
    bench.load = Stops(bench.world)
    with pytest.raises(asyncio.CancelledError):
        bench.run()
    change(bench)
    with pytest.raises(CalibrateError, match=text):
        bench.run()


def test_a_finished_calibration_is_not_done_again_in_its_folder(bench: Bench) -> None:
    assert bench.run().stored
    with pytest.raises(
        CalibrateError, match="the calibration that was begun there is finished; name another"
    ):
        bench.run()


def test_a_folder_with_something_else_in_it_is_refused(bench: Bench) -> None:
    (bench.folder / FILE).write_text("{}")
    refused(bench, "it is not what keiki calibrate wrote; name another folder")


def test_the_state_can_be_read_back_whole(bench: Bench) -> None:
    state = bench.run()
    assert State.model_validate_json((bench.folder / FILE).read_bytes()) == state
