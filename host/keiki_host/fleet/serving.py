"""The port of a light meter: the firmware's COSEM server behind the wrapper of IEC 62056-4-7."""

import asyncio
from typing import Any

from keiki.wire.cosem import wrapper
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.cosem.server import OPEN, Association

from keiki_host.fleet.errors import FleetError
from keiki_host.fleet.meter import CONNECTIONS, LightMeter


class Port:
    """Listens for one meter. While `cut` is true whoever comes is hung up on."""

    def __init__(self, meter: LightMeter) -> None:
        self.cut = False
        self.meter = meter
        self.connections: list[Connection] = []
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; return the port. FleetError: it is taken."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Connection(self), host, port, backlog=8)
        except OSError as error:
            raise FleetError(f"port {host}:{port}: {error.strerror or error}") from None
        return int(self._server.sockets[0].getsockname()[1])

    def cut_off(self) -> None:
        """Lose the network."""
        self.cut = True
        for connection in list(self.connections):
            connection.end()

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.end()


class Connection(asyncio.BufferedProtocol):
    """One association at a time."""

    def __init__(self, port: Port) -> None:
        server: Any = port.meter.cosem.server
        self._port = port
        self._inbox = wrapper.Inbox(server.apdu_max)
        self._association: Any = Association(server)
        self._transport: Any = None
        self._told = False
        self._concluding: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the oldest makes way where there are too many."""
        self._transport = transport
        if self._port.cut:
            self._transport.abort()
            return
        self._port.connections.append(self)
        if len(self._port.connections) > CONNECTIONS:
            self._port.connections[0].end()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._transport = None
        if self in self._port.connections:
            self._port.connections.remove(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._inbox.space()

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self._inbox.filled(nbytes)
        self._take()

    def end(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self) -> None:
        association, inbox, now_ms = self._association, self._inbox, self._port.meter.hal.ticks_ms
        self._port.meter.catch_up()
        try:
            while self._transport is not None and (frame := inbox.take()) is not None:
                source, destination, start, end = frame
                found = association.receive(inbox.buffer, start, end, source, destination, now_ms())
                if association.waits_for is not None:
                    self._transport.pause_reading()
                    self._concluding = asyncio.ensure_future(self._conclude(frame, association.waits_for))
                    return
                self._send(frame, found)
        except FrameError:
            self.end()

    async def _conclude(self, frame: tuple[int, int, int, int], settled: Any) -> None:
        found = self._association.conclude(await settled())
        self._send(frame, found)
        if self._transport is not None:
            self._transport.resume_reading()
            self._take()

    def _send(self, frame: tuple[int, int, int, int], found: tuple[int, int] | None) -> None:
        if found is None or self._transport is None:
            return
        if self._association.state == OPEN and not self._told and self._association.session is not None:
            self._told = True
            self._port.meter.log.session(self._port.meter.who.serial, self._port.meter.now())
        start, end = found
        answer = self._association.answer
        wrapper.pack_into(answer, start - wrapper.HEAD, frame[1], frame[0], end - start)
        self._transport.write(bytes(answer[start - wrapper.HEAD : end]))
