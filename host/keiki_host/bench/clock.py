"""Schedulers: what models need of time; wall time for the clients' side, hand-driven time for tests."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class Handle(Protocol):
    """A call that is due; `cancel()` any time, also after it has run."""

    def cancel(self) -> None:
        """Do not make the call."""


class Scheduler(Protocol):
    """What a model needs of time: what it is, and a call later."""

    @property
    def now_ms(self) -> int:
        """Monotonic milliseconds."""

    def call_later(self, delay_ms: int, fn: Callable[[], None]) -> Handle:
        """Call `fn` once `delay_ms` (>= 0) from now."""


class _Entry:
    __slots__ = ("due_ms", "fn", "order")

    def __init__(self, due_ms: int, order: int, fn: Callable[[], None]) -> None:
        self.due_ms = due_ms
        self.order = order
        self.fn: Callable[[], None] | None = fn

    def __lt__(self, other: "_Entry") -> bool:
        return (self.due_ms, self.order) < (other.due_ms, other.order)

    def cancel(self) -> None:
        self.fn = None


class ManualScheduler:
    """Time that moves only when it is told; calls run in order of their due time, each at its own time."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms
        self._queue: list[_Entry] = []
        self._order = itertools.count()

    @property
    def now_ms(self) -> int:
        """Milliseconds since the start of this world."""
        return self._now_ms

    def call_later(self, delay_ms: int, fn: Callable[[], None]) -> Handle:
        """Call `fn` `delay_ms` from now, when time is moved that far."""
        entry = _Entry(self._now_ms + max(0, delay_ms), next(self._order), fn)
        heapq.heappush(self._queue, entry)
        return entry

    def next_due_ms(self) -> int | None:
        """When the earliest call is due, or None."""
        while self._queue and self._queue[0].fn is None:
            heapq.heappop(self._queue)
        return self._queue[0].due_ms if self._queue else None

    def advance_to(self, when_ms: int) -> None:
        """Run everything due up to and at `when_ms`, then be there. Time never goes back."""
        while (due_ms := self.next_due_ms()) is not None and due_ms <= when_ms:
            entry = heapq.heappop(self._queue)
            self._now_ms = max(self._now_ms, entry.due_ms)
            if entry.fn is not None:
                entry.fn()
        self._now_ms = max(self._now_ms, when_ms)

    def advance(self, ms: int) -> None:
        """Move time on by `ms`."""
        self.advance_to(self._now_ms + ms)


class WallScheduler:
    """Wall time, on an asyncio event loop: the side of the world where the clients are."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    @property
    def now_ms(self) -> int:
        """Monotonic wall milliseconds."""
        return int(time.monotonic() * 1000)

    def call_later(self, delay_ms: int, fn: Callable[[], None]) -> Handle:
        """Call `fn` after `delay_ms` of wall time."""
        return self._loop.call_later(delay_ms / 1000, fn)
