"""History of a clock that was wrong by more than a day: nothing right is missing, nothing is rewritten."""

from keiki.meter.history import Series
from keiki.wire import record
from ring import RingLog

T0 = 1767193200  # 2026-01-01 00:00:00 JST
SLOT_S = 1800
DAY_S = 86400
YEARS_S = 36 * 365 * DAY_S


class Desk:
    """A series, and what was closed in it: {UTC s: import}."""

    def __init__(self, capacity=2000):
        self.log = RingLog(record.SIZE, capacity)
        self.series = Series(self.log, SLOT_S)
        self.closed = {}
        self.wh = 0

    def close(self, utc_s, count=1):
        """Close `count` boundaries; returns how many were new."""
        new = 0
        for index in range(count):
            self.wh += 1
            at_s = utc_s + index * SLOT_S
            if self.series.close(at_s, record.NORMAL, self.wh, 2 * self.wh):
                assert at_s not in self.closed, "closed twice"
                self.closed[at_s] = self.wh
                new += 1
        return new

    def check(self):
        """All is found that the log still holds, now and after a start; and nothing else."""
        held = {}
        buffer = bytearray(record.SIZE)
        for sequence in range(self.log.oldest, self.log.end):
            if self.log.read_into(sequence, buffer):
                held[record.time_of(buffer)] = record.unpack(buffer)[2]
        for series in (self.series, Series(self.log, SLOT_S)):
            for at_s, wh in held.items():
                assert self.closed[at_s] == wh
                assert series.find(at_s) == (wh, 2 * wh)
                for other in (at_s - SLOT_S, at_s + SLOT_S):
                    assert (series.find(other) is not None) == (other in held)
            assert series.last == self.series.last
            rows = [at for at, _ in self.rows(series)]
            assert rows == sorted(rows)
            assert len(rows) == len(held) or series.in_order.turns

    def rows(self, series):
        """What a load profile is made of: [(time, import)] that can be read in order."""
        log, found = series.in_order, []
        buffer = bytearray(record.SIZE)
        for sequence in range(log.oldest, log.end):
            if log.read_into(sequence, buffer):
                found.append((record.time_of(buffer), record.unpack(buffer)[2]))
        return found


def test_a_wrong_year_costs_no_slot_of_the_right_one():
    desk = Desk()
    assert desk.close(T0, 10) == 10
    assert desk.close(T0 + YEARS_S, 2) == 2  # somebody set the clock to 2062
    desk.check()
    assert desk.close(T0 + 12 * SLOT_S, 100) == 100
    assert desk.series.last[0] == T0 + 111 * SLOT_S
    desk.check()
    assert desk.close(T0 + YEARS_S, 3) == 1, "what was closed in 2062 stays as it was"
    desk.check()


def test_a_profile_in_order_of_time_leaves_out_what_was_ahead_of_it():
    desk = Desk()
    desk.close(T0, 10)
    log = desk.series.in_order
    assert len(desk.rows(desk.series)) == 10 and log.turns == 0
    desk.close(T0 + YEARS_S, 2)
    assert len(desk.rows(desk.series)) == 12
    desk.close(T0 + 12 * SLOT_S, 5)
    assert log.turns == 1
    rows = [at for at, _ in desk.rows(desk.series)]
    assert rows == [T0 + n * SLOT_S for n in range(17) if n not in (10, 11)]
    assert desk.rows(Series(desk.log, SLOT_S)) == desk.rows(desk.series)


def test_a_start_goes_on_where_the_clock_was_set_right():
    desk = Desk()
    for start_s, count in ((T0, 30), (T0 + YEARS_S, 3), (T0 + 31 * SLOT_S, 30), (T0 + 9 * DAY_S, 5)):
        desk.close(start_s, count)
        desk.series = Series(desk.log, SLOT_S)
        desk.check()
    assert len(desk.closed) == 68
    assert desk.close(T0 + 62 * SLOT_S, 5) == 5  # back once more
    desk.check()


def test_a_clock_set_back_by_a_day_at_most_closes_nothing_out_of_order():
    desk = Desk()
    desk.close(T0, 100)
    last_s = T0 + 99 * SLOT_S
    desk.close(last_s + DAY_S)
    for at_s in range(last_s, last_s + DAY_S + 1, SLOT_S):
        assert desk.close(at_s) == 0
    assert desk.close(last_s + DAY_S + 3 * SLOT_S) == 1
    desk.check()
    assert desk.close(last_s - SLOT_S) == 0, "further back, but closed already"
    assert desk.close(last_s + SLOT_S) == 1, "further back, and new"
    desk.check()


def test_a_clock_that_goes_to_and_fro_closes_each_boundary_once():
    desk = Desk(300)
    state = 7
    for _ in range(120):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        desk.close(T0 + (state >> 8) % 4000 * SLOT_S, 1 + (state >> 5) % 4)
        if state >> 20 & 1:
            desk.series = Series(desk.log, SLOT_S)
    desk.check()
    assert len(desk.closed) > 20


def test_fifteen_runs_are_kept_apart_and_numbers_come_round_as_the_oldest_go():
    desk = Desk(40)
    for turn in range(14):
        assert desk.close(T0 + (40 - 2 * turn) * DAY_S, 2) == 2
        desk.check()
    assert desk.close(T0, 2) == 2
    assert desk.close(T0 - 30 * DAY_S, 2) == 0, "no number is free"
    desk.check()
    assert desk.close(T0 + 100 * DAY_S, 60) == 60  # the ring goes round: all are free again
    for turn in range(20):
        assert desk.close(T0 + (80 - turn * 2) * DAY_S, 2) == (2 if turn < 14 else 0)
        desk.check()


def test_torn_records_between_runs_do_no_harm():
    desk = Desk(200)
    for start_s, count in ((T0, 20), (T0 + YEARS_S, 2), (T0 + 25 * SLOT_S, 20), (T0 + YEARS_S // 2, 2)):
        desk.log.lose(3)
        desk.close(start_s, count)
        desk.log.lose(2)
    desk.close(T0 + 50 * SLOT_S, 20)
    desk.check()
    for sequence in (desk.log.oldest + 3, 22, 25, 29, 30):
        desk.log.torn.add(sequence)
        desk.check()


def test_a_lookup_takes_few_reads_in_a_run_or_two():
    desk = Desk(4000)
    desk.close(T0, 1500)
    reads = []
    read_into = desk.log.read_into
    desk.log.read_into = lambda *of: reads.append(of[0]) or read_into(*of)
    Series(desk.log, SLOT_S)
    assert len(reads) == 3  # the newest, the oldest, the newest again
    counted, desk.log.read_into = desk.log.read_into, read_into
    desk.close(T0 + YEARS_S, 2)
    desk.close(T0 + 1502 * SLOT_S, 1500)
    desk.log.read_into = counted
    del reads[:]
    Series(desk.log, SLOT_S)
    assert len(reads) <= 32, len(reads)
    del reads[:]
    assert desk.series.find(T0 + 2900 * SLOT_S) is not None
    assert len(reads) == 1
    for index in range(0, 3000, 7):
        del reads[:]
        desk.series.find(T0 + index * SLOT_S)
        assert len(reads) <= 24
