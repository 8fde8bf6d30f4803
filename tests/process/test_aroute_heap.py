"""The whole firmware on 160 KiB: both routes and pushes on, two clients that read 100 days, settings set."""

import time

from keiki.wire.cosem import apdu
from keiki.wire.cosem import client as cosem

from tests.conformance.cosem_peer import LIMIT_S, PUBLIC, READER, Peer
from tests.process.aroute_load import (
    DISCONNECT,
    EVENTS,
    IMPORT,
    OBJECTS,
    PROFILE,
    RECONNECT,
    Load,
    load,
)

LEAST_FREE = 15_000
"""Bytes on a machine of 64 bits; half as many on a board."""

PLEASE = b"\x0f\x00"


class Reading:
    """100 days that are read block by block, as far as one wants."""

    def __init__(self, peer: Peer, client: cosem.Client) -> None:
        self._peer = peer
        self._operation = client.get(PROFILE)
        self._answer: bytes | None = None
        self.rows: list | None = None

    def blocks(self, count: int) -> None:
        """Read on."""
        try:
            for _ in range(count):
                # asked for only now: others of this client must not have a greater counter meanwhile
                self._answer = self._peer.ask(self._operation.send(self._answer))
        except StopIteration as done:
            self.rows = done.value


def stages(found: Load) -> dict[str, int]:
    """What is done, and how much heap is free then, with all of it still under way."""
    free = {"started, 100 days behind it": found.free()}
    with found.peer(PUBLIC) as one, found.peer(PUBLIC) as two, found.peer(PUBLIC) as three:
        for stranger in (one, two, three):
            client = cosem.Client()
            stranger.do(client.open())
            longest = client.get_list([(OBJECTS, None)] * apdu.LIST_MAX)
            assert len(stranger.ask(longest.send(stranger.ask(next(longest))))) > 1000
        free["three strangers hold long lists"] = found.free()
    head = found.receiver.head
    with found.peer() as manager, found.peer(READER) as reader:
        ours, theirs = found.client(), found.client(READER)
        manager.do(ours.open())
        reader.do(theirs.open())
        free["two associations"] = found.free()
        readings = [Reading(manager, ours), Reading(reader, theirs)]
        for reading in readings:
            reading.blocks(40)
        free["both read 100 days"] = found.free()
        for _ in range(4):
            found.b_route(0xE2, 0xE4)
            found.b_route(0xE7, 0xE8, 0xE0, 0xE3)
        free["and the B-route a day"] = found.free()
        head.confirms = False
        with found.peer() as third:
            pusher = found.client()
            third.do(pusher.open())
            for action in (DISCONNECT, RECONNECT):
                third.do(pusher.act(action, PLEASE))
            end_s = time.monotonic() + LIMIT_S
            while not head.messages:
                assert time.monotonic() < end_s, "no alarm"
                readings[0].blocks(1)
            free["and an alarm waits for its confirm"] = found.free()
            for seconds in range(20):
                found.set_window(third, pusher, seconds)
                for reading in readings:
                    reading.blocks(1)
            free["and 20 settings were written"] = found.free()
            assert len(third.do(pusher.get(OBJECTS))) > 40
            assert third.do(pusher.get(EVENTS))
        for reading in readings:
            reading.blocks(200)
            assert reading.rows is not None and len(reading.rows) == 4800
        free["all read"] = found.free()
        assert manager.do(ours.get(IMPORT))
    return free


def test_everything_at_once_leaves_15_kb_of_160_kib() -> None:
    with load() as found:
        free = stages(found)
        for stage, count in free.items():
            print(f"{count:7,} bytes free: {stage}")
        assert min(free.values()) >= LEAST_FREE, free
        assert found.desk.failures() == 0
