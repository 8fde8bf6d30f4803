"""Pushes into the store, many in one transaction; each is answered when it is on disk, and never before.

While the database cannot be reached nothing is kept here and nothing is confirmed: meters keep their values
and send them again. So memory is bounded, and whatever happens to this process loses nothing.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from keiki.wire.slots import SLOT_S

from keiki_host.headend import observations
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.collect.refusals import Refusals
from keiki_host.headend.collect.roster import Meter
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError, StoreUnavailableError
from keiki_host.headend.ingest import ingest
from keiki_host.headend.observations import Event
from keiki_host.headend.values import Ingested, Reading

WAITING_MAX = 20_000
"""Pushes in memory; more are turned away."""
BATCH_MAX = 4_000
GATHER_S = 0.02
"""How long the first push of a batch waits for others. Real seconds, as everything that bounds load."""
BACKOFF_S = (1.0, 30.0)
"""First and longest wait after the store has failed."""


class Item(NamedTuple):
    """What a meter said: `done(stored)` is called once, on the event loop."""

    meter: Meter
    channel: Channel
    counter: int
    """The invocation counter that it came with, to be kept with it."""
    readings: Sequence[Reading]
    events: Sequence[Event]
    done: Callable[[bool], None]


class Intake:
    """Stores what is offered. `tell` hears one line for what an operator should know."""

    def __init__(self, store: Store, clock: Clock, tell: Callable[[str], None]) -> None:
        names = "batches stored repeated conflicts refused postponed impossible"
        self.stats = dict.fromkeys(names.split(), 0)
        self._store = store
        self._clock = clock
        self._tell = tell
        self._waiting: list[Item] = []
        self._some = asyncio.Event()
        self._many = asyncio.Event()
        self._failing = False
        self._told = False
        self._refusals = Refusals(tell)

    @property
    def open(self) -> bool:
        """Whether something more may be offered."""
        return not self._failing and len(self._waiting) < WAITING_MAX

    def offer(self, item: Item) -> bool:
        """Take a message; False: there is no room, or no database, and nothing will become of it."""
        if not self.open:
            self.stats["postponed"] += 1
            return False
        self._waiting.append(item)
        self._some.set()
        if len(self._waiting) >= BATCH_MAX:
            self._many.set()
        return True

    async def keep(self, meter: Meter, received: tuple[Channel, int], readings: Sequence[Reading]) -> None:
        """Store what a meter answered; StoreUnavailableError if that cannot be now."""
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def done(whether: bool) -> None:
            if not stored.done():
                stored.set_result(whether)

        if not self.offer(Item(meter, *received, readings, (), done)) or not await stored:
            raise StoreUnavailableError(f"meter {meter.serial}: its values cannot be kept now")

    async def run(self) -> None:
        """Store for ever."""
        backoff_s = BACKOFF_S[0]
        while True:
            await self._some.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._many.wait(), GATHER_S)
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            if not self._waiting:
                self._some.clear()
            if len(self._waiting) < BATCH_MAX:
                self._many.clear()
            try:
                await self._take(batch)
            except HeadendError as error:
                self._fail(batch, str(error))
                backoff_s = await self._until_it_answers(backoff_s)
                continue
            backoff_s = BACKOFF_S[0]
            if self._told:
                self._told = False
                self._tell("the database keeps values again")

    async def _take(self, batch: list[Item]) -> None:
        """Store a batch and answer it. HeadendError: it is neither stored nor answered."""
        try:
            ingested = await self.store(batch)
        except HeadendError:
            raise
        except Exception as error:
            await self._take_halves(batch, error)
            return
        self._count(ingested)
        self._refusals.note((item.meter for item in batch if item.readings), ingested.refused)
        # who has no address cannot be asked again: its values must not be lost to a wrong clock of ours
        unsure = {reading.meter_id for reading in ingested.refused} if self._refusals.ours else set()
        for item in batch:
            item.done(item.meter.meter_id not in unsure)

    async def _take_halves(self, batch: list[Item], error: Exception) -> None:
        """The database does not take what one meter says: everybody else's is taken."""
        if len(batch) > 1:
            await self._take(batch[: len(batch) // 2])
            await self._take(batch[len(batch) // 2 :])
            return
        self.stats["impossible"] += 1
        self._tell(f"meter {batch[0].meter.serial}: the database does not take it ({type(error).__name__})")
        batch[0].done(False)

    async def store(self, batch: list[Item]) -> Ingested:
        """Store a batch with its counters and a block of numbers for who needs one. HeadendError: nothing."""
        accepted: dict[tuple[int, Channel], int] = {}
        blocks: list[tuple[Meter, int]] = []
        for item in batch:
            key = (item.meter.meter_id, item.channel)
            accepted[key] = max(accepted.get(key, 0), item.counter)
        for meter, count in Counter(item.meter for item in batch).items():
            end = meter.numbers(Channel.SEND).wanted(count)
            if end is not None:
                blocks.append((meter, end))
                accepted[meter.meter_id, Channel.SEND] = end
        ingested = await asyncio.to_thread(self._write, batch, accepted)
        for meter, end in blocks:
            meter.numbers(Channel.SEND).reserved(end)
        return ingested

    def _write(self, batch: list[Item], accepted: dict[tuple[int, Channel], int]) -> Ingested:
        readings = [reading for item in batch for reading in item.readings]
        with self._store.write():
            ingested = ingest(self._store, readings, now_s=self._clock.now_s, accepted=accepted)
            for item in batch:
                if item.events:
                    observations.note_events(self._store, item.meter.meter_id, item.events)
            for reading in ingested.refused:
                if not reading.slot_s % SLOT_S:
                    clock = observations.Clock(reading.arrived_s, reading.slot_s - reading.arrived_s)
                    observations.note_clock(self._store, reading.meter_id, clock)
        return ingested

    def _count(self, ingested: Ingested) -> None:
        self.stats["batches"] += 1
        self.stats["stored"] += ingested.stored
        self.stats["repeated"] += ingested.repeated
        self.stats["conflicts"] += ingested.conflicts
        self.stats["refused"] += len(ingested.refused)

    def _fail(self, batch: list[Item], reason: str) -> None:
        """Give back everything that waits: it is asked for again, by those who have it."""
        if not self._told:
            self._tell(f"{reason}; nothing is confirmed until values can be kept")
        self._failing = self._told = True
        left, self._waiting = batch + self._waiting, []
        self._some.clear()
        self._many.clear()
        self.stats["postponed"] += len(left)
        for item in left:
            item.done(False)

    async def _until_it_answers(self, backoff_s: float) -> float:
        """Wait, and let pushes come again; the next one tries. Returns how long to wait the next time."""
        await asyncio.sleep(backoff_s)
        while True:
            try:
                await asyncio.to_thread(self._probe)
                break
            except HeadendError:
                backoff_s = min(2 * backoff_s, BACKOFF_S[1])
                await asyncio.sleep(backoff_s)
        self._failing = False
        return min(2 * backoff_s, BACKOFF_S[1])

    def _probe(self) -> None:
        """A write that changes nothing: a full disk fails the next batch, a lock or a dead server this."""
        with self._store.write():
            pass
