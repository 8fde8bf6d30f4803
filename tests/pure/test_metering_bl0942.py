"""The BL0942 driver: frames, energy, and what it does when the chip misbehaves (metering-ics.md 3)."""

from keiki.drivers.metering import CREEP, REFUSED, RESET, STALE, Gate, Remainder, SignedEnergy
from keiki.drivers.metering_bl0942 import CF_LSB_MS, MODE, MODE_RESET, Bl0942
from keiki.drivers.metering_bl0942_frames import build_write, checksum, find_mode, find_packet, parse_packet
from metering_line import Line, finish

V1 = bytes((0x55, 0xC3, 0x91, 0x00, 0xDD, 0xE8, 0x33, 0xE7, 0x7E, 0x00, 0x6B, 0x06, 0x00, 0xA4, 0x1A, 0x00))
V1 += bytes((0x2E, 0x4E, 0x00, 0x00, 0x01, 0x00, 0xF5))
V2 = bytes((0x55, 0xD9, 0x91, 0x00, 0x43, 0xDD, 0x33, 0xAD, 0x7D, 0x00, 0x79, 0x06, 0x00, 0xA4, 0x1A, 0x00))
V2 += bytes((0x36, 0x4E, 0x00, 0x00, 0x01, 0x00, 0xA9))
V3 = bytes((0x55, 0x00, 0x00, 0x00, 0x6E, 0x89, 0x37, 0x3F, 0x39, 0x00, 0x00, 0x00, 0x00, 0x4C, 0x0A, 0x00))
V3 += bytes((0x3E, 0x4E, 0x00, 0x22, 0x01, 0x00, 0xA7))
VECTORS = (
    (V1, (37315, 3401949, 32487, 1643, 6820, 20014, 0x100)),
    (V2, (37337, 3398979, 32173, 1657, 6820, 20022, 0x100)),
    (V3, (0, 3639662, 14655, 0, 2636, 20030, 0x122)),
)
# captured without its checksum
V4 = bytes((0x55, 0xA3, 0xB9, 0x00, 0x9E, 0x4C, 0x36, 0x93, 0x43, 0x00, 0xF4, 0x98, 0xFF, 0x99, 0x00, 0x00))
V4 += bytes((0x16, 0x4E, 0x00, 0x01, 0x01, 0x00))

SCALE = {"lsb_per_v_x1000": 15883000, "lsb_per_a_x1000": 251213000, "lsb_per_w_x1000": 623400}
P_MAX_W = 6000
WATT_1000 = 623400
COUNT_WH_X1000 = CF_LSB_MS * 5 // (18 * 623400)


def packet(address=0, watt=0, cf=0, status=0, current=251213, voltage=1588300):
    fields = (current, voltage, current, watt & 0xFFFFFF, cf & 0xFFFFFF, 20000, status)
    body = b"\x55" + b"".join(value.to_bytes(3, "little") for value in fields)
    return body + bytes((checksum(0x58 | address, body, 0, 22),))


class Chip:
    """A chip that says what the test wants."""

    def __init__(self, address=0):
        self.address = address
        self.watt = self.cf = self.status = self.residue = 0
        self.mode = MODE_RESET
        self.silent = False
        self.unlocked = False
        self.before = b""
        self.volts = 100

    def answer(self, data):
        if data[0] & 3 != self.address or self.silent:
            return b""
        if data[0] & 0xFC == 0xA8:
            assert len(data) == 6 and ~sum(data[:5]) & 0xFF == data[5]
            if data[1] == 0x1D:
                self.unlocked = data[2] == 0x55
            elif self.unlocked and data[1] == 0x19:
                self.mode = data[2] | data[3] << 8
            return b""
        if data[1] == 0xAA:
            return self.before + packet(
                self.address, self.watt, self.cf, self.status, voltage=self.volts * 15883
            )
        assert data[1] == 0x19
        body = self.mode.to_bytes(3, "little")
        return self.before + body + bytes((checksum(data[0] + 0x19, body, 0, 3),))

    def flow(self, ms):
        counts, self.residue = divmod(self.residue + abs(self.watt) * ms, CF_LSB_MS)
        self.cf = (self.cf + counts) & 0xFFFFFF

    def restart(self):
        self.mode = MODE_RESET
        self.watt = self.cf = self.residue = 0


def meter(*chips, **options):
    line = Line(lambda data: b"".join(chip.answer(data) for chip in chips), **options)
    driver = Bl0942(line, line, [chip.address for chip in chips], SCALE, P_MAX_W * len(chips))
    return driver, line


def test_the_three_captured_packets_and_their_checksums():
    for data, fields in VECTORS:
        assert checksum(0x58, data, 0, 22) == data[22]
        assert parse_packet(data, 0, 0x58) == fields
        assert find_packet(data, 23, 0x58) == 0


def test_a_bulb_wired_backwards_has_negative_power():
    data = V4 + bytes((checksum(0x58, V4, 0, 22),))
    current, voltage, _, watt, cf, freq, _ = parse_packet(data, 0, 0x58)
    assert (current, voltage, watt, cf, freq) == (47523, 3558558, -26380, 153, 19990)


def test_a_packet_of_another_address_is_rejected():
    for address in (1, 2, 3):
        assert parse_packet(V1, 0, 0x58 | address) is None
        assert parse_packet(packet(address), 0, 0x58 | address) is not None


def test_every_truncation_is_rejected_and_asks_for_the_rest():
    for data, _ in VECTORS:
        for length in range(23):
            assert parse_packet(data[:length], 0, 0x58) is None
            assert find_packet(data, length, 0x58) == length - 23


def test_a_packet_is_found_behind_and_before_junk():
    for junk in (b"\x00", b"\x55", b"\x55\x55\x55", bytes(range(40)), V1[:22], V1[1:], b"\xff\x55\xff" * 12):
        for data, _ in VECTORS:
            mixed = junk + data + b"\x55\xaa\x00"
            assert find_packet(mixed, len(mixed), 0x58) == len(junk)
            # as it is read: never a byte too many
            length, at = 0, find_packet(mixed, 0, 0x58)
            while at < 0:
                length -= at
                assert length <= len(junk) + 23
                at = find_packet(mixed, length, 0x58)
            assert at == len(junk)


def test_every_one_bit_error_is_rejected():
    for data, _ in VECTORS:
        for bit in range(23 * 8):
            bad = bytearray(data)
            bad[bit >> 3] ^= 1 << (bit & 7)
            assert parse_packet(bad, 0, 0x58) is None


def test_a_write_and_the_answer_about_mode():
    assert build_write(0, 0x1D, 0x55) == b"\xa8\x1d\x55\x00\x00\xe5"
    assert build_write(3, 0x1C, 0x5A5A5A) == b"\xab\x1c\x5a\x5a\x5a\x2a"
    answer = b"\x87\x00\x00\x07"  # not(58 + 19 + 87)
    assert find_mode(answer, 4, 0x58) == 0
    assert find_mode(b"\x01\x02" + answer, 6, 0x58) == 2
    assert [find_mode(answer, n, 0x58) for n in range(4)] == [-4, -3, -2, -1]
    assert find_mode(b"\x87\x00\x00\x08", 4, 0x58) == -1


def test_the_gate_is_one_and_a_half_times_the_largest_power():
    assert Gate(6000).power == 9000
    assert Gate(6000).energy(2000) == 18000000


def test_a_million_small_steps_leave_no_rounding_error():
    whole = Remainder(5, 18 * 623400)
    step, total = 1234567, 0
    for _ in range(1000000):
        total += whole.take(step)
    assert total == 1000000 * step * 5 // (18 * 623400)
    for _ in range(1000000):
        total += whole.take(-step)
    assert total == 0


def test_small_amounts_around_zero_book_nothing():
    whole = Remainder(1, 1000)
    assert [whole.take(x) for x in (400, -800, 800, -800, 400)] == [0, 0, 0, 0, 0]


def test_readings_are_scaled_from_board_data():
    chip = Chip()
    driver, _ = meter(chip)
    chip.watt = WATT_1000
    snapshot = finish(driver.snapshot(0))
    assert (snapshot.voltage_v_x100[0], snapshot.current_ma[0]) == (10000, 1000)
    assert (snapshot.power_w_x10[0], snapshot.frequency_hz_x100[0], snapshot.flags) == (10000, 5000, 0)
    chip.watt = -WATT_1000
    assert finish(driver.snapshot(1000)) is snapshot
    assert snapshot.power_w_x10[0] == -10000


def test_the_first_good_poll_is_only_a_baseline():
    chip = Chip()
    chip.watt, chip.cf = WATT_1000, 12345678
    driver, _ = meter(chip)
    assert finish(driver.snapshot(5000)).net_wh_x1000 == 0


def energy_of(chip, driver, watt, seconds, step_s, start_ms=0):
    """Let a constant power flow; returns (import, export) in Wh x 1000."""
    chip.watt = watt
    base, sums = chip.cf, [0, 0]
    for at_s in range(0, seconds + step_s, step_s):
        chip.cf = (base + abs(watt) * at_s * 1000 // CF_LSB_MS) & 0xFFFFFF
        snapshot = finish(driver.snapshot(start_ms + at_s * 1000))
        sums[0] += snapshot.import_wh_x1000[0]
        sums[1] += snapshot.export_wh_x1000[0]
        assert not snapshot.flags & (REFUSED | STALE | RESET), (at_s, snapshot.flags)
    return sums


def test_half_an_hour_of_a_kilowatt_either_way():
    for step_s in (1, 10, 60):
        assert energy_of(Chip(), meter(Chip())[0], 0, 60, 10) == [0, 0]
        chip = Chip()
        assert energy_of(chip, meter(chip)[0], WATT_1000, 1800, step_s) == [500000, 0]
        chip = Chip()
        assert energy_of(chip, meter(chip)[0], -WATT_1000, 1800, step_s) == [0, 500000]


def test_the_counter_may_wrap():
    chip = Chip()
    chip.cf = 0xFFFFFF - 20
    driver, _ = meter(chip)
    assert energy_of(chip, driver, WATT_1000, 1800, 10) == [500000, 0]
    assert chip.cf < 0xFFFFFF - 20


def test_the_counter_brings_what_the_samples_missed():
    chip = Chip()
    driver, _ = meter(chip)
    finish(driver.snapshot(0))
    total = 0
    for at_s in range(10, 310, 10):
        # on for five seconds of ten, and never when asked
        chip.cf = WATT_1000 * 5 * at_s * 100 // CF_LSB_MS
        total += finish(driver.snapshot(at_s * 1000)).net_wh_x1000
    true = 1000 * 150 * 1000 // 3600
    assert true - 2 * COUNT_WH_X1000 < total <= true


def test_a_counter_that_restarts_is_no_three_megawatt_hours():
    chip = Chip()
    chip.cf = 6820
    driver, _ = meter(chip)
    chip.watt = WATT_1000
    total, seen = 0, 0
    for at_s in range(61):
        if at_s == 30:
            chip.restart()
            chip.watt = WATT_1000
        snapshot = finish(driver.snapshot(at_s * 1000))
        chip.flow(1000)
        total += snapshot.net_wh_x1000
        seen |= snapshot.flags
        assert bool(snapshot.flags & REFUSED) == (at_s == 30)
    assert seen & RESET
    assert chip.mode == MODE
    assert driver.stats["refused"] == driver.stats["resets"] == 1
    assert abs(total - 1000 * 60 * 1000 // 3600) <= 2 * COUNT_WH_X1000


def test_a_counter_that_jumps_is_refused_and_is_the_new_baseline():
    for jump in (100000, -5000, 0x800000):
        chip = Chip()
        chip.cf = 6820
        chip.watt = WATT_1000
        driver, _ = meter(chip)
        total = 0
        for at_s in range(60):
            if at_s == 30:
                chip.cf = (chip.cf + jump) & 0xFFFFFF
            snapshot = finish(driver.snapshot(at_s * 1000))
            assert snapshot.flags == (REFUSED if at_s == 30 else 0), (jump, at_s, snapshot.flags)
            total += snapshot.net_wh_x1000
            chip.flow(1000)
        assert driver.stats["refused"] == 1
        assert abs(total - 1000 * 59 * 1000 // 3600) <= COUNT_WH_X1000


def test_a_power_or_voltage_that_cannot_be_is_stale_and_books_and_shows_nothing():
    chip = Chip()
    driver, _ = meter(chip)
    finish(driver.snapshot(0))
    chip.watt = 8000000
    snapshot = finish(driver.snapshot(1000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (STALE, 0)
    assert snapshot.power_w_x10 == [0] and driver.stats["implausible"] == 3
    chip.watt, chip.volts = 0, 301
    snapshot = finish(driver.snapshot(1500))
    assert (snapshot.flags, snapshot.voltage_v_x100) == (STALE, [10000])
    chip.volts = 100
    chip.watt = 0
    snapshot = finish(driver.snapshot(2000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (0, 0)


def test_after_a_long_silence_a_refused_counter_books_nothing():
    tracker = SignedEnergy(1000, 1 << 24, Gate(10), 0)
    assert tracker.update(10, 500, 0) == 0
    assert tracker.update(10, 400, 60001) == 0 and tracker.refused
    assert tracker.update(10, 400, 60051) == 500 and not tracker.refused


def test_energy_is_never_two_counts_off_whatever_the_samples_say():
    tracker = SignedEnergy(1000, 1 << 24, Gate(1000), 0)
    total = booked = 0
    tracker.update(0, 0, 0)
    for step in range(1, 20000):
        power = (step * 7919) % 97  # what the samples say has nothing to do with what flowed
        total += (step * 104729) % 89 * 10
        booked += tracker.update(power, total // 1000 & 0xFFFFFF, step * 10)
        # one count for where the chip was at the start, one for where it is now
        assert abs(booked - total) < 2000, step
        assert not tracker.refused


def test_one_step_through_zero_is_split_by_the_counter():
    tracker = SignedEnergy(10, 1 << 24, Gate(1000), 0)
    tracker.update(-100, 0, 0)
    # 10 s: -100 for 2.5 s, then +20: |250000 + 150000| counted
    energy = 0
    energy += tracker.update(20, (250000 + 150000) // 10, 10000)
    assert abs(energy - (-250000 + 150000)) < 300


def test_creep_is_zero_power_and_no_energy():
    chip = Chip()
    driver, _ = meter(chip)
    finish(driver.snapshot(0))
    chip.watt, chip.status = 100, 0x02
    for at_s in range(1, 100):
        snapshot = finish(driver.snapshot(at_s * 1000))
        assert (snapshot.flags, snapshot.power_w_x10[0], snapshot.net_wh_x1000) == (CREEP, 0, 0)


def test_mode_is_written_once_and_only_if_it_differs():
    chip = Chip()
    driver, line = meter(chip)
    for at_s in range(0, 300, 10):
        finish(driver.snapshot(at_s * 1000))
    assert chip.mode == MODE and MODE & 0x80 and not chip.unlocked
    assert driver.stats["mode_writes"] == 1
    again, line = meter(chip)
    finish(again.snapshot(0))
    assert again.stats["mode_writes"] == 0
    assert line.sent == [b"\x58\x19", b"\x58\xaa"]


def test_a_restart_that_the_counter_does_not_show_is_found_by_mode():
    chip = Chip()
    driver, _ = meter(chip)
    finish(driver.snapshot(0))
    chip.restart()
    flags = [finish(driver.snapshot(at_s * 1000)).flags for at_s in range(10, 130, 10)]
    assert flags == [0, 0, 0, 0, 0, RESET, 0, 0, 0, 0, 0, 0]
    assert chip.mode == MODE


def test_a_chip_that_refuses_mode_still_measures():
    chip = Chip()
    answer = chip.answer
    chip.answer = lambda data: b"" if data[0] & 0xFC == 0xA8 else answer(data)
    driver, _ = meter(chip)
    assert energy_of(chip, driver, WATT_1000, 1800, 10) == [500000, 0]
    assert driver.stats["resets"] == 0


def test_one_bad_answer_is_asked_for_again():
    chip = Chip()
    driver, line = meter(chip)
    finish(driver.snapshot(0))
    good, bad = line.respond, [V1[:22], b"", V1[:10] + b"\x00" + V1[11:]]
    for answer in bad:
        pending = [answer]
        line.respond = lambda data, pending=pending: pending.pop() if pending else good(data)
        assert finish(driver.snapshot(1000)).flags == 0
    assert driver.stats["missed"] == 3 and driver.stats["stale"] == 0


def test_a_chip_is_stale_after_three_missed_polls_and_loses_no_energy():
    chip = Chip()
    driver, line = meter(chip)
    chip.watt = WATT_1000
    finish(driver.snapshot(0))
    chip.silent = True
    for at_s in range(1, 61):
        sent = len(line.sent)
        snapshot = finish(driver.snapshot(at_s * 1000))
        assert snapshot.flags == STALE and snapshot.net_wh_x1000 == 0
        assert len(line.sent) - sent == (3 if at_s == 1 else 1)
    chip.silent = False
    chip.cf = WATT_1000 * 120000 // CF_LSB_MS
    snapshot = finish(driver.snapshot(120000))
    assert snapshot.flags == 0
    assert abs(snapshot.net_wh_x1000 - 1000 * 120 * 1000 // 3600) <= COUNT_WH_X1000


def test_energy_waits_until_all_phases_have_answered():
    r, t = Chip(0), Chip(1)
    driver, _ = meter(r, t)
    r.watt, t.watt = WATT_1000, -WATT_1000
    finish(driver.snapshot(0))
    for at_s in (10, 20, 30, 40):
        t.silent = at_s in (20, 30)
        r.cf = t.cf = WATT_1000 * at_s * 1000 // CF_LSB_MS
        snapshot = finish(driver.snapshot(at_s * 1000))
        assert bool(snapshot.flags & STALE) == t.silent
        assert snapshot.net_wh_x1000 == 0
        assert bool(snapshot.import_wh_x1000[0]) == (not t.silent)
        assert snapshot.import_wh_x1000[0] == snapshot.export_wh_x1000[1]
        assert snapshot.export_wh_x1000[0] == snapshot.import_wh_x1000[1] == 0


def test_the_line_rests_twenty_milliseconds_between_chips():
    r, t = Chip(0), Chip(1)
    driver, line = meter(r, t)
    finish(driver.snapshot(0))
    line.waited_ms = 0
    finish(driver.snapshot(1000))
    assert line.waited_ms == 20
    assert [frame[0] for frame in line.sent[-2:]] == [0x58, 0x59]


def test_noise_before_every_answer_and_bytes_one_by_one_cost_nothing():
    for chunk in (1, 7, 1000):
        chip = Chip()
        chip.before = b"\x55\x00\xff"
        driver, _ = meter(chip, chunk=chunk)
        assert energy_of(chip, driver, -WATT_1000, 1800, 10) == [0, 500000]
        assert driver.stats["missed"] == 0


def test_endless_noise_ends_in_stale():
    driver, line = meter(Chip())
    line.respond = lambda data: b"\x55\x01" * 500
    assert finish(driver.snapshot(0)).flags == STALE


def test_a_late_answer_is_not_taken_for_the_next_one():
    chip = Chip()
    driver, line = meter(chip)
    finish(driver.snapshot(0))
    now, late = line.respond, []
    chip.watt = 1000

    def respond(data):
        late.append(now(data))
        return late.pop(0) if len(late) > 1 else b""

    line.respond = respond
    finish(driver.snapshot(1000))
    line.respond = now
    chip.watt = 2000
    finish(driver.snapshot(2000))
    chip.watt = 623400
    assert finish(driver.snapshot(3000)).power_w_x10[0] == 10000


def test_recorded_bytes_read_as_they_were():
    recorded = [V1, V2]
    line = Line(lambda data: b"\x97\x00\x00\xf7" if data[1] == 0x19 else recorded.pop(0))
    scale = {"lsb_per_v_x1000": 15873360, "lsb_per_a_x1000": 251213460, "lsb_per_w_x1000": 623400}
    driver = Bl0942(line, line, (0,), scale, 3000)
    snapshot = finish(driver.snapshot(0))
    assert (snapshot.voltage_v_x100, snapshot.current_ma, snapshot.power_w_x10) == ([21432], [149], [26])
    assert snapshot.frequency_hz_x100 == [4997]
    total = finish(driver.snapshot(1000)).net_wh_x1000
    assert total == 0 and snapshot.power_w_x10 == [27] and snapshot.frequency_hz_x100 == [4995]
