"""The port that meters send to: TCP and UDP, wrapper of IEC 62056-4-7, SAP 1 to SAP 102.

A connection costs one small buffer. What is longer than a push can be, not protected as it must be or from
nobody who is known ends it; so does silence in the middle of a message. A counter that is not higher than all
before is a replay: it is counted, and refused.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, cast

from keiki.wire.cosem import wrapper
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.cosem.security import SecurityError

from keiki_host.headend import observations
from keiki_host.headend.collect import message
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.collect.intake import Intake, Item
from keiki_host.headend.collect.message import Kind, Message
from keiki_host.headend.collect.roster import Meter, Roster
from keiki_host.headend.collect.sockets import shown, words
from keiki_host.headend.counters import Channel
from keiki_host.headend.errors import HeadendError
from keiki_host.headend.observations import Event
from keiki_host.headend.values import Path, Reading

APDU_MAX = 1024
CONNECTIONS_MAX = 20_000
UNANSWERED_MAX = 64
"""Messages of one connection that wait for the store; it is not read from meanwhile."""
PARTIAL_S = 20.0
"""How long a message may take to arrive."""
IDLE_S = 300.0
_LATE_S = 1800
_UNSENT_MAX = 16 * 1024
_LOOK_S = 5.0

_CODE_MAX = 2**31 - 1

Answer = Callable[[bytes | None], None]
"""Hears what to send, b"" for nothing; None: the message is not kept, and the connection is to end."""


class Listener:
    """Takes pushes for `intake` from meters of `roster`. `title` is ours. `stats` counts what happened."""

    def __init__(self, roster: Roster, intake: Intake, clock: Clock, title: bytes) -> None:
        names = "pushes alarms gasps confirmed unknown forged replayed broken silent turned_away pending"
        self.stats = dict.fromkeys(names.split(), 0)
        self.on_suspect: Callable[[Meter, str], None] = lambda _meter, _what: None
        """Hears of each forgery and replay."""
        self.on_pending: Callable[[Meter], None] = lambda _meter: None
        """Hears of a meter that speaks under its pending keys."""
        self.on_alarm: Callable[[Meter], None] = lambda _meter: None
        self.connections: set[Connection] = set()
        self._roster = roster
        self._intake = intake
        self._clock = clock
        self._title = title
        self._server: asyncio.Server | None = None
        self._datagrams: asyncio.DatagramTransport | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; return the port. HeadendError: that cannot be."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Connection(self), host, port, backlog=1024)
            port = int(self._server.sockets[0].getsockname()[1])
            self._datagrams, _ = await loop.create_datagram_endpoint(
                lambda: Datagrams(self), local_addr=(host, port)
            )
        except OSError as error:
            self.close()
            raise HeadendError(f"push {shown(host, port)}: {words(error)}") from None
        return port

    async def run(self) -> None:
        """End connections that are silent where they must not be, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_S)
            now_s = loop.time()
            for connection in list(self.connections):
                if connection.is_late(now_s):
                    self.stats["silent"] += 1
                    connection.end()

    def close(self) -> None:
        """Listen no more, and end every connection."""
        if self._server is not None:
            self._server.close()
        if self._datagrams is not None:
            self._datagrams.close()
        for connection in list(self.connections):
            connection.end()

    def take(self, buffer: bytearray, frame: tuple[int, int, int, int], answer: Answer) -> None:
        """Take one APDU in a buffer; `answer` is called when it is on disk, or cannot be.

        FrameError, SecurityError: it is none of ours, and `answer` is not called.
        """
        source, destination, start, end = frame
        if (source, destination) != (message.METER, message.RECEIVER):
            raise FrameError("another association")
        title = message.title_of(buffer, start, end)
        meter = self._roster.find(title)
        cipher = None if meter is None else meter.cipher()
        if meter is None or cipher is None:
            self.stats["unknown"] += 1
            raise SecurityError("unknown")
        try:
            counter, start, end = message.unlock(cipher, buffer, start, end, title)
        except SecurityError:
            self._refuse(meter, buffer, start, end, title)
            raise
        if not meter.accept(Channel.RECEIVE, counter):
            self.stats["replayed"] += 1
            self.on_suspect(meter, "replayed")
            raise SecurityError("counter")
        found = message.read(buffer, start, end)
        readings, events = self._kept(meter, found)

        def done(stored: bool) -> None:
            if not stored or not found.wants_confirm:
                answer(b"" if stored else None)
                return
            try:
                number = meter.numbers(Channel.SEND).take()
            except OSError:  # its key is used up: it needs a new one
                answer(None)
                return
            self.stats["confirmed"] += 1
            answer(message.confirm(cipher, self._title, number, found.invoke))

        if not self._intake.offer(Item(meter, Channel.RECEIVE, counter, readings, events, done)):
            answer(None)

    def _refuse(self, meter: Meter, buffer: bytearray, start: int, end: int, title: bytes) -> None:
        """It does not open under the current keys: under pending ones, or it is a forgery."""
        pending = meter.pending_cipher()
        if pending is not None:
            with contextlib.suppress(SecurityError):
                message.unlock(pending, buffer, start, end, title)
                self.stats["pending"] += 1
                self.on_pending(meter)  # it comes again, and then these are its keys
                return
        self.stats["forged"] += 1
        self.on_suspect(meter, "forged")

    def _kept(self, meter: Meter, found: Message) -> tuple[Sequence[Reading], Sequence[Event]]:
        """What is to be kept of a message."""
        arrived_s = self._clock.now_s
        if found.kind is Kind.VALUES:
            self.stats["pushes"] += 1
            path = Path.LATE if arrived_s - found.at_s > _LATE_S else Path.PUSH
            values = (found.import_wh, found.export_wh, int(found.status))
            return (Reading(meter.meter_id, found.at_s, *values, arrived_s, path),), ()
        if found.kind is Kind.ALARM:
            self.stats["alarms"] += 1
            self.on_alarm(meter)
            return (), (Event(observations.ALARM, found.at_s, found.register & _CODE_MAX, arrived_s),)
        self.stats["gasps"] += 1
        return (), (Event(observations.LAST_GASP, found.at_s, 0, arrived_s),)


class Connection(asyncio.BufferedProtocol):
    """One meter, or a concentrator that speaks for several."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._inbox = wrapper.Inbox(APDU_MAX)
        self._held = 0
        self._unanswered = 0
        self._heard_s = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many."""
        transport = self._transport = cast(asyncio.Transport, transport)
        self._heard_s = asyncio.get_running_loop().time()
        transport.set_write_buffer_limits(_UNSENT_MAX)
        if len(self._listener.connections) >= CONNECTIONS_MAX:
            self._listener.stats["turned_away"] += 1
            transport.abort()
            return
        self._listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over; what was offered is stored all the same."""
        self._listener.connections.discard(self)
        self._transport = None

    def pause_writing(self) -> None:
        """It does not read what it is answered."""
        self.end()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._inbox.space()

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self._inbox.filled(nbytes)
        self._held += nbytes
        self._take()

    def is_late(self, now_s: float) -> bool:
        """Whether it has been silent for longer than it may."""
        if self._unanswered:
            return False
        return now_s - self._heard_s > (PARTIAL_S if self._held else IDLE_S)

    def end(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self) -> None:
        """Take what is whole, until too much of it waits."""
        listener, inbox, transport = self._listener, self._inbox, self._transport
        try:
            while transport is not None and self._unanswered < UNANSWERED_MAX:
                frame = inbox.take()
                if frame is None:
                    return
                self._held -= wrapper.HEAD + frame[3] - frame[2]
                self._heard_s = asyncio.get_running_loop().time()
                self._unanswered += 1
                listener.take(inbox.buffer, frame, self._answer)
        except (FrameError, SecurityError):
            listener.stats["broken"] += 1
            self._unanswered -= 1
            self.end()
            return
        if transport is not None:
            transport.pause_reading()

    def _answer(self, data: bytes | None) -> None:
        self._unanswered -= 1
        if self._transport is None:
            return
        if data is None:
            self.end()
            return
        if data:
            self._transport.write(data)
        if not self._transport.is_reading() and not self._transport.is_closing():
            self._transport.resume_reading()
            self._take()


class Datagrams(asyncio.DatagramProtocol):
    """Messages that come as datagrams: last gasps, and values of meters that want no confirm."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Take one; whatever is wrong with it ends in silence."""

        def answer(found: bytes | None) -> None:
            if found and self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(found, addr)

        if len(data) > wrapper.HEAD + APDU_MAX:
            self._listener.stats["broken"] += 1
            return
        try:
            buffer = bytearray(data)
            self._listener.take(buffer, wrapper.decode(buffer, len(buffer)), answer)
        except (FrameError, SecurityError):
            self._listener.stats["broken"] += 1
