"""The CSE7766 driver: frames, energy by its counter, and what it makes of a line that fails."""

from free_lines import FreeLines, Reader
from keiki.drivers import metering_cse7766
from keiki.drivers.metering import CREEP, REFUSED, RESET, STALE
from keiki.drivers.metering_cse7766 import Cse7766
from keiki.drivers.metering_cse7766_frames import (
    MODULUS,
    current_ua,
    find_frame,
    power_mw,
    pulses,
    usable,
    voltage_mv,
)
from metering_line import finish


def u24(value):
    return bytes((value >> 16, value >> 8 & 0xFF, value & 0xFF))


def hexed(text):
    return bytes(int(text[at : at + 2], 16) for at in range(0, len(text), 2))


# published: (frame, mV, uA, mW if nothing was before, pulses); from the 4th on: Tasmota #6302, #11389, #2891
VECTORS = (
    (hexed("F25A02F76000036100401005724051A65863101BE17F4D4E"), 224740, 45948, 0, 98125),
    (hexed("555A02F76000035A004010048B9F51A65818727561ACA130"), 226573, 55054, 0, 44193),
    (hexed("555A02F7600003AB00401002605D51A65803E9EF710B7A36"), 207029, 105303, 20862, 2938),
    (hexed("555A02EC7000035D0040B5006C4E520FD000A421F26F14D8"), 222532, 597454, 127996, 93972),
    (hexed("555A02FB4800032B00404C001FBB5265C000325271023D84"), 240937, 2026345, 419190, 573),
    (hexed("555A02DA7800035E0040A1060DA8525DF010C02F6100E232"), 216937, 41705, 0, 226),
)
FRAMES = [row[0] for row in VECTORS]
# HLW8032 without mains: nothing was ever measured
NOTHING = hexed("FA5A02EEC8FEFF01003F66000000512188FADB2901000054")

SCALE = {"ratio_v_x1000000": 1000000, "ratio_a_x1000000": 1000000}
COEFFICIENTS = (0x02F760, 0x004010, 0x51A658)
PULSE = COEFFICIENTS[2]  # mW x ms
COUNT_WH_X1000 = PULSE // 3600000 + 1


def frame(power_us, count, head=0x55, measured=0x71, v_us=1944, i_us=1640, coefficients=COEFFICIENTS):
    v, i, w = coefficients
    state = measured | (count >> 9 & 0x80)
    body = u24(v) + u24(v_us) + u24(i) + u24(i_us) + u24(w) + u24(power_us)
    body += bytes((state, count >> 8 & 0xFF, count & 0xFF))
    return bytes((head, 0x5A)) + body + bytes((sum(body) & 0xFF,))


class Chip:
    """A chip with a constant power, on a line that may fail."""

    def __init__(self, lines, start_ms=33, period_ms=105):
        self.reader = Reader(lines, self._fill, lambda: self.next_ms)
        self.next_ms = start_ms
        self.period_ms = period_ms
        self.power_mw = 0
        self.energy = 0
        self.head, self.measured = 0x55, 0x71
        self.coefficients = COEFFICIENTS
        self.damage = lambda data: data

    @property
    def power_us(self):
        return PULSE * 1000 // self.power_mw if self.power_mw else 0xFEFF01

    def jump(self, count):
        self.energy += count * PULSE

    def frame(self):
        return frame(
            self.power_us,
            self.energy // PULSE % MODULUS,
            self.head,
            self.measured,
            coefficients=self.coefficients,
        )

    def _fill(self, now_ms):
        while self.next_ms <= now_ms:
            self.energy += self.power_mw * self.period_ms
            data = self.damage(self.frame())
            if data:
                self.reader.put(data, self.next_ms)
            self.next_ms += self.period_ms


class Meter:
    def __init__(self, chips=1, scale=SCALE, p_max_w=6000, period_ms=105):
        self.lines = FreeLines(metering_cse7766)
        self.chips = [Chip(self.lines, 33 + 7 * n, period_ms) for n in range(chips)]
        self.driver = Cse7766([chip.reader for chip in self.chips], scale, p_max_w * chips)
        self.told = []
        self.driver.on_event = lambda *what: self.told.append(what)
        self.total = 0
        self.snapshot = None

    def poll(self, at_s):
        self.lines.now_ms = max(self.lines.now_ms, at_s * 1000)
        self.snapshot = finish(self.driver.snapshot(at_s * 1000))
        self.total += self.snapshot.net_wh_x1000
        return self.snapshot.flags

    def polls(self, start_s, end_s, step_s=1):
        """Poll from start to end; returns all flags that were seen."""
        flags = 0
        for at_s in range(start_s, end_s + 1, step_s):
            flags |= self.poll(at_s)
        return flags


def test_published_frames_say_what_was_published():
    for data, mv, ua, mw, count in VECTORS:
        assert find_frame(data, 24) == 0 and usable(data)
        assert (voltage_mv(data), current_ua(data), power_mw(data, 0), pulses(data)) == (mv, ua, mw, count)
    assert find_frame(NOTHING, 24) == 0 and usable(NOTHING)
    assert voltage_mv(NOTHING) == current_ua(NOTHING) == power_mw(NOTHING, 99) == 0


def test_an_unfinished_period_only_bounds_the_power():
    running = FRAMES[1]  # 1.6 s since the last pulse: at most 3.34 W
    assert power_mw(running, 2000) == 2000
    assert power_mw(running, 200000) == 3340
    over_range = FRAMES[0]
    assert power_mw(over_range, 200000) == 0


def test_every_truncation_is_rejected_and_junk_around_it_is_not_in_the_way():
    for data in FRAMES:
        for length in range(24):
            assert find_frame(data[:length], length) == -1
        for junk in (b"\x5a", b"\x55\x5a", data[:20], data[5:], bytes(range(40))):
            mixed = junk + data + b"\x55\x5a"
            assert find_frame(mixed, len(mixed)) == len(junk)


def test_every_one_bit_error_is_rejected():
    for data in FRAMES:
        for bit in range(24 * 8):
            bad = bytearray(data)
            bad[bit >> 3] ^= 1 << (bit & 7)
            found = find_frame(bad, 24) == 0
            # a bit of the first byte only can make another first byte that there is
            assert not found or bit < 8, bit


def test_heads_that_there_are_and_what_they_mean():
    heads = [head for head in range(256) if find_frame(frame(1000, 0, head), 24) == 0]
    assert heads[:2] == [0x55, 0xAA] and heads[2:] == list(range(0xF0, 0x100))
    useless = [head for head in heads if not usable(frame(1000, 0, head))]
    assert useless[0] == 0xAA and useless[1:] == list(range(0xF1, 0x100, 2))
    for head in range(0xF0, 0x100):
        data = frame(1000, 0, head)
        assert bool(voltage_mv(data)) == (not head & 8)
        assert bool(current_ua(data)) == (not head & 4)
        assert bool(power_mw(data, 0)) == (not head & 2)


def test_readings_are_scaled_from_board_data():
    meter = Meter(scale={"ratio_v_x1000000": 2000000, "ratio_a_x1000000": 4000000})
    meter.chips[0].power_mw = 1000000
    assert meter.poll(1) == 0
    snapshot = meter.snapshot
    assert (snapshot.voltage_v_x100, snapshot.current_ma) == ([20000], [40000])
    assert snapshot.power_w_x10 == [80000] and snapshot.power_factor_x1000 == [1000]
    assert snapshot.frequency_hz_x100 == snapshot.reactive_var_x10 == [None]


def test_ten_minutes_of_a_kilowatt_in_steps_of_any_length():
    for step_s in (1, 7, 10, 60):
        for period_ms in (55, 105):
            meter = Meter(period_ms=period_ms)
            meter.chips[0].power_mw = 1000000
            # the time from the poll to the frame varies by up to a period and a byte
            slack = 1000 * (period_ms + 3) // 3600 + 2 * COUNT_WH_X1000
            assert meter.polls(1, 601, step_s) == 0
            seconds = 600 // step_s * step_s
            assert abs(meter.total - 1000000 * seconds // 3600) <= slack, (step_s, period_ms, meter.total)


def test_two_phases_are_added():
    meter = Meter(2)
    meter.chips[0].power_mw, meter.chips[1].power_mw = 1000000, 2500000
    assert meter.polls(1, 601) == 0
    assert abs(meter.total - 3500000 // 6) < 3500 * 108 // 3600 + 4 * COUNT_WH_X1000
    assert meter.snapshot.import_wh_x1000[1] > 2 * meter.snapshot.import_wh_x1000[0] > 0
    assert meter.snapshot.export_wh_x1000 == [0, 0]


def test_a_snapshot_takes_less_than_half_a_second_and_shows_the_present():
    meter = Meter(2)
    chip = meter.chips[1]
    chip.power_mw = 1000000
    meter.poll(1)
    chip.reader.inbox = b""
    meter.lines.now_ms = 61000
    chip._fill(60000)
    chip.power_mw = 2000000
    meter.poll(61)
    assert meter.lines.now_ms < 61500
    assert meter.snapshot.power_w_x10[1] == 20004


def test_lost_frames_cost_no_energy():
    meter = Meter()
    chip = meter.chips[0]
    chip.power_mw = 3000000
    meter.poll(1)
    chip.damage = lambda data: b""
    for at_s in range(2, 61):
        assert meter.poll(at_s) == STALE and meter.snapshot.net_wh_x1000 == 0
    chip.damage = lambda data: data
    assert meter.poll(62) == 0
    assert abs(meter.total - 3000000 * 61 // 3600) <= 3000 * 108 // 3600 + 2 * COUNT_WH_X1000
    assert meter.driver.stats["missed"] == meter.driver.stats["stale"] == 59
    assert meter.told == []


def test_a_gap_in_which_the_counter_may_have_wrapped_twice_is_refused_and_told():
    # 131072 pulses at 9 kW last 77.9 s
    for gap_s, refused in ((77, False), (79, True)):
        meter = Meter()
        meter.chips[0].power_mw = 5000000
        meter.poll(1)
        before = meter.chips[0].energy // PULSE
        flags = meter.poll(1 + gap_s)
        assert flags == (REFUSED if refused else 0), gap_s
        assert len(meter.told) == refused
        if refused:
            kind, old, new = meter.told[0]
            assert kind == "increment_refused" and abs(old - before) < 200
            assert abs(new - meter.chips[0].energy // PULSE % MODULUS) < 200
            assert meter.total == 0  # longer than 60 s: nobody knows
        else:
            assert abs(meter.total - 5000000 * gap_s // 3600) <= 5000 * 108 // 3600 + 2 * COUNT_WH_X1000
        assert meter.polls(2 + gap_s, 20 + gap_s) == 0


def test_a_short_gap_beyond_the_counter_is_booked_from_samples():
    # 24 kW at a quarter of the shunt: 131072 pulses last 19.5 s at the gate of 36 kW
    meter = Meter(p_max_w=24000)
    meter.chips[0].power_mw = 20000000
    meter.poll(1)
    assert meter.poll(51) == REFUSED
    assert abs(meter.total - 20000000 * 50 // 3600) <= 20000 * 110 // 3600
    assert meter.polls(52, 60) == 0


def test_a_counter_that_begins_anew_is_no_energy():
    # 11200 pulses flow before it: from 103000 on it begins anew where it could as well have overflowed
    for old in (100, 30000, 65000, 65530, 66000, 100000, 104500, 106000, 108000, 112000, 116000, 131070):
        meter = Meter()
        chip = meter.chips[0]
        chip.power_mw = 2000000
        chip.jump(old)
        meter.polls(1, 31, 10)
        chip.energy = 0
        meter.polls(41, 101, 10)
        true = 2000000 * 100 // 3600
        assert abs(meter.total - true) <= 2000000 * 10 // 3600 + 3 * COUNT_WH_X1000, (old, meter.total, true)


def test_a_counter_that_jumps_is_refused_and_is_the_new_baseline():
    for jump in (30000, 65536, 100000, -20000):
        meter = Meter()
        meter.chips[0].power_mw = 1000000
        meter.chips[0].jump(70000)
        meter.polls(1, 10)
        meter.chips[0].jump(jump)
        assert meter.poll(11) & REFUSED
        assert meter.polls(12, 30) == 0
        assert meter.driver.stats["refused"] == 1 and meter.told[0][0] == "increment_refused"
        assert abs(meter.total - 1000000 * 29 // 3600) <= 1000 * 210 // 3600 + 2 * COUNT_WH_X1000


def test_the_counter_wraps_at_131072_pulses():
    meter = Meter()
    meter.chips[0].power_mw = 2000000
    meter.chips[0].jump(MODULUS - 3000)
    assert meter.polls(1, 31) == 0
    assert abs(meter.total - 2000000 * 30 // 3600) <= 2000 * 108 // 3600 + 2 * COUNT_WH_X1000


def test_a_load_that_goes_off_is_zero_when_the_chip_says_over_range():
    meter = Meter()
    chip = meter.chips[0]
    chip.power_mw = 200000
    meter.poll(1)
    chip.power_mw, chip.measured = 0, 0x61
    Chip.power_us, before = property(lambda self: 2000000), Chip.power_us
    try:
        assert meter.poll(2) == 0 and meter.snapshot.power_w_x10 == [27]
        chip.head = 0xF2
        assert meter.poll(3) == CREEP and meter.snapshot.power_w_x10 == [0]
        assert meter.snapshot.power_factor_x1000 == [0] and meter.snapshot.current_ma == [10000]
    finally:
        Chip.power_us = before


def test_a_chip_without_coefficients_is_stale_and_loses_no_energy():
    for head in (0xAA, 0xF1, 0xF3):
        meter = Meter()
        meter.chips[0].power_mw = 1000000
        meter.poll(1)
        meter.chips[0].head = head
        assert meter.polls(2, 10) == STALE and meter.driver.stats["uncalibrated"] == 9
        assert finish_check(meter) == ["r_uncalibrated"]
        meter.chips[0].head = 0x55
        assert meter.poll(11) == 0
        assert abs(meter.total - 1000000 * 10 // 3600) <= 1000 * 108 // 3600 + 2 * COUNT_WH_X1000


def test_other_coefficients_are_believed_only_the_second_time():
    meter = Meter()
    chip = meter.chips[0]
    chip.power_mw = 1000000
    meter.polls(1, 10)
    total = meter.total
    chip.coefficients = (0x02F760, 0x004011, 0x51A758)
    assert meter.poll(11) == STALE and meter.told == []
    assert meter.poll(12) == RESET and meter.told == [("ic_reset", 0x51A658, 0x51A758)]
    assert meter.total == total
    assert meter.polls(13, 20) == 0 and meter.total > total


def finish_check(meter):
    return finish(meter.driver.self_check())


def test_self_check_names_what_is_wrong():
    meter = Meter(2)
    assert finish_check(meter) == []
    meter.chips[1].damage = lambda data: b""
    assert finish_check(meter) == ["t_silent"]
    meter.chips[0].head = 0xF8
    meter.chips[1].head = 0xAA
    meter.chips[1].damage = lambda data: data
    assert finish_check(meter) == ["r_voltage", "t_uncalibrated"]


def test_garbage_is_stale_and_ends_by_itself():
    damages = (
        lambda data: data[:11],
        lambda data: data[7:],
        lambda data: b"\x55" * 24,
        lambda data: bytes(24),
        lambda data: b"\xff" * 24,
        lambda data: b"\x5a" * 30,
        lambda data: data[:23] + bytes((data[23] ^ 1,)),
    )
    for damage in damages:
        meter = Meter()
        meter.chips[0].power_mw = 1000000
        meter.poll(1)
        meter.chips[0].damage = damage
        assert meter.polls(2, 20) == STALE
        meter.chips[0].damage = lambda data: data
        assert meter.poll(21) == 0
        assert abs(meter.total - 1000000 * 20 // 3600) <= 1000 * 108 // 3600 + 2 * COUNT_WH_X1000


def test_a_frame_that_passes_its_sum_by_luck_is_not_believed_alone():
    meter = Meter()
    meter.chips[0].power_mw = 1000000
    meter.poll(1)
    lucky = [0]

    def now_and_then(data):
        lucky[0] += 1
        return frame(1, 50000 + lucky[0] * 7777) if lucky[0] % 3 == 0 else data

    meter.chips[0].damage = now_and_then
    assert meter.polls(2, 300) == 0
    assert abs(meter.total - 1000000 * 299 // 3600) <= 1000 * 3 * 108 // 3600 + 2 * COUNT_WH_X1000


def test_a_shifted_window_that_looks_like_a_frame_without_coefficients_is_not_believed():
    meter = Meter()
    chip = meter.chips[0]
    chip.power_mw = 1000000
    meter.poll(1)
    seen = [0]

    def shifted(data):
        seen[0] += 1
        return frame(1000, 77, 0xAA, coefficients=(1, 2, 3)) if seen[0] % 4 == 0 else data

    chip.damage = shifted
    assert meter.polls(2, 60) == 0 and meter.driver.stats["uncalibrated"] == 0


def test_gain_and_offset_of_power_are_energy_too():
    for key, value, expected in (("p_gain_ppm", 10000, 101000), ("p_offset_mw", 10000, 101000)):
        meter = Meter()
        meter.driver.apply([{key: value, "v_gain_ppm": 70000}])
        meter.chips[0].power_mw = 1000000
        meter.polls(1, 361)
        assert abs(meter.total - expected) <= 1000 * 108 // 3600 + 2 * COUNT_WH_X1000
        assert meter.snapshot.power_w_x10 == [10100] and meter.snapshot.voltage_v_x100 == [10700]
    assert Cse7766.ignored == ("phase_mdeg",)


def test_a_line_that_is_hung_up_is_stale():
    meter = Meter()

    async def hung_up(view):
        return 0

    meter.chips[0].reader.readinto = hung_up
    assert meter.poll(1) == STALE
