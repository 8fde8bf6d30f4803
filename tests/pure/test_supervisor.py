"""Services that fail, services that hang, starts that crash: in time that moves only when somebody sleeps."""

from check import raises
from keiki.meter import eventlog, supervisor
from keiki.meter.eventlog import EventLog
from keiki.meter.supervisor import Service, Supervisor, crashes_in_a_row
from ring import RingLog


class TimeIsUp(BaseException):
    """Ends a service that would run for ever."""


class Desk:
    """Stands in for asyncio and the watchdog; each sleep moves the clock, the `last`th ends the test."""

    def __init__(self, last=10):
        self.now_ms = 0
        self.sleeps = []
        self.last = last
        self.fed = 0
        self.limit_ms = 4000
        self.reported = []
        self.events = EventLog(RingLog(eventlog.SIZE, 64), lambda: self.now_ms // 1000)
        self.supervisor = Supervisor(self, self.events, self.ticks_ms, self.reported.append)
        self.during = lambda: None
        supervisor.asyncio = self

    def ticks_ms(self):
        return self.now_ms

    def feed(self):
        self.fed += 1

    async def sleep_ms(self, ms):
        self.sleeps.append(ms)
        if len(self.sleeps) >= self.last:
            raise TimeIsUp
        self.now_ms += ms
        self.during()

    def run(self, coroutine):
        raises(TimeIsUp, coroutine.send, None)

    def kinds(self):
        return [event[1] for event in self.events.newest(100)]


async def fail(_beat):
    raise ValueError("as expected in this test")


async def end(_beat):
    pass


def test_a_failed_service_is_started_again_ever_more_slowly_and_logged():
    for run in (fail, end):
        desk = Desk()
        service = desk.supervisor.add("broken", run, 5000)
        desk.run(service.keep(desk.supervisor._failed))
        assert desk.sleeps == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000]
        assert service.restarts == 10
        assert len(desk.reported) == (10 if run is fail else 0)
        assert set(desk.kinds()) == {eventlog.TASK_FAILED}


def test_the_watchdog_is_fed_while_all_are_alive():
    desk = Desk()
    service = desk.supervisor.add("good", end, 5000)
    desk.during = service.beat
    desk.run(desk.supervisor.watch())
    assert desk.fed == 10 and desk.kinds() == []


def test_a_hung_service_stops_the_feeding_and_is_logged_once():
    desk = Desk(last=20)
    desk.supervisor.add("good", end, 1000000)
    hung = desk.supervisor.add("hung", end, 5000)
    desk.run(desk.supervisor.watch())
    assert desk.fed == 6
    assert desk.kinds() == [eventlog.WATCHDOG]
    assert next(desk.events.newest(1))[2] == hung.number


def test_a_service_that_waits_to_be_started_again_is_no_reason_to_bite():
    desk = Desk(last=20)
    service = desk.supervisor.add("waiting", end, 5000)
    service.waiting = True
    desk.run(desk.supervisor.watch())
    assert desk.fed == 20


def test_crashes_are_counted_up_to_the_last_good_start():
    desk = Desk()
    add = desk.events.add
    assert crashes_in_a_row(desk.events) == 0
    add(eventlog.POWER_UP, supervisor.POWERED)
    add(eventlog.POWER_UP, supervisor.CRASHED)
    add(eventlog.CLOCK_SET)
    add(eventlog.POWER_UP, supervisor.WATCHDOG)
    assert crashes_in_a_row(desk.events) == 2
    add(eventlog.STABLE)
    assert crashes_in_a_row(desk.events) == 0
    add(eventlog.POWER_UP, supervisor.CRASHED)
    add(eventlog.POWER_UP, supervisor.COMMANDED)
    assert crashes_in_a_row(desk.events) == 1


def test_a_service_shows_life_by_beating():
    now = [0]
    service = Service(0, "s", end, 1000, lambda: now[0])
    now[0] = 1001
    assert not service.alive(1001)
    service.beat()
    assert service.alive(2001) and not service.alive(2002)
