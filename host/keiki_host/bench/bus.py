"""Buses and wires of the bench: a unix socket on which the firmware's transactions reach emulated parts.

The firmware waits for each answer and its world stands still meanwhile: a transaction takes no time. One that
died and starts again connects anew; what a part holds is the part's own affair.

A request is (operation u8, I2C address, chip select or wire u8, register u16, bytes u32), little-endian, and
what is sent, if anything; an answer is (errno u8, 3 spare, bytes u32) and what was read. The other end is
keiki/hal/unix_bus.py.
"""

import asyncio
import errno
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from keiki_host.bench.errors import BenchError
from keiki_host.bench.pins import Pin, PulseInput, PulseOutput

READ, WRITE, TRANSFER, GET_PIN, SET_PIN, TRAIN, COUNT = range(1, 8)
LENGTH_MAX = 1 << 20
FLOATING = 0xFF
"""What an SPI line reads where nothing drives it."""

_REQUEST = struct.Struct("<BBHI")
_ANSWER = struct.Struct("<BxxxI")
_TRAIN = struct.Struct("<IIIH")


class I2cPart(Protocol):
    """A part on I2C; OSError is what the firmware gets."""

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        """Read `count` bytes from `register` on."""

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write `data` from `register` on."""


class SpiPart(Protocol):
    """A part on SPI."""

    def transfer(self, cs: int, data: bytes) -> bytes:
        """One frame with chip select low: what the part sends while it gets `data`, as many bytes."""


@dataclass(frozen=True)
class Request:
    """One transaction. `target`: I2C address, chip select or wire; `count`: bytes sent, or to be read."""

    operation: int
    target: int
    register: int
    count: int
    data: bytes = b""

    def encode(self) -> bytes:
        """The bytes that the firmware sends."""
        return _REQUEST.pack(self.operation, self.target, self.register, self.count) + self.data


def encode_answer(status: int, data: bytes = b"") -> bytes:
    """The answer to one transaction: 0 and what was read, or an errno."""
    return _ANSWER.pack(status, len(data)) + data


class Requests:
    """Requests from bytes as they come in. ValueError: this is no firmware of ours."""

    def __init__(self) -> None:
        self._inbox = bytearray()

    def receive(self, data: bytes) -> Iterator[Request]:
        """Take in `data`; yields each request that is complete."""
        inbox = self._inbox
        inbox += data
        while len(inbox) >= _REQUEST.size:
            operation, target, register, count = _REQUEST.unpack_from(inbox)
            if not READ <= operation <= COUNT or count > LENGTH_MAX:
                raise ValueError(f"not a transaction: {bytes(inbox[: _REQUEST.size]).hex()}")
            end = _REQUEST.size + (0 if operation in (READ, GET_PIN, COUNT) else count)
            if len(inbox) < end:
                return
            sent = bytes(inbox[_REQUEST.size : end])
            del inbox[:end]
            yield Request(operation, target, register, count, sent)


class Bus:
    """Parts by I2C address, chip select or wire, and the socket on which the firmware reaches them."""

    def __init__(self) -> None:
        self.i2c: dict[int, I2cPart] = {}
        self.spi: dict[int, SpiPart] = {}
        self.pins: dict[int, Pin] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def open(self) -> str:
        """Wait for firmware, any number of times; returns the path of the socket, always the same.

        BenchError if it cannot be made.
        """
        if self._folder is None:
            # why: not in the state folder, because the path of a socket has 107 bytes at most
            self._folder = tempfile.TemporaryDirectory(prefix="keiki-")
        path = str(Path(self._folder.name) / "bus")
        if self._server is None:
            loop = asyncio.get_running_loop()
            try:
                self._server = await loop.create_unix_server(lambda: _Connection(self), path)
            except OSError as error:
                raise BenchError(f"temporary folder: {path}: {error.strerror or error}") from None
        return path

    def close(self) -> None:
        """End every connection, and wait for no other."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def answer(self, request: Request) -> bytes:
        """Carry out one transaction; returns the bytes of its answer."""
        try:
            return encode_answer(0, self._carry_out(request))
        except OSError as error:
            return encode_answer(error.errno or errno.EIO)

    def _carry_out(self, request: Request) -> bytes:
        target, register = request.target, request.register
        if request.operation >= GET_PIN:
            return self._wire(request)
        if request.operation == TRANSFER:
            spi = self.spi.get(target)
            read = spi.transfer(target, request.data) if spi else bytes([FLOATING]) * request.count
        else:
            i2c = self.i2c.get(target)
            if i2c is None:
                raise OSError(errno.ENODEV, "nobody acknowledges")
            if request.operation == WRITE:
                i2c.writeto_mem(target, register, request.data)
                return b""
            read = i2c.readfrom_mem(target, register, request.count)
        if len(read) != request.count:
            raise ValueError(f"a part gave {len(read)} bytes for {request.count}")
        return read

    def _wire(self, request: Request) -> bytes:
        pin = self.pins.get(request.target)
        if request.operation == GET_PIN:
            return bytes([pin is not None and pin.read()])
        if request.operation == COUNT:
            return ((pin.count() if isinstance(pin, PulseInput) else 0) & 0xFFFFFFFF).to_bytes(4, "little")
        if request.operation == TRAIN:
            if isinstance(pin, PulseOutput):
                pin.train(*_TRAIN.unpack(request.data))
        elif pin is not None:
            pin.drive(any(request.data))
        return b""

    def joined(self, connection: "_Connection") -> None:
        """A firmware has connected."""
        self._connections.add(connection)

    def left(self, connection: "_Connection") -> None:
        """A firmware is gone."""
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._requests = Requests()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._bus.joined(self)

    def data_received(self, data: bytes) -> None:
        for request in self._requests.receive(data):
            self._transport.write(self._bus.answer(request))

    def connection_lost(self, exc: Exception | None) -> None:
        self._bus.left(self)

    def close(self) -> None:
        self._transport.abort()
