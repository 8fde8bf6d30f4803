"""What a light meter sends by itself, as meter/push.py of the firmware does: in order, until confirmed."""

import asyncio
import random
from typing import Any

from keiki.meter.cosem.series_rows import SeriesRows
from keiki.meter.push import BACKOFF_MAX_MS
from keiki.meter.push_message import RECEIVER, Message
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.axdr import FrameError

from keiki_host.fleet.meter import LightMeter
from keiki_host.headend.collect.clock import Clock

CONFIRM_S = 20.0
"""How long it waits for a connection or a confirm. Real seconds: it is the computer that takes them."""
_BACKOFF_S = 15.0
_INBOX = 128


class _Receiver(asyncio.Protocol):
    """The connection to the head-end, for one message at a time."""

    def __init__(self, message: Any) -> None:
        self._message = message
        self._inbox = wrapper.Inbox(_INBOX)
        self._waiter: asyncio.Future[None] | None = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._end(ConnectionResetError("the receiver has closed the connection"))

    def data_received(self, data: bytes) -> None:
        inbox = self._inbox
        try:
            while data:
                space = inbox.space()
                size = min(len(space), len(data))
                space[:size] = data[:size]
                inbox.filled(size)
                data = data[size:]
                while (frame := inbox.take()) is not None:
                    if self._message.confirms(inbox.buffer, frame[2], frame[3]):
                        self._end(None)
        except FrameError:
            self.transport.abort()

    def _end(self, error: Exception | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    async def exchange(self, data: memoryview) -> None:
        """Send a message and wait for its confirm. OSError, TimeoutError: it has not come."""
        if self.transport is None:
            raise ConnectionResetError("the receiver has closed the connection")
        self._waiter = asyncio.get_running_loop().create_future()
        self.transport.write(bytes(data))
        async with asyncio.timeout(CONFIRM_S):
            await self._waiter


class Push:
    """Delivers the half hours of `meter` from record `cursor` on. `to` is where, unless settings say so.

    While `cut` is true nothing comes through. `stats` is shared by all meters of a process.
    """

    def __init__(self, meter: LightMeter, clock: Clock, chance: random.Random, stats: dict[str, int]) -> None:
        self.cut = False
        self.cursor = 0
        self.stats = stats
        self._meter = meter
        self._clock = clock
        self._chance = chance
        self._rows: Any = SeriesRows(meter.history.half_hours.in_order)
        self._message: Any = Message(meter.cosem.guards[RECEIVER])
        self._due_s = 0.0
        self._backoff_s = 0.0
        self._told = 0
        self._wake = asyncio.Event()
        self._receiver: _Receiver | None = None
        meter.cosem.push = self
        meter.changed = self.now
        meter.closed = self.slot_closed
        meter.alarms.on_alarm = self.alarmed

    @property
    def waiting(self) -> int:
        """How many half hours have not been delivered."""
        return int(self._meter.store.half_hours.end) - self.cursor

    def slot_closed(self) -> None:
        """A half hour has been kept: it leaves at a random moment of the window."""
        if not self._backoff_s:
            self._due_s = self._clock.now() + self._chance.uniform(0, self._meter.settings.push_window_s)
        self._wake.set()

    def alarmed(self) -> None:
        """There is an alarm: it leaves at once."""
        if not self._backoff_s:
            self._due_s = self._clock.now()
        self._wake.set()

    def now(self) -> None:
        """Try at once, whatever was tried before."""
        self._backoff_s = 0
        self._due_s = self._clock.now()
        self._wake.set()

    def cut_off(self) -> None:
        """Lose the network."""
        self.cut = True
        if self._receiver is not None and self._receiver.transport is not None:
            self._receiver.transport.abort()

    def _news(self) -> int:
        register = int(self._meter.alarms.register)
        self._told &= register
        return register & ~self._told

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            self._wake.clear()
            if not self.waiting and not self._news():
                await self._wake.wait()
                continue
            wait_s = self._due_s - self._clock.now()
            if wait_s <= 0:
                await self._attempt()
                continue
            try:
                async with asyncio.timeout(wait_s / self._clock.speed):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _attempt(self) -> None:
        try:
            await self._deliver()
            self._backoff_s = 0
        except (OSError, TimeoutError):
            self.stats["failed"] += 1
            self._backoff_s = min(max(_BACKOFF_S, 2 * self._backoff_s), BACKOFF_MAX_MS / 1000)
            # not all at the same time when what was cut is whole again
            self._due_s = self._clock.now() + self._backoff_s * self._chance.uniform(1, 1.25)

    async def _deliver(self) -> None:
        host, _, port = self._meter.settings.push_to.rpartition(":")
        if self.cut or not host:
            raise ConnectionRefusedError("no network")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONFIRM_S):
            _, receiver = await loop.create_connection(lambda: _Receiver(self._message), host, int(port))
        self._receiver = receiver
        try:
            if self.cut:
                raise ConnectionResetError("no network")
            await self._send_all(receiver)
        finally:
            self._receiver = None
            if receiver.transport is not None:
                receiver.transport.close()

    async def _send_all(self, receiver: _Receiver) -> None:
        news = self._news()
        if news:
            register = int(self._meter.alarms.register)
            number = self._chance.getrandbits(24)  # no confirm of an earlier one will do
            await receiver.exchange(self._message.alarm(number, True, self._meter.clock.utc_s(), register))
            self._told = register
            self.stats["alarms"] += 1
        while self.waiting:
            self._rows.load(self.cursor)
            await self._send_value(receiver, self._message.values(self.cursor, True, self._rows.row))
            self.cursor += 1
            self.stats["delivered"] += 1

    async def _send_value(self, receiver: _Receiver, data: memoryview) -> None:
        meter, confirmed, from_s = self._meter, False, self._clock.now()
        try:
            await receiver.exchange(data)
            confirmed = True
        finally:
            slot_s = meter.slot_of(self.cursor)
            meter.log.sent(meter.who.serial, slot_s, from_s, self._clock.now(), confirmed)
