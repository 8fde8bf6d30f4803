"""A stage for faults: one bench with one meter, a client, and what must be true before and after each fault.

A scenario is a function of the stage, marked by `plays` with the faults it plays. `perform` runs several on
one stage, one after another; after each it demands that the faults struck, that the client reads right again,
that the meter answers right over UDP too, and that it counted nothing that it should not have.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from keiki_host.bench.bench import Bench
from keiki_host.bench.faults_catalogue import find
from keiki_host.bench.meter import Meter

from tests.conformance.desk import desk
from tests.conformance.rpc import Client, ClientError

COUNT_WH_X1000 = 100
SETTINGS = {
    "unit": 4,  # 0.1 Wh: fine enough to see each second
    "digits": 8,
    "import_start_wh": 1_234_567,
    "export_start_wh": 4_321,
    "answer_source_port": True,  # the test's own UDP requests come from any port
}
CALM = {"internal_xmit_interval": 0.1, "recv_timeout": 12, "xmit_retries": 12, "xmit_timeout": 300}
HASTY = {"internal_xmit_interval": 0.1, "recv_timeout": 2, "xmit_retries": 2, "xmit_timeout": 3}
"""momonga's public attributes: as they are by default but for the pauses, and to give up after seconds."""

AWAY = ("MomongaSkScanFailure", "MomongaSkJoinFailure", "MomongaNeedToReopen", "MomongaXmitTimeout")
"""What momonga's open and reopen say while there is no meter."""

NEVER = {
    "echonet": (
        "sna", "opc_limit", "malformed", "oversize", "unsupported_esv", "no_object", "infc_lost", "dropped"
    ),
    "radio": ("dropped", "unwanted", "junk", "overlong", "restarts", "io_errors"),
    "ic": ("missed", "stale", "refused", "resets"),
}  # fmt: skip
"""Counters of the firmware that stand still unless the scenario says that they may move."""

Scenario = Callable[["Stage"], Awaitable[None]]
MARKS: dict[Scenario, tuple[tuple[str, ...], tuple[str, ...]]] = {}
"""Of each scenario: the faults of the catalogue that it plays, and the counters that it may move."""


def plays(*faults: str, counts: Sequence[str] = ()) -> Callable[[Scenario], Scenario]:
    """Mark a scenario with its faults, and the counters ("radio.restarts") of the meter that it may move."""

    def mark(scenario: Scenario) -> Scenario:
        MARKS[scenario] = (faults, tuple(counts))
        return scenario

    return mark


@dataclass
class Stage:
    """What a scenario works with. `dongle` is the index of the dongle that `open` uses."""

    bench: Bench
    client: Client
    dongle: int = 0

    @property
    def meter(self) -> Meter:
        """The only meter."""
        return self.bench.meters[0]

    @property
    def faults(self) -> Any:
        """Its faults."""
        return self.meter.faults

    @property
    def module(self) -> Any:
        """The module in the client's dongle."""
        return self.meter.dongles[self.dongle].module

    @property
    def access(self) -> dict[str, str]:
        """ID, password and port, by momonga's names."""
        route = self.meter.ready()["route_b"]
        return {"rbid": route["id"], "pwd": route["password"], "dev": route["dongles"][self.dongle]["port"]}

    # -- the client ---------------------------------------------------------------------------------

    async def open(self, **options: Any) -> dict[str, Any]:
        """Open momonga; `settings` are its public attributes, others go to its constructor."""
        settings = {**CALM, **options.pop("settings", {})}
        state: dict[str, Any] = await self.client.call("open", **self.access, settings=settings, **options)
        return state

    async def get(self, name: str, **args: Any) -> Any:
        """A getter of momonga, without its `get_`."""
        return await self.client.call("get", name=f"get_{name}", timeout=200.0, **args)

    async def reopen(self) -> None:
        """momonga's own cure for MomongaNeedToReopen."""
        await self.client.call("settings", **CALM)
        await self.client.call("reopen", timeout=100.0)

    async def reopen_until_it_works(self) -> None:
        """As users do whose meter is away: reopen, and again, while the meter's time runs fast."""
        self.meter.clock.pace(20)
        for _ in range(15):
            try:
                async with self.hasty():
                    await self.client.call("reopen", timeout=100.0)
                break
            except ClientError as error:
                assert error.name in AWAY, error
        self.meter.clock.pace(self.bench.options.speed)

    @asynccontextmanager
    async def hasty(self, **settings: Any) -> AsyncIterator[None]:
        """Let momonga give up soon."""
        await self.client.call("settings", **{**HASTY, **settings})
        try:
            yield
        finally:
            await self.client.call("settings", **CALM)

    @asynccontextmanager
    async def fault(self, name: str, **params: Any) -> AsyncIterator[None]:
        """A fault while the block runs."""
        self.faults.enable(name, **params)
        await self.meter.settled()
        try:
            yield
        finally:
            self.faults.disable(name)
            await self.meter.settled()

    # -- the meter ----------------------------------------------------------------------------------

    async def status(self) -> dict[str, Any]:
        """Registers, clock and health, by the meter's console."""
        answer: dict[str, Any] = await self.meter.firmware.call("status")
        return answer

    async def counters(self) -> dict[str, int]:
        """Every counter of the firmware, as "part.name"."""
        parts = await self.meter.firmware.call("statistics")
        return {f"{part}.{name}": value for part, names in parts.items() for name, value in names.items()}

    async def run_until(self, utc_ms: float) -> None:
        """Let the meter's time run as fast as it can to exactly `utc_ms`, then at its pace again."""
        clock = self.meter.clock
        await clock.run_to(round(utc_ms) - clock.start_utc_ms)
        clock.pace(self.bench.options.speed)

    async def run_on(self, seconds: float) -> None:
        """Let so much of the meter's time pass."""
        await self.run_until(self.meter.clock.utc_ms() + 1000 * seconds)

    async def until(self, true: Callable[[], Any], what: str, limit_s: float = 60.0) -> None:
        """Wait for something in the emulated world."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + limit_s
        while not true():
            assert loop.time() < end_s, f"never came true: {what}"
            await asyncio.sleep(0.02)

    async def udp(self, *epcs: int) -> dict[int, bytes]:
        """Get properties of the meter over UDP; its answer must be a Get_Res."""
        loop = asyncio.get_running_loop()
        request = bytes.fromhex("10817E57 05FF01 028801 62") + bytes([len(epcs)])
        request += b"".join(bytes([epc, 0]) for epc in epcs)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))
            for _ in range(3):
                await loop.sock_sendto(sock, request, (self.meter.udp4, 3610))
                try:
                    data = await asyncio.wait_for(loop.sock_recv(sock, 2048), 20)
                    break
                except TimeoutError:
                    continue
            else:
                raise AssertionError("the meter does not answer over UDP")
        assert data[:12] == bytes.fromhex("10817E57 028801 05FF01 72") + bytes([len(epcs)])
        found, at = {}, 12
        while at < len(data):
            found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
            at += 2 + data[at + 1]
        return found

    # -- what must be true ---------------------------------------------------------------------------

    async def healthy(self) -> None:
        """The client reads what is true; so does somebody over UDP; the meter says it is well."""
        await self.client_reads()
        before = await self.status()
        found = await self.udp(0x88, 0xE0, 0xE3, 0xE7, 0x97)
        after = await self.status()
        assert found[0x88] == b"\x42"
        self.register_between(int.from_bytes(found[0xE0], "big"), "import_wh_x1000", before, after)
        self.register_between(int.from_bytes(found[0xE3], "big"), "export_wh_x1000", before, after)
        self.power_right(int.from_bytes(found[0xE7], "big", signed=True))
        assert after["ic_answers"]

    async def client_reads(self) -> None:
        """E0, E3, E7 and E8 as the client sees them."""
        before = await self.status()
        energy_kwh = await self.get("measured_cumulative_energy")
        reverse_kwh = await self.get("measured_cumulative_energy", reverse=True)
        after = await self.status()
        self.register_between(round(energy_kwh * 10_000), "import_wh_x1000", before, after)
        self.register_between(round(reverse_kwh * 10_000), "export_wh_x1000", before, after)
        self.power_right(await self.get("instantaneous_power"))
        currents = await self.get("instantaneous_current")
        mains = self.meter.house.at(self.meter.clock.utc_ms() / 1000)
        for name, phase in zip(("r phase current", "t phase current"), mains.phases, strict=True):
            assert abs(currents[name] - phase.i) < 0.2

    def register_between(self, count: int, name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """A register in counts of 0.1 Wh lies between what it was before and after."""
        assert before[name] // COUNT_WH_X1000 <= count <= after[name] // COUNT_WH_X1000

    def power_right(self, power_w: int | None) -> None:
        """A power is that of the house, whose load is constant."""
        true_w = self.meter.house.at(self.meter.clock.utc_ms() / 1000).power_w
        assert power_w is not None and abs(power_w - true_w) <= 2 + abs(true_w) / 100

    async def fails(self, error: str, part: str, work: Awaitable[Any]) -> None:
        """The client reports `error`, and says `part`."""
        try:
            result = await work
        except ClientError as raised:
            assert raised.name == error and part in raised.text, raised
        else:
            raise AssertionError(f"no {error}, but {result!r}")


async def perform(stage: Stage, scenarios: Sequence[Scenario]) -> None:
    """Play scenarios one after another; the first that goes wrong ends it, and its name is in the message."""
    await stage.healthy()
    for scenario in scenarios:
        faults, counts = MARKS[scenario]
        before, struck = await stage.counters(), dict(stage.faults.struck)
        try:
            await scenario(stage)
            for name in faults:
                if find(name).act == "start":
                    continue  # it has moved the start, and the scenario has looked at the clock
                assert not stage.faults.active(name), f"{name} is still on"
                assert stage.faults.struck.get(name, 0) > struck.get(name, 0), f"{name} never struck"
            await stage.healthy()
            after = await stage.counters()
            moved = {name: after[name] - before[name] for name in after if after[name] != before[name]}
            never = {f"{part}.{name}" for part, names in NEVER.items() for name in names} - set(counts)
            assert not never & moved.keys(), moved
        except BaseException as error:
            error.add_note(f"in the scenario {scenario.__name__}; the client's log:\n{stage.client.log()}")
            raise


@asynccontextmanager
async def stage(client: str = "momonga", **options: Any) -> AsyncIterator[Stage]:
    """A bench with a constant load of 1200 W and a client program that is not connected yet."""
    settings = {**SETTINGS, **options.pop("settings", {})}
    options = {"load": "constant:1200W", **options, "settings": settings}
    async with desk(**options) as bench, Client(client) as program:
        yield Stage(bench, program)
