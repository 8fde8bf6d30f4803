"""The heap of a meter that has started: code leaves it, and it is collected while nobody waits for an answer.

A collection stops everything for as long as a Get of a property may take. Left to chance it comes where most
is allocated: in the middle of one.
"""

import asyncio
import gc

from keiki.wire.compat import const

MEASURED_MS = const(1000)  # so long the rest of a start waits for the first reading
_LOOK_MS = const(10)
_BUSY_MS = const(500)


class Heap:
    """Keeps the heap of `hal` tidy.

    `measured()`: the first reading is there, which code that leaves the heap must not delay. `busy()`: a
    request is coming in, or has not been answered. Neither is waited for in vain.
    """

    def __init__(self, hal, measured, busy) -> None:
        self._hal = hal
        self._measured = measured
        self._busy = busy

    async def run(self, beat) -> None:
        """Free what the start has left, then collect every `hal.COLLECT_MS`, for ever."""
        await until(self._measured, MEASURED_MS)
        self._hal.free_code(False)
        gc.collect()
        # counts frames of calls as well, which are most of it
        gc.threshold(gc.mem_free() * 3 // 4)  # pyright: ignore[reportAttributeAccessIssue]
        while True:
            beat()
            await asyncio.sleep_ms(self._hal.COLLECT_MS)
            await until(lambda: not self._busy(), _BUSY_MS)
            gc.collect()


async def until(true, limit_ms: int) -> None:
    """Wait until `true()`, for `limit_ms` at most."""
    while limit_ms > 0 and not true():
        await asyncio.sleep_ms(_LOOK_MS)
        limit_ms -= _LOOK_MS
