"""What an attacker on the wire has before him: a client's connection that he can write into, and requests."""

import struct
from collections.abc import Iterator
from typing import Any

from keiki.wire.cosem import apdu, initiate
from keiki.wire.cosem import client as cosem
from keiki.wire.cosem.axdr import ENUM, I8
from keiki.wire.cosem.values import encode

from tests.conformance.a_route_desk import Desk
from tests.conformance.cosem_peer import MANAGEMENT, Keys, Peer

IMPORT = (3, bytes((1, 0, 1, 8, 0, 255)), 2)
MODE = (70, bytes((0, 0, 96, 3, 10, 255)), 4)
OUTPUT = (70, MODE[1], 2)
DISCONNECT = (70, MODE[1], 1)
REPLY = (15, bytes((0, 0, 40, 0, 0, 255)), 1)
ERRORS = (apdu.EXCEPTION, apdu.CONFIRMED_ERROR)
NOT_ALLOWED, NOT_DECIPHERED, OLD_COUNTER = b"\xd8\x01\x01", b"\xd8\x01\x05", b"\xd8\x01\x06"


class Victim:
    """A true management client whose connection the attacker can write into."""

    def __init__(self, meter: Desk, general: bool = True, sap: int = MANAGEMENT) -> None:
        self.meter = meter
        self.sap = sap
        ek, ak = meter.keys[sap]
        self.keys = Keys(ek, ak, counter=meter.counter(sap))
        self.client = cosem.Client(self.keys, general=general)
        self.peer = Peer(meter.host, meter.port, sap).__enter__()

    def __enter__(self) -> "Victim":
        self.peer.do(self.client.open())
        return self

    def __exit__(self, *_: object) -> None:
        self.peer.socket.close()

    def request(self, operation: Any) -> bytes:
        """The APDU that the client would send."""
        return bytes(next(operation))

    def is_served(self) -> None:
        """Check that the true client is served, and that nothing has been done meanwhile."""
        assert self.peer.do(self.client.get(MODE)) == self.meter.mode
        assert self.peer.do(self.client.get(OUTPUT)) == 1

    def attack(self, wrong: Any) -> bytes:
        """Write something into the connection: what comes back must be an error."""
        answer = self.peer.ask(wrong)
        assert answer[0] in ERRORS, answer.hex()
        return answer

    def evil(self) -> list[bytes]:
        """Requests that would do something: SET, and ACTION disconnect."""
        other = 1 + self.meter.mode % 6
        return [
            self.request(self.client.set(MODE, encode(ENUM, other))),
            self.request(self.client.act(DISCONNECT, encode(I8, 0))),
        ]


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Every flip of one bit: where, and the result."""
    for bit in range(8 * len(data)):
        wrong = bytearray(data)
        wrong[bit >> 3] ^= 1 << (bit & 7)
        yield bit >> 3, bytes(wrong)


PLAIN = {
    "get": bytes((apdu.GET, 1, 0xC1)) + struct.pack(">H", 3) + IMPORT[1] + b"\x02\x00",
    "set": bytes((apdu.SET, 1, 0xC1)) + struct.pack(">H", 70) + MODE[1] + b"\x04\x00\x16\x01",
    "action": bytes((apdu.ACTION, 1, 0xC1)) + struct.pack(">H", 70) + MODE[1] + b"\x01\x01\x0f\x00",
    "initiate": initiate.encode_request(initiate.Proposal(initiate.OURS, 1024)),
    "event": bytes.fromhex("c20000030100010800ff0206000003e8"),
    "read": bytes.fromhex("050102fa00"),
    "write": bytes.fromhex("060102fa0001110f"),
    "access": bytes.fromhex("d900c00000000001010003010001080000ff0201000000"),
    "ded": bytes.fromhex("d01e30000000ff") + bytes(24),
    "block": bytes.fromhex("e0800001000000"),
    "nothing": b"\x00",
}
"""Requests without protection: of every service that the meter knows, and of some that it does not."""
