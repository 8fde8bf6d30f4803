"""The asyncio shell over a stream of the test's own: what comes in is served, what fails is survived."""

import asyncio

from fake_sk_module import HEMS, PASSWORD, ROUTE_B_ID, FakeModule
from keiki.drivers.wisun import Wisun
from keiki.wire.sk.coordinator import Coordinator

GET = b"\x10\x81\x00\x01\x05\xff\x01\x02\x88\x01\x62\x01\xe7\x00"


class Port:
    """Both ends of a serial line with a module behind it, and a clock that moves when it is read."""

    def __init__(self):
        self.module = FakeModule()
        self.ready = asyncio.Event()
        self.errors = 0
        self.now_ms = 0

    def ticks_ms(self):
        self.now_ms += 200
        return self.now_ms

    def deliver(self):
        if self.module.out:
            self.ready.set()

    async def read(self, size):
        while not self.module.out:
            self.ready.clear()
            await self.ready.wait()
        if self.errors:
            self.errors -= 1
            if self.errors & 1:
                raise OSError(5)
            return b""
        data = bytes(self.module.out[:size])
        self.module.out = bytearray(self.module.out[size:])
        return data

    def write(self, data):
        self.module.receive(data)
        self.deliver()

    async def drain(self):
        await asyncio.sleep(0)


async def serve(port, wanted, on_event=None):
    """Run the driver until `wanted` events have come; return them."""
    events = []
    coordinator = Coordinator(
        ROUTE_B_ID, PASSWORD, dialect=port.module.d, rand=lambda n: 0, channel=0x21, pan_id=1, boot_ms=0
    )
    wisun = Wisun(port, port, coordinator, port.ticks_ms, rest_ms=1)
    done = asyncio.Event()

    def note(event):
        events.append(event)
        if event[0] == "up":
            port.module.say(port.module.d.event(0x25, HEMS))
            port.module.datagram(GET)
            port.deliver()
        if event[0] == "datagram":
            assert wisun.send(None, event[2])
        if len(events) >= wanted:
            done.set()
        if on_event is not None:
            on_event(event)

    task = asyncio.create_task(wisun.run(note))
    await asyncio.wait_for(done.wait(), 30)
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    try:  # noqa: SIM105 (MicroPython has no contextlib)
        await task
    except asyncio.CancelledError:
        pass
    return events, wisun


def test_the_driver_serves_a_controller_and_ends_when_cancelled():
    port = Port()
    events, wisun = asyncio.run(serve(port, 3))
    assert events == [("up", 0x21, 1), ("join", HEMS), ("datagram", HEMS, GET)]
    assert port.module.sent == [GET] and wisun.stats["io_errors"] == 0 and wisun.stats["sent"] == 1


def test_a_port_that_fails_is_tried_again_and_counted():
    port = Port()
    port.errors = 2
    events, wisun = asyncio.run(serve(port, 3))
    assert events[-1] == ("datagram", HEMS, GET) and wisun.stats["io_errors"] == 2
