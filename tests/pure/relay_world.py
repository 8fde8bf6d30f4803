"""A latching relay with its coils and contact, in time that moves when somebody sleeps; a switch on it."""

from keiki.drivers import relay
from keiki.drivers.relay import Relay
from keiki.meter import eventlog, kept_state, switch
from keiki.meter.eventlog import EventLog
from keiki.meter.kept_state import KeptState
from keiki.meter.limiter import Limiter
from keiki.meter.switch import Switch
from ring import RingLog

PULSE_MS = 30


class Contact:
    """The mechanics: a coil that has had power for `needs_ms` moves the contact, unless it is `stuck`."""

    def __init__(self, desk):
        self.closed = True
        self.stuck = False
        self.needs_ms = 20
        self.pulses = []
        self._desk = desk
        self._since = [None, None]

    def coil(self, closes):
        def drive(on):
            now_ms = self._desk.now_ms
            since, self._since[closes] = self._since[closes], now_ms if on else None
            if on or since is None:
                return
            self.pulses.append((closes, now_ms - since))
            if now_ms - since >= self.needs_ms and not self.stuck:
                self.closed = closes

        return drive


class Pause:
    """What one can wait for: it gives way to the test."""

    def __iter__(self):
        yield

    __await__ = __iter__


class Event:
    """An event without a loop."""

    def __init__(self):
        self._set = False

    def set(self):
        self._set = True

    def clear(self):
        self._set = False

    def is_set(self):
        return self._set

    async def wait(self):
        while not self._set:
            await Pause()


class Settings:
    """The settings of switch and limiter."""

    disconnect_mode = 4
    switch_per_hour = 6
    contract_a = 30
    rating_a = 60
    limit_over_s = 5
    reclose_s = 10


class Cut(BaseException):
    """The power goes."""


class Desk:
    """A switch and limiter; `restart()` begins anew on the same log and relay. It stands in for asyncio."""

    Event = Event

    def __init__(self):
        self.now_ms = 0
        self.unsure = False
        self.cut_in_sleep = None
        self.settings = Settings()
        self.log = RingLog(kept_state.SIZE, 8)
        self.contact = Contact(self)
        self.events = EventLog(RingLog(eventlog.SIZE, 64), self.utc_s)
        relay.asyncio = switch.asyncio = self
        self.restart()

    def restart(self):
        contact = self.contact
        self.relay = Relay(contact.coil(False), contact.coil(True), lambda: contact.closed, PULSE_MS)
        self.state = KeptState(self.log)
        self.switch = Switch(self.relay, self.state, self.settings, self.events, self.ticks_ms)
        self.limiter = Limiter(self.switch, self.settings, self, self.events, self.ticks_ms)

    def ticks_ms(self):
        return self.now_ms

    def utc_s(self):
        return 1767193200 + self.now_ms // 1000

    async def sleep_ms(self, ms):
        if self.cut_in_sleep is not None:
            self.cut_in_sleep -= 1
            if self.cut_in_sleep < 0:
                raise Cut
        self.now_ms += ms

    def settle(self):
        """Run the switch until it waits for more to do; returns whether the relay has followed."""
        running = self.switch.run()
        running.send(None)
        running.close()
        settled = self.switch.settled()
        try:
            settled.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("the switch has not settled")

    def ask(self, what):
        """Ask, and let the relay move; returns what became of it."""
        result = self.switch.ask(what)
        if result == switch.MOVING:
            self.settle()
        return result

    def told(self):
        """The kinds of all events, oldest first, and their sources."""
        return [(eventlog.NAMES[event[1]], event[2]) for event in self.events.newest(99)][::-1]
