"""Time for a calibration: passed in, so that tests have their own."""

import asyncio
import datetime
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only grow, pauses, and the date."""

    def now_s(self) -> float:
        """Seconds since any moment."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""

    def date(self) -> datetime.datetime:
        """The date and time, with its offset."""


class WallClock:
    """The time of this computer."""

    def now_s(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    def date(self) -> datetime.datetime:
        """Local time."""
        return datetime.datetime.now().astimezone()
