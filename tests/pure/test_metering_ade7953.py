"""The ADE7953 driver over a chip in a few lines: set-up, watching, energy, readings (metering-ics.md 1)."""

from ade7953_chip import Chip
from check import raises
from keiki.drivers.metering import CREEP, REFUSED, RESET, STALE
from keiki.drivers.metering_ade7953 import Ade7953
from metering_line import finish

SCALE = {"lsb_per_v_x1000": 25521000, "lsb_per_a_x1000": 127735000, "lsb_per_w_x1000": 194300}
RATING_A = 60


def counts(watts, seconds):
    return round(watts * seconds * 194.3 * 206900 / 4862401)


class Meter:
    """Driver and chips; `tick` lets power flow for 10 s and takes a snapshot."""

    def __init__(self, chips=1, phases=None, up=True, **data):
        self.chips = [Chip() for _ in range(chips)]
        for chip in self.chips:
            chip.measure(scale=SCALE)
        self.driver = Ade7953(self.chips, dict({"scale": SCALE}, **data), RATING_A, phases or chips)
        self.told = []
        self.driver.on_event = lambda *event: self.told.append(event)
        self.now_ms = 0
        if up:
            self.tick()
            self.remeasure()
            self.tick()
            self.tick()

    def remeasure(self):
        """A reset has cleared the readings."""
        for chip in self.chips:
            chip.measure(scale=SCALE)

    def tick(self, *watts, seconds=10):
        """Powers of R and T; returns the snapshot."""
        for index, power in enumerate(watts):
            chip = self.chips[index] if len(self.chips) > 1 else self.chips[0]
            chip.count(0 if len(self.chips) > 1 else index, counts(power, seconds))
        self.now_ms += seconds * 1000
        return finish(self.driver.snapshot(self.now_ms))


def test_set_up_unlocks_and_writes_120h_with_nothing_between():
    meter = Meter()
    writes = meter.chips[0].writes
    at = writes.index((0x0FE, 0xAD))
    assert writes[at + 1] == (0x120, 0x30)
    assert writes[: at + 2] == [(0x040, 0), (0x102, 0x8084), (0x0FE, 0xAD), (0x120, 0x30)]
    assert writes[-1] == (0x040, 7)
    registers = meter.chips[0].registers
    assert registers[0x120] == 0x30 and registers[0x102] == 0x0104 and registers[0x004] == 0
    assert not registers[0x22D]
    assert meter.chips[0].now_ms >= 100
    # the bus is locked before anything is calibrated
    assert writes.index((0x102, 0x0104)) < writes.index((0x282, 0x400000))


def test_no_load_is_disabled_while_its_thresholds_are_written():
    writes = Meter().chips[0].writes
    off, on = writes.index((0x001, 7)), writes.index((0x001, 0))
    assert off < min(n for n, row in enumerate(writes) if row[0] in (0x203, 0x204))
    assert on > max(n for n, row in enumerate(writes) if row[0] in (0x203, 0x204))


def test_a_chip_that_does_not_restart_is_not_set_up():
    meter = Meter(up=False)
    chip = meter.chips[0]
    chip.strays = [None, "lost"]
    assert meter.tick().flags == STALE
    assert meter.driver.stats["set_ups"] == 0
    assert meter.tick().flags == STALE and meter.driver.stats["set_ups"] == 1


def test_a_write_that_goes_astray_in_set_up_begins_it_anew():
    for n in range(2, 20):
        meter = Meter(up=False)
        meter.chips[0].strays = [None] * n + [0x288]
        meter.tick()
        assert meter.chips[0].writes[n] == (0x288, meter.chips[0].writes[n][1])
        assert meter.driver.stats["set_ups"] == 0, n
        meter.tick()
        assert meter.driver.stats["set_ups"] == 1
        assert meter.chips[0].registers.get(0x288, 0) == 0


def test_a_write_that_is_lost_in_set_up_is_repeated():
    for n in range(4, 20):
        meter = Meter(up=False)
        meter.chips[0].strays = [None] * n + ["lost"]
        meter.tick()
        assert meter.driver.stats["set_ups"] == 1, n


def test_the_first_snapshots_are_stale_and_lose_nothing():
    meter = Meter(up=False)
    chip = meter.chips[0]
    assert meter.tick().flags == STALE
    meter.remeasure()
    chip.count(0, counts(1000, 10))
    assert meter.tick().flags == STALE
    snapshot = meter.tick(1000)
    assert snapshot.flags == 0
    assert abs(snapshot.net_wh_x1000 - 5556) <= 1


def test_readings_are_those_of_the_registers():
    meter = Meter()
    chip = meter.chips[0]
    chip.count(2, counts(-750, 10))
    snapshot = meter.tick(-500)
    assert (snapshot.voltage_v_x100, snapshot.current_ma) == ([10000], [10000])
    assert snapshot.frequency_hz_x100 == [5000]
    assert snapshot.power_w_x10 == [-5000] and snapshot.reactive_var_x10 == [-7500]
    assert snapshot.power_factor_x1000 == [-500]
    assert snapshot.export_wh_x1000 == [1388] and snapshot.import_wh_x1000 == [0]
    assert snapshot.net_wh_x1000 == -1388


def test_nothing_counted_is_creep_and_shows_no_current():
    meter = Meter()
    snapshot = meter.tick(0)
    assert snapshot.flags == CREEP
    assert (snapshot.power_w_x10, snapshot.current_ma) == ([0], [0])
    assert snapshot.power_factor_x1000 == [None] and snapshot.reactive_var_x10 == [0]
    # reactive current is shown
    meter.chips[0].count(2, 1000)
    assert meter.tick(0).current_ma == [10000]


def test_a_restart_is_told_and_what_was_counted_before_it_is_not_booked():
    meter = Meter()
    meter.tick(1000)
    chip = meter.chips[0]
    chip.restart()
    chip.measure(scale=SCALE)
    snapshot = meter.tick(5000)
    assert snapshot.flags == RESET and snapshot.net_wh_x1000 == 0
    assert meter.told == [("ic_reset", 0x0104, 0x8004)]
    assert chip.registers[0x120] == 0x30 and chip.registers[0x004] == 0
    meter.remeasure()
    snapshot = meter.tick(1000)
    assert snapshot.flags == 0 and abs(snapshot.net_wh_x1000 - 2778) <= 1
    assert meter.driver.stats["resets"] == 1


def test_a_restart_between_counter_and_status_books_nothing():
    meter = Meter()
    chip = meter.chips[0]
    chip.count(0, counts(1000, 10))
    # the seventh access is IRQSTATA: both counters and what was said of them come before
    at = chip.reads + 7

    def restarted(value):
        chip.restart()
        chip.last = (0x22D, 1 << 20)
        return 1 << 20

    chip.answers[at] = restarted
    assert meter.tick().net_wh_x1000 == 0
    assert [kind for kind, _, _ in meter.told] == ["ic_reset"]


def test_a_garbled_answer_anywhere_in_a_poll_changes_nothing():
    for bit in (0, 7, 13, 22):
        meter = Meter()
        chip = meter.chips[0]
        meter.tick(1000)
        before = chip.reads
        meter.tick(1000)
        reads = chip.reads - before
        assert reads >= 15
        for at in range(1, reads + 1):
            chip.answers = {chip.reads + at: lambda value, turned=1 << bit: value ^ turned}
            snapshot = meter.tick(1000)
            assert snapshot.flags == 0 and abs(snapshot.net_wh_x1000 - 2778) <= 1, (bit, at)
            assert snapshot.voltage_v_x100 == [10000] and snapshot.current_ma == [10000]
            assert snapshot.power_w_x10 == [10000], (bit, at)
            assert not chip.answers
        assert not meter.told and meter.driver.stats["missed"] >= reads


def test_a_silent_chip_is_stale_and_loses_nothing():
    meter = Meter()
    meter.tick(1000)
    meter.chips[0].silent = True
    for _ in range(5):
        snapshot = meter.tick(1000)
        assert snapshot.flags == STALE and snapshot.net_wh_x1000 == 0
    meter.chips[0].silent = False
    snapshot = meter.tick(1000)
    assert snapshot.flags == 0 and abs(snapshot.net_wh_x1000 - 6 * 2778) <= 2


def test_energy_waits_until_all_phases_have_answered():
    meter = Meter(chips=2)
    meter.tick(1000, -1000)
    meter.chips[1].silent = True
    assert meter.tick(1000, -1000).flags == STALE
    meter.chips[1].silent = False
    snapshot = meter.tick(1000, -1000)
    assert snapshot.flags == 0 and abs(snapshot.net_wh_x1000) <= 1
    assert abs(snapshot.import_wh_x1000[0] - 5556) <= 1 and abs(snapshot.export_wh_x1000[1] - 5556) <= 1


def test_a_jump_is_refused_and_told():
    meter = Meter()
    meter.tick(1000)
    before = meter.chips[0].registers[0x21E]
    meter.chips[0].count(0, 3000000)
    snapshot = meter.tick()
    assert snapshot.flags == REFUSED and snapshot.net_wh_x1000 == 0
    assert meter.told == [("increment_refused", before, before + 3000000)]
    assert abs(meter.tick(1000).net_wh_x1000 - 2778) <= 1


def test_poll_between_snapshots_collects_energy():
    meter = Meter()
    for _ in range(6):
        meter.chips[0].count(0, counts(1000, 10))
        meter.now_ms += 10000
        assert finish(meter.driver.poll(meter.now_ms))
    snapshot = meter.tick(1000)
    assert abs(snapshot.net_wh_x1000 - 7 * 2778) <= 2 and snapshot.power_w_x10 == [10000]
    assert Ade7953.poll_ms == 10000


def test_one_chip_for_two_phases_says_that_it_assumes_symmetry():
    meter = Meter(chips=1, phases=2, inverted=(False, True))
    assert meter.driver.assumes_symmetry
    snapshot = meter.tick(1000, -2000)
    assert snapshot.power_w_x10 == [10000, 20000]
    assert snapshot.voltage_v_x100 == [10000, 10000]
    assert not Meter(chips=2).driver.assumes_symmetry and not Meter().driver.assumes_symmetry


def test_calibration_goes_to_the_chip_after_the_next_poll_and_only_what_is_new():
    meter = Meter()
    chip = meter.chips[0]
    meter.tick(1000)
    written = len(chip.writes)
    meter.driver.apply([{"p_gain_ppm": 10000, "v_gain_ppm": 10000}])
    assert len(chip.writes) == written
    snapshot = meter.tick(1000)
    assert abs(snapshot.net_wh_x1000 - 2778) <= 1
    assert snapshot.voltage_v_x100 == [10100]
    gain = round(0x400000 * 1.01)
    assert chip.writes[written:] == [
        (0x040, 0),
        (0x001, 7),
        (0x001, 0),
        (0x282, gain),
        (0x283, gain),
        (0x284, gain),
        (0x040, 7),
    ]
    assert not meter.told
    meter.tick(1000)
    assert meter.driver.stats["crc_changes"] == 0


def test_a_calibration_that_cannot_be_changes_nothing():
    meter = Meter(chips=2)
    written = len(meter.chips[0].writes)
    for bad in ([{}], [{"gain": 1}, {}], [{}, {"phase_mdeg": 7800}], [{}, {"p_offset_mw": 90000}]):
        raises(ValueError, meter.driver.apply, bad)
    meter.tick(1000, 1000)
    assert len(meter.chips[0].writes) == written


def test_a_setting_that_changed_is_found_by_the_crc_and_set_up_again():
    meter = Meter()
    meter.tick(1000)
    meter.chips[0].registers[0x282] ^= 1
    snapshot = meter.tick(1000)
    if not snapshot.flags:  # every other time it is one register that is looked at
        snapshot = meter.tick(1000)
    assert snapshot.flags & RESET and snapshot.net_wh_x1000 == 0
    assert meter.told == [("ic_reset", 0x400000, 0x400001)]
    assert meter.chips[0].registers[0x282] == 0x400000


def test_a_crc_that_changes_for_nothing_is_counted_and_believed():
    meter = Meter()
    meter.chips[0].registers[0x24C] = 1
    for _ in range(2):
        assert meter.tick(1000).flags == 0 and not meter.told
    assert meter.driver.stats["crc_changes"] == 1
    for _ in range(4):
        meter.tick(1000)
    assert meter.driver.stats["crc_changes"] == 1


def test_a_crc_that_never_changes_is_helped_by_reading_all_registers_in_turn():
    meter = Meter()
    chip = meter.chips[0]
    chip.crc = lambda: 0x12345678
    meter.driver.apply([{"p_gain_ppm": 1}])
    meter.tick(1000)
    meter.tick(1000)
    chip.registers[0x289] = 5
    ticks = 0
    while not meter.told:
        meter.tick(1000)
        ticks += 1
        assert ticks < 40
    assert meter.told == [("ic_reset", 0, 5)]


def test_self_check_names_what_is_wrong():
    meter = Meter(chips=2)

    def names():
        return finish(meter.driver.self_check())

    assert names() == []
    r, t = meter.chips
    r.registers[0x108] = 1
    t.silent = True
    assert names() == ["r_settings", "t_silent"]
    r.registers[0x108] = 0
    r.registers[0x21C] = 0
    assert names() == ["r_voltage", "t_silent"]
    meter = Meter(up=False)
    assert names() == ["r_settings"]
