"""The emulated CSE7766 says what real ones were seen to say (metering-ics.md 4), read without the driver."""

from math import sqrt
from random import Random

import pytest
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics import line_noise
from keiki_host.bench.ics.cse7766 import Cse7766Model, Errors, Parts
from keiki_host.bench.ics.cse7766_parts import EXAMPLE, LONGEST_US, NO_ERRORS
from keiki_host.bench.waves import Point, Wave

PULSE_J = 5.351
START_MS = 1_000_000


class Frame:
    """What a frame says."""

    def __init__(self, data: bytes) -> None:
        assert len(data) == 24 and data[1] == 0x5A and sum(data[2:23]) & 0xFF == data[23]
        self.head = data[0]
        periods = [int.from_bytes(data[at : at + 3], "big") for at in range(2, 20, 3)]
        self.v_coefficient, self.v_us, self.i_coefficient, self.i_us, self.w_coefficient, self.w_us = periods
        self.carry = data[20] >> 7
        self.measured = data[20] >> 4 & 7
        self.pulses = data[21] << 8 | data[22]

    @property
    def volts(self) -> float:
        return self.v_coefficient / self.v_us

    @property
    def amperes(self) -> float:
        return self.i_coefficient / self.i_us

    @property
    def watts(self) -> float:
        return self.w_coefficient / self.w_us


class Wired:
    """A chip on a wave, and the frames it says."""

    def __init__(
        self,
        current_a: float = 0.0,
        *,
        voltage_v: float = 100.0,
        parts: Parts = EXAMPLE,
        errors: Errors = NO_ERRORS,
        faults: Faults | None = None,
        period_ms: int = 105,
        backlog: int | None = None,
    ) -> None:
        self.now_ms = START_MS
        self.wave = Wave(Point(voltage_v=voltage_v, current_a=current_a))
        self.said: list[bytes] = []
        self.chip = Cse7766Model(
            lambda: self.now_ms,
            self.wave,
            self.said.append,
            faults or Faults(),
            errors,
            parts=parts,
            period_ms=period_ms,
            backlog=backlog,
        )

    def flow(self, seconds: float, **load: object) -> Frame:
        """Let time pass, at once with another load if one is given; returns the newest frame."""
        if load:
            self.wave.set(self.now_ms, Point(**load))  # type: ignore[arg-type]
        self.wait(seconds)
        return Frame(self.said[-1])

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ms += round(seconds * 1000)
        self.chip.advance()


def test_frames_come_at_their_period_and_not_before_the_chip_is_up() -> None:
    wired = Wired()
    for ms in range(1, 2001):
        wired.now_ms = START_MS + ms
        wired.chip.advance()
        assert len(wired.said) == (0 if ms < 200 else (ms - 200) // 105 + 1)


def test_a_steady_load_is_coefficient_over_period() -> None:
    frame = Wired(2.0).flow(60)
    assert (frame.head, frame.measured) == (0x55, 7)
    assert (frame.v_coefficient, frame.i_coefficient, frame.w_coefficient) == (0x02F760, 0x004010, 0x51A658)
    assert frame.volts == pytest.approx(100, rel=1 / frame.v_us)
    assert frame.amperes == pytest.approx(2, rel=1 / frame.i_us)
    assert frame.watts == pytest.approx(200, rel=1 / frame.w_us)


def test_pulses_are_counted_with_their_rest_however_often_the_chip_is_asked() -> None:
    often, rarely, newest = Wired(7.77), Wired(7.77), Wired(7.77, backlog=3)
    for _ in range(9000):
        often.wait(0.1)
    frame = rarely.flow(900)
    last_ms = rarely.chip.next_ms - 105 - START_MS
    assert frame.pulses == int(777 * last_ms / 1000 / PULSE_J) % 65536
    assert often.said == rarely.said and len(often.said) == (900_000 - 200) // 105 + 1
    assert newest.flow(900).pulses == frame.pulses and len(newest.said) == 3
    assert newest.said == rarely.said[-3:]


def test_frames_that_nobody_hears_change_nothing_in_those_that_follow() -> None:
    all_of_them, newest = Wired(0.1), Wired(0.1, backlog=4)
    for seconds, current_a in ((13.0, 0.02), (9.5, 5.0), (31.0, 0.9), (2.0, 0.0), (40.0, 0.03)):
        all_of_them.flow(seconds, current_a=current_a)
        newest.flow(seconds, current_a=current_a)
        whole, fewer = Frame(all_of_them.said[-1]), Frame(newest.said[-1])
        assert (fewer.pulses, fewer.measured, fewer.head) == (whole.pulses, whole.measured, whole.head)
        assert fewer.w_us == pytest.approx(whole.w_us, rel=0.001)


def test_the_carry_turns_over_at_each_overflow() -> None:
    wired = Wired(10.0)
    wired.chip.counter = 65535
    assert (wired.flow(1).carry, wired.chip.counter >> 16) == (1, 1)
    wired.chip.counter = 131071
    assert wired.flow(1).carry == 0


def test_before_anything_is_measured_it_says_so_as_captured() -> None:
    wired = Wired(0.0, voltage_v=0.0)
    frame = wired.flow(3)
    assert (frame.head, frame.measured, frame.v_us, frame.i_us) == (0xFA, 0, LONGEST_US, 0)
    before = wired.flow(1).w_us
    assert 900_000 < wired.flow(1).w_us - before < 1_100_000


def test_without_a_pulse_the_power_register_runs_until_it_is_over_range() -> None:
    wired = Wired(2.0)
    assert wired.flow(10).measured == 7
    frame = wired.flow(1, current_a=0.0)
    assert frame.measured == 5 and frame.watts == pytest.approx(200, rel=0.01)
    for _ in range(15):
        before, frame = frame, wired.flow(1)
        assert (frame.head, frame.measured) == (0x55, 4)
    assert frame.w_us - before.w_us == pytest.approx(1_000_000, abs=105_000)
    assert wired.flow(1).head == 0xF2
    pulses = frame.pulses
    frame = wired.flow(600)
    assert frame.head == 0xF2 and frame.pulses == pulses
    frame = wired.flow(1, current_a=2.0)
    assert (frame.head, frame.measured) == (0x55, 7)


def test_a_small_load_has_a_power_only_for_a_second_after_each_pulse() -> None:
    wired = Wired(0.03)  # 3 W: a pulse every 1.784 s
    wired.flow(20)
    wired.said.clear()
    wired.flow(60)
    frames = [Frame(data) for data in wired.said]
    fresh = [frame for frame in frames if frame.measured & 1]
    assert 0.55 < len(fresh) / len(frames) < 0.65
    assert all(frame.watts == pytest.approx(3, rel=1e-5) for frame in fresh)
    assert all(frame.head == 0x55 for frame in frames)
    assert {1_050_000 <= frame.w_us <= 1_784_000 for frame in frames if not frame.measured & 1} == {True}


def test_below_one_pulse_in_the_longest_period_nothing_is_counted() -> None:
    no_load_w = EXAMPLE.no_load_w
    assert no_load_w == pytest.approx(0.3202, abs=1e-4)
    below = Wired(no_load_w / 100 * 0.999, backlog=1)
    above = Wired(no_load_w / 100 * 1.001, backlog=1)
    assert below.flow(36000).pulses == 0
    assert above.flow(36000).pulses == 2156


def test_shunt_and_divider_scale_what_the_chip_sees() -> None:
    parts = Parts(shunt_uohm=250, divider_top_ohm=2_000_000)
    frame = Wired(100.0, parts=parts).flow(600)
    assert frame.amperes == pytest.approx(25, rel=1e-3)
    assert frame.volts == pytest.approx(100 * 1001 / 2001, rel=1e-3)
    assert frame.watts == pytest.approx(2500 * 1001 / 2001, rel=1e-3)
    assert parts.scale() == {"ratio_v_x1000000": 1999001, "ratio_a_x1000000": 4000000}
    assert EXAMPLE.scale() == {"ratio_v_x1000000": 1000000, "ratio_a_x1000000": 1000000}
    assert parts.range_a == pytest.approx(123.6)


def test_current_beyond_the_range_is_clipped() -> None:
    frame = Wired(60.0).flow(10)
    assert frame.amperes == pytest.approx(30.9, rel=0.01) and frame.watts == pytest.approx(3090, rel=0.01)


def test_both_directions_count_alike() -> None:
    there, back = Wired(5.0), Wired(5.0)
    back.wave.set(START_MS, Point(current_a=5.0, export=True))
    assert there.flow(100).pulses == back.flow(100).pulses > 0


def test_harmonics_and_power_factor_are_those_of_the_wave() -> None:
    wired = Wired()
    point = Point(60, 100, 20, 0.5, "L", False, ((3, 0.1, 0.1, 0.3), (5, 0.05, 0.05, 2.0)))
    wired.wave.set(START_MS, point)
    frame = wired.flow(600)
    (span,) = wired.wave.spans(START_MS, START_MS + 1)
    assert frame.watts == pytest.approx(span.p_w, rel=1e-3)
    assert frame.volts == pytest.approx(100 * sqrt(1.0125), rel=1e-3)
    assert frame.amperes == pytest.approx(20 * sqrt(1.0125), rel=2e-3)


def test_errors_of_the_board_show_in_the_readings_and_the_pulses() -> None:
    errors = Errors(gain_v=0.01, gain_i=-0.02, gain_w=0.03, offset_w=5.0)
    frame = Wired(2.0, errors=errors).flow(1000)
    assert frame.volts == pytest.approx(101, rel=1e-3) and frame.amperes == pytest.approx(1.96, rel=1e-3)
    assert frame.watts == pytest.approx(211, rel=1e-3)
    assert frame.pulses == pytest.approx(211 * 1000 / PULSE_J, abs=30)
    late = Wired(errors=Errors(delay_s=1 / 360 / 50))
    late.wave.set(START_MS, Point(current_a=20, power_factor=0.5))
    assert late.flow(100).watts == pytest.approx(2000 * 0.48481, rel=1e-3)


def test_noise_is_around_the_truth() -> None:
    wired = Wired(10.0, errors=Errors(noise=0.01, noise_w=20.0))
    wired.flow(600)
    watts = [Frame(data).watts for data in wired.said[20:]]
    mean = sum(watts) / len(watts)
    spread = sqrt(sum((watt - mean) ** 2 for watt in watts) / len(watts))
    assert mean == pytest.approx(1000, rel=2e-3) and 8 < spread < 20
    assert wired.chip.counter == pytest.approx(1000 * 600 / PULSE_J, rel=2e-3)


def test_a_chip_without_coefficients_says_so() -> None:
    wired = Wired(1.0)
    wired.chip.uncalibrated = True
    assert wired.flow(10).head == 0xAA
    wired.chip.uncalibrated, wired.chip.store_bad = False, True
    assert wired.flow(10).head == 0xF1
    wired.chip.store_bad = False
    assert wired.flow(10).head == 0x55


def test_fault_ic_reset_restarts_the_chip() -> None:
    faults = Faults()
    wired = Wired(10.0, faults=faults)
    assert wired.flow(400).carry == 1
    faults.enable("ic_reset")
    said = len(wired.said)
    wired.wait(0.199)
    assert len(wired.said) == said
    frame = wired.flow(0.001)
    assert (frame.head, frame.carry) == (0x55, 0) and frame.pulses == int(200 / PULSE_J)


def test_fault_ic_silence_and_ic_counter_jump() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    wired.flow(1)
    said = len(wired.said)
    faults.enable("ic_silence", count=3)
    wired.flow(1.05)
    assert len(wired.said) == said + 7
    faults.enable("ic_counter_jump", counts=70000, count=1)
    frame = wired.flow(1.05)
    assert (frame.carry, frame.pulses) == (1, 70000 - 65536)


def test_fault_ic_garbage_never_says_the_plain_frame() -> None:
    faults = Faults()
    plain, noisy = Wired(5.0), Wired(5.0, faults=faults)
    faults.enable("ic_garbage")
    plain.flow(60)
    noisy.wait(60)
    assert not set(plain.said) & set(noisy.said)
    assert len(set(noisy.said)) > 400


def test_a_slipped_bit_spoils_the_rest_and_no_more() -> None:
    frame, dice = bytes(range(100, 124)), Random(1)
    damaged = [line_noise.slip(frame, dice) for _ in range(500)]
    assert all(len(data) in (22, 23, 24, 25) for data in damaged)
    assert frame not in damaged
    same = [next((n for n in range(22) if data[n] != frame[n]), 24) for data in damaged]
    assert min(same) == 0 and max(same) > 18
