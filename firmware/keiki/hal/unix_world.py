"""Time of the unix port that is granted by an emulated world, piece by piece (keiki_host/bench/world.py)."""

import select
import socket
import struct
import sys
import time
from asyncio import core

_GRANT = "<IQ"
_FOREVER = 0xFFFFFFFFFFFFFFFF
# asyncio's queue in C stamps tasks that are due at once with the host's ticks; ours must never be below them.
_AHEAD_MS = 1 << 40
_HURRIED_MAX = 16
_LINGER_MS = 5


class World:
    """Time that is granted: while this program runs it stands still, so a busy host changes no result.

    Each request is (sequence u32, wake at u64 ms; 0 = what time is it); each answer (sequence, now ms).
    """

    granted = 0
    """How often time was granted."""

    answered = False
    """A peer on the network of the host was answered: it may go on before the world has put us to sleep."""

    def __init__(self, path: str) -> None:
        self.sock = unix_socket(path)
        self.sequence = 0
        self.now_ms = 0
        self.start_utc_ms = 0
        self.bite_ms = None
        self.start_ticks = time.ticks_ms() + _AHEAD_MS
        self._granted = False
        self._hurried = 0
        self._answer = bytearray(struct.calcsize(_GRANT))
        self._request = bytearray(struct.calcsize(_GRANT))
        self.start_utc_ms = self._ask(0)
        self._ask(0)
        core.ticks = self.ticks
        core.IOQueue.wait_io_event = lambda queue, dt: self.wait(queue, dt)  # noqa: PLW0108 - to pass the queue
        core.get_event_loop()
        core._io_queue.poller.register(self.sock, select.POLLIN)

    def ticks(self) -> int:
        return self.start_ticks + self.now_ms

    def _send(self, wake_ms: int) -> None:
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        struct.pack_into(_GRANT, self._request, 0, self.sequence, wake_ms)
        self.sock.write(self._request)

    def _take(self) -> bool:
        """Read one answer; True if it is the one to the newest request."""
        if self.sock.readinto(self._answer) != len(self._answer):
            sys.exit(0)  # the world is gone
        sequence, now_ms = struct.unpack(_GRANT, self._answer)
        if sequence != self.sequence:
            return False
        self.now_ms = now_ms
        World.granted += 1
        if self.bite_ms is not None and now_ms > self.bite_ms:
            sys.exit(3)
        return True

    def _ask(self, wake_ms: int) -> int:
        self._send(wake_ms)
        while not self._take():
            pass
        return self.now_ms

    def wait(self, queue, dt: int) -> None:
        """Stand in for asyncio's idle wait: sleep in the world's time until a line speaks or it is time."""
        linger = World.answered and dt
        World.answered = False
        if self._poll(queue, _LINGER_MS if linger else 0):
            # no time passes for what is there already, but not for ever: a flood must not stop the clock
            self._hurried += 1
            if self._hurried < _HURRIED_MAX:
                return
            self._ask(0)
        elif dt:
            self._send(_FOREVER if dt < 0 else self.now_ms + dt)
            self._granted = False
            self._poll(queue, -1)
            if not self._granted:
                self._ask(0)
        self._hurried = 0

    def _poll(self, queue, timeout_ms: int) -> bool:
        """Wake the tasks whose lines are ready; True if there were any. The world's answers are taken too."""
        found = False
        for stream, event in queue.poller.ipoll(timeout_ms):
            if stream is self.sock:
                self._granted = self._take() or self._granted
                continue
            found = True
            waiting = queue.map[id(stream)]
            if event & ~select.POLLOUT and waiting[0] is not None:
                core._task_queue.push(waiting[0])
                waiting[0] = None
            if event & ~select.POLLIN and waiting[1] is not None:
                core._task_queue.push(waiting[1])
                waiting[1] = None
            if waiting[0] is None and waiting[1] is None:
                queue._dequeue(stream)
            else:
                queue.poller.modify(stream, select.POLLOUT if waiting[0] is None else select.POLLIN)
        return found


def unix_socket(path: str):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(struct.pack("H", socket.AF_UNIX) + path.encode() + b"\0")
    return sock
