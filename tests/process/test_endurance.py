"""100,000 requests of every kind over UDP: the firmware goes on serving, and its heap does not grow."""

import asyncio
import random
import socket

from keiki.wire.echonet import frame

from tests.conformance.desk import desk, own_address

METER, CONTROLLER = 0x028801, 0x05FF01
WINDOW = 32
GETS = (
    [0xE7],
    [0xE0],
    [0xE2],
    [0xE2, 0xE4],
    [0xEC],
    [0xEE],
    [0x80, 0x88, 0xE7, 0xE8, 0xE0, 0xE3],
    [0x9F],
    [0x40],
)


class Talker(asyncio.DatagramProtocol):
    """Sends requests, at most WINDOW without an answer at a time."""

    def __init__(self, meter: str, seed: int) -> None:
        self.meter = meter
        self.chance = random.Random(seed)
        self.answers = 0
        self.window = asyncio.Semaphore(WINDOW)
        self.tid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: object) -> None:
        if frame.decode(data).esv in (0x72, 0x52, 0x71, 0x51):
            self.answers += 1
            self.window.release()

    def request(self) -> tuple[bytes, bool]:
        """One request, and whether it has an answer."""
        self.tid = (self.tid + 1) & 0xFFFF
        kind = self.chance.random()
        if kind < 0.05:
            return self.chance.randbytes(self.chance.randrange(40)), False
        if kind < 0.15:
            day = self.chance.randrange(0, 110)
            return frame.encode(self.tid, CONTROLLER, METER, 0x61, [(0xE5, bytes([day]))]), True
        epcs = self.chance.choice(GETS)
        return frame.encode(self.tid, CONTROLLER, METER, 0x62, [(epc, b"") for epc in epcs]), True

    async def ask(self, count: int) -> None:
        """Send `count` requests and wait for every answer."""
        for _ in range(count):
            data, answered = self.request()
            if answered:
                await asyncio.wait_for(self.window.acquire(), 60)
            self.transport.sendto(data, (self.meter, 3610))
        for _ in range(WINDOW):
            await asyncio.wait_for(self.window.acquire(), 60)
        for _ in range(WINDOW):
            self.window.release()


def test_the_heap_after_100000_requests_is_that_after_1000() -> None:
    async def scenario() -> None:
        async with desk(load="house", settings={"sample_s": 10}) as bench:
            meter = bench.meters[0]
            loop = asyncio.get_running_loop()
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            # why: clients of other tests bind 0.0.0.0:3610, which takes this option on both sides
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind((own_address(), 3610))
            transport, talker = await loop.create_datagram_endpoint(lambda: Talker(meter.udp4, 1), sock=sock)
            try:
                await talker.ask(1000)
                early = await meter.firmware.call("memory")
                await talker.ask(99_000)
                late = await meter.firmware.call("memory")
            finally:
                transport.close()
            statistics = (await meter.firmware.call("statistics"))["echonet"]
            print(early, late, statistics)
            assert statistics["answers"] == talker.answers
            assert statistics["malformed"] > 3000
            assert abs(late["used"] - early["used"]) <= early["used"] / 100

    asyncio.run(scenario())
