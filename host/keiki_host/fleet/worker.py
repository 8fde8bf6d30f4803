"""The meters of one process. Run by fleet.py as `python -m keiki_host.fleet.worker`.

It reads a plan (one JSON line), opens the ports and answers {"ports": [..]}; begins when the clock comes
(UTC_S,WALL_S,SPEED, a line); says {"done": {..}} when the last slot that is asked for has been delivered by
all, and ends when its input does: whatever happens to fleet.py, no meter is left behind.
"""

import asyncio
import gc
import json
import os
import random
import resource
import sys
from collections.abc import Coroutine, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from keiki.wire.slots import SLOT_S

from keiki_host.fleet.errors import FleetError
from keiki_host.fleet.identity import identity
from keiki_host.fleet.load import House
from keiki_host.fleet.log import FleetLog
from keiki_host.fleet.meter import LightMeter
from keiki_host.fleet.push import Push
from keiki_host.fleet.serving import Port
from keiki_host.headend.collect import clock as clocks
from keiki_host.headend.collect.clock import Clock

_FLUSH_S = 0.5  # of real time
_FILES_WANTED = 65_536
_AT_ONCE = 50  # slots that are closed before others have their turn


@dataclass(frozen=True)
class Plan:
    """Meters `first` .. `first` + `count` - 1 of the fleet of `seed`.

    They begin at `from_s`, and are done when slot `to_s` (None: never) is delivered. Ports are `port` and
    those after it (0: any) on `host`. `counter`: see parts.Store. `cuts`: number of a meter, from, to.
    """

    seed: int
    first: int
    count: int
    from_s: int
    to_s: int | None
    host: str
    port: int
    push_to: str
    window_s: int
    counter: int
    log: str
    cuts: list[tuple[int, float, float]]

    def text(self) -> str:
        """As one line, for `plan_of`."""
        return json.dumps(asdict(self))


def plan_of(line: str) -> Plan:
    """The plan of a line."""
    return Plan(**json.loads(line))


class Worker:
    """`open` first, then `run`; `close` at the end."""

    def __init__(self, plan: Plan) -> None:
        self.stats = dict.fromkeys(("slots", "delivered", "alarms", "failed"), 0)
        self.log = FleetLog(Path(plan.log))
        self._plan = plan
        self._clock = Clock(from_s=plan.from_s, wall=lambda: 0.0)  # stands still until it comes
        self._pushes: dict[int, Push] = {}
        self._ports: dict[int, Port] = {}

    async def open(self) -> list[int]:
        """Make the meters and open their ports; return these. FleetError: one is taken."""
        plan = self._plan
        settings = {"push_to": plan.push_to, "push_window_s": plan.window_s}
        for index in range(plan.count):
            number = plan.first + index
            who, house = identity(plan.seed, number), House(plan.seed, number)
            port = plan.port + index if plan.port else 0
            meter = LightMeter(
                who,
                house,
                self.log,
                self._now,
                plan.from_s,
                counter=plan.counter,
                port=port,
                settings=settings,
            )
            self._ports[number] = Port(meter)
        return [await port.open(plan.host, port.meter.cosem.network.port) for port in self._ports.values()]

    def _now(self) -> float:
        return self._clock.now()

    def begin(self, clock: Clock) -> None:
        """Time goes on by this clock from now on."""
        self._clock = clock
        for number, port in self._ports.items():
            chance = random.Random(f"{self._plan.seed} {number} push")
            self._pushes[number] = Push(port.meter, clock, chance, self.stats)

    async def run(self) -> None:
        """Measure and deliver, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for work in self._work():
                group.create_task(work)

    def _work(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield self._flush()
        yield self._measure()
        for number, port in self._ports.items():
            yield self._pushes[number].run()
            yield port.meter.supply.run()
        for cut in self._plan.cuts:
            yield self._cut(*cut)

    async def done(self) -> None:
        """Wait until every meter has delivered its last slot."""
        if self._plan.to_s is None:
            await asyncio.Event().wait()
            return
        count = (self._plan.to_s - self._plan.from_s) // SLOT_S + 1
        while any(push.cursor < count for push in self._pushes.values()):
            await asyncio.sleep(_FLUSH_S)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            self.log.flush()

    async def _measure(self) -> None:
        slot_s = self._plan.from_s
        while True:
            await self._clock.sleep(slot_s - self._clock.now())
            for count, port in enumerate(self._ports.values(), 1):
                port.meter.catch_up()
                if not count % _AT_ONCE:
                    await asyncio.sleep(0)
            self.stats["slots"] += len(self._ports)
            slot_s += SLOT_S

    async def _cut(self, number: int, from_s: float, to_s: float) -> None:
        """Cut a meter off, and let it have its network again."""
        port, push = self._ports[number], self._pushes[number]
        await self._clock.sleep(from_s - self._clock.now())
        port.cut_off()
        push.cut_off()
        began_s = self._clock.now()
        await self._clock.sleep(to_s - began_s)
        port.cut = push.cut = False
        self.log.cut(port.meter.who.serial, began_s, self._clock.now())

    def close(self) -> None:
        """Close ports and log."""
        for port in self._ports.values():
            port.close()
        self.log.close()


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _serve(worker: Worker, reader: asyncio.StreamReader) -> None:
    _say({"ports": await worker.open()})
    gc.collect()
    gc.freeze()  # what is there stays there: it need not be looked at again
    line = (await reader.readline()).decode()
    if not line:
        return
    worker.begin(clocks.parse(line.strip()))
    work = asyncio.create_task(worker.run())
    done = asyncio.create_task(worker.done())
    told = asyncio.create_task(reader.readline())
    await asyncio.wait({work, done, told}, return_when=asyncio.FIRST_COMPLETED)
    if done.done():
        worker.log.flush()
        _say({"done": worker.stats})
        await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        await work


async def main() -> None:
    """Do what the input says."""
    reader = await _lines()
    worker = Worker(plan_of((await reader.readline()).decode()))
    try:
        await _serve(worker, reader)
    finally:
        worker.close()


def raise_file_limit() -> None:
    """As many connections as the system lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    raise_file_limit()
    try:
        asyncio.run(main())
    except (FleetError, BrokenPipeError) as error:
        _say({"error": str(error)})
        sys.exit(1)
    except ExceptionGroup as group:
        _say({"error": str(group.exceptions[0])})
        sys.exit(1)
    os._exit(0)  # thousands of tasks and sockets need not be taken apart one by one
