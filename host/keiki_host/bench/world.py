"""The time of one meter's world, granted to its firmware piece by piece.

The firmware asks to sleep until a time; the world runs its emulated parts up to that time, never faster than
`speed` times the wall, and wakes the firmware. While the firmware computes, its world stands still: a busy
host makes the meter late, never wrong. One firmware after another may live in a world; each counts its time
from its own start.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from keiki_host.bench.clock import Handle, ManualScheduler

_GRANT = struct.Struct("<IQ")


class Line(Protocol):
    """A line between the firmware and an emulated part, as a pty (pty.PtyLine) is one."""

    def fileno(self) -> int:
        """Descriptor to watch for what the firmware writes."""

    def pump(self) -> bool:
        """Hand over what has come in; True if there was something."""

    def unread(self) -> int:
        """Bytes that the firmware has not read yet."""

    def forget(self) -> None:
        """Lose what is under way."""

    def close(self) -> None:
        """The line is gone."""


class WorldClock(ManualScheduler):
    """Virtual milliseconds since the world began, which was at `start_utc_ms`."""

    def __init__(self, start_utc_ms: int) -> None:
        super().__init__()
        self.start_utc_ms = start_utc_ms
        self._lines: list[Line] = []
        self._loop = asyncio.get_running_loop()
        self._sock: socket.socket | None = None
        self.served_ms = 0
        """When the newest firmware started."""
        self.lost_ms = 0
        """When the one before was gone."""
        self._inbox = b""
        self._asleep: tuple[int, int] | None = None
        self._offered: list[int] = []
        self._greeted = False
        self._hold_ms: float = 0
        self.heard = 0
        """How often a firmware has asked for time."""
        self._limit_ms: int | None = 0
        self._arrived: asyncio.Future[None] | None = None
        self._pace = (0, 0.0, 1.0)
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._running = False

    def utc_ms(self) -> int:
        """UTC milliseconds since 1970 in this world."""
        return self.start_utc_ms + self.now_ms

    def call_later(self, delay_ms: int, fn: Callable[[], None]) -> Handle:
        """Call `fn` `delay_ms` from now; from outside the world, now is what the wall allows."""
        if not self._running:
            self._catch_up()
            self._step_soon()
        return super().call_later(delay_ms, fn)

    def advance_to(self, when_ms: int) -> None:
        """Run everything due up to and at `when_ms`, then be there."""
        with self._inside():
            super().advance_to(when_ms)

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """What is called in here happens at the world's own time."""
        was_running, self._running = self._running, True
        try:
            yield
        finally:
            self._running = was_running

    def attach(self, line: Line) -> None:
        """A serial line between the firmware and one of the emulated parts."""
        self._lines.append(line)
        self._loop.add_reader(line.fileno(), self.pump)

    def pump(self) -> None:
        """Take in what the firmware has written, at the world's time of now."""
        with self._inside():
            for line in self._lines:
                line.pump()
        self._step_soon()

    def _catch_up(self) -> None:
        """While the firmware sleeps, what is outside may find the world a little behind the wall."""
        free_ms = self._free_ms()
        if free_ms is not None:
            due_ms = self.next_due_ms()
            goals = [free_ms, self._allowed_ms()] + ([due_ms] if due_ms is not None else [])
            super().advance_to(max(self.now_ms, int(min(goals)) - 1))

    def _free_ms(self) -> float | None:
        """How far the world may go by itself: until the firmware wants to wake; None while it computes."""
        if self._sock is None:
            return self._hold_ms
        return None if self._asleep is None else self._asleep[1]

    # -- how fast time may go ------------------------------------------------------------------

    async def run_to(self, when_ms: int) -> None:
        """Let the world run as fast as it can up to `when_ms`, and hold it there."""
        self._limit_ms = when_ms
        self._arrived = self._loop.create_future()
        self._step_soon()
        await self._arrived

    def pace(self, speed: float) -> None:
        """From now on time runs `speed` times as fast as the wall's, if the firmware keeps up."""
        self._limit_ms = None
        self._pace = (self.now_ms, time.monotonic(), speed)
        self._step_soon()

    def _allowed_ms(self) -> int:
        if self._limit_ms is not None:
            return self._limit_ms
        base_ms, base_wall, speed = self._pace
        return base_ms + int((time.monotonic() - base_wall) * 1000 * speed)

    # -- the firmware's side -------------------------------------------------------------------

    def serve(self, sock: socket.socket) -> None:
        """Grant time to the firmware behind `sock`, which has just started."""
        self._forget()
        self._sock, self.served_ms = sock, self.now_ms
        self._greeted = False
        sock.setblocking(False)
        self._loop.add_reader(sock, self._readable)

    def lose(self, for_ms: float | None = None) -> None:
        """The firmware is gone: so much time may pass without one (math.inf: any), then it stands still.

        None: nobody has said yet; then time stands still now, if it may not go on from before.
        """
        if not self._running:
            self._catch_up()
        if self._sock is not None:
            self.lost_ms = self.now_ms
        self._forget()
        self._hold_ms = max(self._hold_ms, self.now_ms) if for_ms is None else self.now_ms + for_ms
        self._step_soon()

    @property
    def asleep(self) -> bool:
        """True while a firmware waits for time to pass."""
        return self._asleep is not None

    def _forget(self) -> None:
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None
        self._inbox, self._asleep, self._offered = b"", None, []

    def close(self) -> None:
        """Stop time for good."""
        for handle in (self._timer, self._soon):
            if handle is not None:
                handle.cancel()
        self._forget()
        for line in self._lines:
            self._loop.remove_reader(line.fileno())
            line.close()
        self._lines.clear()

    def _readable(self) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.lose()
            return
        self._inbox += data
        self.heard += 1
        while len(self._inbox) >= _GRANT.size:
            sequence, wake_ms = _GRANT.unpack_from(self._inbox)
            self._inbox = self._inbox[_GRANT.size :]
            if wake_ms:
                self._asleep = (sequence, wake_ms + self.served_ms)
            else:
                self._asleep = None
                if self._greeted:
                    self._grant(sequence)
                else:
                    self._send(sequence, self.start_utc_ms + self.served_ms)
                    self._greeted = True
        if self._asleep:
            self._step()

    def _send(self, sequence: int, value: int) -> None:
        assert self._sock is not None
        try:
            self._sock.send(_GRANT.pack(sequence, value))
        except OSError:
            self._asleep = None

    def _grant(self, sequence: int) -> None:
        """Let the firmware go on, now."""
        self._asleep = None
        self._send(sequence, self.now_ms - self.served_ms)

    def poke(self) -> None:
        """Something was written to the firmware: wake it, so that it is read at this very time."""
        self._offered = []
        self._wake()

    def _wake(self) -> None:
        if self._asleep:
            self._grant(self._asleep[0])

    def _finds_data(self) -> bool:
        """Wake a firmware that went to sleep on data it had not seen: no time may pass before it reads that.

        What it leaves unread all the same, because nothing in it listens, does not stop time.
        """
        unread = [line.unread() for line in self._lines]
        if not any(unread) or unread == self._offered:
            return False
        self._offered = unread
        self._wake()
        return True

    # -- running ----------------------------------------------------------------------------------

    def _step_soon(self) -> None:
        if self._soon is None:
            self._soon = self._loop.call_soon(self._step)

    def _step(self) -> None:
        self._soon = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # what the firmware wrote before it went to sleep comes first
        with self._inside():
            for line in self._lines:
                line.pump()
        if self._asleep is not None and self._finds_data():
            return
        free_ms = self._free_ms()
        if free_ms is None:
            return
        due_ms = self.next_due_ms()
        goal_ms = free_ms if due_ms is None else min(free_ms, due_ms)
        allowed_ms = self._allowed_ms()
        if goal_ms <= allowed_ms:
            self._go_to(int(goal_ms))
            return
        self.advance_to(allowed_ms)
        if self._limit_ms is not None:
            if self._arrived is not None and not self._arrived.done():
                self._arrived.set_result(None)
            return
        if self._free_ms() is not None:
            wait_s = (goal_ms - allowed_ms) / 1000 / self._pace[2]
            self._timer = self._loop.call_later(min(wait_s, 3600), self._step)

    def _go_to(self, goal_ms: int) -> None:
        """Be where the next thing happens, and let it happen: a part may speak to the firmware, or end it."""
        self.advance_to(goal_ms)
        if self._asleep is not None and goal_ms >= self._asleep[1]:
            self._grant(self._asleep[0])
        elif (free_ms := self._free_ms()) is not None and free_ms > goal_ms:
            self._step_soon()
