"""Mains, ADE7953 model and the firmware's own driver in one chain: what is booked is what was used."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import radians

import pytest
from keiki.drivers import metering_ade7953_transports as transports
from keiki.drivers.metering import CREEP
from keiki.meter.history import History
from keiki.meter.registers import Registers
from keiki.wire import record
from keiki_host.bench.house import House
from keiki_host.bench.ics.ade7953 import Errors, OtherVoltage
from keiki_host.bench.waves import HouseSource, Point, Source, Wave, energy_wh
from ring import RingLog

from tests.host.ade7953_world import SLOT_S, START_S, World

CLASS_1 = [(percent, 1.0, "L") for percent in (5, 10, 20, 50, 100)]
CLASS_1 += [(percent, 0.5, "L") for percent in (10, 20, 50, 100)]
CLASS_1 += [(percent, 0.8, "C") for percent in (10, 20, 50, 100)]
"""(percent of the rating, power factor, kind): points of IEC 62053-21 for class 1."""
DISTORTED = ((3, 0.0, 0.10, radians(20)), (5, 0.02, 0.05, radians(-40)))
LIMIT = 0.0005
BUSES = ["spi", "uart"]

ERRORS = Errors(gain_v=0.008, gain_i=-0.013, delay_mdeg=-247, offset_w=0.4)
CALIBRATION = {
    "v_gain_ppm": round((1 / 1.008 - 1) * 1e6),
    "i_gain_ppm": round((1 / 0.987 - 1) * 1e6),
    "p_gain_ppm": round((1 / 1.008 / 0.987 - 1) * 1e6),
    "p_offset_mw": -400,
    "phase_mdeg": 247,
}


@pytest.fixture(autouse=True)
def _real_asyncio_afterwards() -> Iterator[None]:
    before = transports.asyncio
    yield
    transports.asyncio = before


def truth(sources: Sequence[Source], start_s: float, end_s: float) -> tuple[float, float]:
    """(import, export) in Wh of the net of the sources."""
    return energy_wh(sources, round((START_S + start_s) * 1000), round((START_S + end_s) * 1000))


def half_hour(world: World, wave: Wave, point: Point) -> float:
    """Let half an hour be at `point`; returns the relative error of the energy."""
    at_s = world.at_s
    wave.set(world.now_ms, point)
    at_s = at_s + 5
    world.snapshot(at_s)
    world.restart()
    imported, exported = truth([wave], at_s, world.run(SLOT_S))
    assert (world.import_wh_x1000[0] == 0) == point.export and (world.export_wh_x1000[0] == 0) != point.export
    return world.net_wh_x1000 / 1000 / (imported - exported) - 1


@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("rating_a", [30, 60, 120])
def test_half_hours_at_every_point_of_class_1_are_within_half_a_thousandth(rating_a: int, bus: str) -> None:
    wave = Wave()
    world = World([[wave]], rating_a, bus=bus, errors=[[ERRORS]], calibration=[CALIBRATION])
    world.begin()
    worst = (0.0, None)
    for number, (percent, power_factor, kind) in enumerate(CLASS_1):
        for export in (False, True):
            for frequency_hz in ((49.0, 60.0), (50.0, 61.0))[(number + export) % 2]:
                harmonics = DISTORTED if export == (percent in (10, 50)) else ()
                point = Point(
                    frequency_hz, 100.0, rating_a * percent / 100, power_factor, kind, export, harmonics
                )
                error = half_hour(world, wave, point)
                worst = max(worst, (abs(error), point), key=lambda row: row[0])
                assert not any(world.flags)
    assert not world.told
    print(f"{rating_a} A, {bus}: worst {worst[0] * 100:.4f} % at {worst[1]}")
    assert worst[0] < LIMIT


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
    "R alone": (replace(R_103, current_a=5.0), replace(T_98, current_a=0.0)),
}


@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("service", SERVICES)
def test_a_1p3w_service_on_two_chips_is_right_per_leg_and_in_sum(service: str, bus: str) -> None:
    points = SERVICES[service]
    legs: list[Source] = [Wave(point) for point in points]
    world = World([[leg] for leg in legs], bus=bus, errors=[[ERRORS]] * 2, calibration=[CALIBRATION] * 2)
    assert not world.driver.assumes_symmetry
    start_s = world.begin()
    end_s = world.run(SLOT_S)
    for phase in range(2):
        imported, exported = truth([legs[phase]], start_s, end_s)
        assert world.import_wh_x1000[phase] / 1000 == pytest.approx(imported, rel=LIMIT, abs=0.003)
        assert world.export_wh_x1000[phase] / 1000 == pytest.approx(exported, rel=LIMIT, abs=0.003)
    imported, exported = truth(legs, start_s, end_s)
    assert world.net_wh_x1000 / 1000 == pytest.approx(imported - exported, rel=LIMIT)


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


@pytest.mark.parametrize(("power_w", "rating_a"), [(1, 30), (100, 60), (12000, 120)])
def test_a_month_of_arithmetic_is_exact(power_w: int, rating_a: int) -> None:
    days = 30
    wave = Wave(Point(current_a=power_w / 100))
    world = World([[wave]], rating_a)
    registers = Registers(History(RingLog(record.SIZE, 100), RingLog(record.SIZE, 100)), gap_s=36000)
    world.begin()
    start_s = 60.0
    world.snapshot(start_s)
    registers.advance(world.now_ms, 0)
    # as rarely as the counters can tell: at 30 A within 112 s
    for _ in range(days * 24):
        before = world.net_wh_x1000
        end_s = world.run(3600, 100, 36)
        registers.advance(world.now_ms, world.net_wh_x1000 - before)
    error = registers.import_wh_x1000 / 1000 / truth([wave], start_s, end_s)[0] - 1
    print(f"{power_w} W for {days} days: {error * 100:.5f} %")
    assert abs(error) < 0.00005 and registers.export_wh_x1000 == 0
    assert not any(world.flags) and not world.told


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
