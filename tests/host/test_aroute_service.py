"""The A-route's service and pushes in an event loop of this host, where peers and networks do the odd things.

Time runs a thousand times faster than the firmware thinks.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from cosem_world import World
from keiki.meter.alarms import Alarms
from keiki.meter.aroute import CONNECTIONS, ARoute, Slot
from keiki.meter.push import Push
from keiki.wire.cosem.security import Cipher

HASTE = 1000
LIMIT_S = 20.0
POWER_UP = 1 << 1


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """What MicroPython's asyncio has and this one has not."""
    monkeypatch.setattr(
        asyncio,
        "wait_for_ms",
        lambda waiting, ms: asyncio.wait_for(waiting, ms / 1000 / HASTE),
        raising=False,
    )
    monkeypatch.setattr(asyncio, "sleep_ms", lambda ms: asyncio.sleep(ms / 1000 / HASTE), raising=False)


def ticks_ms() -> int:
    """Milliseconds as the firmware sees them."""
    return int(time.monotonic() * 1000 * HASTE)


class Silent:
    """A connection that nothing comes from, and that takes nothing."""

    def __init__(self) -> None:
        self.closed = False

    @property
    def ready(self) -> Awaitable[Any]:
        return asyncio.Event().wait()

    async def read_into(self, buffer: Any) -> int:
        return int(await asyncio.Event().wait())

    async def write(self, data: Any) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        self.closed = True


def service() -> ARoute:
    settings = SimpleNamespace(session_idle_s=120)
    return ARoute(World().server, settings, SimpleNamespace(add=print), ticks_ms, print)


def serve(route: ARoute, slot: Slot) -> Silent:
    """Begin to serve a connection in a slot."""
    slot.connection = connection = Silent()
    slot.task = asyncio.create_task(route._keep(slot, connection))
    return connection


def test_a_connection_that_makes_way_before_it_was_served_is_closed() -> None:
    async def scenario() -> None:
        route = service()
        slot = route._slots[0]
        connection = serve(route, slot)
        async with asyncio.timeout(LIMIT_S):  # and no task of its own, before which the other one would begin
            await route._put_out(slot)
        assert connection.closed and slot.task is None

    asyncio.run(scenario())


def test_strangers_that_come_at_once_get_a_place_each() -> None:
    async def scenario() -> None:
        route = service()
        old = [serve(route, slot) for slot in route._slots]
        await asyncio.sleep(0)

        async def come() -> Slot:
            slot = await route._slot()
            assert slot is not None and slot.task is None
            serve(route, slot)
            slot.heard_ms += 1  # the next one is to put out another
            return slot

        found = await asyncio.wait_for(asyncio.gather(*(come() for _ in range(CONNECTIONS))), LIMIT_S)
        assert len({id(slot) for slot in found}) == CONNECTIONS
        assert all(connection.closed for connection in old)
        for slot in route._slots:
            await asyncio.wait_for(route._put_out(slot), LIMIT_S)

    asyncio.run(scenario())


class Network:
    """Ways that are found, and then take nothing: no connection, no datagram, no confirm."""

    def __init__(self) -> None:
        self.connections: list[Silent] = []
        self.datagrams = 0
        self.on_connect: Callable[[], None] = lambda: None

    ticks_ms = staticmethod(ticks_ms)

    def random_below(self, most: int) -> int:
        return 0

    async def connect(self, name: str, port: int) -> Silent:
        self.on_connect()
        self.connections.append(Silent())
        return self.connections[-1]

    async def datagram(self, name: str, port: int, data: Any) -> None:
        self.datagrams += 1
        await asyncio.Event().wait()


def pusher(network: Network, acknowledged: str) -> Push:
    """One that has an alarm to tell."""
    counters = itertools.count(1)
    guard = SimpleNamespace(
        cipher=Cipher(bytes(range(16)), bytes(range(16, 32))),
        title=b"KEI\0\0\0\0\1",
        next_counter=lambda: next(counters),
    )
    cursor = SimpleNamespace(begin=lambda: None, keep=lambda: None, waiting=0)
    rows = SimpleNamespace(made=lambda *row: bytearray(28))
    live = SimpleNamespace(import_wh=lambda: 0, export_wh=lambda: 0)
    return Push(
        rows,
        cursor,
        Alarms(POWER_UP),
        guard,
        SimpleNamespace(push_to="10.0.0.1", push_window_s=0, push_ack=acknowledged),
        SimpleNamespace(utc_s=lambda: 1_795_839_000),
        SimpleNamespace(add=lambda *_: None),
        live,
        network,
    )


async def until(true: Callable[[], bool]) -> None:
    """Wait for something."""
    async with asyncio.timeout(LIMIT_S):
        while not true():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("acknowledged", ["confirm", "tcp", "none"])
def test_a_receiver_that_takes_nothing_does_not_stop_the_heart(acknowledged: str) -> None:
    async def scenario() -> None:
        network, beats = Network(), itertools.count()
        push = pusher(network, acknowledged)
        running = asyncio.create_task(push.run(lambda: next(beats)))
        await until(lambda: push.stats["failed"] >= 3)
        running.cancel()
        assert next(beats) >= 3 and push.stats["alarms"] == 0
        assert all(connection.closed for connection in network.connections)
        assert (network.datagrams >= 3) == (acknowledged == "none")

    asyncio.run(scenario())


def test_a_last_gasp_that_never_leaves_does_not_keep_back_the_next() -> None:
    async def scenario() -> None:
        network = Network()
        push = pusher(network, "confirm")
        edge = SimpleNamespace(wait=lambda: asyncio.sleep(0.001))
        running = asyncio.create_task(push.run_last_gasp(edge))
        await until(lambda: network.datagrams >= 3)
        running.cancel()
        assert push.stats["gasps"] == 0

    asyncio.run(scenario())


def test_keys_that_are_taken_away_in_the_midst_of_a_push_end_it_as_a_failure() -> None:
    async def scenario() -> None:
        network = Network()
        push = pusher(network, "confirm")
        network.on_connect = lambda: setattr(push._guard, "cipher", None)
        running = asyncio.create_task(push.run(lambda: None))
        await until(lambda: push.stats["failed"] >= 1 or running.done())
        assert not running.done() and network.connections[0].closed
        running.cancel()

    asyncio.run(scenario())
