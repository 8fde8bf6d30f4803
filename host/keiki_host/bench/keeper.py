"""Keeps a meter's firmware running: how it ended says what happened, and how it starts again."""

import asyncio
import math
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from keiki_host.bench.errors import BenchError
from keiki_host.bench.process import Firmware, FirmwareEnded
from keiki_host.bench.world import WorldClock

BOOT_MS = 1500
"""World time from a reset to the first line of the firmware, about what a board takes."""

POWER, WATCHDOG, CRASH, COMMAND = range(4)
"""KEIKI_CAUSE."""

HANG_S = 30
BAD_STARTS = 5
_BAD_WORLD_MS, _BAD_WALL_S = 60_000, 2.0
_SETTINGS_STATUS = 2


class End(NamedTuple):
    """Why a firmware ended, as it will be told, and in words."""

    cause: int
    words: str


def how_it_ended(status: int) -> End:
    """What the status of a firmware process (negative: ended by that signal) says."""
    if status in (-signal.SIGKILL, -signal.SIGTERM):
        return End(POWER, "power cut")
    if status == 3:
        return End(WATCHDOG, "watchdog")
    if status == 4:
        return End(COMMAND, "restart as asked")
    if status < 0:
        return End(CRASH, f"crash (signal {-status})")
    return End(CRASH, f"crash (status {status})")


class Keeper:
    """Starts a firmware again whenever it ends, as its board would.

    `boot(cause)` starts one and gives it to `clock`; FirmwareEnded if it ends meanwhile. `power(on)` takes
    the power of all parts away or gives it back. `ends` has every end so far.
    """

    def __init__(
        self,
        firmware: Firmware,
        clock: WorldClock,
        boot: Callable[[int], Awaitable[None]],
        power: Callable[[bool], None],
    ) -> None:
        self.ends: list[End] = []
        self._firmware = firmware
        self._clock = clock
        self._boot = boot
        self._power = power
        self._powered = asyncio.Event()
        self._powered.set()
        self._cut = False
        self._hung = False
        self._bad = 0
        self._started = (0, 0.0)
        self._keeping: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it for the first time, and from then on whenever it ends. FirmwareEnded if that fails."""
        self._watching = asyncio.create_task(self._watch())
        await self._try(POWER)
        self._keeping = asyncio.create_task(self._keep())

    async def failed(self) -> None:
        """Wait until starting it again does not help: BenchError then."""
        assert self._keeping is not None
        await asyncio.shield(self._keeping)

    async def close(self) -> None:
        """Start it no more."""
        tasks = [task for task in (self._keeping, self._watching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            await self._again(self._judge(await self._firmware.ended()))

    def cut(self) -> None:
        """Take the power away, in the midst of whatever it does; time goes on."""
        self._cut = True
        self._powered.clear()
        self._firmware.kill()
        self._clock.lose(math.inf)
        self._power(False)

    def restore(self) -> None:
        """Give the power back."""
        self._clock.lose(BOOT_MS)
        self._power(True)
        self._powered.set()

    @property
    def powered(self) -> bool:
        """False between `cut` and `restore`."""
        return self._powered.is_set()

    async def _again(self, end: End) -> None:
        """Start until one firmware is up; each that ends before is an end too."""
        while True:
            self.ends.append(end)
            cut, self._cut = self._cut, False
            if not cut:
                if end.cause == POWER:
                    self._power(False)
                    self._power(True)
                self._clock.lose(BOOT_MS)
            await self._powered.wait()
            try:
                await self._try(end.cause)
            except FirmwareEnded as ended:
                end = self._judge(ended.status)
                continue
            self._say(f"{end.words}: started again")
            return

    async def _try(self, cause: int) -> None:
        self._started = (self._clock.now_ms, time.monotonic())
        await self._boot(cause)

    def _judge(self, status: int) -> End:
        """What this end was. BenchError if it is one too many."""
        if status == _SETTINGS_STATUS:
            raise FirmwareEnded(self._firmware.name, status)
        hung, self._hung = self._hung, False
        if self._cut:
            return End(POWER, "power cut")
        end = End(WATCHDOG, "watchdog") if hung else how_it_ended(status)
        world_ms, wall_s = self._started
        soon = self._clock.now_ms - world_ms < _BAD_WORLD_MS and time.monotonic() - wall_s < _BAD_WALL_S
        self._bad = self._bad + 1 if soon else 0
        if self._bad >= BAD_STARTS:
            times = f"{self._bad} times right after its start"
            raise BenchError(f"{self._firmware.name}: the firmware ended {times}: {end.words}")
        return end

    async def _watch(self) -> None:
        """What a watchdog chip does: end a firmware that computes on and on, or stands still."""
        heard, quiet_s = -1, 0
        while True:
            await asyncio.sleep(1)
            clock = self._clock
            computes = self._firmware.running and not clock.asleep
            quiet_s = quiet_s + 1 if computes and clock.heard == heard else 0
            heard = clock.heard
            if quiet_s >= HANG_S:
                self._say(f"asked for no time for {quiet_s} s: ended")
                self._hung, quiet_s = True, 0
                self._firmware.kill()

    def _say(self, words: str) -> None:
        print(f"{self._firmware.name}: {words}", file=sys.stderr, flush=True)
