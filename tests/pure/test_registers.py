"""Registers and history: boundaries between readings, gaps, clocks that jump, rings that wrap."""

from check import raises
from keiki.meter.history import History, Series
from keiki.meter.registers import Registers
from keiki.wire import record
from ring import RingLog

T0 = 1767193200  # 2026-01-01 00:00:00 JST


def metered(**kwargs):
    history = History(RingLog(record.SIZE, 100), RingLog(record.SIZE, 2000))
    return history, Registers(history, **kwargs)


def test_a_record_keeps_both_registers_to_48_bits():
    buffer = bytearray(record.SIZE)
    for values in ((0, 0, 0, 0, 0), (T0, 3, (1 << 48) - 1, 1, 7), (0xFFFFFFFF, 15, 1, (1 << 48) - 1, 65535)):
        record.pack_into(buffer, *values)
        assert record.unpack(buffer) == values
        assert record.time_of(buffer) == values[0] and record.run_of(buffer) == 0
        record.pack_into(buffer, *values, 11)
        assert record.unpack(buffer) == values and record.run_of(buffer) == 11


def test_a_reading_on_the_boundary_is_the_snapshot():
    history, registers = metered()
    registers.advance(T0 * 1000, 0)
    assert history.half_hours.find(T0) == (0, 0)
    for second in range(1, 1801):
        registers.advance((T0 + second) * 1000, 10 if second % 2 else -3)
    assert history.half_hours.find(T0 + 1800) == (9000, 2700)
    assert history.minutes.find(T0 + 60) == (300, 90)
    assert history.half_hours.last == (T0 + 1800, 9000, 2700)
    assert history.half_hours.find(T0 + 3600) is None


def test_a_boundary_between_two_readings_gets_its_share():
    history, registers = metered()
    registers.advance((T0 - 4) * 1000, 0)
    registers.advance((T0 + 6) * 1000, 1000)
    assert history.half_hours.find(T0) == (400, 0)
    assert history.minutes.find(T0) == (400, 0)


def test_a_boundary_in_a_long_silence_is_missing_and_its_energy_is_not():
    history, registers = metered(gap_s=30)
    registers.advance((T0 - 20) * 1000, 0)
    registers.advance((T0 + 20) * 1000, 5000)
    assert history.half_hours.find(T0) is None
    assert registers.import_wh_x1000 == 5000
    registers.advance((T0 + 1790) * 1000, 7000)
    registers.advance((T0 + 1800) * 1000, 10)
    assert history.half_hours.find(T0 + 1800) == (12010, 0)


def test_an_interruption_leaves_boundaries_missing():
    history, registers = metered()
    registers.advance((T0 - 1) * 1000, 0)
    registers.interrupt()
    registers.advance((T0 + 1) * 1000, 0)
    assert history.half_hours.find(T0) is None


def test_a_clock_that_goes_back_rewrites_nothing():
    history, registers = metered()
    registers.advance(T0 * 1000, 0)
    registers.advance((T0 + 1) * 1000, 100)
    registers.advance((T0 - 10) * 1000, 100)
    for second in range(-9, 2):
        registers.advance((T0 + second) * 1000, 100)
    assert history.half_hours.find(T0) == (0, 0)
    assert registers.import_wh_x1000 == 1300


def test_a_clock_that_jumps_ahead_leaves_slots_missing():
    history, registers = metered()
    registers.advance(T0 * 1000, 0)
    registers.advance((T0 + 7200 + 5) * 1000, 100)
    for boundary in range(T0 + 1800, T0 + 9000, 1800):
        assert history.half_hours.find(boundary) is None
    assert registers.import_wh_x1000 == 100


def test_registers_never_go_down():
    _, registers = metered(import_wh_x1000=7, export_wh_x1000=9)
    registers.advance(T0 * 1000, -5)
    registers.advance(T0 * 1000, 5)
    assert (registers.import_wh_x1000, registers.export_wh_x1000) == (12, 14)


def test_each_half_hour_is_announced_once():
    _, registers = metered()
    heard = []
    registers.on_half_hour = lambda: heard.append(1)
    for second in range(0, 5400, 10):
        registers.advance((T0 + second + 3) * 1000, 1)
    assert len(heard) == 2


def test_the_ring_forgets_the_oldest_and_finds_the_rest():
    log = RingLog(record.SIZE, 48)
    series = Series(log, 1800)
    for index in range(200):
        if index % 7 != 3:
            assert series.close(T0 + index * 1800, 0, index, 2 * index)
    found = [index for index in range(200) if series.find(T0 + index * 1800)]
    held = [index for index in range(200) if index % 7 != 3][-48:]
    assert found == held
    for index in held:
        assert series.find(T0 + index * 1800) == (index, 2 * index)
    assert series.find(T0 - 1800) is None and series.find(T0 + 10**7) is None
    raises(IndexError, log.read_into, 0, bytearray(record.SIZE))


def test_a_closed_boundary_is_never_written_again():
    series = Series(RingLog(record.SIZE, 4), 60)
    assert series.close(T0, 0, 1, 1)
    assert not series.close(T0, 0, 2, 2)
    assert not series.close(T0 - 60, 0, 2, 2)
    assert series.find(T0) == (1, 1)


def test_a_boundary_is_found_whatever_was_torn_or_left_out_between():
    log = RingLog(record.SIZE, 300)
    series = Series(log, 1800)
    kept = []
    for index in range(400):
        if index % 11 == 4:
            log.lose(1 + index % 40)  # sequences without a record
        if 100 <= index < 180 or index % 13 == 5:
            continue  # no power
        assert series.close(T0 + index * 1800, 0, index, 2 * index)
        kept.append((log.end - 1, index))
    held = [index for sequence, index in kept if sequence >= log.oldest]
    assert [index for index in range(-5, 420) if series.find(T0 + index * 1800)] == held


def test_a_lookup_takes_few_reads_however_long_the_log_is():
    log = RingLog(record.SIZE, 2000)
    series = Series(log, 1800)
    for index in range(2000):
        if index % 100 != 50:
            series.close(T0 + index * 1800, 0, index, 0)
    reads = []
    read_into = log.read_into
    log.read_into = lambda *of: reads.append(of[0]) or read_into(*of)
    worst = 0
    for index in range(0, 2000, 7):
        del reads[:]
        assert series.find(T0 + index * 1800) is not None or index % 100 == 50
        worst = max(worst, len(reads))
    assert worst <= 12, worst


def test_a_boundary_that_the_flash_refused_is_missing_and_the_next_is_not():
    log = RingLog(record.SIZE, 10)
    series = Series(log, 1800)
    append = log.append

    def refuse(_data):
        raise OSError(5)

    log.append = refuse
    assert not series.close(T0, 0, 1, 1) and series.refused == 1 and series.last is None
    log.append = append
    assert series.close(T0 + 1800, 0, 2, 2)
    assert series.find(T0) is None and series.find(T0 + 1800) == (2, 2)


def test_what_an_unsure_clock_closed_is_kept_and_not_served():
    log = RingLog(record.SIZE, 10)
    series = Series(log, 1800)
    series.close(T0, record.CLOCK_UNSURE, 1, 1)
    assert log.end == 1 and series.find(T0) is None and series.last is None
    assert Series(log, 1800).last is None


def test_a_start_in_unsure_time_serves_what_was_sure_before():
    log = RingLog(record.SIZE, 100)
    series = Series(log, 1800)
    series.close(T0, record.NORMAL, 7, 1)
    for n in range(1, 48):
        series.close(T0 + 1800 * n, record.CLOCK_UNSURE, 7 + n, 1)
        assert series.last == Series(log, 1800).last == (T0, 7, 1)
    series.close(T0 + 1800 * 48, record.CLOCK_UNSURE, 99, 1)
    assert series.last is None and Series(log, 1800).last is None
    assert not Series(log, 1800).close(T0 + 1800 * 48, record.NORMAL, 99, 1)


def test_the_slot_in_which_power_came_back_says_so():
    history, registers = metered()
    registers.advance((T0 + 100) * 1000, 0)
    for second in range(130, 3610, 10):
        registers.advance((T0 + second) * 1000, 1)
    log = history.half_hours._log
    buffer = bytearray(record.SIZE)
    status = []
    for sequence in range(log.end):
        log.read_into(sequence, buffer)
        status.append(record.unpack(buffer)[1])
    assert status == [record.POWER_WAS_OFF, record.NORMAL]
    assert history.half_hours.find(T0 + 1800) is not None


def test_a_clock_that_is_set_does_not_hide_the_slot_in_which_power_came_back():
    history, registers = metered()
    registers.advance((T0 + 100) * 1000, 0)
    for second in range(7300, 10810, 10):  # it is two hours later than the clock thought
        registers.advance((T0 + second) * 1000, 1)
    log = history.half_hours._log
    buffer = bytearray(record.SIZE)
    found = []
    for sequence in range(log.end):
        log.read_into(sequence, buffer)
        found.append(record.unpack(buffer)[:2])
    assert found == [(T0 + 9000, record.POWER_WAS_OFF), (T0 + 10800, record.NORMAL)]
