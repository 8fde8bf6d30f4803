"""Calibration in software: what it does to readings and energy, and what a driver without registers says."""

from keiki.drivers.calibration import KEYS, Correction, checked, scaled
from keiki.drivers.metering import Remainder, Snapshot
from keiki.drivers.metering_bl0942 import MODE_RESET, Bl0942
from metering_line import finish
from test_metering_bl0942 import COUNT_WH_X1000, WATT_1000, Chip, energy_of, meter


def refused(calibration, phases=1):
    try:
        checked(calibration, phases)
    except ValueError as error:
        return str(error)
    return None


def test_a_missing_key_is_zero_and_a_wrong_one_is_refused():
    assert checked([{}, {"p_gain_ppm": -5}], 2) == [[0, 0, 0, 0, 0, 0], [0, 0, -5, 0, 0, 0]]
    assert refused([{}], 2) == "calibration: 1 phases, not 2"
    assert refused([{"gain": 1}]) == "calibration: no gain"
    assert refused([{"v_gain_ppm": 200001}]) == "calibration: v_gain_ppm 200001"
    assert refused([{"v_gain_ppm": 1.5}]) == "calibration: v_gain_ppm 1.5"
    for key in KEYS:
        assert refused([{key: -200000000}]) and refused([{key: 9999}]) is None


def test_scaling_rounds_alike_on_both_sides_of_zero():
    assert [scaled(x, 1, 10) for x in (-15, -14, -5, -4, 4, 5, 14, 15)] == [-2, -1, -1, 0, 0, 1, 1, 2]


def filled(voltage_mv, current_ua, power_mw, **calibration):
    snapshot, correction = Snapshot(1), Correction()
    correction.values = checked([calibration], 1)[0]
    correction.fill(snapshot, 0, voltage_mv, current_ua, power_mw)
    assert snapshot.reactive_var_x10 == [None]
    return (
        snapshot.voltage_v_x100[0],
        snapshot.current_ma[0],
        snapshot.power_w_x10[0],
        snapshot.power_factor_x1000[0],
    )


def test_each_gain_corrects_its_own_quantity_and_the_power_factor_follows():
    assert filled(100000, 10000000, 500000) == (10000, 10000, 5000, 500)
    assert filled(100000, 10000000, -500000, v_gain_ppm=10000) == (10100, 10000, -5000, -495)
    assert filled(100000, 10000000, 500000, i_gain_ppm=-20000) == (10000, 9800, 5000, 510)
    assert filled(100000, 10000000, 500000, p_gain_ppm=30000) == (10000, 10000, 5150, 515)
    assert filled(100000, 10000000, 1000500) == (10000, 10000, 10005, 1000)


def test_offsets_are_added_only_to_what_flows():
    assert filled(100000, 10000000, 500000, i_offset_ua=-2000, p_offset_mw=1000) == (10000, 9998, 5010, 501)
    assert filled(100000, 0, 0, i_offset_ua=2000, p_offset_mw=1000) == (10000, 0, 0, None)
    assert filled(100000, 1000, 500, i_offset_ua=-2000) == (10000, 0, 5, None)


def test_a_changed_gain_keeps_what_was_left_over():
    whole = Remainder(1, 1000)
    assert whole.take(999) == 0
    whole.regain(2)
    assert whole.take(1) == 1


def test_gain_of_p_corrects_the_energy_of_a_bl0942_both_ways():
    for ppm, expected in ((0, 500000), (10000, 505000), (-123456, 438272)):
        for watt, sums in ((WATT_1000, [expected, 0]), (-WATT_1000, [0, expected])):
            chip = Chip()
            driver, _ = meter(chip)
            driver.apply([{"p_gain_ppm": ppm, "v_gain_ppm": 50000, "i_gain_ppm": 50000}])
            assert energy_of(chip, driver, watt, 1800, 10) == sums


def test_offset_of_p_is_energy_too_but_not_below_creep():
    chip = Chip()
    driver, _ = meter(chip)
    driver.apply([{"p_offset_mw": -10000}])
    assert energy_of(chip, driver, WATT_1000, 1800, 10) == [495000, 0]
    chip = Chip()
    driver, _ = meter(chip)
    driver.apply([{"p_offset_mw": 10000}])
    assert energy_of(chip, driver, -WATT_1000, 1800, 10) == [0, 495000]
    chip = Chip()
    driver, _ = meter(chip)
    driver.apply([{"p_offset_mw": 10000}])
    chip.status = 0x02
    assert energy_of(chip, driver, 0, 1800, 10) == [0, 0]


def test_a_bl0942_cannot_turn_the_phase_and_says_so():
    assert Bl0942.ignored == ("phase_mdeg",)
    driver, _ = meter(Chip())
    driver.apply([{"phase_mdeg": 100}])


def test_calibration_in_the_middle_loses_nothing():
    chip = Chip()
    driver, _ = meter(chip)
    chip.watt, total = WATT_1000, 0
    for at_s in range(3601):
        driver.apply([{"p_gain_ppm": 7 * (at_s % 2)}])
        total += finish(driver.snapshot(at_s * 1000)).net_wh_x1000
        chip.flow(1000)
    assert abs(total - 1000000 - 3) <= 1


def test_self_check_names_what_is_wrong():
    r, t = Chip(0), Chip(1)
    driver, _ = meter(r, t)
    assert finish(driver.self_check()) == ["r_settings", "t_settings"]
    finish(driver.snapshot(0))
    assert finish(driver.self_check()) == []
    t.silent = True
    assert finish(driver.self_check()) == ["t_silent"]
    t.silent, r.mode, t.volts = False, MODE_RESET, 9
    assert finish(driver.self_check()) == ["r_settings", "t_voltage"]


def test_a_restart_and_a_refused_step_are_told():
    chip = Chip()
    chip.cf, chip.watt = 6820, WATT_1000
    driver, _ = meter(chip)
    told = []
    driver.on_event = lambda kind, before, after: told.append((kind, before, after))
    finish(driver.snapshot(0))
    chip.cf = 106820
    finish(driver.snapshot(1000))
    assert told == [("increment_refused", 6820, 106820)]
    chip.restart()
    snapshot = finish(driver.snapshot(2000))
    assert told[1:] == [("increment_refused", 106820, 0), ("ic_reset", 106820, 0)]
    assert snapshot.net_wh_x1000 <= COUNT_WH_X1000
