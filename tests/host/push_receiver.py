"""A head-end that is sent to: takes pushes apart, as a part of the meter's world, and confirms them."""

from dataclasses import dataclass, field
from typing import Any

from keiki.wire.cosem import apdu, datetime12, wrapper
from keiki.wire.cosem.axdr import Writer
from keiki.wire.cosem.client import decode_notification
from keiki.wire.cosem.protection import HEAD, protect, unprotect
from keiki.wire.cosem.security import TAG, Cipher

TITLE = b"HEADEND1"
RECEIVER, METER = 102, 1
SETUPS = {b"\0\0\x19\x09\0\xff": "values", b"\0\1\x19\x09\0\xff": "alarm", b"\0\3\x19\x09\0\xff": "last gasp"}


@dataclass
class Message:
    """One message: of which kind, its number, and its fields after the name of the setup."""

    kind: str
    number: int
    confirmed: bool
    fields: tuple[Any, ...]

    @property
    def utc_s(self) -> int:
        """The time in it."""
        utc_s = datetime12.instant(self.fields[0])
        assert utc_s is not None
        return utc_s


@dataclass
class HeadEnd:
    """What all connections share. `messages` is every message, `slots` what the application keeps: each once.

    `confirms` False: it hears everything and says nothing.
    """

    cipher: Cipher
    confirms: bool = True
    messages: list[Message] = field(default_factory=list)
    slots: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    again: int = 0
    counters: list[int] = field(default_factory=list)
    counter: int = 0

    def connection(self) -> "Connection":
        """One more connection."""
        return Connection(self)

    def take(self, data: bytes) -> bytes:
        """Take one APDU; returns the confirm, or nothing."""
        buffer = bytearray(data)
        title = bytes(buffer[2:10])
        general, counter, start, end = unprotect(self.cipher, buffer, 0, len(buffer), title)
        assert general
        self.counters.append(counter)
        invoke, when, (name, *fields) = decode_notification(buffer[start:end])
        assert when == b"" and title[:3] == b"KEI"
        confirmed = bool(invoke & 0x40000000)
        message = Message(SETUPS[name], invoke & 0xFFFFFF, confirmed, tuple(fields))
        self.messages.append(message)
        if not self.confirms:
            return b""
        if message.kind == "values":
            known = self.slots.setdefault(message.utc_s, message.fields)
            assert known == message.fields
            self.again += len(self.messages) > 1 and message.number in [m.number for m in self.messages[:-1]]
        return self.confirm(invoke) if confirmed else b""

    def confirm(self, invoke: int) -> bytes:
        """A data-notification-confirm under general-glo."""
        buffer = bytearray(HEAD + 32 + TAG)
        writer = Writer(buffer, HEAD)
        apdu.encode(writer, apdu.NOTIFICATION_CONFIRM << 8, invoke, b"")
        self.counter += 1
        start, end = protect(self.cipher, True, buffer, HEAD, writer.at, TITLE, self.counter)
        return bytes(buffer[start:end])


class Connection:
    """One TCP connection, or one datagram."""

    def __init__(self, headend: HeadEnd) -> None:
        self._headend = headend
        self._inbox = wrapper.Inbox(2048)

    def receive(self, data: bytes) -> bytes:
        """Answer what is whole."""
        answer = b""
        self._inbox.space()[: len(data)] = data
        self._inbox.filled(len(data))
        while (found := self._inbox.take()) is not None:
            source, destination, start, end = found
            assert (source, destination) == (METER, RECEIVER)
            confirm = self._headend.take(bytes(self._inbox.buffer[start:end]))
            answer += wrapper.encode(RECEIVER, METER, confirm) if confirm else b""
        return answer
