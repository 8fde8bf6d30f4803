"""Our own COSEM client over a socket, for tests: under the wrapper, or under HDLC."""

import itertools
import socket
from types import TracebackType
from typing import Any, Self

from keiki.wire.cosem import client as cosem
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.hdlc import Address
from keiki.wire.cosem.hdlc_client import HdlcClient
from keiki.wire.cosem.security import Cipher
from keiki.wire.cosem.session import Guard

LIMIT_S = 30.0
PUBLIC, MANAGEMENT, READER, RECEIVER = 16, 1, 2, 102


class Keys(Guard):
    """A head-end's guard: keys, title, and counters in memory."""

    def __init__(self, ek: str, ak: str, title: bytes = b"TEST\0\0\0\x0c", counter: int = 0) -> None:
        super().__init__(Cipher(bytes.fromhex(ek), bytes.fromhex(ak)), title)
        self.counter = counter
        self.heard = -1  # some meters begin with 0
        self._challenges = itertools.count(1)

    def next_counter(self) -> int:
        self.counter += 1
        return self.counter

    def accept(self, counter: int) -> bool:
        if counter <= self.heard:
            return False
        self.heard = counter
        return True

    def expected(self) -> int:
        return self.heard + 1

    def challenge(self) -> bytes:
        return b"a test's own one" + next(self._challenges).to_bytes(4, "big")


class Peer:
    """`with Peer(host, port, sap) as peer: peer.do(cosem.Client(keys).open())`; TCP, wrapper or HDLC."""

    def __init__(self, host: str, port: int, sap: int = PUBLIC, server: int = 1, hdlc: bool = False) -> None:
        self.address = (host, port)
        self.sap = sap
        self.server = server
        self.link = HdlcClient(sap, Address(server)) if hdlc else None

    def __enter__(self) -> Self:
        self.socket = socket.create_connection(self.address, timeout=LIMIT_S)
        if self.link is not None:
            self._drive(self.link.connect())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def do(self, operation: Any) -> Any:
        """Carry out an operation of a cosem.Client and return its result."""
        return cosem.run(operation, self.ask)

    def ask(self, apdu: Any) -> bytes:
        """Send an APDU and return the one that answers it."""
        if self.link is not None:
            return bytes(self._drive(self.link.ask(apdu)))
        self.send(apdu)
        return self.receive()

    def send(self, apdu: Any) -> None:
        """Send an APDU under the wrapper."""
        self.socket.sendall(wrapper.encode(self.sap, self.server, bytes(apdu)))

    def receive(self) -> bytes:
        """Return the next APDU under the wrapper; b"" if the other end has hung up."""
        head = self._exactly(wrapper.HEAD)
        if not head:
            return b""
        size = int.from_bytes(head[6:8], "big")
        assert head[:6] == bytes((0, 1, 0, self.server, 0, self.sap)), head
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                return b""
            data += more
        return data

    def _drive(self, operation: Any) -> Any:
        """Drive an operation of the HDLC link."""
        assert self.link is not None
        scanner, frame = self.link.scanner, None
        while True:
            try:
                out = operation.send(frame)
            except StopIteration as done:
                return done.value
            self.socket.sendall(out)
            frame = scanner.take()
            while frame is None:
                data = self.socket.recv(4096)
                assert data, "the other end has hung up"
                scanner.feed(data)
                frame = scanner.take()
