"""Asks meters for what did not come by itself, a bounded number at a time.

A meter that does not answer, or has nothing of it, is asked again after a wait that grows; the others do not
wait for it. Once a day, and after an alarm, a meter is asked for its events and billing registers too.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Set
from typing import NamedTuple

from keiki.wire.cosem.results import AccessError
from keiki.wire.slots import DAY_S

from keiki_host.headend import ingest, observations
from keiki_host.headend.collect import visit
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.collect.intake import Intake
from keiki_host.headend.collect.roster import Meter, Roster
from keiki_host.headend.collect.session import MANAGEMENT, READER, Session, Sessions
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError
from keiki_host.headend.missing import missing

WORKERS = 32
SCAN_S = 300
GRACE_S = 600
"""How long after a slot its push is waited for: the window of the meter, and a try or two."""
NEAR_S = 2 * DAY_S
FAR_S = 100 * DAY_S
"""How far back every scan looks, and the first one and four a day: as far as a meter remembers."""
FAR_EVERY_S = 6 * 3600
BACKOFF_S = (60, 3600)
VISIT_S = 600.0
"""Real seconds that a visit may take, however much a meter has to say."""
SCAN_SLOTS = 1_000_000
"""Of one scan, in memory: the next one finds the rest."""
SLOTS_MAX = 48 * 30
"""Of one visit: the rest comes with the next."""


class _State:
    """What is going on with one meter."""

    __slots__ = ("asked", "backoff_s", "due_s", "events_s", "failed", "full_s", "slots")

    def __init__(self, full_s: float) -> None:
        self.asked = False
        self.backoff_s = 0
        self.due_s = 0.0
        self.full_s = full_s
        self.events_s = 0
        self.failed: str | None = None
        self.slots: list[int] = []


class Limits(NamedTuple):
    """How often and how many at once; times are of the collector's clock."""

    workers: int = WORKERS
    scan_s: int = SCAN_S
    grace_s: int = GRACE_S
    full_s: int = DAY_S


class Puller:
    """Fills gaps of `store` from meters of `roster`. `stats` counts what happened."""

    def __init__(
        self,
        store: Store,
        roster: Roster,
        intake: Intake,
        sessions: Sessions,
        clock: Clock,
        *,
        tell: Callable[[str], None] = lambda _line: None,
        limits: Limits = Limits(),  # noqa: B008 - it cannot be changed
        rand: Callable[[], float] = random.random,
    ) -> None:
        self.stats = {"visits": 0, "unreached": 0, "pulled": 0, "none": 0}
        self._store = store
        self._roster = roster
        self._intake = intake
        self._sessions = sessions
        self._clock = clock
        self._tell = tell
        self._limits = limits
        self._rand = rand
        self._states: dict[int, _State] = {}
        self._due: asyncio.Queue[Meter] = asyncio.Queue()
        self._far_s = 0.0
        self._look = asyncio.Event()

    def now(self, meter: Meter) -> None:
        """Ask a meter for everything, soon: it has raised an alarm."""
        self._state(meter).full_s = 0
        self._look.set()

    def trouble(self, meter_id: int) -> tuple[str, int] | None:
        """Why a meter could not be asked the last time, and when it is tried again; None: it could."""
        state = self._states.get(meter_id)
        return None if state is None or state.failed is None else (state.failed, int(state.due_s))

    async def run(self) -> None:
        """Look for gaps and fill them, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._limits.workers):
                group.create_task(self._work())
            while True:
                self._look.clear()
                with contextlib.suppress(HeadendError):  # the next scan does it
                    await self._scan()
                with contextlib.suppress(TimeoutError):
                    wait_s = self._limits.scan_s / self._clock.speed
                    await asyncio.wait_for(self._look.wait(), wait_s)

    async def _scan(self) -> None:
        """Find what is missing, and have those asked who are due."""
        now_s = self._clock.now_s
        far = now_s >= self._far_s
        free = {}
        for meter in self._roster.meters.values():
            state = self._state(meter)
            if meter.address is not None and not state.asked and now_s >= state.due_s:
                free[meter.meter_id] = meter
        until_s = now_s - self._limits.grace_s
        from_s = now_s - (FAR_S if far else NEAR_S)
        found, all_of_it = await asyncio.to_thread(self._gaps, from_s, until_s, free.keys())
        if far and all_of_it:
            self._far_s = now_s + FAR_EVERY_S
        due = []
        for meter_id, meter in free.items():
            state = self._state(meter)
            older = (slot_s for slot_s in state.slots if slot_s < from_s)
            state.slots = sorted({*older, *found.get(meter_id, ())})
            if state.slots or now_s >= state.full_s:
                state.asked = True
                due.append(meter)
        random.Random(self._rand()).shuffle(due)  # none is always the last
        for meter in due:
            self._due.put_nowait(meter)

    def _gaps(self, from_s: int, to_s: int, meter_ids: Set[int]) -> tuple[dict[int, list[int]], bool]:
        """The missing slots of some meters, and whether those are all: the newest days first."""
        found: dict[int, list[int]] = {}
        count = 0
        while to_s > from_s:
            if count >= SCAN_SLOTS:
                return found, False
            since_s = max(from_s, to_s - DAY_S)
            for meter_id, slots in missing(self._store, since_s, to_s, most=SCAN_SLOTS).items():
                if meter_id in meter_ids:
                    found.setdefault(meter_id, []).extend(slots)
                    count += len(slots)
            to_s = since_s
        return found, True

    def _state(self, meter: Meter) -> _State:
        state = self._states.get(meter.meter_id)
        if state is None:
            # not all of them at once, when this process starts
            first_s = self._clock.now() + self._rand() * self._limits.full_s
            state = self._states[meter.meter_id] = _State(first_s)
        return state

    async def _work(self) -> None:
        while True:
            meter = await self._due.get()
            state = self._state(meter)
            useful, state.failed = False, None
            try:
                async with asyncio.timeout(VISIT_S):
                    useful = await self._visit(meter, state)
            except TimeoutError:
                state.failed = f"meter {meter.serial}: no end of what it says"
            except AccessError as error:
                state.failed = f"meter {meter.serial}: it refuses (result {error.code})"
            except HeadendError as error:
                state.failed = str(error)
            except Exception as error:  # whatever it says, it is one meter
                state.failed = f"meter {meter.serial}: it says what no meter says ({type(error).__name__})"
                self._tell(state.failed)
            self.stats["visits" if state.failed is None else "unreached"] += 1
            state.asked = useful and bool(state.slots)
            if state.asked:
                self._due.put_nowait(meter)  # behind the others
            if useful:
                state.backoff_s = 0
                continue
            state.backoff_s = min(max(BACKOFF_S[0], 2 * state.backoff_s), BACKOFF_S[1])
            state.due_s = self._clock.now() + state.backoff_s * (1 + self._rand()) / 2

    async def _visit(self, meter: Meter, state: _State) -> bool:
        """Ask a meter for what is missing, and what else is due; False: it had nothing of it."""
        role = READER if meter.cipher(READER.ek, READER.ak) is not None else MANAGEMENT
        slots, rest = state.slots[:SLOTS_MAX], state.slots[SLOTS_MAX:]
        brought = 0
        async with self._sessions.open(meter, role) as session:
            clock = await visit.clock(session, self._clock.now_s)
            await asyncio.to_thread(self._note_clock, meter.meter_id, clock)
            for span in visit.spans(slots):
                await self._sessions.reserve(meter, role.send)
                readings = await visit.values(session, span, self._clock.now, clock.offset_s)
                await self._intake.keep(meter, session.received, readings)
                brought += len(readings)
                self.stats["pulled"] += sum(reading.import_wh is not None for reading in readings)
                self.stats["none"] += sum(reading.import_wh is None for reading in readings)
            if self._clock.now() >= state.full_s:
                await self._full(session, state)
        state.slots = rest
        return bool(brought or not slots)

    async def _full(self, session: Session, state: _State) -> None:
        now_s = self._clock.now_s
        events = await visit.events(session, state.events_s, now_s)
        registers = await visit.billing(session)
        meter_id = session.meter.meter_id
        await asyncio.to_thread(observations.note_events, self._store, meter_id, events)
        await asyncio.to_thread(observations.note_registers, self._store, meter_id, registers)
        state.events_s = max([state.events_s, *(event.at_s for event in events if event.at_s <= now_s)])
        state.full_s = now_s + self._limits.full_s

    def _note_clock(self, meter_id: int, clock: observations.Clock) -> None:
        ingest.heard(self._store, meter_id, clock.at_s)
        observations.note_clock(self._store, meter_id, clock)
