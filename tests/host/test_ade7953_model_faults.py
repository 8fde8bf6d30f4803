"""Line-cycle windows of the emulated ADE7953, its errors, noise and faults (metering-ics.md 1)."""

from dataclasses import replace
from random import Random
from statistics import mean, stdev

import pytest
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics import ade7953_bus
from keiki_host.bench.ics.ade7953 import Errors
from keiki_host.bench.ics.ade7953_parts import FULL_POWER, FULL_RMS
from keiki_host.bench.waves import Point

from tests.host.ade7953_wired import FULL, FULL_A, FULL_V, PARTS, Wired

# -- line cycles -----------------------------------------------------------------------------------------


def test_line_cycle_windows_hold_their_energy_until_the_next_end() -> None:
    wired = Wired()
    wired.wait(0.0031)
    wired.write(0x101, 100)
    wired.write(0x004, 0x01)
    wired.read(0x22E)
    wired.wait(0.98)
    assert not wired.read(0x22D) & 1 << 18
    wired.wait(0.03)
    assert wired.read(0x22D) & 1 << 18
    # the first window began between two zero crossings
    first = wired.read(0x21E)
    assert first < 206_900 * 0.999
    for _ in range(5):
        wired.wait(1)
        assert wired.read(0x21E) == wired.read(0x21E) == pytest.approx(206_900, abs=2)
    # a new length holds after the running window
    wired.write(0x101, 50)
    wired.wait(1)
    assert wired.read(0x21E) == pytest.approx(206_900, abs=2)
    wired.wait(0.5)
    assert wired.read(0x21E) == pytest.approx(103_450, abs=2)


def test_a_second_read_of_a_window_is_0_if_reading_clears() -> None:
    wired = Wired()
    wired.write(0x101, 100)
    wired.write(0x004, 0x41)
    wired.wait(2.5)
    assert wired.read(0x21E) == pytest.approx(206_900, abs=2)
    assert wired.read(0x21E) == 0
    wired.wait(1)
    assert wired.read(0x21E) == pytest.approx(206_900, abs=2)


# -- errors, noise, faults -------------------------------------------------------------------------------


def test_errors_of_the_board_show_in_the_readings() -> None:
    point = Point(voltage_v=100, current_a=10, power_factor=0.5)
    wired = Wired(point, errors=[Errors(gain_v=0.01, gain_i=-0.02, delay_mdeg=1000, offset_w=3)])
    wired.wait(1)
    assert wired.read(0x21C) == pytest.approx(101 / FULL_V * FULL_RMS, abs=1)
    assert wired.read(0x21A) == pytest.approx(9.8 / FULL_A * FULL_RMS, abs=1)
    from math import cos, radians

    watts = 1.01 * 0.98 * (1000 * cos(radians(61)) + 3)
    assert wired.signed(0x212) == pytest.approx(watts * PARTS.lsb_per_w, abs=1)


def test_noise_and_ripple_are_in_readings_and_not_in_energy() -> None:
    errors = Errors(noise_v=1e-4, noise_a=2e-4, noise_w=3e-4, ripple=0.02, floor_a=0.05)
    noisy, quiet = (Wired(Point(current_a=20), errors=[one]) for one in (errors, Errors()))
    values: dict[int, list[int]] = {0x21C: [], 0x212: []}
    for _ in range(3000):
        noisy.wait(0.0123)
        for register, row in values.items():
            row.append(noisy.signed(register))
    quiet.wait(3000 * 0.0123)
    quiet.now_ms = noisy.now_ms
    assert noisy.read(0x21E) == quiet.read(0x21E)
    power = 2000 * PARTS.lsb_per_w
    assert mean(values[0x21C]) == pytest.approx(quiet.read(0x21C), rel=1e-4)
    assert stdev(values[0x21C]) == pytest.approx(1e-4 * FULL_RMS, rel=0.1)
    assert mean(values[0x212]) == pytest.approx(power, rel=2e-3)
    assert stdev(values[0x212]) == pytest.approx(
        ((0.02 * power) ** 2 / 2 + (3e-4 * FULL_POWER) ** 2) ** 0.5, rel=0.1
    )
    assert Wired(Point(current_a=0), errors=[errors]).read(0x21A) >= 0


def test_readings_settle_in_200_ms() -> None:
    wired = Wired()
    wired.wait(1)
    wired.be(replace(FULL, current_a=0))
    wired.wait(0.1)
    assert wired.read(0x21A) == pytest.approx(FULL_RMS * 0.5**0.5, abs=2)
    wired.wait(0.1)
    assert wired.read(0x21A) == 0


def test_a_clock_that_goes_back_adds_nothing() -> None:
    wired = Wired()
    wired.write(0x004, 0)
    wired.wait(10)
    energy = wired.read(0x21E)
    wired.wait(-5)
    assert wired.read(0x21E) == energy
    wired.wait(5)
    assert wired.read(0x21E) == energy


def test_fault_ic_reset_is_a_brown_out() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    wired.read(0x22E)
    wired.wait(10)
    faults.enable("ic_reset")
    assert wired.read(0x120) == 0xFFFF
    wired.wait(0.066)
    assert wired.read(0x120) == 0 and wired.read(0x21E) == 0 and wired.read(0x22D) & 1 << 20


def test_faults_ic_silence_and_ic_counter_jump() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    faults.enable("ic_silence", count=2)
    assert [wired.read(0x004) for _ in range(3)] == [0xFF, 0xFF, 0x40]
    faults.enable("ic_silence", count=1)
    assert wired.say(b"\x35\x00\x04") == b"" and wired.say(b"\x35\x00\x04") == b"\x40"
    faults.enable("ic_counter_jump", counts=77, count=1)
    wired.read(0x21E)
    faults.disable("ic_counter_jump")
    faults.enable("ic_counter_jump", counts=77, count=1)
    assert wired.read(0x21E) == 77 and wired.read(0x21E) == 0


def test_fault_ic_garbage_never_says_the_plain_answer() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    faults.enable("ic_garbage")
    assert all(wired.read(0x203) != 0xE419 for _ in range(200))
    assert all(wired.say(b"\x35\x02\x03") != b"\x19\xe4\x00" for _ in range(200))
    faults.disable("ic_garbage")
    assert wired.read(0x203) == 0xE419 and wired.say(b"\x35\x02\x03") == b"\x19\xe4\x00"


def test_a_stuck_line_says_one_level_and_the_chip_hears_nevertheless() -> None:
    wired = Wired()
    for level in (0, 1):
        wired.chip.wire.stuck = level
        assert wired.read(0x203) == 0xFFFFFF * level
        wired.write(0x103, 0x1111 * (level + 1))
        wired.chip.wire.stuck = None
        assert wired.read(0x103) == 0x1111 * (level + 1)


def test_every_kind_of_noise_on_spi_is_what_it_says() -> None:
    wired = Wired()
    wire = wired.chip.wire
    wire.strike("lost")
    assert wired.read(0x203) == 0xFFFFFF
    wire.strike("garbled")
    assert (wired.read(0x203) ^ 0xE419).bit_count() == 1
    slipped = set()
    for _ in range(100):
        wire.strike("slipped")
        slipped.add(wired.read(0x203))
    assert len(slipped) > 2 and 0xE419 not in slipped
    for _ in range(100):
        wire.strike("misheard")
        wired.write(0x103, 0x003F)
    assert wire.struck == {"lost": 1, "slipped": 100, "garbled": 1, "misheard": 100}
    wire.noise = dict.fromkeys(ade7953_bus.KINDS, 0.01)
    for _ in range(2000):
        wired.read(0x203)
    assert 40 < sum(wire.struck.values()) - 202 < 130


def test_every_kind_of_noise_on_uart_is_what_it_says() -> None:
    wired = Wired(unlocked=False)
    line = wired.chip.uart
    plain = wired.say(b"\x35\x02\x03")
    for kind, fits in (
        ("lost", lambda said: said == b""),
        ("short", lambda said: said == plain[:2]),
        ("garbled", lambda said: len(said) == 3 and said != plain),
        ("garbage", lambda said: len(said) > 3 and said.endswith(plain)),
    ):
        line.strike(kind)
        assert fits(wired.say(b"\x35\x02\x03")), kind
        assert wired.say(b"\x35\x02\x03") == plain
    line.stuck = 1
    assert wired.say(b"\x35\x02\x03") == b""
    line.stuck = 0
    assert set(wired.say(b"\x35\x02\x03")) == {0}


def test_a_spike_is_truly_said_once() -> None:
    wired = Wired()
    wired.wait(1)
    wired.chip.spike(0x21C, 0x123456)
    assert wired.read(0x21C) == 0x123456 and wired.read(0x2FF) == 0x123456
    assert wired.read(0x21C) == FULL_RMS


def test_random_bytes_never_break_the_chip() -> None:
    dice = Random(3)
    wired = Wired()
    for _ in range(3000):
        data = dice.randbytes(dice.randint(1, 9))
        assert len(wired.chip.transfer(0, data)) == len(data)
        wired.say(dice.randbytes(dice.randint(1, 9)), dice.randint(0, 12))
    wired.chip.reset(0)
    assert wired.read(0x102) == 0x8004
