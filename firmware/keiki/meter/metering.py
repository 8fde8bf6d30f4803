"""Reads the metering IC at whole multiples of the sample period and books what it says."""

import asyncio

from keiki.drivers.metering import STALE
from keiki.wire.record import CLOCK_UNSURE, NORMAL


class Metering:
    """The sampling loop; keeps the newest reading for who asks.

    `tamper()` is true while the cover is open (None: no such switch); `on_tamper()` hears of it once.
    """

    def __init__(self, ic, clock, registers, ticks_ms, sample_s: int, tamper=None) -> None:
        self.sample_s = sample_s
        self.stale = True
        self.power_w = None
        self.snapshot = None
        self.on_state_change = lambda: None
        self.on_tamper = lambda: None
        self._tampered = False
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
        """Sample for ever. A reading that fails books nothing: the IC's counter brings it next time."""
        while True:
            await asyncio.sleep_ms(self._clock.ms_to_next(self.sample_s * 1000))
            await self.sample()
            self._look_at_tamper()
            beat()

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
        snapshot = await self._ic.snapshot(self._ticks_ms())
        stale = bool(snapshot.flags & STALE)
        if stale != self.stale:
            self.stale = stale
            self.on_state_change()
        if stale:
            return
        self.snapshot = snapshot
        self._registers.advance(utc_ms, snapshot.net_wh_x1000, self.status)
