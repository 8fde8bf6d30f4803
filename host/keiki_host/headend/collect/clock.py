"""The time that the head-end goes by: that of this computer, or that of an emulated world."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from keiki_host.headend.errors import HeadendInputError


@dataclass(frozen=True)
class Clock:
    """UTC seconds: `from_s` when this computer's clock was at `wall_s`, going `speed` times as fast as it."""

    from_s: float = 0.0
    wall_s: float = 0.0
    speed: float = 1.0
    wall: Callable[[], float] = time.time

    def now(self) -> float:
        """UTC seconds now."""
        return self.from_s + (self.wall() - self.wall_s) * self.speed

    @property
    def now_s(self) -> int:
        """UTC seconds now, whole."""
        return int(self.now())

    async def sleep(self, seconds: float) -> None:
        """Wait for some time of this clock."""
        await asyncio.sleep(max(0.0, seconds) / self.speed)


def parse(text: str) -> Clock:
    """The clock that "UTC_S,WALL_S,SPEED" means; HeadendInputError if it means none."""
    try:
        from_s, wall_s, speed = (float(part) for part in text.split(","))
    except ValueError:
        raise HeadendInputError(f"clock: {text}: not UTC_S,WALL_S,SPEED") from None
    if not speed > 0:
        raise HeadendInputError(f"clock: speed {speed:g}: not above 0")
    return Clock(from_s, wall_s, speed)
