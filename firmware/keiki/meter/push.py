"""Sends each half hour to the head-end by itself, in order and until it is acknowledged; alarms too.

After a slot it waits for a random part of the window, so that a million meters do not speak at once. What
could not be delivered is tried again, less and less often; what has gathered meanwhile follows on the same
connection. A receiver that is away, or never acknowledges, costs one buffer and now and then an event.
"""

import asyncio

from keiki.meter import eventlog
from keiki.meter.push_message import LAST_GASP, Message
from keiki.wire import record
from keiki.wire.compat import const
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.axdr import FrameError

IDLE_MS = const(300000)
_CONNECT_MS = const(15000)
_CONFIRM_MS = const(20000)
_BACKOFF_MS = const(15000)
BACKOFF_MAX_MS = const(600000)
_GASP_MS = const(60000)


class Push:
    """Pushes rows of `rows` (series_rows.SeriesRows) from `cursor` on, and `alarms`.

    `settings`: `push_to`, `push_window_s`, `push_ack`. `network` has `connect` and `datagram` (see hal);
    `live` the registers of now; `random_below` spreads. `stats` counts deliveries and failures.
    """

    def __init__(self, rows, cursor, alarms, guard, settings, clock, events, live, network) -> None:
        self.stats = {"delivered": 0, "alarms": 0, "failed": 0, "waiting": 0, "gasps": 0}
        self._rows = rows
        self._cursor = cursor
        self._alarms = alarms
        self._guard = guard
        self._settings = settings
        self._clock = clock
        self._events = events
        self._live = live
        self._network = network
        self._ticks_ms = network.ticks_ms
        self._message = Message(guard)
        self._gasp = Message(guard)  # the other one may be on its way
        self._inbox = wrapper.Inbox(128)
        self._wake = asyncio.Event()
        self._due_ms = self._some_time()  # meters that got their power back together do not speak together
        self._backoff_ms = 0
        self._told = 0  # alarms that have been delivered
        self._telling = (0, 0)  # the register that is being told, and the number of its message
        self._gasped_ms = -_GASP_MS
        alarms.on_alarm = self._alarmed

    # -- what there is to do --------------------------------------------------------------------------

    def slot_closed(self) -> None:
        """A half hour has been kept: it leaves at a random moment of the window."""
        if not self._backoff_ms:
            self._due_ms = self._some_time()
        self._wake.set()

    def _some_time(self) -> int:
        """Return a random moment of the window that begins now."""
        window_ms = 1000 * self._settings.push_window_s
        return self._ticks_ms() + (self._network.random_below(window_ms) if window_ms else 0)

    def _alarmed(self) -> None:
        if not self._backoff_ms:
            self._due_ms = self._ticks_ms()
        self._wake.set()

    def now(self) -> None:
        """Try at once, whatever was tried before."""
        self._backoff_ms = 0
        self._due_ms = self._ticks_ms()
        self._wake.set()

    def _has_work(self) -> bool:
        if not self._settings.push_to or self._guard.cipher is None:
            return False
        try:
            self._cursor.begin()
        except OSError:
            return False
        self.stats["waiting"] = self._cursor.waiting
        return self._cursor.waiting > 0 or self._news() != 0

    def _news(self) -> int:
        self._told &= self._alarms.register
        return self._alarms.register & ~self._told

    # -- doing it -------------------------------------------------------------------------------------

    async def run(self, beat) -> None:
        """Deliver for ever."""
        while True:
            beat()
            self._wake.clear()
            wait_ms = IDLE_MS
            if self._has_work():
                wait_ms = self._due_ms - self._ticks_ms()
                if wait_ms <= 0:
                    await self._attempt(beat)
                    continue
            try:
                await asyncio.wait_for_ms(self._wake.wait(), min(wait_ms, IDLE_MS))
            except asyncio.TimeoutError:
                pass

    async def _attempt(self, beat) -> None:
        try:
            await self._deliver(beat)
            self._backoff_ms = 0
            return
        except (OSError, asyncio.TimeoutError, FrameError):
            pass
        finally:
            self._cursor.keep()
        self.stats["failed"] += 1
        waiting = self._cursor.waiting
        self._events.add(eventlog.PUSH_FAILED, 0 if waiting else 1, waiting)
        self._backoff_ms = min(max(_BACKOFF_MS, 2 * self._backoff_ms), BACKOFF_MAX_MS)
        # not all at the same time when what was cut is whole again
        self._due_ms = self._ticks_ms() + self._backoff_ms + self._network.random_below(self._backoff_ms // 4)

    async def _deliver(self, beat) -> None:
        """Deliver all there is over one connection. OSError, TimeoutError, FrameError: not all of it."""
        network, acknowledged = self._network, self._settings.push_ack
        if acknowledged == "none":
            await self._send_all(beat, self._datagram)
            return
        connecting = network.connect(self._settings.push_to, wrapper.PORT)
        connection = await asyncio.wait_for_ms(connecting, _CONNECT_MS)
        self._inbox.reset()
        try:
            if acknowledged == "tcp":
                # who does not read must not hold up the meter: the watchdog waits for this service too
                await self._send_all(
                    beat, lambda data: asyncio.wait_for_ms(connection.write(data), _CONFIRM_MS)
                )
            else:
                await self._send_all(beat, lambda data: self._exchange(connection, data))
        finally:
            connection.close()

    async def _datagram(self, data) -> None:
        sending = self._network.datagram(self._settings.push_to, wrapper.PORT, data)
        await asyncio.wait_for_ms(sending, _CONNECT_MS)

    async def _exchange(self, connection, data) -> None:
        """Send one message and wait until it is confirmed; what is no confirm of it is passed over."""
        await asyncio.wait_for_ms(connection.write(data), _CONFIRM_MS)
        await asyncio.wait_for_ms(self._confirmed(connection), _CONFIRM_MS)

    async def _confirmed(self, connection) -> None:
        inbox = self._inbox
        while True:
            frame = inbox.take()
            if frame is None:
                size = await connection.read_into(inbox.space())
                if not size:
                    raise OSError(104)
                inbox.filled(size)
            elif self._message.confirms(inbox.buffer, frame[2], frame[3]):
                return

    async def _send_all(self, beat, send) -> None:
        cursor, rows, message = self._cursor, self._rows, self._message
        confirmed = self._settings.push_ack == "confirm"
        news = self._news()
        if news:
            register = self._alarms.register
            if self._telling[0] != register:  # no confirm of an earlier one will do
                self._telling = register, self._network.random_below(1 << 24)
            await send(message.alarm(self._telling[1], confirmed, self._clock.utc_s(), register))
            self._told = register
            self._telling = (0, 0)
            self.stats["alarms"] += 1
        while cursor.waiting:
            beat()
            number = cursor.at
            if rows.load(number):
                await send(message.values(number, confirmed, rows.row))
                self.stats["delivered"] += 1
            cursor.done(number)
            self.stats["waiting"] = cursor.waiting

    # -- the end --------------------------------------------------------------------------------------

    async def run_last_gasp(self, edge) -> None:
        """Each time the mains go, say so while the supply lasts: one datagram, which nobody confirms."""
        while True:
            await edge.wait()
            now_ms = self._ticks_ms()
            if (
                not self._settings.push_to
                or self._guard.cipher is None
                or now_ms - self._gasped_ms < _GASP_MS
            ):
                continue
            self._gasped_ms = now_ms
            imported, exported = self._live.import_wh(), self._live.export_wh()
            row = self._rows.made(self._clock.utc_s(), record.POWER_WAS_OFF, imported, exported)
            try:
                await self._datagram(self._gasp.values(now_ms, False, row, LAST_GASP))
                self.stats["gasps"] += 1
            except (OSError, asyncio.TimeoutError):
                pass  # the way went with the mains
