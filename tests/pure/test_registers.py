"""Registers and history: boundaries between readings, gaps, clocks that jump, rings that wrap."""

from check import raises
from keiki.meter.history import History, Memory, RingLog, Series
from keiki.meter.registers import Registers
from keiki.wire import record

T0 = 1767193200  # 2026-01-01 00:00:00 JST


def metered(days=1, **kwargs):
    history = History(lambda name, size: Memory(size), days, 1)
    return history, Registers(history, **kwargs)


def test_a_record_keeps_both_registers_to_48_bits():
    buffer = bytearray(record.SIZE)
    for values in ((0, 0, 0, 0), (T0, 3, (1 << 48) - 1, 1), (0xFFFFFFFF, 255, 1, (1 << 48) - 1)):
        record.pack_into(buffer, *values)
        assert record.unpack(buffer) == values
        assert record.time_of(buffer) == values[0]


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
    log = RingLog(Memory(48 * record.SIZE), record.SIZE, 48)
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
    series = Series(RingLog(Memory(4 * record.SIZE), record.SIZE, 4), 60)
    assert series.close(T0, 0, 1, 1)
    assert not series.close(T0, 0, 2, 2)
    assert not series.close(T0 - 60, 0, 2, 2)
    assert series.find(T0) == (1, 1)
