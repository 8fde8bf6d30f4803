"""What the head-end does by the clock: C-route files each half hour, judging of what came each hour."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from keiki.wire.slots import SLOT_S

from keiki_host.headend import croute, validate
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError

DELIVER_S = 600
"""How long after a slot its values are handed on: they have come by then; late ones have 30 minutes more."""
JUDGE_S = 900
JUDGE_EVERY = 2
"""Slots from one judging to the next."""
_AGAIN_S = 60


class Rounds:
    """`files`: where C-route files go; None: none are made. `tell` hears a line of what fails."""

    def __init__(self, store: Store, clock: Clock, files: Path | None, tell: Callable[[str], None]) -> None:
        self.stats = {"deliveries": 0, "files": 0, "judged": 0}
        self._store = store
        self._clock = clock
        self._files = files
        self._tell = tell

    async def run_deliveries(self) -> None:
        """Hand on what came, for ever; the first time at once: something may be left from before."""
        if self._files is None:
            return
        told = None
        while True:
            try:
                now_s = self._clock.now_s
                files = await asyncio.to_thread(croute.deliver, self._store, self._files, now_s=now_s)
                self.stats["deliveries"] += 1
                self.stats["files"] += len(files)
                told = None
                await self._clock.sleep(until_next(self._clock.now(), SLOT_S, DELIVER_S))
            except HeadendError as error:
                if str(error) != told:  # once, however long it lasts
                    told = str(error)
                    self._tell(f"C-route: {error}")
                await self._clock.sleep(_AGAIN_S)

    async def run_judging(self) -> None:
        """Judge what came, for ever."""
        while True:
            await self._clock.sleep(until_next(self._clock.now(), JUDGE_EVERY * SLOT_S, JUDGE_S))
            try:
                now_s = self._clock.now_s
                self.stats["judged"] += await asyncio.to_thread(validate.judge_new, self._store, now_s=now_s)
            except HeadendError as error:
                self._tell(f"judging: {error}")


def until_next(now: float, every_s: int, after_s: int) -> float:
    """How long it is until the next time that is `after_s` after a multiple of `every_s`; never nothing."""
    return every_s - (now - after_s) % every_s
