"""The emulated ATM90E32AS measures as the datasheet says (metering-ics.md 2.3 to 2.5), without the driver."""

from dataclasses import replace
from math import cos, pi, radians, sin, tan

import pytest
from keiki_host.bench.ics.atm90e32 import Errors, Parts
from keiki_host.bench.waves import Point

from tests.host.atm90e32_wired import KILOWATT, Wired, counts

# -- measuring ------------------------------------------------------------------------------------------


def test_formats_of_the_measurement_registers() -> None:
    wired = Wired()
    wired.load(Point(49.7, 101.23, 7.5, 0.5), c=Point(49.7, 98.0, 2.5, 0.8, "C", export=True))
    assert (wired.read(0xD9), wired.read(0xDB), wired.read(0xDA)) == (10123, 9800, 0)
    assert wired.read(0xDD) << 8 | wired.read(0xED) >> 8 == pytest.approx(7500 * 256, abs=80)
    assert wired.read(0xED) & 0xFF == 0
    assert wired.read(0xDF) in (2499, 2500)
    p, q = 101.23 * 7.5 * 0.5, 101.23 * 7.5 * 0.75**0.5
    assert wired.signed32(0xB1, 0xC1) * 0.00032 == pytest.approx(p, rel=4e-5)
    assert wired.signed32(0xB5, 0xC5) * 0.00032 == pytest.approx(q, rel=4e-5)
    assert wired.signed32(0xB9, 0xC9) * 0.00032 == pytest.approx(101.23 * 7.5, rel=4e-5)
    assert wired.signed32(0xB3, 0xC3) * 0.00032 == pytest.approx(-98 * 2.5 * 0.8, rel=4e-5)
    assert wired.signed32(0xB7, 0xC7) * 0.00032 == pytest.approx(98 * 2.5 * 0.6, rel=4e-5)
    assert wired.signed32(0xB0, 0xC0) * 0.00032 == pytest.approx(p - 98 * 2.5 * 0.8, rel=4e-5)
    assert (wired.read(0xBD), wired.read(0xBF)) == (500, 0x10000 - 800)
    assert (wired.read(0xF9), wired.read(0xF8), wired.read(0xFC)) == (600, 4970, 25)
    assert wired.read(0xFB) == 1800 - 369


def test_a_negative_temperature_is_twos_complement() -> None:
    assert Wired(temperature_c=-11).read(0xFC) == 0x10000 - 11


def test_the_high_word_of_power_alone_is_steps_of_21_w() -> None:
    wired = Wired()
    wired.load(KILOWATT)
    assert wired.read(0xB1) == int(1000 / (0.00032 * 65536)) == 47


@pytest.mark.parametrize(("frequency_hz", "window_ms"), [(50.0, 320), (60.0, 267)])
def test_readings_are_refreshed_every_16_cycles(frequency_hz: float, window_ms: int) -> None:
    wired = Wired()
    wired.load(Point(frequency_hz), 16.1)
    before = wired.read(0xDD)
    wired.chip.advance()
    wired.a.set(wired.now_ms, Point(frequency_hz, current_a=10))
    seen = []
    for _ in range(4 * window_ms):
        wired.wait(0.001)
        value = wired.read(0xDD)
        if value != before:
            seen.append((wired.now_ms, value))
            before = value
    assert len(seen) == 2  # a window with the change in it, then a whole one
    assert seen[1][0] - seen[0][0] == window_ms
    assert seen[1][1] == pytest.approx(10000, abs=1)


def test_frequency_is_that_of_a_then_c() -> None:
    wired = Wired()
    wired.load(Point(49.0), c=Point(51.0))
    assert wired.read(0xF8) == 4900
    wired.load(Point(49.0, voltage_v=0), c=Point(51.0))
    assert wired.read(0xF8) == 5100
    wired.load(Point(49.0, voltage_v=0), 2, Point(51.0, voltage_v=0))
    assert wired.read(0xF8) == 0


def test_irms_ends_at_65_535_a_and_power_does_not() -> None:
    wired = Wired()
    wired.load(Point(current_a=80))
    assert wired.read(0xDD) == 0xFFFF
    assert wired.signed32(0xB1, 0xC1) * 0.00032 == pytest.approx(8000, rel=4e-5)


def test_inputs_beyond_720_mv_are_clipped() -> None:
    parts = Parts()
    assert parts.range_a == pytest.approx(120)
    assert Parts(pga=4).range_a == pytest.approx(30)
    assert parts.range_v == pytest.approx(0.72 * 1681)
    wired = Wired()
    wired.configure(0x62, 13981)
    wired.load(Point(current_a=150))
    assert wired.read(0xDD) == pytest.approx(60000, rel=4e-5)


def test_harmonics_are_in_rms_and_active_power() -> None:
    wired = Wired()
    harmonics = ((3, 0.0, 0.1, 0.0), (5, 0.02, 0.05, radians(60)))
    point = Point(current_a=10, harmonics=harmonics)
    wired.load(point)
    assert wired.read(0xDD) == pytest.approx(10000 * (1 + 0.01 + 0.0025) ** 0.5, abs=1)
    assert wired.signed32(0xB1, 0xC1) * 0.00032 == pytest.approx(1000 + 2 * 0.5 * 0.5, rel=4e-5)


# -- energy ---------------------------------------------------------------------------------------------


def test_one_count_is_0_003125_wh_at_3200_impulses() -> None:
    wired = Wired()
    wired.load(KILOWATT, 11.25)
    assert wired.read(0x81) == pytest.approx(1000, abs=1)  # 11.25 J each


@pytest.mark.parametrize("imp_per_kwh", [1000, 3200, 5000, 10000])
def test_pl_constant_sets_the_impulses(imp_per_kwh: int) -> None:
    wired = Wired()
    pl = 450_000_000_000 // imp_per_kwh
    wired.configure(0x31, pl >> 16)
    wired.configure(0x32, pl & 0xFFFF)
    wired.load(KILOWATT, 36)
    assert wired.read(0x81) == pytest.approx(counts(10, imp_per_kwh), rel=5e-5, abs=1)
    assert (
        wired.chip.pulses
        == wired.read(0x80) // 100
        in (10 * imp_per_kwh // 1000 - 1, 10 * imp_per_kwh // 1000)
    )


def test_nothing_is_counted_or_measured_until_meter_en() -> None:
    wired = Wired(enable=False)
    wired.load(KILOWATT, 60)
    assert [wired.read(register) for register in (0x81, 0xD9, 0xB1)] == [0, 0, 0]
    wired.configure(0x00, 1)
    wired.wait(60)
    assert wired.read(0x81) > 0


def test_counts_do_not_depend_on_how_often_the_chip_is_asked() -> None:
    often, rarely = Wired(), Wired()
    often.load(KILOWATT, 0)
    total = 0
    for _ in range(600):
        often.wait(0.1)
        total += often.read(0x81)
    rarely.load(KILOWATT, 60)
    assert total == rarely.read(0x81)


def test_directions_have_registers_of_their_own_for_each_phase_and_the_sum() -> None:
    wired = Wired()
    wired.load(KILOWATT, 36, replace(KILOWATT, current_a=4, export=True))
    expected_wh = {0x80: 6, 0x81: 10, 0x87: 4}
    for register in range(0x80, 0x88):
        assert wired.read(register) == pytest.approx(counts(expected_wh.get(register, 0)), rel=5e-5, abs=1)


def test_sums_are_of_absolute_values_if_mmode0_says_so_and_without_a_phase_left_out() -> None:
    wired = Wired()
    wired.configure(0x33, 0x008F)
    wired.load(KILOWATT, 36, replace(KILOWATT, current_a=4, export=True))
    assert (wired.read(0x80), wired.read(0x84)) == (pytest.approx(counts(14), abs=2), 0)
    wired.configure(0x33, 0x0086)
    wired.wait(36)
    assert wired.read(0x80) == pytest.approx(counts(10), abs=2)
    assert wired.read(0x87) == pytest.approx(2 * counts(4), abs=2)


def test_reactive_and_apparent_energy() -> None:
    wired = Wired()
    wired.load(replace(KILOWATT, power_factor=0.8), 36, replace(KILOWATT, power_factor=0.6, kind="C"))
    assert wired.read(0x81) == pytest.approx(counts(8), abs=1)
    assert wired.read(0x89) == pytest.approx(counts(6), abs=1)
    assert wired.read(0x8F) == pytest.approx(counts(8), abs=1)
    assert (wired.read(0x91), wired.read(0x93)) == (pytest.approx(counts(10), abs=1),) * 2
    assert wired.read(0x8C) == pytest.approx(counts(2), abs=1) and wired.read(0x8D) == 0


def test_below_one_count_the_directions_cancel() -> None:
    wired = Wired()
    for _ in range(1000):
        wired.load(KILOWATT, 0.01)  # 10 J, a count is 11.25 J
        wired.load(replace(KILOWATT, export=True), 0.01)
    assert (wired.read(0x81), wired.read(0x85)) == (0, 0)
    for _ in range(100):
        wired.load(KILOWATT, 0.02)
        wired.load(replace(KILOWATT, export=True), 0.02)
    forward, reverse = wired.read(0x81), wired.read(0x85)
    assert forward > 50 and abs(forward - reverse) <= 1


def test_start_thresholds_stop_what_is_below() -> None:
    wired = Wired()
    wired.configure(0x38, 0x02EE)  # 0.24 W
    wired.load(Point(current_a=0.00239), 36000)
    assert (wired.read(0x80), wired.read(0x81)) == (0, 0)
    wired.load(Point(current_a=0.00241), 36000)
    assert wired.read(0x81) == pytest.approx(counts(2.41), abs=1)
    wired.configure(0x35, 0x1D4C)  # 2.4 W
    wired.read(0x80)
    wired.wait(36000)
    assert wired.read(0x80) == 0
    assert wired.read(0x81) == pytest.approx(counts(2.41), abs=1)


@pytest.mark.parametrize("saturates", [True, False])
def test_a_full_register_stays_full_or_begins_anew(saturates: bool) -> None:
    wired = Wired(saturates=saturates)
    wired.load(Point(current_a=100), 80)
    true = int(counts(10000 * 80 / 3600))
    assert true > 0xFFFF
    assert wired.read(0x81) == (0xFFFF if saturates else true & 0xFFFF)


# -- calibration ----------------------------------------------------------------------------------------


def test_gains_act_on_their_reading_and_both_on_power() -> None:
    wired = Wired()
    wired.configure(0x61, 52801 * 101 // 100)
    wired.configure(0x62, 27962 * 98 // 100)
    wired.load(KILOWATT)
    assert wired.read(0xD9) == pytest.approx(10100, abs=1)
    assert wired.read(0xDD) == pytest.approx(9800, abs=1)
    assert wired.signed32(0xB1, 0xC1) * 0.00032 == pytest.approx(1000 * 1.01 * 0.98, rel=1e-4)


def test_pq_gain_of_the_application_note_corrects_its_example() -> None:
    wired = Wired(errors=[Errors(gain_i=-0.1378)])
    wired.load(KILOWATT)
    assert wired.signed32(0xB1, 0xC1) * 0.00032 == pytest.approx(1000 * (1 - 0.1378), rel=4e-5)
    wired.configure(0x47, 0x1475)
    wired.wait(1)
    assert wired.signed32(0xB1, 0xC1) * 0.00032 == pytest.approx(1000, rel=6e-5)
    wired.read(0x81)
    wired.wait(36)
    assert wired.read(0x81) == pytest.approx(counts(10), rel=6e-5, abs=1)
    wired.configure(0x47, 0x10000 - 0x4000)
    wired.wait(1)
    assert wired.signed32(0xB1, 0xC1) * 0.00032 == pytest.approx(1000 * (1 - 0.1378) / 2, rel=1e-4)


@pytest.mark.parametrize(("frequency_hz", "factor"), [(50.0, 3763.739), (60.0, 3136.449)])
@pytest.mark.parametrize("delay_mdeg", [-800, 300])
def test_the_phase_factor_of_the_application_note_takes_the_error_away(
    frequency_hz: float, factor: float, delay_mdeg: float
) -> None:
    wired = Wired(errors=[Errors(delay_mdeg=delay_mdeg)])
    point = Point(frequency_hz, current_a=10, power_factor=0.5)
    wired.load(point)
    error = wired.signed32(0xB1, 0xC1) * 0.00032 / 500 - 1
    angle = radians(delay_mdeg / 1000) * frequency_hz / 50
    assert error == pytest.approx(cos(pi / 3 + angle) / 0.5 - 1, abs=5e-5)
    steps = round(error * factor)
    assert abs(steps) == pytest.approx(abs(delay_mdeg) / 1000 / 360 / 50 * 2.048e6, abs=2)
    # the current lags too much: the voltage is to be delayed, bit 15
    wired.configure(0x48, abs(steps) | (0x8000 if error < 0 else 0))
    wired.wait(1)
    assert abs(wired.signed32(0xB1, 0xC1) * 0.00032 / 500 - 1) < 4e-4


def test_one_phi_step_is_0_0088_degrees_at_50_hz() -> None:
    wired = Wired()
    wired.configure(0x48, 0x00FF)
    wired.load(replace(KILOWATT, power_factor=0.0))
    power = wired.signed32(0xB1, 0xC1) * 0.00032
    assert power == pytest.approx(-1000 * sin(radians(255 * 360 * 50 / 2.048e6)), rel=1e-4)
    step = 360 * 50 / 2.048e6
    assert step == pytest.approx(0.0088, abs=1e-4)
    assert 1 / (tan(pi / 3) * radians(step)) == pytest.approx(3763.739, rel=1e-6)


def test_offsets_of_the_application_note_take_the_floor_away() -> None:
    wired = Wired(errors=[Errors(offset_w=1.5, floor_a=0.02)])
    wired.load(Point())
    current = wired.read(0xDD) << 16 | wired.read(0xED)
    power = wired.signed32(0xB1, 0xC1)
    assert current / 65536 == pytest.approx(20, abs=0.1) and power * 0.00032 == pytest.approx(1.5, rel=1e-3)
    wired.configure(0x64, -(current >> 7) & 0xFFFF)
    wired.configure(0x41, -power & 0xFFFF)
    wired.wait(1)
    assert wired.read(0xDD) == 0 and wired.signed32(0xB1, 0xC1) == 0
    wired.read(0x81)
    wired.wait(36000)
    assert wired.read(0x81) + wired.read(0x85) < 40


def test_pga_is_a_gain_of_the_current() -> None:
    wired = Wired()
    wired.configure(0x34, 0b000001)
    wired.load(KILOWATT, 1, KILOWATT)
    assert (wired.read(0xDD), wired.read(0xDF)) == (pytest.approx(20000, abs=2), pytest.approx(10000, abs=1))


def test_errors_of_the_board_show_in_the_readings() -> None:
    wired = Wired(errors=[Errors(gain_v=0.01, gain_i=-0.02)])
    wired.load(KILOWATT)
    assert wired.read(0xD9) == pytest.approx(10100, abs=1) and wired.read(0xDD) == pytest.approx(9800, abs=1)
    assert wired.signed32(0xB1, 0xC1) * 0.00032 == pytest.approx(1000 * 1.01 * 0.98, rel=4e-5)


def test_noise_is_of_the_readings_and_changes_with_each_window() -> None:
    wired = Wired(errors=[Errors(noise_w=100, noise_v=3, noise_a=5)])
    wired.load(KILOWATT, 0)
    seen = set()
    for _ in range(50):
        wired.wait(0.32)
        first = wired.signed32(0xB1, 0xC1), wired.read(0xD9), wired.read(0xDD)
        assert first == (wired.signed32(0xB1, 0xC1), wired.read(0xD9), wired.read(0xDD))
        seen.add(first)
    assert len(seen) == 50
    powers = [power for power, _, _ in seen]
    assert max(powers) - min(powers) > 200
    assert wired.read(0x81) == pytest.approx(counts(1000 * 16 / 3600), abs=1)
