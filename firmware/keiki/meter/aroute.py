"""A-route service: COSEM over TCP and UDP, for a bounded number of peers at a time.

Document: IEC 62056-4-7 (wrapper), port 4059. Every buffer is made at the start: a peer costs time only.
"""

import asyncio
import gc

from keiki.meter import eventlog
from keiki.wire.compat import const
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.cosem.server import OPEN, PDU_MIN, Association

CONNECTIONS = const(3)
IDLE_MS = const(300000)
"""The service shows life this often, even if nobody connects."""

_LOGIN_MS = const(30000)  # a peer that has not proved itself may be silent for so long
_LOOK_MS = const(2000)


class Slot:
    """What one connection works with; `task` serves it, None: it is free."""

    def __init__(self, server) -> None:
        self.inbox = wrapper.Inbox(server.apdu_max)
        self.association = Association(server)
        self.answers = memoryview(self.association.answer)
        self.task = None
        self.connection = None
        self.peer = None  # the sender of datagrams that is served
        self.heard_ms = 0
        self.told = False

    @property
    def trusted(self) -> bool:
        """Whether the peer has proved that it has keys."""
        association = self.association
        return association.state == OPEN and association.session is not None

    def free(self) -> None:
        """Forget the peer."""
        self.association.reset()
        self.association.plain_max = self.association.server.pdu_max
        self.inbox.reset()
        self.told = False
        self.peer = None
        self.connection = None
        self.task = None

    def cancel(self) -> None:
        """Stands in for a task where datagrams are served: nothing is under way between them."""
        self.free()


class ARoute:
    """Serves `server` (wire/cosem/server.py) on listeners and UDP ports; `stats` counts what happened.

    `report(error)` hears of what should not be: it costs its connection, and nothing more.
    """

    def __init__(self, server, settings, events, ticks_ms, report) -> None:
        self.server = server
        self.stats = {
            "connections": 0,
            "turned_away": 0,
            "put_out": 0,
            "apdus": 0,
            "broken": 0,
            "failed": 0,
        }
        self._settings = settings
        self._events = events
        self._ticks_ms = ticks_ms
        self._report = report
        self._slots = [Slot(server) for _ in range(CONNECTIONS)]
        self._busy = asyncio.Event()

    # -- connections ----------------------------------------------------------------------------------

    async def run_listener(self, listener) -> None:
        """Take connections for ever."""
        while True:
            connection = await listener.accept()
            slot = await self._slot()
            if slot is None:
                connection.close()
            else:
                slot.connection = connection
                slot.task = asyncio.create_task(self._keep(slot, connection))

    async def _slot(self, datagrams: bool = False) -> "Slot | None":
        """Return a slot for a new peer; who has not proved himself makes way, the one silent longest.

        Who sends `datagrams` may be anybody under any address: no connection makes way for him.
        """
        self.stats["connections"] += 1
        self._busy.set()
        while True:
            chosen = None
            for slot in self._slots:
                if slot.task is None:
                    chosen = slot
                    break
                if slot.trusted or (datagrams and slot.peer is None):
                    continue
                if chosen is None or slot.heard_ms < chosen.heard_ms:
                    chosen = slot
            if chosen is None:
                self.stats["turned_away"] += 1
                return None
            await self._put_out(chosen)
            if chosen.task is None:  # or another listener has taken it meanwhile
                chosen.heard_ms = self._ticks_ms()
                return chosen

    async def _put_out(self, slot: Slot) -> None:
        """End what a slot serves, if anything, and wait until it is free."""
        task = slot.task
        if task is not None:
            self.stats["put_out"] += 1
            task.cancel()
            while slot.task is task and not task.done():
                await asyncio.sleep_ms(0)
            if slot.task is task:  # it was ended before it had begun
                slot.connection.close()
                slot.free()

    async def _keep(self, slot: Slot, connection) -> None:
        """Serve one connection until it ends."""
        try:
            await self._serve(slot, connection)
        except (OSError, FrameError):
            self.stats["broken"] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, the meter goes on
            self.stats["failed"] += 1
            self._report(error)
        finally:
            connection.close()
            slot.free()
            gc.collect()  # nobody waits for it now, and what comes next does not scatter over the heap

    async def _serve(self, slot: Slot, connection) -> None:
        # no coroutine and no exception for each APDU: what it leaves behind says how often the heap must be
        # collected, and that takes longer than the APDU
        inbox, association = slot.inbox, slot.association
        while True:
            await connection.ready
            size = connection.take_into(inbox.space())
            if size is None:
                continue
            if not size:
                return
            inbox.filled(size)
            frame = inbox.take()
            while frame is not None:
                answer = self._answer(slot, frame)
                if association.waits_for is not None:
                    answer = self._framed(slot, frame, association.conclude(await association.waits_for()))
                if answer is not None:
                    sent = connection.send(answer)
                    if sent < len(answer):
                        await connection.write(answer[sent:])
                frame = inbox.take()

    def _answer(self, slot: Slot, frame: "tuple[int, int, int, int]") -> "memoryview | None":
        """Return what to send for one APDU in the inbox, with its wrapper; None: nothing.

        If the association `waits_for` something then, that is to be concluded first.
        """
        source, destination, start, end = frame
        slot.heard_ms = now_ms = self._ticks_ms()
        self.stats["apdus"] += 1
        found = slot.association.receive(slot.inbox.buffer, start, end, source, destination, now_ms)
        return self._framed(slot, frame, found)

    def _framed(self, slot: Slot, frame, found: "tuple[int, int] | None") -> "memoryview | None":
        source, destination, _, _ = frame
        association = slot.association
        if slot.trusted != slot.told:
            slot.told = slot.trusted
            if slot.told:
                self._events.add(eventlog.ROUTE_A_SESSION, source)
        if found is None:
            return None
        start, end = found
        wrapper.pack_into(association.answer, start - wrapper.HEAD, destination, source, end - start)
        return slot.answers[start - wrapper.HEAD : end]

    def _limit_ms(self, slot: Slot) -> int:
        return 1000 * self._settings.session_idle_s if slot.trusted else _LOGIN_MS

    async def run(self, beat) -> None:
        """Put out who has been silent for too long, for ever."""
        while True:
            beat()
            busy = False
            for slot in self._slots:
                if slot.task is not None:
                    busy = True
                    if self._ticks_ms() - slot.heard_ms > self._limit_ms(slot):
                        await self._put_out(slot)
            self._busy.clear()
            try:
                await asyncio.wait_for_ms(self._busy.wait(), _LOOK_MS if busy else IDLE_MS)
            except asyncio.TimeoutError:
                pass

    # -- datagrams ------------------------------------------------------------------------------------

    async def run_udp(self, udp) -> None:
        """Serve a UDP port for ever. A peer has a slot as a connection has, until it is silent."""
        while True:
            data, sender = await udp.receive(False, True)
            try:
                frame = wrapper.decode(data, len(data))
            except FrameError:
                self.stats["broken"] += 1
                continue
            slot = self._of(sender) or await self._slot(True)
            if slot is None or len(data) > len(slot.inbox.buffer):
                continue
            slot.task, slot.peer = slot, sender
            # an address may be forged: what is sent there unasked is not much longer than what came
            slot.association.plain_max = PDU_MIN
            slot.inbox.buffer[: len(data)] = data
            try:
                await self._take_datagram(slot, udp, frame, sender)
            except Exception as error:  # noqa: BLE001 - whatever it is, the meter goes on
                self.stats["failed"] += 1
                self._report(error)

    def _of(self, sender: bytes) -> "Slot | None":
        for slot in self._slots:
            if slot.peer == sender:
                return slot
        return None

    async def _take_datagram(
        self, slot: Slot, udp, frame: "tuple[int, int, int, int]", sender: bytes
    ) -> None:
        answer = self._answer(slot, frame)
        if slot.association.waits_for is not None:
            conclude = slot.association.conclude
            answer = self._framed(slot, frame, conclude(await slot.association.waits_for()))
        if answer is not None:
            udp.send(answer, sender)
