"""Carries queued commands to meters: several at a time, for each meter one after the other, until done."""

import asyncio
import random
from collections.abc import Callable

from keiki.wire.cosem.results import DENIED, HARDWARE_FAULT, TEMPORARY_FAILURE, AccessError

from keiki_host.headend import commands, ingest, observations
from keiki_host.headend.collect.carry_out import CARRY, Around, Outcome
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.collect.rekey import rekey
from keiki_host.headend.collect.roster import Meter, Roster
from keiki_host.headend.collect.session import MANAGEMENT, Sessions
from keiki_host.headend.commands import Command
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError
from keiki_host.headend.keys import Safe

WORKERS = 16
LOOK_S = 1.0
"""How often the queue is looked at, in real seconds."""
_WORDS = {DENIED: "the meter denies it", HARDWARE_FAULT: "the meter says that its hardware does not follow"}


class Worker:
    """Works on the queue of `store`. `push_to` is what meters are told to send to; `stats` counts."""

    def __init__(
        self,
        store: Store,
        safe: Safe,
        roster: Roster,
        sessions: Sessions,
        clock: Clock,
        push_to: str,
        *,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self.stats = {"commands": 0, "failed": 0, "retried": 0}
        self._store = store
        self._safe = safe
        self._roster = roster
        self._sessions = sessions
        self._clock = clock
        self._around = Around(clock.now, push_to)
        self._rand = rand
        self._lease_s = max(1, int(commands.LEASE_S * clock.speed))
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                free = WORKERS - len(self._running)
                for claimed in await self._claim(free) if free else []:
                    task = group.create_task(self._do(claimed))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                await asyncio.sleep(LOOK_S)

    async def _claim(self, most: int) -> list[Command]:
        try:
            return await asyncio.to_thread(
                commands.claim, self._store, now_s=self._clock.now_s, most=most, lease_s=self._lease_s
            )
        except HeadendError:
            return []  # there is no database just now

    async def _do(self, claimed: Command) -> None:
        """Carry one out, and say how it ended; if that cannot be said, it is done again."""
        try:
            try:
                async with asyncio.timeout(commands.LEASE_S * 0.8):
                    outcome = await self._carry_out(claimed)
            except TimeoutError:
                await self._retry(claimed, "it took too long")
            except AccessError as error:
                if error.code == TEMPORARY_FAILURE:
                    await self._retry(claimed, "the meter is busy")
                else:
                    words = _WORDS.get(error.code, f"the meter refuses it (result {error.code})")
                    await self._finish(claimed, Outcome(False, words, {}))
            except HeadendError as error:
                await self._retry(claimed, str(error))
            except Exception as error:  # whatever it says, it is one meter
                words = f"the meter says what no meter says ({type(error).__name__})"
                await self._finish(claimed, Outcome(False, words, {}))
            else:
                await self._finish(claimed, outcome)
        except HeadendError:
            pass

    async def _carry_out(self, claimed: Command) -> Outcome:
        meter = self._roster.meters.get(claimed.meter_id)
        if meter is None or meter.address is None:
            return Outcome(False, "no address of the meter is known", {})
        if claimed.kind == "keys":
            return await self._rekey(claimed, meter)
        async with self._sessions.open(meter, MANAGEMENT) as session:
            outcome = await CARRY[claimed.kind](session, claimed.arguments, self._around)
        await asyncio.to_thread(self._note, meter.meter_id, outcome)
        return outcome

    async def _rekey(self, claimed: Command, meter: Meter) -> Outcome:
        self._roster.apply(await asyncio.to_thread(self._roster.load))  # they may be pending since just now
        meter = self._roster.meters[meter.meter_id]
        key_ids = claimed.arguments["key_ids"]
        outcome = await rekey(meter, key_ids, self._sessions, self._safe, claimed.who, self._clock.now)
        self._roster.apply(await asyncio.to_thread(self._roster.load))
        return outcome

    def _note(self, meter_id: int, outcome: Outcome) -> None:
        """Keep what was seen by the way."""
        with self._store.write():
            ingest.heard(self._store, meter_id, self._clock.now_s)
            if outcome.clock is not None:
                observations.note_clock(self._store, meter_id, outcome.clock)
            if outcome.register is not None:
                observations.note_registers(self._store, meter_id, [outcome.register])

    async def _finish(self, claimed: Command, outcome: Outcome) -> None:
        self.stats["commands" if outcome.done else "failed"] += 1
        await asyncio.to_thread(
            commands.finish,
            self._store,
            claimed,
            done=outcome.done,
            result=outcome.result,
            now_s=self._clock.now_s,
            read_back=outcome.read_back,
        )

    async def _retry(self, claimed: Command, why: str) -> None:
        self.stats["retried"] += 1
        await asyncio.to_thread(
            commands.retry, self._store, claimed, result=why, now_s=self._clock.now_s, rand=self._rand
        )
