"""The keeper between the clock and its RTC: who leads, and when the chip is set."""

import asyncio

from keiki.meter.clock import HOST, REFUSED, RTC, SET, SNTP, Clock
from keiki.meter.clock_rtc import RtcKeeper
from keiki.wire.slots import utc_from_jst

T0 = utc_from_jst(2026, 7, 1, 12) * 1000
HOUR_MS = 3_600_000


class Rtc:
    """A chip `off_ms` from the truth; `trusted` or not."""

    def __init__(self, desk, off_ms):
        self.desk = desk
        self.off_ms = off_ms
        self.trusted = True
        self.stopped = False
        self.reads = 0

    def utc_ms(self):
        return self.desk.true_ms() + self.off_ms

    def read_utc_s(self):
        self.reads += 1
        if not self.trusted:
            return None
        return T0 // 1000 if self.stopped else self.utc_ms() // 1000

    def write_utc_s(self, utc_s):
        self.off_ms = utc_s * 1000 - self.desk.true_ms()
        self.trusted = True
        return True


class Desk:
    """Ticks that move only while something sleeps."""

    def __init__(self, rtc_off_ms=0, clock_off_ms=0, sure=False):
        self.ticks = 777
        self.clock = Clock(lambda: self.ticks, T0 + clock_off_ms, sure)
        self.rtc = Rtc(self, rtc_off_ms)
        self.keeper = RtcKeeper(self.rtc, self.clock, lambda: self.ticks)

    def true_ms(self):
        return T0 + self.ticks - 777

    async def _sleep_ms(self, ms):
        self.ticks += ms

    def compare(self):
        before = getattr(asyncio, "sleep_ms", None)
        asyncio.sleep_ms = self._sleep_ms
        try:
            asyncio.run(self.keeper.compare())
        finally:
            if before is None:
                del asyncio.sleep_ms
            else:
                asyncio.sleep_ms = before


def test_at_start_the_chip_sets_the_clock_to_half_a_second():
    for off_ms in (0, 300, 999, -1):
        desk = Desk(off_ms, clock_off_ms=-HOUR_MS)
        assert desk.keeper.start() == SET
        assert not desk.clock.unsure
        assert abs(desk.clock.utc_ms() - desk.rtc.utc_ms()) <= 500


def test_a_chip_that_cannot_be_trusted_sets_nothing():
    desk = Desk()
    desk.rtc.trusted = False
    assert desk.keeper.start() is None
    desk.compare()
    assert desk.clock.unsure and desk.keeper.stats == {"untrusted": 2, "offered": 0, "written": 0}


def test_a_chip_that_is_behind_the_records_is_refused():
    desk = Desk(-24 * HOUR_MS)
    assert desk.keeper.start() == REFUSED
    assert desk.clock.unsure


def test_the_clock_follows_the_edge_of_the_chips_second():
    for off_ms in (0, 250, 999, -430):
        desk = Desk(off_ms)
        desk.keeper.start()
        desk.compare()
        desk.ticks += 2 * HOUR_MS
        assert abs(desk.clock.utc_ms() - desk.rtc.utc_ms()) <= 15
        assert desk.keeper.stats == {"untrusted": 0, "offered": 1, "written": 0}


def test_a_chip_far_from_a_clock_that_servers_lead_is_set():
    for off_ms in (101, -5000, 9 * HOUR_MS):
        desk = Desk(off_ms + 20, sure=True)
        desk.clock.offer(SNTP, desk.true_ms(), desk.ticks, "a")
        desk.compare()
        assert abs(desk.rtc.off_ms) <= 1 and desk.keeper.stats["written"] == 1
        desk.compare()
        assert desk.keeper.stats["written"] == 1


def test_a_chip_near_to_it_is_left_alone():
    for off_ms in (-80, 0, 60):
        desk = Desk(off_ms, sure=True)
        desk.clock.offer(SNTP, desk.true_ms(), desk.ticks, "a")
        desk.compare()
        assert desk.keeper.stats == {"untrusted": 0, "offered": 0, "written": 0}


def test_a_chip_that_lost_its_time_is_set_as_soon_as_the_clock_is():
    desk = Desk()
    desk.rtc.trusted = False
    desk.clock.offer(HOST, desk.true_ms(), desk.ticks)
    desk.compare()
    assert desk.rtc.trusted and abs(desk.rtc.off_ms) <= 1


def test_a_chip_that_stands_still_is_neither_offered_nor_waited_for():
    desk = Desk()
    desk.rtc.stopped = True
    desk.compare()
    assert desk.keeper.stats["untrusted"] == 1 and desk.clock.unsure
    assert desk.true_ms() - T0 <= 2500


def test_a_chip_leads_again_when_the_servers_are_silent_for_6_hours():
    desk = Desk(0, sure=True)
    desk.clock.offer(SNTP, desk.true_ms(), desk.ticks, "a")
    desk.ticks += 6 * HOUR_MS
    desk.rtc.off_ms = 900
    desk.compare()
    assert desk.keeper.stats["offered"] == 1 and desk.keeper.stats["written"] == 0
    assert 880 <= desk.clock.slew_ms <= 920


def test_a_wake_brings_the_next_comparison_forward():
    desk = Desk()
    desk.rtc.trusted = False

    async def twice():
        task = asyncio.create_task(desk.keeper.run(lambda: None))
        for _ in range(4):
            await asyncio.sleep(0)
        desk.keeper.wake()
        for _ in range(12):
            await asyncio.sleep(0)
        task.cancel()

    before = getattr(asyncio, "wait_for_ms", None)
    if before is None:
        asyncio.wait_for_ms = lambda awaitable, ms: asyncio.wait_for(awaitable, ms / 1000)
    try:
        asyncio.run(twice())
    finally:
        if before is None:
            del asyncio.wait_for_ms
    assert desk.keeper.stats["untrusted"] == 2


def test_the_chip_is_a_source_of_the_least_trust():
    assert RTC < SNTP < HOST
