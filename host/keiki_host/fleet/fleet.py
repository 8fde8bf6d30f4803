"""All processes of a fleet: started, told the time, waited for, ended."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keiki.wire.slots import DAY_S, SLOT_S, floor_to

from keiki_host.fleet.errors import FleetError
from keiki_host.fleet.identity import entry, identity, write_registration
from keiki_host.fleet.outages import Outage, cuts
from keiki_host.fleet.worker import Plan

REGISTRATION = "meters.json"
_EPOCH_S = 1_767_225_600  # 2026-01-01
_COUNTERS_PER_S = 8
_LINE_MAX = 1 << 20


@dataclass(frozen=True)
class Options:
    """What a fleet is. `days`: None: until it is told to end. `ports`: host and first port, 0: any."""

    meters: int
    out: Path
    push_to: str
    ports: tuple[str, int] = ("127.0.0.1", 20_000)
    processes: int = 1
    seed: int = 0
    start_s: float | None = None
    """UTC seconds; None: the wall's."""
    speed: float = 1.0
    days: int | None = None
    window_s: int = 300
    outages: tuple[Outage, ...] = ()


def plans(options: Options, wall_s: float) -> list[Plan]:
    """What each process has to do."""
    from_s = floor_to(int(wall_s if options.start_s is None else options.start_s), SLOT_S)
    hit = cuts(options.outages, options.seed, options.meters, from_s)
    host, port = options.ports
    share, more = divmod(options.meters, options.processes)
    found: list[Plan] = []
    first = 1
    for index in range(options.processes):
        count = share + (index < more)
        found.append(
            Plan(
                seed=options.seed,
                first=first,
                count=count,
                from_s=from_s,
                to_s=None if options.days is None else from_s + options.days * DAY_S,
                host=host,
                port=port + first - 1 if port else 0,
                push_to=options.push_to,
                window_s=options.window_s,
                # a meter's counter never comes twice: one that begins anew goes on above all before
                counter=int((wall_s - _EPOCH_S) * _COUNTERS_PER_S),
                log=str(options.out / f"log-{index}.csv"),
                cuts=[(n, *window) for n in range(first, first + count) for window in hit.get(n, ())],
            )
        )
        first += count
    return found


class Fleet:
    """`open`, then `begin`, then `run`; `close` ends every process."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._plans: list[Plan] = []
        self._processes: list[asyncio.subprocess.Process] = []

    async def open(self) -> dict[str, Any]:
        """Start the processes and write the file of meters; return the ready line. FleetError."""
        options = self.options
        self._plans = plans(options, time.time())
        for plan in self._plans:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "keiki_host.fleet.worker",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_MAX,
                start_new_session=True,  # Ctrl-C is for us; they end when we do
            )  # fmt: skip
            self._processes.append(process)
            self._send(process, plan.text())
        entries = []
        for plan, process in zip(self._plans, self._processes, strict=True):
            ports = (await self._answer(process))["ports"]
            for index, port in enumerate(ports):
                who = identity(options.seed, plan.first + index)
                entries.append(entry(who, f"{plan.host}:{port}", plan.from_s))
        registration = options.out / REGISTRATION
        write_registration(registration, entries)
        return {
            "meters": options.meters,
            "registration": str(registration),
            "logs": [plan.log for plan in self._plans],
            "first_slot_s": self._plans[0].from_s,
        }

    def begin(self, wall_s: float) -> str:
        """Time begins when the wall shows `wall_s`; return the clock, for `keiki headend serve --clock`."""
        from_s = wall_s if self.options.start_s is None else self.options.start_s
        clock = f"{from_s!r},{wall_s!r},{self.options.speed!r}"
        for process in self._processes:
            self._send(process, clock)
        return clock

    async def run(self) -> dict[str, int]:
        """Wait until every process is done; return what they counted. FleetError: one has failed."""
        total: dict[str, int] = {}
        for answer in await asyncio.gather(*(self._answer(process) for process in self._processes)):
            for name, count in answer["done"].items():
                total[name] = total.get(name, 0) + count
        return total

    async def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()
        for process in self._processes:
            await process.wait()

    def _send(self, process: asyncio.subprocess.Process, line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{line}\n".encode())

    async def _answer(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise FleetError(f"fleet: a process has ended ({await process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise FleetError(f"fleet: {answer['error']}")
        return answer


Show = Callable[[dict[str, Any]], None]


async def run(options: Options, show: Show, begins: Callable[[], Awaitable[float]] | None) -> None:
    """Run a fleet; `show` hears the ready line, the clock and the end. `begins` says when, by the wall.

    Without it, now.
    """
    fleet = Fleet(options)
    try:
        show(await fleet.open())
        wall_s = time.time() if begins is None else await begins()
        show({"clock": fleet.begin(wall_s)})
        show({"done": await fleet.run()})
    finally:
        await fleet.close()
