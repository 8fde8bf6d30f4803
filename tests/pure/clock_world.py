"""A meter's clock, registers and history on a crystal that is off, in a world whose time is known.

The house takes 3.6 kW, one unit (Wh x 1000) each true millisecond: the import register of a slot says at
which true moment it was closed.
"""

from keiki.meter.clock import SNTP, Clock
from keiki.meter.history import Series
from keiki.meter.registers import Registers
from keiki.wire import record
from keiki.wire.slots import jst, utc_from_jst
from ring import RingLog

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
TICKS0 = 5000


class _Log(RingLog):
    """Room for 30 days of half-hours; all of it can be read."""

    def __init__(self):
        super().__init__(record.SIZE, 1500)
        self._one = bytearray(record.SIZE)

    def __iter__(self):
        for sequence in range(self.oldest, self.end):
            self.read_into(sequence, self._one)
            utc_s, status, import_wh_x1000 = record.unpack(self._one)[:3]
            yield "%02d %02d:%02d" % jst(utc_s)[2:5], status, (import_wh_x1000 + 500) // 1000


class _History:
    def __init__(self):
        self.log = _Log()
        self.half_hours = Series(self.log, 1800)
        self.minutes = Series(RingLog(record.SIZE, 60), 60)


class Dice:
    """A small generator, the same on both interpreters."""

    def __init__(self, seed):
        self._state = seed

    def between(self, low, high):
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return low + (self._state >> 8) % (high - low + 1)


class World:
    """Begins at a JST date; the crystal runs `ppm` too fast (negative: too slow)."""

    def __init__(self, *began_jst, ppm=0, off_ms=0, sure=True, gap_s=60):
        self.began_ms = utc_from_jst(*began_jst) * 1000
        self.ticks = TICKS0
        self.ppm = ppm
        self._known = (TICKS0, self.began_ms)
        self.clock = Clock(self.ticks_ms, self.began_ms + off_ms, sure)
        self.events = []
        self.clock.on_event = lambda *event: self.events.append(event)
        self.history = _History()
        self.registers = Registers(self.history, gap_s=gap_s)
        self.worst_ms = 0
        self._booked_ms = 0
        self._read()

    def ticks_ms(self):
        return self.ticks

    def true_ms(self):
        ticks, true_ms = self._known
        return true_ms + (self.ticks - ticks) * 1_000_000 // (1_000_000 + self.ppm)

    def warm(self, ppm):
        """From now on the crystal runs `ppm` too fast: it got warm, or cold."""
        self._known = (self.ticks, self.true_ms())
        self.ppm = ppm

    def off_ms(self):
        """By how much the clock is ahead of the truth."""
        return self.clock.utc_ms() - self.true_ms()

    def _read(self):
        """One reading of the metering IC."""
        passed_ms = self.true_ms() - self.began_ms
        status = record.CLOCK_UNSURE if self.clock.unsure else record.NORMAL
        self.registers.advance(self.clock.utc_ms(), passed_ms - self._booked_ms, status)
        self._booked_ms = passed_ms
        self.worst_ms = max(self.worst_ms, abs(self.off_ms()))

    def run(self, ms):
        """Let `ms` of ticks pass, with a reading at each minute of the clock, as meter/metering does."""
        end = self.ticks + ms
        while True:
            wait = self.clock.ms_to_next(MINUTE_MS)
            if self.ticks + wait > end:
                self.ticks = end
                return
            self.ticks += wait
            self._read()

    def run_to(self, *at_jst):
        """Let time pass until it truly is that date."""
        self.run((utc_from_jst(*at_jst) * 1000 - self.true_ms()) * (1_000_000 + self.ppm) // 1_000_000)

    def sntp(self, name="a", off_ms=0):
        """A server answers, `off_ms` wrong."""
        return self.clock.offer(SNTP, self.true_ms() + off_ms, self.ticks, name)

    def slots(self):
        """Every closed slot: ("DD hh:mm" in JST, status, true seconds since the start, rounded)."""
        return list(self.history.log)

    def is_regular(self, within_s=0):
        """True if there is a slot at each half-hour from the start on, closed in time."""
        utc_s = self.began_ms // 1000
        for name, status, true_s in self.history.log:
            on_time = abs(utc_s - self.began_ms // 1000 - true_s) <= within_s
            if name != "%02d %02d:%02d" % jst(utc_s)[2:5] or status != record.NORMAL or not on_time:
                return False
            utc_s += 1800
        return utc_s >= self.true_ms() // 1000
