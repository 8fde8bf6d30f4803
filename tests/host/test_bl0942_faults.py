"""What goes wrong with a BL0942 and its line: no energy that was not, an event, and recovery without help."""

from collections.abc import Callable
from random import Random

import pytest
from keiki.drivers import metering_bl0942
from keiki.drivers.metering import REFUSED, RESET, STALE
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics import line_noise
from keiki_host.bench.ics.bl0942 import CF_LSB_MS, Parts
from keiki_host.bench.waves import Plain, Point, Wave

from tests.host.bl0942_desk import START_S, Meter

SLOT_S = 1800
BEGIN_S, END_S = 600, 660
PARTS = Parts(shunt_uohm=500)
R, T = Point(voltage_v=103.0, current_a=30.0), Point(voltage_v=98.0, current_a=10.0, export=True)
NET_W = 3090.0 - 980.0
COUNT_WH = CF_LSB_MS / PARTS.lsb_per_w / 3.6e6
STEPS = pytest.mark.parametrize("step_s", [1, 10])
Switch = Callable[[Meter, Faults, bool], None]


def half_hour(step_s: int, switch: Switch, rest_s: int = SLOT_S) -> Meter:
    """Half an hour; `switch(meter, faults, on)` is called 600 s and 660 s after its start."""
    faults = Faults(seed=1)
    meter = Meter([Plain(Wave(R)), Plain(Wave(T))], parts=PARTS, faults=faults)
    for at_s in range(0, rest_s + 1, step_s):
        if at_s in (BEGIN_S, END_S):
            meter.now_ms = (START_S + at_s) * 1000
            for chip in meter.bus.chips:
                chip.advance()
            switch(meter, faults, at_s == BEGIN_S)
        meter.snapshot(at_s)
    assert not any(meter.flags[-5:])
    assert meter.snapshot(rest_s + step_s).power_w_x10 == [
        pytest.approx(30900, abs=5),
        pytest.approx(-9800, abs=5),
    ]
    assert all(chip.read(0x19) == metering_bl0942.MODE for chip in meter.bus.chips)
    return meter


def lost_wh(meter: Meter, seconds: int) -> float:
    """What was not booked; what is exported by T is netted."""
    return NET_W * seconds / 3600 - (meter.import_wh - meter.export_wh)


def flags_of(meter: Meter) -> int:
    """All flags that there were."""
    flags = 0
    for flag in meter.flags:
        flags |= flag
    return flags


DAMAGES = [*line_noise.GARBAGE_8N1, line_noise.lost, line_noise.stuck_low, line_noise.stuck_high]


@STEPS
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_minute_of_a_damaged_line_costs_no_energy(damage: line_noise.Damage, step_s: int) -> None:
    def switch(meter: Meter, _: Faults, on: bool) -> None:
        for chip in meter.bus.chips:
            chip.damage = damage if on else None

    meter = half_hour(step_s, switch)
    assert lost_wh(meter, SLOT_S + step_s) == pytest.approx(0, abs=2 * COUNT_WH)
    assert flags_of(meter) & ~STALE == 0 and not meter.told
    # noise before an answer is not in the way
    assert (meter.driver.stats["missed"] > 0) == (damage is not line_noise.noise)


@STEPS
@pytest.mark.parametrize("fault", ["ic_reset", "ic_counter_jump", "ic_silence", "ic_garbage"])
def test_the_faults_of_the_bench_cost_no_more_than_their_interval(fault: str, step_s: int) -> None:
    def switch(_: Meter, faults: Faults, on: bool) -> None:
        if on:
            faults.enable(fault, **({"count": 2} if fault == "ic_counter_jump" else {}))
        else:
            faults.disable(fault)

    meter = half_hour(step_s, switch)
    kinds = {kind for kind, _, _ in meter.told}
    assert bool(flags_of(meter) & RESET) == ("ic_reset" in kinds) == (fault == "ic_reset")
    assert ("increment_refused" in kinds) == bool(flags_of(meter) & REFUSED)
    assert bool(flags_of(meter) & STALE) == (fault in ("ic_silence", "ic_garbage"))
    # what was refused is replaced by the power of the samples
    assert abs(lost_wh(meter, SLOT_S + step_s)) <= NET_W * step_s / 3600 + 2 * COUNT_WH


@STEPS
@pytest.mark.parametrize(
    ("register", "value"), [(0x04, 0xFFFFFF), (0x04, 5_000_000), (0x06, 0x7FFFFF), (0x06, 0x800000)]
)
@pytest.mark.parametrize("times", [1, 2, 40])
def test_a_spike_is_never_shown_or_booked(register: int, value: int, times: int, step_s: int) -> None:
    meter = Meter([Plain(Wave(R)), Plain(Wave(T))], parts=PARTS)
    left = [0]

    def keep_on() -> None:
        if left[0]:
            left[0] -= 1
            meter.bus.chips[0].spike(register, value)

    receive = meter.bus.receive

    def heard(data: bytes) -> None:
        keep_on()
        receive(data)

    meter.bus.receive = heard  # type: ignore[method-assign]
    for at_s in range(0, 601, step_s):
        left[0] = times if at_s == 300 else left[0]
        snapshot = meter.snapshot(at_s)
        assert at_s == 0 or snapshot.voltage_v_x100[0] == pytest.approx(10300, abs=2)
        assert at_s == 0 or snapshot.power_w_x10[0] == pytest.approx(30900, abs=5)
    assert meter.driver.stats["implausible"] > 0 and not meter.told
    assert flags_of(meter) == (STALE if times == 40 else 0) and meter.flags[-1] == 0
    assert lost_wh(meter, 600) == pytest.approx(0, abs=2 * COUNT_WH)


@STEPS
def test_a_counter_that_goes_wrong_for_one_reading_costs_no_energy(step_s: int) -> None:
    for value in (0, 1, 0x7FFFFF, 0xFFFFFF):
        meter = half_hour(
            step_s, lambda meter, _, on, value=value: meter.bus.chips[0].spike(0x07, value) if on else None
        )
        assert flags_of(meter) & REFUSED and "increment_refused" in {kind for kind, _, _ in meter.told}
        # two intervals are those of the samples: there and back
        assert abs(lost_wh(meter, SLOT_S + step_s)) <= 2 * COUNT_WH, value


def test_a_counter_that_begins_anew_by_itself_is_no_three_megawatt_hours() -> None:
    def switch(meter: Meter, _: Faults, on: bool) -> None:
        if on:
            meter.bus.chips[0].cf_cnt = 0

    meter = half_hour(1, switch)
    assert flags_of(meter) == REFUSED | RESET
    assert abs(lost_wh(meter, SLOT_S + 1)) <= NET_W / 3600 + 2 * COUNT_WH


def test_chips_that_restart_all_the_time_never_bring_energy_that_was_not() -> None:
    for seed in range(5):
        faults, dice = Faults(seed=seed), Random(seed)
        meter = Meter([Plain(Wave(Point(current_a=25.0)))], parts=PARTS, faults=faults)
        resets = 0
        for at_s in range(0, SLOT_S + 1, 10):
            if dice.random() < 0.3:
                meter.now_ms = (START_S + at_s) * 1000 - dice.randrange(9000)
                meter.bus.chips[0].advance()
                meter.bus.chips[0].cf_cnt = dice.randrange(1 << 24)
                faults.enable("ic_reset", count=1)
                faults.disable("ic_reset")
                resets += 1
            meter.snapshot(at_s)
        assert resets > 30
        assert 1250 - resets * 2500 * 10 / 3600 <= meter.import_wh <= 1250 + resets * 2 * COUNT_WH
        assert meter.export_wh == 0


def test_one_answer_in_thirty_damaged_for_six_hours_changes_nothing() -> None:
    dice = Random(5)
    meter = Meter([Plain(Wave(R)), Plain(Wave(T))], parts=PARTS)

    def now_and_then(frame: bytes, _: Random) -> bytes:
        return dice.choice(DAMAGES)(frame, dice) if dice.random() < 1 / 30 else frame

    for chip in meter.bus.chips:
        chip.damage = now_and_then
    for at_s in range(0, 6 * 3600 + 1, 2):
        meter.snapshot(at_s)
    assert lost_wh(meter, 6 * 3600) == pytest.approx(0, abs=2 * COUNT_WH)
    stale = sum(bool(flags & STALE) for flags in meter.flags)
    print(f"{stale} of {len(meter.flags)} stale, {meter.driver.stats}")
    assert stale < 20 and meter.driver.stats["missed"] > 500
    assert all(chip.read(0x19) == metering_bl0942.MODE for chip in meter.bus.chips)
