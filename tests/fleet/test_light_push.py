"""What a light meter sends by itself: in order, until it is confirmed, alarms at once."""

import asyncio
import random
from pathlib import Path

from keiki.meter import eventlog
from keiki.wire.cosem import wrapper
from keiki_host.fleet.identity import identity
from keiki_host.fleet.load import House
from keiki_host.fleet.log import FleetLog
from keiki_host.fleet.meter import LightMeter
from keiki_host.fleet.push import Push
from keiki_host.headend.collect import message
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.collect.message import Kind, Message

DAY = 1_780_239_600
SLOT = 1800
FAST = 1e6  # waits are in its seconds: 15 s of back-off are nothing here


class Receiver:
    """Takes pushes; it hangs up on the messages numbered in `deaf`, as one whose confirm is lost."""

    def __init__(self, keys: dict[str, bytes], deaf: set[int]) -> None:
        self.found: list[Message] = []
        self.counters: list[int] = []
        self._cipher = message.cipher_of(keys["ek"], keys["ak"])
        self._deaf = deaf

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = await reader.readexactly(wrapper.HEAD)
                buffer = bytearray(await reader.readexactly(int.from_bytes(head[6:], "big")))
                title = message.title_of(buffer, 0, len(buffer))
                counter, start, end = message.unlock(self._cipher, buffer, 0, len(buffer), title)
                self.counters.append(counter)
                self.found.append(message.read(buffer, start, end))
                if len(self.found) in self._deaf:
                    return
                writer.write(message.confirm(self._cipher, b"TESTHEAD", counter, self.found[-1].invoke))
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def test_values_leave_in_order_until_confirmed_and_an_alarm_leaves_first(tmp_path: Path) -> None:
    who = identity(1, 1)
    receiver = Receiver(who.keys, deaf={1, 4})
    stats = dict.fromkeys(("delivered", "alarms", "failed"), 0)
    log = FleetLog(tmp_path / "log.csv")

    async def scenario() -> None:
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        clock = Clock(from_s=DAY + 3 * SLOT, speed=FAST, wall=lambda: 0.0)
        settings = {"push_to": f"127.0.0.1:{port}", "push_window_s": 0}
        house = House(1, 1)
        meter = LightMeter(who, house, log, clock.now, DAY, counter=500, port=0, settings=settings)
        loop = asyncio.get_running_loop()
        wall_s = loop.time()
        push = Push(meter, Clock(DAY + 3 * SLOT, wall_s, FAST, loop.time), random.Random(1), stats)
        meter.events.add(eventlog.TAMPER)
        meter.catch_up()
        async with server:
            work = asyncio.create_task(push.run())
            async with asyncio.timeout(30):
                while push.waiting:
                    await asyncio.sleep(0.01)
            work.cancel()

    asyncio.run(scenario())
    log.close()
    kinds = [found.kind for found in receiver.found]
    assert kinds[:2] == [Kind.ALARM, Kind.ALARM] and receiver.found[0].register == 1 << eventlog.TAMPER
    sent = [(found.number, (found.at_s - DAY) // SLOT) for found in receiver.found[2:]]
    assert sent == [(0, 0), (1, 1), (1, 1), (2, 2), (3, 3)]
    assert receiver.counters == sorted(set(receiver.counters)) and receiver.counters[0] > 500
    assert (stats["alarms"], stats["delivered"], stats["failed"]) == (1, 4, 2)
    lines = [line.split(",") for line in (tmp_path / "log.csv").read_text().splitlines()]
    assert [line[5] for line in lines if line[0] == "sent"] == ["1", "0", "1", "1", "1"]
