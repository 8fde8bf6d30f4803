"""Mains, ATM90E32AS model and the firmware's own driver in one chain: what is booked is what was used."""

from collections.abc import Iterator
from dataclasses import replace
from math import radians

import pytest
from keiki.drivers import metering_atm90e32
from keiki.drivers.metering import CREEP
from keiki.meter.history import History
from keiki.meter.registers import Registers
from keiki.wire import record
from keiki_host.bench.house import House
from keiki_host.bench.ics.atm90e32 import Errors
from keiki_host.bench.waves import HouseSource, Point, Source, Wave, energy_wh
from ring import RingLog

from tests.host.atm90e32_world import CALIBRATION, ERRORS, SLOT_S, START_S, World

CLASS_1 = [(percent, 1.0, "L") for percent in (5, 10, 20, 50, 100)]
CLASS_1 += [(percent, 0.5, "L") for percent in (10, 20, 50, 100)]
CLASS_1 += [(percent, 0.8, "C") for percent in (10, 20, 50, 100)]
"""(percent of the rating, power factor, kind): points of IEC 62053-21 for class 1."""
DISTORTED = ((3, 0.0, 0.10, radians(20)), (5, 0.02, 0.05, radians(-40)))
LIMIT = 0.0005


@pytest.fixture(autouse=True)
def _real_asyncio_afterwards() -> Iterator[None]:
    before = metering_atm90e32.asyncio
    yield
    metering_atm90e32.asyncio = before


def truth(legs: list[Source], start_s: float, end_s: float) -> tuple[float, float]:
    """(import, export) in Wh of the net of the legs."""
    return energy_wh(legs, round((START_S + start_s) * 1000), round((START_S + end_s) * 1000))


def half_hour_error(world: World, at_s: float, leg: Wave, point: Point) -> float:
    """Let both legs have `point` for half an hour from a second after `at_s`; returns the relative error."""
    leg.set(world.now_ms, point)
    world.snapshot(at_s + 1)
    before = world.net_wh_x1000
    end_s = world.run(at_s + 1, SLOT_S)
    gained = (world.net_wh_x1000 - before) / 1000
    imported, exported = truth([leg, leg], at_s + 1, end_s)
    return gained / (imported - exported) - 1


@pytest.mark.parametrize("line_hz", [50, 60])
@pytest.mark.parametrize("rating_a", [30, 60, 120])
def test_half_hours_at_every_point_of_class_1_are_within_half_a_thousandth(
    rating_a: int, line_hz: int
) -> None:
    leg = Wave()
    world = World([leg, leg], rating_a, errors=ERRORS, calibration=CALIBRATION, line_hz=line_hz)
    at_s = world.begin()
    worst = (0.0, None)
    for frequency_hz in {50: (49.0, 50.0), 60: (60.0, 61.0)}[line_hz]:
        for percent, power_factor, kind in CLASS_1:
            for export in (False, True):
                harmonics = DISTORTED if export == (percent in (10, 50)) else ()
                point = Point(
                    frequency_hz, 100.0, rating_a * percent / 100, power_factor, kind, export, harmonics
                )
                error = half_hour_error(world, at_s, leg, point)
                at_s += 1 + SLOT_S
                worst = max(worst, (abs(error), point), key=lambda row: row[0])
    assert not any(world.flags) and not world.events
    print(f"{rating_a} A, {line_hz} Hz: worst {worst[0] * 100:.4f} % at {worst[1]}")
    assert worst[0] < LIMIT


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


R_103, T_98 = Point(voltage_v=103.0), Point(voltage_v=98.0)
SERVICES = {
    "200 V heater": (replace(R_103, current_a=20.0), replace(T_98, current_a=20.0)),
    "200 V motor": (
        replace(R_103, current_a=15.0, power_factor=0.8),
        replace(T_98, current_a=15.0, power_factor=0.8),
    ),
    "200 V heater, 7 A on R, 3 A of sun on T": (
        replace(R_103, current_a=27.0),
        replace(T_98, current_a=17.0),
    ),
    "7 A on R, 12 A of sun on T": (
        replace(R_103, current_a=7.0),
        replace(T_98, current_a=12.0, export=True),
    ),
    "neutral lost its load: R alone": (replace(R_103, current_a=5.0), replace(T_98, current_a=0.0)),
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_1p3w_service_is_right_per_leg_and_in_sum(service: str) -> None:
    points = SERVICES[service]
    legs: list[Source] = [Wave(point) for point in points]
    world = World(legs, 60, errors=ERRORS, calibration=CALIBRATION)
    start_s = world.begin()
    end_s = world.run(start_s, SLOT_S)
    snapshot = world.snapshot(end_s)
    for phase, point in enumerate(points):
        imported, exported = truth([legs[phase]], start_s, end_s)
        assert world.import_wh[phase] == pytest.approx(imported, rel=LIMIT, abs=0.003)
        assert world.export_wh[phase] == pytest.approx(exported, rel=LIMIT, abs=0.003)
        assert snapshot.voltage_v_x100[phase] == pytest.approx(point.voltage_v * 100, rel=1e-4)
        assert snapshot.current_ma[phase] == pytest.approx(point.current_a * 1000, rel=1e-4)
        power_w = point.voltage_v * point.current_a * point.power_factor * (-1 if point.export else 1)
        assert snapshot.power_w_x10[phase] == pytest.approx(power_w * 10, rel=LIMIT)
    imported, exported = truth(legs, start_s, end_s)
    assert world.net_wh_x1000 / 1000 == pytest.approx(imported - exported, rel=LIMIT)


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
    assert not world.events and not any(world.flags)


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


# -- nothing is lost in the arithmetic ------------------------------------------------------------------


@pytest.mark.parametrize(("power_w", "rating_a", "step_s"), [(1, 30, 3600), (100, 60, 600), (12000, 120, 60)])
def test_a_month_of_arithmetic_is_exact(power_w: int, rating_a: int, step_s: int) -> None:
    days = 30
    leg = Wave(Point(current_a=power_w / 100))
    world = World([leg], rating_a)
    registers = Registers(History(RingLog(record.SIZE, 100), RingLog(record.SIZE, 100)), gap_s=36000)
    at_s = world.begin()
    at_s = start_s = 60.0
    world.snapshot(at_s)
    registers.advance(world.now_ms, 0)
    # a register fills in 78 s of full load: steps are as long as it allows
    for step in range(1, days * 86400 // step_s + 1):
        at_s += step_s
        if step % 10:
            world.poll(at_s)
            continue
        before = world.net_wh_x1000
        world.snapshot(at_s)
        registers.advance(world.now_ms, world.net_wh_x1000 - before)
    true = truth([leg], start_s, at_s)[0]
    error = registers.import_wh_x1000 / 1000 / true - 1
    print(f"{power_w} W for {days} days: {error * 100:.5f} %")
    assert abs(error) < 0.00005 and registers.export_wh_x1000 == 0
    assert not any(world.flags) and not world.events
