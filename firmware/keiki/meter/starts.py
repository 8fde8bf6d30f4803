"""How this start came about, what it found, and whether it must be a careful one."""

import asyncio

from keiki.meter import eventlog
from keiki.meter.heap import MEASURED_MS, until
from keiki.meter.supervisor import CRASHED, POWERED, SAFE_AFTER, WATCHDOG, crashes_in_a_row
from keiki.wire.compat import const

STABLE_MS = const(300000)


class Starts:
    """Writes the events of a start. `safe` is True from the third crash in a row on, until one start lasts.

    `cause` is POWERED, WATCHDOG, CRASHED or COMMANDED (meter/supervisor.py); `restart()` begins anew.
    """

    def __init__(self, events, cause: int, restart) -> None:
        self.crashed = cause in (WATCHDOG, CRASHED)
        self.safe = False
        self._events = events
        self._cause = cause
        self._restart = restart
        if cause != POWERED:
            crashes = crashes_in_a_row(events) + self.crashed
            self.safe = crashes >= SAFE_AFTER

    def power_down(self, kept) -> None:
        """Log when the power went, as far as the newest checkpoint tells (`kept`: of checkpoints.restore)."""
        if kept is not None and self._cause == POWERED:
            self._events.add(eventlog.POWER_DOWN, utc_s=kept[0])

    def power_up(self, clock, kept, lost) -> None:
        """Log this start, at the best time known, and what the flash has lost."""
        self._events.add(eventlog.POWER_UP, self._cause, kept[0] if kept is not None else 0)
        if clock.unsure:
            self._events.add(eventlog.CLOCK_UNSURE, 0, clock.utc_ms())
        for note in lost:
            self.tell_lost(*note)
        if self.safe:
            self._events.add(eventlog.SAFE_MODE)

    def tell_lost(self, what: str, number: int, first: int, end: int) -> None:
        """Log what the flash has lost, once: a note as in drivers/flashlog_pool.Flash."""
        loss = (number, first, end - first) if what == "records" else (0, number, 1)
        if not self._is_known(loss):
            self._events.add(eventlog.FLASH_LOST, *loss)

    def _is_known(self, loss: tuple) -> bool:
        """Records that are gone are found gone at every start until their time is over."""
        for event in self._events.newest(1 << 16):
            if event[1] == eventlog.FLASH_LOST and (event[2], event[4], event[5]) == loss:
                return True
        return False

    async def settle(self) -> None:
        """Five minutes on, say that this start lasts; a safe one then makes way for a normal one."""
        if self.crashed or self.safe:
            await asyncio.sleep_ms(STABLE_MS)
            self._events.add(eventlog.STABLE)
            if self.safe:
                self._restart()


async def load_route_a(meter, board) -> None:
    """Load the A-route of a board with Wi-Fi, if it is to have one, after the first reading.

    One large part after the other, while the heap has room for code that will run from flash; all at once,
    so that no answer of the metering IC waits meanwhile.
    """
    hal = meter.hal
    if not getattr(board, "WIFI", False) or not meter.settings.route_a or not hal.has_network():
        return
    meter.supervisor.start()
    await until(meter.measured, MEASURED_MS)
    if hal.free_code(True):
        from keiki.wire.cosem.server import Server  # noqa: F401

        hal.free_code(True)
        from keiki.meter.route_a import RouteA  # noqa: F401

        hal.free_code(True)
