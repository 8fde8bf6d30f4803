"""The sampling loop: at once, then on whole multiples of its period; it tells of a cover opened."""

import asyncio

from keiki.drivers.metering import STALE
from keiki.meter import metering
from keiki.meter.metering import Metering
from keiki.wire.record import CLOCK_UNSURE, NORMAL

T0_MS = 1767193200_000


class TimeIsUp(BaseException):
    """Ends a loop that would run for ever."""


class Desk:
    """Clock, IC, registers and asyncio of a meter; each sleep moves the clock."""

    def __init__(self, last=5, sample_s=10, off_ms=0):
        self.now_ms = T0_MS + off_ms
        self.unsure = False
        self.flags = 0
        self.net_wh_x1000 = 3
        self.import_wh_x1000, self.export_wh_x1000 = [5], [2]
        self.booked = []
        self.checks = []
        self.faults = []
        self.sleeps = 0
        self.last = last
        self.open = False
        self.beats = 0
        self.metering = Metering(
            self, self, self, lambda: self.now_ms, sample_s=sample_s, tamper=lambda: self.open
        )
        metering.asyncio = self

    def utc_ms(self):
        return self.now_ms

    def ms_to_next(self, period_ms):
        return period_ms - self.now_ms % period_ms

    async def snapshot(self, _now_ms):
        return self

    async def self_check(self):
        self.checks.append(self.now_ms - T0_MS)
        return self.faults

    def advance(self, utc_ms, net_wh_x1000, status):
        self.booked.append((utc_ms - T0_MS, net_wh_x1000, status))

    async def sleep_ms(self, ms):
        self.sleeps += 1
        if self.sleeps > self.last:
            raise TimeIsUp
        self.now_ms += ms
        self.during()

    def during(self):
        pass

    def beat(self):
        self.beats += 1

    def run(self):
        try:
            self.metering.run(self.beat).send(None)
        except TimeIsUp:
            metering.asyncio = asyncio
            return self
        raise AssertionError("the loop ended by itself")


def test_the_first_reading_is_at_once_and_all_others_stand_on_whole_multiples_of_the_period():
    desk = Desk(last=3, off_ms=1234).run()
    assert [row[0] for row in desk.booked] == [1234, 10000, 20000, 30000] and desk.beats == 4
    assert (desk.metering.import_wh_x1000, desk.metering.export_wh_x1000) == ([20], [8])
    assert desk.metering.snapshot_ms == T0_MS + 30000


def test_the_status_is_what_the_clock_allows():
    desk = Desk(last=2)
    desk.unsure = True
    assert {row[2] for row in desk.run().booked} == {CLOCK_UNSURE}
    assert {row[2] for row in Desk(last=2).run().booked} == {NORMAL}


def test_a_stale_reading_books_nothing_and_is_told_once():
    desk = Desk(last=4)
    told = []
    desk.metering.on_state_change = lambda: told.append(desk.metering.stale)

    def during():
        desk.flags = STALE if 2 <= desk.sleeps <= 3 else 0

    desk.during = during
    desk.run()
    assert [row[0] for row in desk.booked] == [0, 10000, 40000]
    assert told == [False, True, False]


def test_a_chip_is_polled_between_readings_however_long_that_takes():
    for takes_ms in (0, 30, 700, 1500, 70000):
        desk = Desk(last=40, sample_s=60)
        desk.poll_ms = 20000
        polls = []

        async def poll(now_ms, desk=desk, polls=polls, takes_ms=takes_ms):
            polls.append(now_ms - T0_MS)
            desk.now_ms += takes_ms

        desk.poll = poll
        desk.run()
        times = [row[0] for row in desk.booked]
        assert len(times) >= 10
        if takes_ms <= 1000:
            assert times == list(range(0, 60000 * len(times), 60000))
            assert len(polls) >= 2 * (len(times) - 1)
        before_ms = 0
        for at_ms in sorted(times + polls):
            assert at_ms - before_ms <= max(21000, takes_ms + 20000)
            before_ms = at_ms


def test_work_that_stops_everything_waits_for_a_time_without_a_reading():
    desk = Desk(sample_s=1)

    def waits(for_ms):
        before_ms = desk.now_ms
        try:
            desk.metering.quiet(for_ms).send(None)
        except StopIteration:
            return desk.now_ms - before_ms

    async def sleep_ms(ms):
        if ms > 10:
            assert ms == 1000 and waits(850) == waits(1000) == 0
            desk.now_ms += 200
            assert waits(850) == 3000  # nobody else runs here, and it does not wait for ever
            raise TimeIsUp
        desk.now_ms += ms

    async def snapshot(_now_ms):
        assert waits(1) == 3000
        return desk

    desk.sleep_ms, desk.snapshot = sleep_ms, snapshot
    assert waits(1) == 3000  # the first reading is to come
    desk.run()
    assert len(desk.booked) == 1


def test_the_ic_is_checked_after_a_minute_and_then_every_hour_or_while_it_is_faulty_every_minute():
    desk = Desk(last=130, sample_s=60)

    def during():
        desk.faults = ["t_voltage"] if 100000 < desk.now_ms - T0_MS < 3800000 else []

    assert desk.metering.faults is None
    desk.during = during
    desk.run()
    assert desk.checks == [60000, 3660000, 3720000, 3780000, 3840000, 7440000]
    assert desk.metering.faults == []


def test_a_silence_is_told_when_it_begins_and_when_it_ends_but_not_before_the_first_reading():
    desk = Desk(last=6)
    told = []
    desk.metering.on_silence = lambda *silence: told.append(silence)

    def during():
        desk.flags = STALE if desk.sleeps in (1, 3, 4) else 0

    desk.flags = STALE
    desk.during = during
    desk.run()
    assert [row[0] for row in desk.booked] == [20000, 50000, 60000]
    base_ms = desk.metering._answered_utc_ms - 60000
    assert told == [(False, base_ms + 20000, base_ms + 30000), (True, base_ms + 20000, base_ms + 50000)]


def test_an_opened_cover_is_told_once_each_time():
    desk = Desk(last=8)
    told = []
    desk.metering.on_tamper = lambda: told.append(desk.sleeps)

    def during():
        desk.open = desk.sleeps in (2, 3, 4, 7)

    desk.during = during
    desk.run()
    assert told == [2, 7]
