"""Mains, ATM90E32AS model and the firmware's own driver in one chain: what is booked is what was used."""

from dataclasses import replace

import pytest
from keiki.drivers.metering import CREEP
from keiki_host.bench.house import House
from keiki_host.bench.ics.atm90e32 import Errors
from keiki_host.bench.waves import HouseSource, Point, Source, Wave, energy_wh

from tests.host.accuracy_points import LIMIT
from tests.host.atm90e32_world import CALIBRATION, ERRORS, SLOT_S, START_S, World


def truth(legs: list[Source], start_s: float, end_s: float) -> tuple[float, float]:
    """(import, export) in Wh of the net of the legs."""
    return energy_wh(legs, round((START_S + start_s) * 1000), round((START_S + end_s) * 1000))


@pytest.mark.parametrize("phases", [1, 2])
def test_a_house_day_is_right_in_both_directions(phases: int) -> None:
    house = House("house", 2, phases)
    legs: list[Source] = [HouseSource(house.phase(index)) for index in range(phases)]
    world = World(legs, 60, errors=ERRORS, calibration=CALIBRATION[:phases])
    start_s = at_s = world.begin()
    while at_s < 86400:
        at_s = world.run(at_s, 60)
    assert not any(flags & ~CREEP for flags in world.flags)
    true = truth(legs, start_s, at_s)
    assert true[0] > 1000 and true[1] > 1000
    booked = sum(world.import_wh) - sum(world.export_wh)
    assert booked == pytest.approx(true[0] - true[1], abs=0.0002 * (true[0] + true[1]))


def test_balanced_sun_and_load_book_nothing_although_both_legs_run() -> None:
    # the sum of the chip is 0 here: its threshold for all phases must not stop the legs
    legs: list[Source] = [Wave(Point(current_a=10)), Wave(Point(current_a=10, export=True))]
    world = World(legs, 60)
    world.run(world.begin(), SLOT_S)
    assert world.import_wh[0] == pytest.approx(500, rel=LIMIT)
    assert world.export_wh[1] == pytest.approx(500, rel=LIMIT)
    assert abs(world.net_wh_x1000) <= 4


@pytest.mark.parametrize("rating_a", [30, 60, 120])
def test_all_readings_are_those_of_the_mains(rating_a: int) -> None:
    point = Point(50.5, 104.2, rating_a * 1.0, 0.8, "C", export=True)
    world = World([Wave(point), Wave(replace(point, export=False))], rating_a)
    world.begin()
    snapshot = world.snapshot(5)
    power = 104.2 * rating_a
    assert snapshot.voltage_v_x100 == [pytest.approx(10420, abs=2)] * 2
    assert snapshot.current_ma == [pytest.approx(rating_a * 1000, rel=1e-4)] * 2
    assert snapshot.power_w_x10 == [pytest.approx(-8 * power, rel=1e-4), pytest.approx(8 * power, rel=1e-4)]
    # export turns the current round: what leads import lags export
    assert snapshot.reactive_var_x10 == [
        pytest.approx(6 * power, rel=1e-4),
        pytest.approx(-6 * power, rel=1e-4),
    ]
    assert snapshot.power_factor_x1000 == [-800, 800]
    assert snapshot.frequency_hz_x100 == [5050, 5050]


def test_offsets_and_noise_are_calibrated_away() -> None:
    errors = [Errors(offset_w=0.8, noise_w=300, noise_v=2, noise_a=3)]
    leg = Wave(Point(current_a=0.1))
    world = World([leg], 60, errors=errors, calibration=[{"p_offset_mw": -800}])
    start_s = world.begin()
    world.run(start_s, 4 * SLOT_S)
    assert world.import_wh[0] == pytest.approx(20, rel=LIMIT)


def test_calibration_in_the_middle_holds_from_the_next_poll_on_and_loses_nothing() -> None:
    world = World([Wave(Point(current_a=10))], 60)
    at_s = world.begin()
    for _ in range(6):
        world.driver.apply([{"p_gain_ppm": 20000}])
        at_s = world.run(at_s, 300)
        world.driver.apply([{}])
        at_s = world.run(at_s, 300)
    # the new gain is there from the first poll on, 10 s into each half
    assert world.import_wh[0] == pytest.approx(1000 * 1.01, rel=2e-5)
    assert not world.told and not any(world.flags)


@pytest.mark.parametrize("rating_a", [60, 120])
@pytest.mark.parametrize("phi_sign", [1, -1])
def test_two_trial_values_find_the_phase_and_the_direction_of_phi(rating_a: int, phi_sign: int) -> None:
    leg = Wave(Point(current_a=10, power_factor=0.5))
    world = World([leg], rating_a, errors=[Errors(delay_mdeg=-400)], phi_sign=phi_sign)
    at_s = world.begin()
    errors = []
    for mdeg in (0, 1000):
        world.driver.apply([{"phase_mdeg": mdeg}])
        at_s = world.run(at_s, 10)
        before = world.import_wh[0]
        at_s = world.run(at_s, SLOT_S)
        errors.append((world.import_wh[0] - before) / 250 - 1)
    slope = (errors[1] - errors[0]) / 1000
    assert (slope < 0) == (phi_sign == 1)
    world.driver.apply([{"phase_mdeg": round(-errors[0] / slope)}])
    at_s = world.run(at_s, 10)
    before = world.import_wh[0]
    world.run(at_s, SLOT_S)
    assert abs((world.import_wh[0] - before) / 250 - 1) < LIMIT
