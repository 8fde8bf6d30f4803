"""The meter's way to its head-end: what it opens by itself passes here, in the time of its world.

A receiver is a part of the world (`receivers`), or a program of this host: then bytes are carried to and fro.
Fault `uplink_cut`: nobody reaches the meter and it reaches nobody. Fault `uplink_deaf`: what a receiver
answers is lost. The firmware's end is keiki/hal/unix_tcp.py.
"""

import array
import asyncio
import contextlib
import errno
import fcntl
import socket
import tempfile
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from keiki_host.bench.faults import Faults
from keiki_host.bench.process import listen
from keiki_host.bench.world import WorldClock

DELAY_MS = 40
"""One way, in the world's time."""


class Receiver(Protocol):
    """A program behind a TCP port, in the world: one of these for each connection, or each datagram."""

    def receive(self, data: bytes) -> bytes:
        """What it answers to data, nothing perhaps."""


class Uplink:
    """A line of the world, as a pty is: see world.WorldClock.attach. `receivers`: "host:port" -> make one."""

    def __init__(self, clock: WorldClock, faults: Faults, folder: Path) -> None:
        self.receivers: dict[str, Callable[[], Receiver]] = {}
        self.faults = faults
        self.clock = clock
        self._down = folder / "uplink_down"
        self._down.unlink(missing_ok=True)
        self._temporary = tempfile.TemporaryDirectory(prefix="keiki-")
        self.path = str(Path(self._temporary.name) / "uplink")
        self._server = listen(Path(self.path))
        self._server.listen(8)
        self._ways: list[_Way] = []
        faults.on_start("uplink_cut", lambda _: self._cut())
        faults.on_end("uplink_cut", lambda _: self._whole())

    # -- a line of the world --------------------------------------------------------------------------

    def fileno(self) -> int:
        """Descriptor to watch for what opens next."""
        return self._server.fileno()

    def pump(self) -> bool:
        """Take in what the firmware has opened and sent; True if there was something."""
        moved = False
        with contextlib.suppress(BlockingIOError, OSError):
            while True:
                sock, _ = self._server.accept()
                self._ways.append(_Way(self, sock))
                moved = True
        for way in list(self._ways):
            while way in self._ways and way.pump():
                moved = True
        return moved

    def unread(self) -> int:
        """Bytes that the firmware has not read yet."""
        return sum(way.unread() for way in self._ways)

    def forget(self) -> None:
        """The meter has lost its power: its connections are gone."""
        for way in list(self._ways):
            way.close()

    def close(self) -> None:
        """End everything."""
        self.forget()
        self._server.close()
        self._temporary.cleanup()

    # -- what happens to it ---------------------------------------------------------------------------

    def _cut(self) -> None:
        self._down.touch()

    def _whole(self) -> None:
        if not self.faults.active("uplink_cut"):
            self._down.unlink(missing_ok=True)

    @property
    def cut(self) -> bool:
        """Whether nothing gets through."""
        return self.faults.active("uplink_cut")

    def gone(self, way: "_Way") -> None:
        """A way has ended."""
        if way in self._ways:
            self._ways.remove(way)


class _Way:
    """One connection or datagram of the firmware's."""

    def __init__(self, uplink: Uplink, sock: socket.socket) -> None:
        self._uplink = uplink
        self._sock = sock
        sock.setblocking(False)
        self._inbox = b""
        self._kind = ""
        self._receiver: Receiver | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._relay: asyncio.Task[None] | None = None
        self._address = ("", 0)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, uplink.clock.pump)

    def pump(self) -> bool:
        """Take in what the firmware has sent."""
        try:
            data = self._sock.recv(65536)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self._finish()
            return True
        self._inbox += data
        if not self._kind:
            line, found, rest = self._inbox.partition(b"\n")
            if not found:
                return True
            self._inbox = rest
            self._open(line.decode())
        elif self._kind == "tcp":
            data, self._inbox = self._inbox, b""
            self._later(lambda: self._deliver(data))
        return True

    def _open(self, line: str) -> None:
        self._kind, host, port = line.split()
        self._address = (host, int(port))
        name = f"{host}:{port}"
        if self._uplink.cut:
            if self._kind == "tcp":
                self._later(lambda: self._refuse(errno.ENETUNREACH))
            else:
                self._answer(b"\0")  # nobody tells the sender of a datagram
        elif name in self._uplink.receivers:
            self._receiver = self._uplink.receivers[name]()
            self._answer(b"\0") if self._kind == "udp" else self._later(lambda: self._answer(b"\0"))
        elif self._kind == "tcp":
            self._relay = self._loop.create_task(self._carry())
        else:
            self._answer(b"\0")

    def _later(self, fn: Callable[[], None]) -> None:
        self._uplink.clock.call_later(DELAY_MS, fn)

    def _refuse(self, number: int) -> None:
        self._answer(bytes([number]))
        self.close()

    def _answer(self, data: bytes) -> None:
        """Write to the firmware, at the world's time of now."""
        with contextlib.suppress(OSError):
            self._sock.send(data)
        self._uplink.clock.poke()

    def _deliver(self, data: bytes) -> None:
        """What the firmware sent has come to its receiver."""
        if self._uplink.cut:
            return
        if self._receiver is not None:
            answer = self._receiver.receive(data)
            if answer and self._kind == "tcp" and self._uplink.faults.hit("uplink_deaf") is None:
                self._later(lambda: None if self._uplink.cut else self._answer(answer))
        elif self._writer is not None:
            self._writer.write(data)

    async def _carry(self) -> None:
        """Be the firmware's connection to a program of this host."""
        try:
            reader, self._writer = await asyncio.open_connection(*self._address)
        except OSError as error:
            self._refuse(error.errno or errno.ECONNREFUSED)
            return
        self._answer(b"\0")
        try:
            while data := await reader.read(65536):
                if not self._uplink.cut and self._uplink.faults.hit("uplink_deaf") is None:
                    self._answer(data)
        except OSError:
            pass
        self.close()

    def _finish(self) -> None:
        """The firmware has closed it; a datagram is whole now."""
        if self._kind == "udp" and not self._uplink.cut:
            data, receiver = self._inbox, self._receiver
            if receiver is not None:
                self._later(lambda: self._deliver(data))
            else:
                self._send_datagram(data)
        self.close()

    def _send_datagram(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            family, kind, _, _, address = socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as sock:
                sock.sendto(data, address)

    def unread(self) -> int:
        """Bytes that the firmware has not read yet."""
        count = array.array("i", [0])
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._sock, termios.TIOCOUTQ, count)
        return count[0]

    def close(self) -> None:
        """End it."""
        self._uplink.gone(self)
        with contextlib.suppress(ValueError, OSError):
            self._loop.remove_reader(self._sock)
        self._sock.close()
        if self._writer is not None:
            self._writer.close()
        if self._relay is not None and self._relay is not asyncio.current_task():
            self._relay.cancel()
