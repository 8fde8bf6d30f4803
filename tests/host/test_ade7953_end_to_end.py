"""Mains, ADE7953 model and the firmware's own driver in one chain: what is booked is what was used."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from keiki.drivers.metering import CREEP
from keiki_host.bench.house import House
from keiki_host.bench.ics.ade7953 import Errors, OtherVoltage
from keiki_host.bench.waves import HouseSource, Point, Source, Wave, energy_wh

from tests.host.accuracy_points import LIMIT, SERVICES
from tests.host.ade7953_world import CALIBRATION, ERRORS, SLOT_S, START_S, World

BUSES = ["spi", "uart"]


def truth(sources: Sequence[Source], start_s: float, end_s: float) -> tuple[float, float]:
    """(import, export) in Wh of the net of the sources."""
    return energy_wh(sources, round((START_S + start_s) * 1000), round((START_S + end_s) * 1000))


@pytest.mark.parametrize("step_s", [1, 10])
@pytest.mark.parametrize("bus", BUSES)
def test_half_hours_with_noise_and_ripple_are_as_good(bus: str, step_s: int) -> None:
    errors = Errors(floor_a=0.02, noise_v=1e-4, noise_a=1e-4, noise_w=1e-4, ripple=0.02)
    for current_a in (1.5, 60.0):
        wave = Wave(Point(50.0, 100.0, current_a, 0.5))
        world = World([[wave]], 60, bus=bus, errors=[[errors]])
        at_s = world.begin()
        imported, _ = truth([wave], at_s, world.run(SLOT_S, step_s))
        assert world.net_wh_x1000 / 1000 == pytest.approx(imported, rel=LIMIT)
        assert world.slowest_ms < 1000


@pytest.mark.parametrize("bus", BUSES)
def test_all_readings_are_those_of_the_mains(bus: str) -> None:
    for rating_a in (30, 60, 120):
        point = Point(50.5, 104.2, rating_a * 1.0, 0.8, "C", export=True)
        wired: list[list[Source]] = [[Wave(point)], [Wave(replace(point, export=False))]]
        world = World(wired, rating_a, bus=bus)
        world.begin()
        snapshot = world.snapshot(40)
        p = 104.2 * rating_a
        assert snapshot.voltage_v_x100 == [pytest.approx(10420, abs=1)] * 2
        assert snapshot.current_ma == [pytest.approx(rating_a * 1000, rel=1e-4)] * 2
        # the mean of 10 s: at both ends a few ms are not known
        assert snapshot.power_w_x10 == [pytest.approx(-8 * p, rel=1e-3), pytest.approx(8 * p, rel=1e-3)]
        # export turns the current round: what leads import lags export
        assert snapshot.reactive_var_x10 == [pytest.approx(6 * p, rel=1e-3), pytest.approx(-6 * p, rel=1e-3)]
        assert snapshot.power_factor_x1000 == [pytest.approx(-800, abs=1), pytest.approx(800, abs=1)]
        assert snapshot.frequency_hz_x100 == [pytest.approx(5050, abs=1)] * 2
        assert snapshot.flags == 0


def test_readings_are_calibrated_too() -> None:
    world = World([[Wave(Point(50.0, 101.0, 30.0))]], errors=[[ERRORS]], calibration=[CALIBRATION])
    world.begin()
    snapshot = world.snapshot(40)
    assert snapshot.voltage_v_x100 == [10100] and snapshot.current_ma == [pytest.approx(30000, abs=2)]
    assert snapshot.power_w_x10 == [pytest.approx(30300, rel=1e-4)]
    assert abs(snapshot.reactive_var_x10[0]) <= 6
    assert snapshot.power_factor_x1000 == [1000]


# -- 1P3W -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turned", [True, False], ids=["transformer turned", "inverted here"])
@pytest.mark.parametrize("service", SERVICES)
def test_one_chip_for_both_legs_is_wrong_by_the_difference_of_their_voltages(
    service: str, turned: bool
) -> None:
    points = SERVICES[service]
    r, t = (Wave(point) for point in points)
    data = {} if turned else {"inverted": (False, True)}
    world = World([[r, OtherVoltage(r, t, turned=turned)]], data=data)
    assert world.driver.assumes_symmetry
    start_s = world.begin()
    end_s = world.run(SLOT_S)
    imported, exported = truth([r], start_s, end_s)
    assert (world.import_wh_x1000[0] - world.export_wh_x1000[0]) / 1000 == pytest.approx(
        imported - exported, rel=LIMIT
    )
    imported, exported = truth([t], start_s, end_s)
    # 103 V instead of 98 V
    assert (world.import_wh_x1000[1] - world.export_wh_x1000[1]) / 1000 == pytest.approx(
        (imported - exported) * 103 / 98, rel=LIMIT, abs=0.003
    )
    imported, exported = truth([r, t], start_s, end_s)
    print(f"{service}: {(world.net_wh_x1000 / 1000 / (imported - exported) - 1) * 100:+.2f} % of the net")


@pytest.mark.parametrize("phases", [1, 2])
def test_a_house_day_is_right_in_both_directions(phases: int) -> None:
    house = House("house", 2, phases)
    legs: list[Source] = [HouseSource(house.phase(index)) for index in range(phases)]
    world = World([[leg] for leg in legs], errors=[[ERRORS]] * phases, calibration=[CALIBRATION] * phases)
    start_s = world.begin()
    end_s = world.run(86400, 10, 6)
    assert not any(flags & ~CREEP for flags in world.flags) and not world.told
    true = truth(legs, start_s, end_s)
    assert true[0] > 1000 and true[1] > 1000
    assert world.net_wh_x1000 / 1000 == pytest.approx(true[0] - true[1], abs=0.0002 * (true[0] + true[1]))


# -- calibration ----------------------------------------------------------------------------------------


def test_calibration_in_the_middle_loses_nothing() -> None:
    world = World([[Wave(Point(current_a=10))]])
    world.begin()
    for _ in range(6):
        world.driver.apply([{"p_gain_ppm": 20000, "i_gain_ppm": -150000}])
        world.run(300)
        world.driver.apply([{}])
        world.run(300)
    # the new gain is there from the first poll on, 10 s into each half
    assert world.net_wh_x1000 / 1000 == pytest.approx(1000 * 1.01, rel=2e-5)
    assert not world.told and not any(world.flags)
    assert world.driver.stats["crc_changes"] == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_two_trial_values_find_the_phase_and_the_direction_of_phcal(sign: int) -> None:
    wave = Wave(Point(current_a=10, power_factor=0.5))
    world = World([[wave]], errors=[[Errors(delay_mdeg=-400)]], data={"phcal_sign": sign})

    def error(mdeg: int) -> float:
        world.driver.apply([{"phase_mdeg": mdeg}])
        world.poll(world.at_s + 10)
        world.snapshot(world.at_s + 10)
        world.restart()
        world.run(SLOT_S)
        return world.net_wh_x1000 / 250_000 - 1

    world.begin()
    errors = [error(0), error(1000)]
    slope = (errors[1] - errors[0]) / 1000
    assert (slope < 0) == (sign == 1)
    assert abs(error(round(-errors[0] / slope))) < LIMIT


def test_what_phcal_is_too_coarse_for_is_corrected_in_software() -> None:
    worst = 0.0
    for mdeg in (-1003, -990, 3, 7, 10, 13, 17, 250):
        for frequency_hz in (50.0, 60.0):
            wave = Wave(Point(frequency_hz, 100.0, 20.0, 0.5))
            errors = Errors(delay_mdeg=-mdeg)
            world = World([[wave]], errors=[[errors]], calibration=[{"phase_mdeg": mdeg}])
            start_s = world.begin()
            imported, _ = truth([wave], start_s, world.run(SLOT_S))
            worst = max(worst, abs(world.net_wh_x1000 / 1000 / imported - 1))
    # half a step would be 0.03 %
    print(f"phase: worst {worst * 100:.5f} %")
    assert worst < 0.00002


def test_a_phase_that_changes_by_less_than_a_step_is_used_too() -> None:
    wave = Wave(Point(current_a=20.0, power_factor=0.5))
    world = World([[wave]])
    world.begin()
    world.run(10)
    world.driver.apply([{"phase_mdeg": 9}])
    world.run(10)
    world.restart()
    world.run(SLOT_S)
    # the current lags 9 mdeg more: cos 60.009 degrees
    assert world.net_wh_x1000 / 500_000 - 1 == pytest.approx(-0.000272, abs=3e-6)


def test_an_offset_of_an_inverted_channel_is_added_to_its_reading() -> None:
    wave = Wave(Point(current_a=0.5, export=True))
    world = World([[wave]], data={"inverted": (True,)}, calibration=[{"p_offset_mw": 2000}])
    world.begin()
    world.run(SLOT_S)
    assert world.net_wh_x1000 / 1000 == pytest.approx(26, rel=LIMIT)


# -- nothing is lost in the arithmetic ------------------------------------------------------------------


def test_below_the_start_nothing_is_booked_and_above_it_everything_is() -> None:
    for power_w, booked in ((0.45, False), (-0.45, False), (0.55, True), (-0.55, True)):
        wave = Wave(Point(current_a=abs(power_w) / 100, export=power_w < 0))
        world = World([[wave]], errors=[[Errors(floor_a=0.02)]])
        world.begin()
        world.run(SLOT_S)
        snapshot = world.snapshot(world.at_s + 10)
        assert bool(snapshot.flags & CREEP) != booked
        if booked:
            assert world.net_wh_x1000 == pytest.approx(power_w * 500, abs=3)
            assert snapshot.current_ma[0] > 15
        else:
            assert world.net_wh_x1000 == 0
            assert (snapshot.power_w_x10, snapshot.current_ma) == ([0], [0])
            assert snapshot.power_factor_x1000 == [None]
