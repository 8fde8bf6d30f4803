"""Starts: what is logged, when a start is a careful one, and how that ends."""

import asyncio

from keiki.meter import eventlog, starts, supervisor
from keiki.meter.eventlog import EventLog
from keiki.meter.starts import Starts
from ring import RingLog

T0 = 1767193200


class Clock:
    unsure = False

    def utc_ms(self):
        return T0 * 1000


class Desk:
    def __init__(self):
        self.ring = RingLog(eventlog.SIZE, 200)
        self.restarts = 0

    def restart(self):
        self.restarts += 1

    def start(self, cause, kept=None, lost=(), unsure=False):
        events = EventLog(self.ring, lambda: T0)
        now = Starts(events, cause, self.restart)
        now.power_down(kept)
        clock = Clock()
        clock.unsure = unsure
        now.power_up(clock, kept, lost)
        return now

    def kinds(self):
        events = list(EventLog(self.ring, lambda: T0).newest(200))
        return [eventlog.NAMES[event[1]] for event in reversed(events)]


def settle(start):
    sleep_ms = getattr(asyncio, "sleep_ms", None)
    slept = []

    async def quick(ms):
        slept.append(ms)

    starts.asyncio.sleep_ms = quick
    try:
        asyncio.run(start.settle())
    finally:
        if sleep_ms is None:
            del asyncio.sleep_ms
        else:
            asyncio.sleep_ms = sleep_ms
    return slept


def test_the_first_start_of_a_meter_knows_of_no_power_cut():
    desk = Desk()
    desk.start(supervisor.POWERED)
    assert desk.kinds() == ["power_up"]


def test_a_power_cut_is_dated_by_the_newest_checkpoint():
    desk = Desk()
    desk.start(supervisor.POWERED, (T0 - 7200, 0, 0, 0, 0), unsure=True)
    assert desk.kinds() == ["power_down", "power_up", "clock_unsure"]
    first = EventLog(desk.ring, lambda: T0).read(0)
    assert first is not None and first[0] == T0 - 7200


def test_the_third_crash_in_a_row_makes_a_careful_start_and_five_minutes_end_it():
    desk = Desk()
    desk.start(supervisor.POWERED)
    safe = [desk.start(cause).safe for cause in (supervisor.CRASHED, supervisor.WATCHDOG)]
    third = desk.start(supervisor.CRASHED)
    assert safe == [False, False] and third.safe
    assert settle(third) == [300000] and desk.restarts == 1
    assert desk.kinds()[-2:] == ["safe_mode", "stable"]
    again = desk.start(supervisor.COMMANDED)
    assert not again.safe
    assert [desk.start(supervisor.CRASHED).safe for _ in range(3)] == [False, False, True]


def test_a_start_that_was_no_crash_needs_no_five_minutes():
    desk = Desk()
    assert settle(desk.start(supervisor.COMMANDED)) == []
    assert settle(desk.start(supervisor.POWERED)) == []
    assert desk.restarts == 0


def test_power_that_comes_back_ends_a_row_of_crashes():
    desk = Desk()
    for cause in (supervisor.CRASHED, supervisor.CRASHED, supervisor.POWERED):
        desk.start(cause)
    assert not desk.start(supervisor.CRASHED).safe


def test_what_flash_has_lost_is_logged_once():
    desk = Desk()
    lost = [("records", 2, 352, 528), ("block", 17, 0, 0)]
    for _ in range(3):
        desk.start(supervisor.POWERED, lost=lost)
    assert desk.kinds().count("flash_lost") == 2
    events = EventLog(desk.ring, lambda: T0)
    losses = [event[2:] for event in events.newest(99) if event[1] == eventlog.FLASH_LOST]
    assert [(source, before, after) for source, _, before, after in losses] == [(0, 17, 1), (2, 352, 176)]
