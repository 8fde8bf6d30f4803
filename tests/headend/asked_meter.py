"""A meter that answers over TCP: the firmware's own server over logs in the heap, in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aroute_world
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.server import Association
from keiki_host.headend import registry

from tests.headend.collector_world import World
from tests.headend.fleet_of_few import WHO

NOW_S = aroute_world.NOW_S
SLOT = 1800
NAMES = {
    "dlms_kek": "kek",
    "dlms_ek": "ek",
    "dlms_ak": "ak",
    "dlms_read_ek": "read_ek",
    "dlms_read_ak": "read_ak",
}


class AskedMeter:
    """`parts` is the meter behind it. `silent`: it takes connections and answers nothing."""

    def __init__(self, **settings: Any) -> None:
        self.parts = aroute_world.Meter(**settings)
        self.silent = False
        self.most_at_once = 0
        self._connections = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Where it is reached."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield "127.0.0.1:{1}".format(*server.sockets[0].getsockname())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        association = Association(self.parts.cosem.server)
        self._connections += 1
        self.most_at_once = max(self.most_at_once, self._connections)
        try:
            while True:
                head = await reader.readexactly(wrapper.HEAD)
                buffer = bytearray(await reader.readexactly(int.from_bytes(head[6:], "big")))
                if self.silent:
                    continue
                sap = int.from_bytes(head[2:4], "big")
                answer = association.receive(buffer, 0, len(buffer), sap, 1, 0)
                if association.waits_for is not None:
                    answer = association.conclude(self.parts.supply.settle())
                if answer is not None:
                    start, end = answer
                    writer.write(wrapper.encode(1, sap, bytes(association.answer[start:end])))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections -= 1
            writer.close()


def register(world: World, address: str | None, *, from_s: int, serial: str = "ASKED1") -> int:
    """Put a meter into the registry of a world, with all its keys; return its number."""
    title = b"KEIque01" if serial == "ASKED1" else b"KEI" + serial[-5:].encode()
    me = {"who": WHO, "now_s": from_s}
    point = registry.add_point(world.store, f"P{serial}", "north", **me)
    meter_id = registry.add_meter(world.store, serial, title.hex(), 60, address=address, **me)
    registry.install(world.store, meter_id, point, from_s, **me)
    keys = {ours: bytes.fromhex(aroute_world.KEYS[theirs]) for theirs, ours in NAMES.items()}
    world.safe.put(meter_id, keys, **me)
    return meter_id


@contextlib.asynccontextmanager
async def asking(world: World, address: str, from_s: int) -> AsyncIterator[int]:
    """A collector that knows a meter; yields the meter's number."""
    number = register(world, address, from_s=from_s)
    async with world.running():
        yield number
