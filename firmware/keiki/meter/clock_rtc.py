"""Keeps the RTC chip and the clock together: at start the chip leads, then whoever knows better."""

import asyncio

from keiki.meter.clock import RTC
from keiki.wire.compat import const

INTERVAL_S = const(3600)
WRITE_MS = const(100)
"""A chip further away than this from a clock that better sources lead is set anew."""

_LOOK_MS = const(20)
_LOOKS = const(100)


class RtcKeeper:
    """`rtc` offers `read_utc_s() -> int | None` and `write_utc_s(utc_s) -> bool` (see drivers/ds3231)."""

    def __init__(self, rtc, clock, ticks_ms) -> None:
        self.stats = {"untrusted": 0, "offered": 0, "written": 0}
        self._rtc = rtc
        self._clock = clock
        self._ticks_ms = ticks_ms
        self._wake = asyncio.Event()

    def start(self) -> "str | None":
        """Offer the chip's time, to half a second; returns what became of it, None if it cannot be trusted.

        To be called before anything is measured, so that the first slots are sure.
        """
        utc_s = self._rtc.read_utc_s()
        if utc_s is None:
            self.stats["untrusted"] += 1
            return None
        return self._clock.offer(RTC, utc_s * 1000 + 500, self._ticks_ms())

    async def run(self, beat) -> None:
        """Compare every hour, for ever, and when it is woken."""
        while True:
            beat()
            self._wake.clear()
            await self.compare()
            try:
                await asyncio.wait_for_ms(self._wake.wait(), INTERVAL_S * 1000)
            except asyncio.TimeoutError:
                pass

    def wake(self) -> None:
        """Compare now: the clock has been set, and a power cut must not undo it."""
        self._wake.set()

    async def compare(self) -> None:
        """Set the chip from a clock that better sources lead, or offer its time to one they do not."""
        utc_s = await self._edge()
        now_ms = self._ticks_ms()
        clock = self._clock
        if utc_s is None:
            self.stats["untrusted"] += 1
        if clock.disciplined:
            if utc_s is None or abs(utc_s * 1000 - clock.utc_ms()) > WRITE_MS:
                await asyncio.sleep_ms(clock.ms_to_next(1000))
                self.stats["written"] += self._rtc.write_utc_s((clock.utc_ms() + 500) // 1000)
        elif utc_s is not None:
            self.stats["offered"] += 1
            clock.offer(RTC, utc_s * 1000 + _LOOK_MS // 2, now_ms)

    async def _edge(self) -> "int | None":
        """Return the chip's second just as it begins (within 20 ms), None if it cannot be trusted."""
        first = self._rtc.read_utc_s()
        for _ in range(_LOOKS):
            if first is None:
                return None
            await asyncio.sleep_ms(_LOOK_MS)
            utc_s = self._rtc.read_utc_s()
            if utc_s != first:
                return utc_s
        return None
