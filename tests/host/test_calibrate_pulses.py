"""The pulse test of a calibration: counted against the reference and the register, or plainly not."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from keiki_host.calibrate.command import summary
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.judge import pulse_verdicts
from keiki_host.calibrate.meter import Record
from keiki_host.calibrate.plan import BENCH, REGISTER, SOLVE
from keiki_host.calibrate.pulses import PulseCount, PulseState, counted
from keiki_host.calibrate.report import make_report
from keiki_host.calibrate.report_html import to_html
from keiki_host.calibrate.state import State

from tests.host.calibrate_world import Bench, asyncio_afterwards

PLAN = tuple(
    replace(step, optional=False)
    for step in BENCH
    if step.purpose in (SOLVE, REGISTER) or step.name == "50 %, PF 1"
)


@pytest.fixture(autouse=True)
def _real_asyncio_afterwards() -> Iterator[None]:
    with asyncio_afterwards():
        yield


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A board with errors; only what the pulse test needs is measured."""
    made = Bench(tmp_path, "phase+", seed=1, phases=1)
    made.load.plan = PLAN
    return made


def said(bench: Bench, state: State) -> str:
    """The report's text."""
    return to_html(make_report(state, bench.load.plan))


def test_ten_minutes_of_pulses_are_the_energy_of_the_reference(bench: Bench) -> None:
    state = bench.run()
    (one,) = pulse_verdicts(state)
    assert state.stored and one.passed is True
    # 18 A at 100 V
    assert one.count.seconds >= 599 and one.count.pulses == pytest.approx(300, abs=2)
    assert abs(one.error) <= 1 / 300 and one.limit_percent == 1
    assert 2 * one.u == pytest.approx(0.0027, rel=0.02)
    assert ">300<" in said(bench, state) and "NOT PASSED" not in said(bench, state)
    (row,) = summary(state, PLAN, bench.folder)["pulses"]
    assert (row["pulses"], row["passed"]) == (one.count.pulses, True)


def test_a_board_without_an_output_is_told_and_fails_nothing(bench: Bench) -> None:
    bench.meter.imp_per_kwh = None
    state = bench.run()
    assert state.stored and pulse_verdicts(state) == []
    assert "Pulse output: not tested; this board has no pulse output." in said(bench, state)


def test_pulses_that_are_lost_are_told_and_nothing_is_stored(bench: Bench) -> None:
    def lose() -> None:
        if bench.load.asked and bench.load.asked[-1][1] == "energy":
            bench.meter.lost_pulses += bench.world.now_ms % 60_000 < 200

    bench.meter.before_reading = lose
    state = bench.run()
    assert not state.stored and bench.meter.record is None
    (reason,) = state.reasons
    assert "phase R, pulse output: -" in reason and "pulses where the register counted 300" in reason
    assert "NOT PASSED" in said(bench, state)


def test_too_few_pulses_tell_nothing_and_the_report_says_how_long_it_takes(bench: Bench) -> None:
    bench.meter.imp_per_kwh = 10
    bench.meter.restart()
    state = bench.run()
    (one,) = pulse_verdicts(state)
    assert state.stored and one.passed is None and one.count.pulses in (2, 3, 4)
    assert "too few pulses to tell; 544 minutes at this load" in said(bench, state)


def test_a_start_while_pulses_are_counted_has_them_counted_again(bench: Bench) -> None:
    restarted = []

    def restart() -> None:
        if bench.load.asked[-1][1] == "energy" and not restarted:
            restarted.append(True)
            bench.meter.restart()

    async def begins() -> None:
        # the pulses are read when the reference begins
        if bench.load.asked[-1][1] == "energy":
            bench.meter.before_reading = restart

    bench.reference.begin = begins  # type: ignore[method-assign]
    state = bench.run()
    (one,) = pulse_verdicts(state)
    assert restarted and state.stored and one.passed is True
    assert "once more: the meter started again" in bench.screen.said


def test_what_was_counted_is_kept_over_an_interruption(bench: Bench) -> None:
    bench.load.plan = tuple(step for step in BENCH if step in PLAN or step.purpose == "creep")
    bench.load.shape = lambda point: _unplug(bench, point)
    with pytest.raises(CalibrateError):
        bench.run()
    bench.meter.plugged = True
    bench.load.shape = lambda point: point
    bench.load.asked.clear()
    state = bench.run()
    assert state.stored and [name for _, name in bench.load.asked] == ["creep"]
    assert [one.passed for one in pulse_verdicts(state)] == [True]


def _unplug(bench: Bench, point):
    if bench.load.asked[-1][1] == "creep":
        bench.meter.plugged = False
    return point


def test_a_calibration_begun_before_pulses_were_counted_goes_on(bench: Bench) -> None:
    state = bench.run()
    old = [seen.model_dump(exclude={"pulses"}) for seen in state.observations]
    again = State.model_validate({**state.model_dump(), "observations": old})
    assert pulse_verdicts(again) == []
    assert "not tested; the energy step, which counts pulses, was not done" in said(bench, again)


def count(pulses: int, wh_x1000: int, **other) -> PulseCount:
    """At 1000 imp/kWh, in an hour."""
    return counted(
        PulseState(ticks_ms=5000, imp_per_kwh=1000, pulses=7),
        PulseState(ticks_ms=3_605_000, imp_per_kwh=1000, pulses=7 + pulses, **other),
        wh_x1000,
    )


@pytest.mark.parametrize(
    ("pulses", "wh_x1000", "follows"),
    [
        (100, 100_000, True),
        (100, 100_999, True),
        (99, 100_000, True),
        (100, 102_000, False),
        (0, 3000, False),
    ],
)
def test_pulses_follow_the_register_to_within_one(pulses: int, wh_x1000: int, follows: bool) -> None:
    assert count(pulses, wh_x1000).follows_register is follows
    # export makes pulses as import does
    assert count(pulses, -wh_x1000).follows_register is follows


def test_the_uncertainty_of_whole_pulses_is_that_of_both_ends() -> None:
    one = count(100, 100_000)
    assert one.error(101.0) == pytest.approx(-1 / 101)
    assert one.u(100.0) == pytest.approx(1 / 6**0.5 / 100)
    assert one.seconds_for(100.0, one.u(100.0) / 4) == pytest.approx(4 * 3600)


def test_an_output_too_slow_for_the_load_is_named(bench: Bench) -> None:
    asyncio.run(bench.meter.store(Record(phases=[{}], reference="", date="", who="")))
    bench.meter.stored.clear()
    before = bench.meter._output

    class Slow:
        imp_per_kwh, dropped = 1000, 0

        def __init__(self) -> None:
            self.sent = self.late = 0

        def book(self, net_wh_x1000: int, over_ms: int) -> None:
            before.book(net_wh_x1000, over_ms)
            self.sent, self.late = before.sent // 2, before.sent - before.sent // 2

    bench.meter._output = Slow()  # type: ignore[assignment]
    state = bench.run()
    assert not state.stored and bench.meter.stored == []
    assert state.reasons[0].endswith("came late or never: the output is too slow for this load)")
