"""The emulated ADE7953 measures as the datasheet says (metering-ics.md 1)."""

from dataclasses import replace

import pytest
from keiki_host.bench.ics.ade7953 import OtherVoltage, Parts
from keiki_host.bench.ics.ade7953_parts import FULL_POWER, FULL_RMS
from keiki_host.bench.waves import Point, Wave, energy_wh

from tests.host.ade7953_wired import FULL, FULL_A, FULL_V, PARTS, Wired


def test_full_scale_is_that_of_the_datasheet() -> None:
    assert pytest.approx(353.9, abs=0.05) == FULL_V
    assert pytest.approx(70.71, abs=0.01) == FULL_A
    wired = Wired()
    wired.wait(1)
    assert wired.read(0x21A) == wired.read(0x21C) == 9_032_007
    assert wired.signed(0x212) == wired.signed(0x210) == 4_862_401
    assert wired.signed(0x214) == 0
    assert wired.read(0x21E) == pytest.approx(206_900, abs=2)


def test_what_is_more_than_full_scale_is_clipped() -> None:
    wired = Wired(replace(FULL, current_a=2 * FULL_A))
    wired.wait(1)
    assert wired.read(0x21A) == 9_032_007 and wired.signed(0x212) == 4_862_401


def test_pga_makes_less_full_scale() -> None:
    wired = Wired(Point(voltage_v=FULL_V / 2, current_a=FULL_A / 4))
    wired.write(0x007, 1)
    wired.write(0x008, 2)
    wired.wait(1)
    assert wired.read(0x21A) == wired.read(0x21C) == 9_032_007
    data = Parts(pga_v=2, pga_i=4).board()["scale"]
    assert data == {
        "lsb_per_v_x1000": round(FULL_RMS / (FULL_V / 2) * 1000),
        "lsb_per_a_x1000": round(FULL_RMS / (FULL_A / 4) * 1000),
        "lsb_per_w_x1000": round(FULL_POWER / (FULL_V / 2) / (FULL_A / 4) * 1000),
    }


def test_the_energy_register_is_half_full_after_20_and_rolls_over_after_40_seconds() -> None:
    wired = Wired()
    wired.read(0x22E)
    for seconds, half, over in ((20.2, 0, 0), (0.2, 1, 0), (19.9, 1, 0), (0.4, 1, 1)):
        wired.wait(seconds)
        assert wired.read(0x22D) & 9 == half | over << 3
    assert 0x800000 <= wired.read(0x21E) < 0x810000


def test_export_counts_down_and_rolls_over_too() -> None:
    wired = Wired(replace(FULL, export=True))
    wired.wait(40)
    assert -8_300_000 < wired.signed(0x21E) < -8_200_000
    wired.wait(41)
    assert wired.signed(0x21E) > 8_000_000
    assert wired.read(0x22D) & 9 == 9 and wired.read(0x201) >> 10 & 1


def test_reading_clears_unless_rstread_is_0_and_loses_no_part_of_a_count() -> None:
    wired = Wired(Point(voltage_v=100, current_a=1.0))
    total = 0
    for _ in range(1000):
        wired.wait(0.137)
        total += wired.read(0x21E)
        assert wired.read(0x21E) == 0
    expected = 137 * 100 / FULL_V / FULL_A * 206_900
    assert total == pytest.approx(expected, abs=1)
    wired.write(0x004, 0)
    wired.wait(137)
    assert wired.read(0x21E) == wired.read(0x31E) == pytest.approx(expected, abs=1)


def test_rstirqstat_obeys_rstread_or_not() -> None:
    for clears in (False, True):
        wired = Wired(clears_status=clears)
        wired.write(0x004, 0)
        assert wired.read(0x22E) & 1 << 20
        assert bool(wired.read(0x22D) & 1 << 20) != clears


def test_energy_does_not_depend_on_how_often_the_chip_is_asked() -> None:
    often, rarely = (Wired(Point(voltage_v=103, current_a=7.7, power_factor=0.6)) for _ in range(2))
    for wired in (often, rarely):
        wired.write(0x004, 0)
    for _ in range(5000):
        often.now_ms += 7
        often.chip.advance()
    rarely.wait(35)
    for register in range(0x21E, 0x224):
        assert often.read(register) == rarely.read(register)


def test_both_channels_measure_with_the_same_voltage() -> None:
    r, t = Wave(Point(voltage_v=103, current_a=10)), Wave(Point(voltage_v=98, current_a=20, power_factor=0.5))
    for turned in (True, False):
        wired = Wired(sources=[r, OtherVoltage(r, t, turned=turned)])
        wired.wait(1)
        lsb = PARTS.lsb_per_w
        assert wired.signed(0x212) == pytest.approx(1030 * lsb, abs=1)
        assert wired.signed(0x213) == pytest.approx((1 if turned else -1) * 1030 * lsb, abs=1)
        assert wired.signed(0x215) == pytest.approx((1 if turned else -1) * 2060 * 0.75**0.5 * lsb, abs=1)
        assert wired.read(0x21B) == pytest.approx(20 / FULL_A * FULL_RMS, abs=1)


def test_the_other_voltage_is_merged_span_by_span() -> None:
    v, i = Wave(Point(voltage_v=100)), Wave(Point(voltage_v=1, current_a=5))
    v.set(1300, Point(voltage_v=110))
    i.set(1700, Point(voltage_v=1, current_a=8, harmonics=((3, 0.0, 0.5, 0.0),)))
    spans = OtherVoltage(v, i).spans(1000, 2000)
    assert [(span.ms, span.p_w) for span in spans] == [(300, 500.0), (400, 550.0), (300, 880.0)]
    assert spans[2].i_rms == pytest.approx(8 * 1.25**0.5)
    assert energy_wh([OtherVoltage(v, i)], 1000, 2000)[0] == pytest.approx(634 / 3600)


@pytest.mark.parametrize("hz", [49.0, 50.0, 60.0, 61.0])
def test_the_period_tells_the_frequency(hz: float) -> None:
    wired = Wired(replace(FULL, frequency_hz=hz))
    wired.wait(1)
    assert 223750 / (wired.read(0x10E) + 1) == pytest.approx(hz, rel=0.0002)


def test_power_factor_and_angle_have_the_sign_of_reactive_power() -> None:
    rows = ((0.5, "L", False, 0.5, 60), (0.5, "C", False, -0.5, -60), (0.8, "L", True, -0.8, -143.13))
    for factor, kind, export, said, angle in rows:
        wired = Wired(replace(FULL, power_factor=factor, kind=kind, export=export))
        wired.wait(1)
        assert wired.signed(0x10A) == pytest.approx(said * 0x8000, abs=2)
        assert wired.signed(0x10C) * 0.0807 == pytest.approx(angle, abs=0.1)


def test_gains_reach_from_half_to_one_and_a_half() -> None:
    for register, watt, var, irms, vrms in (
        (0x282, True, False, False, False),
        (0x283, False, True, False, False),
        (0x280, True, True, True, False),
        (0x281, True, True, False, True),
    ):
        for value in (0x200000, 0x500000):
            wired = Wired(Point(voltage_v=FULL_V / 2, current_a=FULL_A / 2, power_factor=0.6))
            wired.write(register, value)
            wired.wait(1)
            k = value / 0x400000
            assert wired.signed(0x212) == pytest.approx(FULL_POWER * 0.15 * (k if watt else 1), abs=2)
            assert wired.signed(0x214) == pytest.approx(FULL_POWER * 0.2 * (k if var else 1), abs=2)
            assert wired.read(0x21A) == pytest.approx(FULL_RMS / 2 * (k if irms else 1), abs=2)
            assert wired.read(0x21C) == pytest.approx(FULL_RMS / 2 * (k if vrms else 1), abs=2)
            rate = FULL_POWER * 0.15 * (k if watt else 1) / 23.50
            assert wired.signed(0x21E) == pytest.approx(rate, rel=1e-4)


def test_channel_b_has_gains_of_its_own() -> None:
    wired = Wired(FULL, FULL)
    wired.write(0x28C, 0x200000)
    wired.write(0x28E, 0x300000)
    wired.wait(1)
    assert wired.read(0x21A) == FULL_RMS and wired.read(0x21B) == pytest.approx(FULL_RMS / 2, abs=1)
    assert wired.signed(0x212) == FULL_POWER
    assert wired.signed(0x213) == pytest.approx(FULL_POWER * 0.375, abs=1)


def test_offsets_of_power_are_512ths_of_an_lsb_and_of_rms_4096ths_of_its_square() -> None:
    wired = Wired(Point(voltage_v=100, current_a=0.1))
    wired.wait(1)
    watt, irms = wired.signed(0x212), wired.read(0x21A)
    wired.write(0x289, 512 * 100)
    wired.write(0x286, 1000)
    assert wired.signed(0x212) == watt + 100
    assert wired.read(0x21A) == pytest.approx((irms**2 + 4096 * 1000) ** 0.5, abs=1)
    wired.write(0x289, 0x1000000 - 512 * 100)
    wired.write(0x286, 0x1000000 - 1000)
    assert wired.signed(0x212) == watt - 100
    assert wired.read(0x21A) == pytest.approx((irms**2 - 4096 * 1000) ** 0.5, abs=1)


@pytest.mark.parametrize(("hz", "step"), [(50, 0.0201), (60, 0.0241)])
def test_phcal_delays_the_current_and_its_sign_advances_it(hz: int, step: float) -> None:
    from math import acos, degrees

    wired = Wired(replace(FULL, frequency_hz=hz, power_factor=0.5))
    for value, steps in ((0, 0), (1, 1), (383, 383), (0x201, -1), (0x200 + 383, -383)):
        wired.write(0x108, value)
        wired.wait(1)
        angle = degrees(acos(wired.signed(0x212) / FULL_POWER))
        assert angle - 60 == pytest.approx(steps * step, rel=0.002, abs=2e-5)


def test_no_load_is_one_ten_thousandth_by_default() -> None:
    for part, counts in ((1 / 10_100, False), (1 / 9_900, True)):
        wired = Wired(replace(FULL, current_a=FULL_A * part))
        wired.wait(60)
        assert bool(wired.signed(0x21E)) == counts
        assert wired.read(0x201) >> 16 & 1 == (not counts)
        assert bool(wired.read(0x22D) & 1 << 6) or counts
        wired.write(0x001, 1)
        wired.wait(60)
        assert wired.signed(0x21E) == pytest.approx(206_900 * 60 * part, abs=2)
        wired.write(0x203, 65536 - round(5000 / 1.4))
        wired.write(0x001, 0)
        wired.wait(60)
        assert wired.signed(0x21E) == 0


def test_positive_and_absolute_accumulation() -> None:
    for mode, wanted in ((0, -1), (1, 0), (2, 1)):
        wired = Wired(replace(FULL, export=True), replace(FULL, export=True))
        wired.write(0x201, mode | mode << 2)
        wired.wait(1)
        for register in (0x21E, 0x21F):
            assert wired.signed(register) == pytest.approx(wanted * 206_900, abs=2)
