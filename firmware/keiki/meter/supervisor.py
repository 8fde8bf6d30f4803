"""Services with heartbeats: one that fails is started again, one that hangs lets the watchdog bite.

The watchdog is fed only while every service has shown life within its own limit. A service that ends or
raises is logged and started again after 1, 2, 4 .. 60 seconds; it counts as alive while it waits.
"""

import asyncio

from keiki.meter import eventlog
from keiki.wire.compat import const

FEED_MAX_MS = const(60000)
_BACKOFF_MS = const(1000)
_BACKOFF_MAX_MS = const(60000)
_FRESH_MS = const(300000)
SAFE_AFTER = const(3)  # crashes in a row


class Service:
    """One part of the meter that runs for ever; it calls `beat()` at least every `limit_ms`.

    `limit_ms` None: it only waits for what comes in, and hears of nothing else.
    """

    def __init__(self, number: int, name: str, run, limit_ms: "int | None", ticks_ms) -> None:
        self.number = number
        self.name = name
        self.restarts = 0
        self._run = run
        self.limit_ms = limit_ms
        self._ticks_ms = ticks_ms
        self._beat_ms = ticks_ms()
        self.waiting = False

    def beat(self) -> None:
        """Show life."""
        self._beat_ms = self._ticks_ms()

    def alive(self, now_ms: int) -> bool:
        """True while the last sign of life is recent enough, or the service waits to be started again."""
        return self.waiting or self.limit_ms is None or now_ms - self._beat_ms <= self.limit_ms

    async def keep(self, on_failure) -> None:
        """Run the service for ever."""
        backoff_ms = _BACKOFF_MS
        while True:
            self.beat()
            started_ms = self._ticks_ms()
            try:
                await self._run(self.beat)
                reason = None
            except Exception as error:  # noqa: BLE001 - whatever it is, the meter goes on
                reason = error
            self.restarts += 1
            on_failure(self, reason)
            if self._ticks_ms() - started_ms > _FRESH_MS:
                backoff_ms = _BACKOFF_MS
            self.waiting = True
            await asyncio.sleep_ms(backoff_ms)
            self.waiting = False
            backoff_ms = min(2 * backoff_ms, _BACKOFF_MAX_MS)


class Supervisor:
    """Starts services, feeds the watchdog, tells the event log what failed and `report(error)` why.

    `watchdog` has `feed()` and `limit_ms`; it is fed four times in that time, once a minute at least.
    """

    def __init__(self, watchdog, events, ticks_ms, report) -> None:
        self._report = report
        self._watchdog = watchdog
        self._events = events
        self._ticks_ms = ticks_ms
        self._services = []
        self._started = 0

    def add(self, name: str, run, limit_ms: "int | None" = None) -> Service:
        """Add a service: `run(beat)` is a coroutine function that never returns."""
        service = Service(len(self._services), name, run, limit_ms, self._ticks_ms)
        self._services.append(service)
        return service

    def start(self) -> None:
        """Start the services that have been added since the last call."""
        for service in self._services[self._started :]:
            asyncio.create_task(service.keep(self._failed))  # noqa: RUF006 - it runs for ever
        self._started = len(self._services)

    async def run(self) -> None:
        """Start all services and watch over them for ever."""
        self.start()
        await self.watch()

    async def watch(self) -> None:
        """Feed the watchdog as long as all are alive; a hung service is named in the log once."""
        hung = None
        while True:
            now_ms = self._ticks_ms()
            late = None
            for service in self._services:
                if not service.alive(now_ms):
                    late = service
            if late is None:
                self._watchdog.feed()
            elif late is not hung:
                self._events.add(eventlog.WATCHDOG, late.number)
            hung = late
            await asyncio.sleep_ms(min(self._watchdog.limit_ms // 4, FEED_MAX_MS))

    def statistics(self) -> dict:
        """Restarts of each service."""
        return {service.name: service.restarts for service in self._services}

    def _failed(self, service: Service, error) -> None:
        if error is not None:
            self._report(error)
        self._events.add(eventlog.TASK_FAILED, service.number)


def crashes_in_a_row(events) -> int:
    """Return how many starts before this one came of a crash or the watchdog, without five good minutes.

    To be asked before this start's own POWER_UP is added, with the cause of this start still to be counted.
    """
    crashes = 0
    for event in events.newest(64):
        kind, source = event[1], event[2]
        if kind == eventlog.STABLE:
            break
        if kind == eventlog.POWER_UP:
            if source == POWERED:
                break
            crashes += source != COMMANDED
    return crashes


# Causes of a start, as hal.reset_cause() gives them.
POWERED = const(0)
WATCHDOG = const(1)
CRASHED = const(2)
COMMANDED = const(3)
