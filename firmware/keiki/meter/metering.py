"""Reads the metering IC at whole multiples of the sample period and books what it says."""

import asyncio

from keiki.drivers.metering import STALE
from keiki.wire.compat import const
from keiki.wire.record import CLOCK_UNSURE, NORMAL

_CHECK_MS = const(3600000)
_SOON_MS = const(60000)
_POLL_MOST_MS = const(1000)  # what a poll takes
_LOOK_MS = const(10)
_QUIET_MOST_MS = const(3000)


class Metering:
    """The sampling loop; keeps the newest reading for who asks.

    `faults` is what the IC's self-check has named: None before the first one, a minute after the start. There
    is one every hour, and every minute while something is wrong.
    `import_wh_x1000` and `export_wh_x1000` are the sums of each phase since the start, up to `snapshot_ms`.
    `tamper()` is true while the cover is open (None: no such switch); `on_tamper()` hears of it once.
    `on_sample(snapshot)` hears of each reading; None: the IC did not answer. `on_silence(ends, since_utc_ms,
    utc_ms)` hears of the IC falling silent after a reading (`ends` False), and of the first one after that.
    """

    def __init__(
        self, ic, clock, registers, ticks_ms, *, phases: int = 1, sample_s: int = 1, tamper=None
    ) -> None:
        self.sample_s = sample_s
        self.stale = True
        self.power_w = None
        self.snapshot = None
        self.snapshot_ms = 0
        self.import_wh_x1000 = [0] * phases
        self.export_wh_x1000 = [0] * phases
        self.faults = None
        self.on_state_change = lambda: None
        self.on_tamper = lambda: None
        self.on_silence = lambda ends, since_utc_ms, utc_ms: None
        self.on_sample = lambda _snapshot: None
        self._tampered = False
        self._rests_until_ms = 0
        self._answered_utc_ms = 0
        self._check_ms = ticks_ms() + _SOON_MS
        self._ic = ic
        self._clock = clock
        self._registers = registers
        self._ticks_ms = ticks_ms
        self._tamper = tamper

    @property
    def status(self) -> int:
        """What the clock allows to be said of a record."""
        return CLOCK_UNSURE if self._clock.unsure else NORMAL

    async def run(self, beat) -> None:
        """Sample for ever, at once to begin with. A reading that fails books nothing: the IC's counter brings
        it next time."""
        while True:
            await self.sample()
            self._look_at_tamper()
            await self._check()
            beat()
            await self._sleep()

    async def _sleep(self) -> None:
        """Sleep to the next sample. A chip whose registers fill up before is polled meanwhile."""
        poll_ms = getattr(self._ic, "poll_ms", None)
        wait_ms = self._clock.ms_to_next(self.sample_s * 1000)
        while poll_ms is not None and wait_ms > poll_ms + _POLL_MOST_MS:
            await self._rest(poll_ms)
            await self._ic.poll(self._ticks_ms())
            before_ms, wait_ms = wait_ms, self._clock.ms_to_next(self.sample_s * 1000)
            if wait_ms > before_ms:
                return  # the time has passed meanwhile, or the clock was set
        await self._rest(wait_ms)

    async def _rest(self, ms: int) -> None:
        self._rests_until_ms = self._ticks_ms() + ms
        await asyncio.sleep_ms(ms)
        self._rests_until_ms = 0

    async def quiet(self, for_ms: int) -> None:
        """Wait until the IC is not asked, and will not be for so long; three seconds at most.

        For work that lets nothing else run: the IC's answer would be lost meanwhile.
        """
        waited_ms = 0
        while waited_ms < _QUIET_MOST_MS and self._rests_until_ms - self._ticks_ms() < for_ms:
            await asyncio.sleep_ms(_LOOK_MS)
            waited_ms += _LOOK_MS

    async def _check(self) -> None:
        now_ms = self._ticks_ms()
        if now_ms >= self._check_ms:
            self.faults = await self._ic.self_check()
            self._check_ms = now_ms + (_SOON_MS if self.faults else _CHECK_MS)

    def _look_at_tamper(self) -> None:
        if self._tamper is None:
            return
        tampered = bool(self._tamper())
        if tampered and not self._tampered:
            self.on_tamper()
        self._tampered = tampered

    async def sample(self) -> None:
        """Take one reading and book it."""
        utc_ms = self._clock.utc_ms()
        now_ms = self._ticks_ms()
        snapshot = await self._ic.snapshot(now_ms)
        stale = bool(snapshot.flags & STALE)
        if stale != self.stale:
            self.stale = stale
            self.on_state_change()
            if self.snapshot is not None:
                self.on_silence(not stale, self._answered_utc_ms, utc_ms)
        if stale:
            self.on_sample(None)
            return
        self.snapshot = snapshot
        self.snapshot_ms = now_ms
        self._answered_utc_ms = utc_ms
        for phase in range(len(self.import_wh_x1000)):
            self.import_wh_x1000[phase] += snapshot.import_wh_x1000[phase]
            self.export_wh_x1000[phase] += snapshot.export_wh_x1000[phase]
        self._registers.advance(utc_ms, snapshot.net_wh_x1000, self.status)
        self.on_sample(snapshot)
