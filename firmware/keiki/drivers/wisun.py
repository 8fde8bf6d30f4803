"""The asyncio shell around the Wi-SUN coordinator: a serial stream, a clock, and nothing else."""

import asyncio

from keiki.wire.compat import const
from keiki.wire.sk.coordinator import Coordinator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from keiki.drivers.line_reader import LineReader

READ = const(512)  # bytes per read: 44 ms of a full line at 115200


def _quiet() -> None:
    pass


class Wisun:
    """Runs a `Coordinator` over `reader.read(n)` and `writer.write()`, `writer.drain()`.

    `ticks_ms()` is monotonic ms that never wrap; `rest_ms` is the pause after a failed read or
    write, so that a dead port is no busy loop. `stats` holds the coordinator's counters and
    `io_errors`: reads and writes that failed, or ended (a port that was unplugged).
    """

    def __init__(
        self,
        reader: "asyncio.StreamReader | LineReader",
        writer: "asyncio.StreamWriter",
        coordinator: Coordinator,
        ticks_ms: "Callable[[], int]",
        *,
        rest_ms: int = 1000,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._coordinator = coordinator
        self._ticks_ms = ticks_ms
        self._rest_s = rest_ms / 1000
        self._heard_ms = ticks_ms()
        self._wake = asyncio.Event()
        self.stats = coordinator.stats
        self.stats["io_errors"] = 0

    def silent_ms(self) -> int:
        """Return for how long the module has said nothing."""
        return self._ticks_ms() - self._heard_ms

    def send(self, addr: "str | None", data: bytes) -> bool:
        """Queue a datagram as `Coordinator.send` does, and have it sent at once."""
        queued = self._coordinator.send(addr, data)
        self._wake.set()
        return queued

    async def run(self, on_event: "Callable[[tuple], None]", beat: "Callable[[], None]" = _quiet) -> None:
        """Serve until cancelled; every event of the coordinator goes to `on_event`, which must not wait.

        `beat()` is called whenever there was something to do: once a minute, when the module is asked.
        """
        reading = asyncio.create_task(self._read())
        try:
            while True:
                beat()
                self._wake.clear()
                now_ms = self._ticks_ms()
                self._coordinator.tick(now_ms)
                for event in self._coordinator.events():
                    on_event(event)
                await self._flush()
                wait_ms = self._coordinator.next_ms(self._ticks_ms())
                try:
                    await asyncio.wait_for(self._wake.wait(), None if wait_ms is None else wait_ms / 1000)
                except asyncio.TimeoutError:
                    pass
        finally:
            reading.cancel()

    async def _read(self) -> None:
        while True:
            try:
                data = await self._reader.read(READ)
            except OSError:
                data = b""
            if not data:
                self.stats["io_errors"] += 1
                await asyncio.sleep(self._rest_s)
                continue
            self._heard_ms = self._ticks_ms()
            if self._coordinator.receive(data, self._heard_ms):
                self._wake.set()

    async def _flush(self) -> None:
        data = self._coordinator.to_send()
        while data is not None:
            try:
                self._writer.write(data)
                await self._writer.drain()
            except OSError:
                self.stats["io_errors"] += 1
                await asyncio.sleep(self._rest_s)
            data = self._coordinator.to_send()
