"""CSE7766 model and the firmware's own driver in one chain: what is booked is what flowed."""

from random import Random

import pytest
from keiki.drivers.metering import CREEP, REFUSED, RESET, STALE
from keiki_host.bench.faults import Faults
from keiki_host.bench.house import House
from keiki_host.bench.ics import line_noise
from keiki_host.bench.ics.cse7766 import Errors, Parts
from keiki_host.bench.waves import HouseSource, Point, Wave

from tests.host.accuracy_points import LIMIT, SLOT_S, TABLE, Worst
from tests.host.cse7766_desk import START_S, Desk

SHUNTS = {30: Parts(shunt_uohm=1000), 60: Parts(shunt_uohm=500), 120: Parts(shunt_uohm=250)}
PULSE_WH = Parts().pulse_j / 3600
JITTER_S = 0.213
"""A frame may be as much older than its poll at one end than at the other: two periods and a byte."""


def test_noise_of_the_readings_is_not_in_the_energy() -> None:
    worst = Worst("CSE7766 30 A, 0.5 % of noise in readings, 2 W in power")
    for percent, factor, kind in TABLE[:7]:
        point = Point(current_a=0.3 * percent, power_factor=factor, kind=kind)
        desk = Desk([Wave(point)], errors=Errors(noise=0.005, noise_w=2.0))
        worst.take(desk.run(SLOT_S, 10), f"{percent} % PF {factor:g}")
    print(worst)
    assert abs(worst.error) < LIMIT


@pytest.mark.parametrize("period_ms", [55, 105])
@pytest.mark.parametrize("percent", [5, 100])
def test_half_an_hour_polled_every_second(percent: int, period_ms: int) -> None:
    desk = Desk([Wave(Point(current_a=0.6 * percent))], parts=SHUNTS[60], period_ms=period_ms)
    assert abs(desk.run(SLOT_S, 1)) < LIMIT
    assert not any(desk.flags) and desk.driver.stats["noise"] == 0


def test_a_house_without_panels_is_booked_within_its_pulses() -> None:
    house = House("constant:1234W@pf0.7")
    desk = Desk([HouseSource(house.phase(index)) for index in range(2)])
    desk.run(SLOT_S, 10)
    true = house.energy_wh(START_S, START_S + SLOT_S)[0]
    assert desk.booked_wh == pytest.approx(true, rel=LIMIT)


def test_what_flows_out_is_booked_as_import_for_the_chip_cannot_tell() -> None:
    desk = Desk([Wave(Point(current_a=10.0, export=True))])
    for at_s in range(START_S, START_S + 361, 10):
        desk.read(at_s)
    assert desk.true_wh(360) == 0 and desk.booked_wh == pytest.approx(100, rel=0.001)


def switching(seed: int, hours: int, most_a: float) -> Wave:
    """Loads that come and go at any ms, some shorter than a poll."""
    dice, wave = Random(seed), Wave()
    at_ms = START_S * 1000
    while at_ms < (START_S + hours * 3600) * 1000:
        wave.set(at_ms, Point(current_a=dice.choice((0.0, 0.02, 0.3, dice.uniform(0, most_a)))))
        at_ms += round(dice.expovariate(1 / dice.choice((700, 30_000))))
    return wave


@pytest.mark.parametrize("step_s", [1, 10])
def test_loads_that_come_and_go_between_polls_are_booked_by_the_counter(step_s: int) -> None:
    hours = 24 if step_s == 10 else 4
    desk = Desk([switching(1, hours, 30.0)], backlog=12)
    error = desk.run(hours * 3600, step_s)
    refused = desk.driver.stats["refused"]
    print(f"every {step_s} s, {desk.true_wh(hours * 3600):.0f} Wh: {error * 100:+.5f} %, {refused} refused")
    # in the interval in which the counter falls, a load that no sample saw is taken for a restart
    wraps = desk.true_wh(hours * 3600) / (131072 * PULSE_WH)
    assert refused <= (0.1 * wraps if step_s == 10 else 0)
    assert abs(error) < (0.002 if step_s == 10 else LIMIT)


FAULTS = ["ic_reset", "ic_silence", "ic_garbage", "ic_counter_jump"]
DAMAGES = [
    line_noise.noise, line_noise.flip, line_noise.half, line_noise.slip, line_noise.lost,
    line_noise.stuck_low, line_noise.stuck_high,
]  # fmt: skip


def with_a_fault(start: int, step_s: int, switch) -> Desk:
    """30 minutes of 2 kW; `switch(desk, on)` is called 600 s and 660 s after the start."""
    faults = Faults(seed=1)
    desk = Desk([Wave(Point(current_a=20.0))], faults=faults)
    desk.chips[0].counter = start
    for at_s in range(START_S, START_S + SLOT_S + 1, step_s):
        if at_s - START_S in (600, 660):
            desk.lines.now_ms = max(desk.lines.now_ms, at_s * 1000)
            desk.chips[0].advance()
            switch(desk, faults, at_s - START_S == 600)
        desk.read(at_s)
    assert desk.flags[-1] == 0
    return desk


@pytest.mark.parametrize("step_s", [1, 10])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_chip_costs_no_more_than_its_window(fault: str, step_s: int) -> None:
    def switch(_desk: Desk, faults: Faults, on: bool) -> None:
        if not on:
            faults.disable(fault)
        elif fault == "ic_counter_jump":
            faults.enable(fault, counts=70000, count=1)
        else:
            faults.enable(fault)

    for start in (0, 20000, 131072 - 224_400, 131072 - 225_000, 131072 - 227_000):
        desk = with_a_fault(start % 131072, step_s, switch)
        flags = 0
        for flag in desk.flags:
            flags |= flag
        kinds = {kind for kind, _, _ in desk.told}
        # a restart at the end of the counter looks like its overflow, and is then as good as one
        if fault == "ic_reset" and start in (0, 20000):
            assert flags & RESET and kinds == {"ic_reset", "increment_refused"}, start
        if fault == "ic_counter_jump":
            assert flags & REFUSED and kinds >= {"increment_refused"}
        if fault in ("ic_silence", "ic_garbage"):
            assert flags == STALE and not desk.told and desk.driver.stats["missed"] > 0
        slack = 2000 * (step_s + JITTER_S) / 3600 + 3 * PULSE_WH
        assert desk.booked_wh == pytest.approx(1000, abs=slack), start


@pytest.mark.parametrize("step_s", [1, 10])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_line_costs_no_energy_and_is_told(damage: line_noise.Damage, step_s: int) -> None:
    def switch(desk: Desk, _faults: Faults, on: bool) -> None:
        desk.chips[0].damage = damage if on else None

    desk = with_a_fault(0, step_s, switch)
    assert desk.booked_wh == pytest.approx(1000, abs=2000 * 2 * JITTER_S / 3600 + 3 * PULSE_WH)
    stats = desk.driver.stats
    assert stats["missed"] + stats["noise"] > 0
    assert not desk.told and not any(flags & ~STALE for flags in desk.flags)


def test_a_chip_that_restarts_every_minute_brings_no_energy_that_was_not() -> None:
    faults = Faults(seed=3)
    for seed in range(10):
        dice = Random(seed)
        desk = Desk([Wave(Point(current_a=25.0))], faults=faults)
        resets = 0
        for at_s in range(START_S, START_S + SLOT_S + 1, 10):
            if at_s % 60 == 0:
                desk.chips[0].counter = dice.randrange(131072)
                faults.enable("ic_reset", count=1)
                faults.disable("ic_reset")
                resets += 1
            desk.read(at_s)
        # each restart loses what the counter had, and nothing is ever made up
        assert desk.booked_wh <= 1250 + resets * 3 * PULSE_WH + 2500 * JITTER_S / 3600
        assert desk.booked_wh >= 1250 - resets * 2500 * 10 / 3600


def test_one_frame_in_thirty_damaged_for_a_day_changes_nothing() -> None:
    desk = Desk([switching(2, 6, 20.0)])
    dice = Random(5)

    def now_and_then(frame: bytes, _: Random) -> bytes:
        return dice.choice(DAMAGES)(frame, dice) if dice.random() < 1 / 30 else frame

    desk.chips[0].damage = now_and_then
    error = desk.run(6 * 3600, 10)
    assert abs(error) < LIMIT
    assert sum(bool(flags & STALE) for flags in desk.flags) < 20


@pytest.mark.parametrize("step_s", [1, 10])
@pytest.mark.parametrize("frames", [1, 2, 400])
@pytest.mark.parametrize("spike", [{"v": 1}, {"v": 600}, {"w": 1}, {"w": 500}])
def test_a_spike_is_never_shown_or_booked(spike: dict[str, int], frames: int, step_s: int) -> None:
    desk = Desk([Wave(Point(current_a=20.0))])
    for at_s in range(0, 601, step_s):
        if at_s == 300:
            desk.lines.now_ms = (START_S + at_s) * 1000
            desk.chips[0].advance()
            desk.chips[0].spike(frames, **spike)
        snapshot = desk.snapshot(at_s)
        assert snapshot.voltage_v_x100 == [pytest.approx(10000, abs=30)]
        assert snapshot.power_w_x10 == [pytest.approx(20000, abs=60)]
    stale = [flags for flags in desk.flags if flags]
    assert set(stale) <= {STALE} and bool(stale) == (frames == 400)
    assert not desk.told and desk.flags[-1] == 0
    assert desk.booked_wh == pytest.approx(desk.true_wh(600), abs=2000 * JITTER_S / 3600 + 3 * PULSE_WH)


def test_a_half_hour_of_which_only_polls_know_is_booked() -> None:
    desk = Desk([switching(3, 1, 30.0)])
    desk.snapshot(0)
    for at_s in range(20, SLOT_S, 20):
        assert desk.poll(at_s)
    assert desk.newest is not None and desk.booked_wh == 0
    desk.snapshot(SLOT_S)
    assert desk.booked_wh == pytest.approx(desk.true_wh(SLOT_S), abs=3000 * JITTER_S / 3600 + 3 * PULSE_WH)
    assert not desk.told and not desk.flags[-1]


def test_a_load_that_goes_off_fades_and_is_zero_within_seventeen_seconds() -> None:
    wave = Wave(Point(current_a=20.0))
    wave.set((START_S + 60) * 1000, Point(current_a=0.0))
    desk = Desk([wave])
    powers = []
    for at_s in range(START_S, START_S + 90):
        desk.read(at_s)
        powers.append(desk.newest.power_w_x10[0])
    assert powers[59] == pytest.approx(20000, rel=0.001)
    assert powers[63] < 40 and powers[70] < 6
    assert powers[78:] == [0] * 12 and desk.flags[-1] == CREEP
    assert desk.booked_wh == pytest.approx(2000 / 60, abs=2 * PULSE_WH + 2000 * JITTER_S / 3600)


def test_a_gap_longer_than_the_counter_lasts_is_refused_and_told() -> None:
    desk = Desk([Wave(Point(current_a=30.0))], p_max_w=6000)
    for at_s in (0, 10, 20, 120, 130, 140):
        desk.read(START_S + at_s)
    assert desk.flags == [0, 0, 0, REFUSED, 0, 0]
    assert [kind for kind, _, _ in desk.told] == ["increment_refused"]
    assert desk.booked_wh == pytest.approx(3000 * 40 / 3600, abs=3000 * JITTER_S / 3600 + 3 * PULSE_WH)


def test_self_check_of_a_healthy_and_of_a_dead_line() -> None:
    from metering_line import finish

    desk = Desk([Wave(Point(current_a=5.0)), Wave(Point(current_a=5.0, voltage_v=0.0))])
    assert finish(desk.driver.self_check()) == ["t_voltage"]
    desk.chips[0].damage = line_noise.stuck_low
    desk.lines.now_ms += 5000
    assert finish(desk.driver.self_check()) == ["r_silent", "t_voltage"]
