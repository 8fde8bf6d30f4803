"""A meter of which there is only the sending: the firmware's own messages, over real sockets."""

import asyncio
import contextlib
from typing import Any

from keiki.meter.push_message import LAST_GASP, Message
from keiki.wire.cosem import datetime12, wrapper
from keiki.wire.cosem.axdr import OCTETS, STRUCTURE, U8, U32
from keiki.wire.cosem.protection import HEAD, protect
from keiki.wire.cosem.security import TAG, Cipher
from keiki.wire.cosem.values import encode

EK, AK = bytes(range(16)), bytes(range(16, 32))


class _Guard:
    """Keys and counter of a meter."""

    def __init__(self, title: bytes, ek: bytes, ak: bytes) -> None:
        self.cipher = Cipher(ek, ak)
        self.title = title
        self.counter = 0

    def next_counter(self) -> int:
        """Each once."""
        self.counter += 1
        return self.counter


class PushingMeter:
    """Sends to a port of this host; `connect` first, `close` at the end."""

    def __init__(self, title: bytes, ek: bytes = EK, ak: bytes = AK) -> None:
        self.guard = _Guard(title, ek, ak)
        self._message = Message(self.guard)
        self._inbox = wrapper.Inbox(128)
        self._reader: Any = None
        self._writer: Any = None

    async def connect(self, port: int) -> None:
        """Open the connection, a new one perhaps."""
        await self.close()
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._inbox.reset()

    def gasp(self, at_s: int, import_wh: int) -> bytes:
        """A last gasp."""
        row = encode((STRUCTURE, OCTETS, U8, U32, U32), (datetime12.pack(at_s), 0x80, import_wh, 7))
        return bytes(self._message.values(at_s, False, row, LAST_GASP))

    def values(
        self, number: int, at_s: int, import_wh: int, *, status: int = 0, confirmed: bool = True
    ) -> bytes:
        """A message with a half hour."""
        shape = (STRUCTURE, OCTETS, U8, U32, U32)
        row = encode(shape, (datetime12.pack(at_s), status, import_wh, 7))
        return bytes(self._message.values(number, confirmed, row))

    def anything(self, plain: bytes) -> bytes:
        """A message with this APDU in it, protected as it must be."""
        buffer = bytearray(HEAD) + plain + bytes(TAG)
        guard = self.guard
        start, end = protect(
            guard.cipher, True, buffer, HEAD, HEAD + len(plain), guard.title, guard.next_counter()
        )
        return bytes(wrapper.encode(1, 102, bytes(buffer[start:end])))

    def alarm(self, number: int, at_s: int, register: int) -> bytes:
        """A message with an alarm."""
        return bytes(self._message.alarm(number, True, at_s, register))

    async def send(self, data: bytes) -> None:
        """Send, and expect nothing."""
        self._writer.write(data)
        await self._writer.drain()

    async def confirmed(self) -> bool:
        """Wait for the confirm of the message that was made last; False: the connection has ended."""
        while (frame := self._inbox.take()) is None:
            try:
                data = await self._reader.read(100)
            except ConnectionResetError:
                return False
            if not data:
                return False
            self._inbox.space()[: len(data)] = data
            self._inbox.filled(len(data))
        assert self._message.confirms(self._inbox.buffer, frame[2], frame[3])
        return True

    async def deliver(self, data: bytes) -> bool:
        """Send, and wait for the confirm."""
        await self.send(data)
        return await self.confirmed()

    async def close(self) -> None:
        """End the connection."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()
            self._writer = None
