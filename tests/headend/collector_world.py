"""A collector over a store with a few meters, on this event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from keiki_host.headend import registry
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.collect.puller import Limits
from keiki_host.headend.collect.service import Options, Service
from keiki_host.headend.database import Store
from keiki_host.headend.keys import Safe, make_key_file

from tests.headend.fleet_of_few import DAY, WHO, make
from tests.headend.pushing_meter import AK, EK, PushingMeter


class World:
    """`now_s` is the time of the collector; `told` is what it told its operator."""

    def __init__(self, store: Store, folder: Path, count: int = 3, *, limits: Limits | None = None) -> None:
        self.store = store
        self.folder = folder
        self.now_s = float(DAY + 60)
        self.told: list[str] = []
        self.limits = limits or Limits()
        self.meters = make(store, count)
        self.titles = [bytes.fromhex(meter.system_title) for meter in registry.meters(store)]
        make_key_file(folder / "key")
        self.safe = Safe(store, folder / "key")
        for meter_id in self.meters:
            self.safe.put(meter_id, {"ek": EK, "ak": AK}, who=WHO, now_s=DAY)
        self.ready: dict[str, Any] = {}
        self.service: Service

    @property
    def port(self) -> int:
        """Where meters send to."""
        return int(self.ready["push"].rpartition(":")[2])

    @property
    def stats(self) -> dict[str, int]:
        """What the listener and the intake counted."""
        assert self.service.listener is not None
        return {**self.service.listener.stats, **self.service.intake.stats}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """The collector, started anew each time."""
        clock = Clock(wall=lambda: self.now_s)
        options = Options(("127.0.0.1", 0), ("127.0.0.1", 0), None, clock, self.limits)
        self.service = Service(self.store, self.safe, options, self.told.append)
        self.ready = await self.service.start()
        work = asyncio.create_task(self.service.run())
        try:
            yield self.service
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            self.service.close()

    @contextlib.asynccontextmanager
    async def meter(self, index: int = 0, **keys: bytes) -> AsyncIterator[PushingMeter]:
        """A meter that is connected."""
        meter = PushingMeter(self.titles[index], **keys)
        await meter.connect(self.port)
        try:
            yield meter
        finally:
            await meter.close()


async def until(true: Any, what: str, limit_s: float = 30.0) -> None:
    """Wait for something that happens by itself."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + limit_s
    while not true():
        assert loop.time() < end_s, f"never came true: {what}"
        await asyncio.sleep(0.01)
