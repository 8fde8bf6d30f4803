"""Reference instruments played by a test: a WT310 on a TCP socket, a PZEM-004T on a pty."""

import os
import pty
import socket
import struct
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Wt310:
    """Answers as a WT310E does; `hang_up` times it closes the connection instead of showing values."""

    def __init__(self, identity: str = "YOKOGAWA,WT310E,C3QA12345E,F1.04") -> None:
        self.identity = identity
        self.v, self.i, self.p, self.hz = "101.23E+00", "9.8765E+00", "999.81E+00", "50.001E+00"
        self.wh, self.seconds = "5.55450E+00", "20"
        self.crest_factor = "3"
        self.hang_up = 0
        self.told: list[str] = []
        self.answers = {
            "*IDN?": lambda: self.identity,
            ":INP:CFAC?": lambda: self.crest_factor,
            ":INP:VOLT:RANG?": lambda: "150.0E+00",
            ":INP:CURR:RANG?": lambda: ":INP:CURR:RANG 10.0E+00",
            ":NUM:NORM:VAL?": lambda: ",".join((self.v, self.i, self.p, self.hz, self.wh, self.seconds)),
        }

    def tell(self, command: str) -> None:
        """Take a command that is no query."""
        self.told.append(command)

    def answer(self, command: str) -> str | None:
        """The answer to a query; None: hang up."""
        self.told.append(command)
        if command == ":NUM:NORM:VAL?" and self.hang_up:
            self.hang_up -= 1
            return None
        return self.answers[command]()

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Yields the URL."""
        server = socket.create_server(("127.0.0.1", 0))
        clients: list[socket.socket] = []

        def run() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    clients.append(client)
                    with client, client.makefile("rb") as lines, suppress(OSError):
                        for line in lines:
                            command = line.decode().strip()
                            if not command.endswith("?"):
                                self.tell(command)
                                continue
                            said = self.answer(command)
                            if said is None:
                                client.shutdown(socket.SHUT_RDWR)
                                break
                            client.sendall(said.encode() + b"\n")

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield f"visa://TCPIP::127.0.0.1::{server.getsockname()[1]}::SOCKET"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def crc16(data: bytes) -> bytes:
    """The checksum of Modbus RTU."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return struct.pack("<H", crc)


class Pzem:
    """Answers as a PZEM-004T v3 at `address` does; it is silent for the next `silent` requests."""

    def __init__(self, address: int = 1) -> None:
        self.address = address
        self.registers = [1012, 9876, 0, 9998, 0, 1234, 0, 500, 100, 0]
        self.silent = 0
        self.error = False
        self.requests = 0

    def answer(self, request: bytes) -> bytes:
        """The answer to one request; nothing: silence."""
        self.requests += 1
        address, function, first, count = struct.unpack(">BBHH", request[:6])
        assert crc16(request[:6]) == request[6:8] and (function, first, count) == (4, 0, 10)
        if self.silent or address != self.address:
            self.silent = max(0, self.silent - 1)
            return b""
        body = bytes((address, 0x84, 2)) if self.error else bytes((address, 4, 20))
        if not self.error:
            body += struct.pack(">10H", *self.registers)
        return body + crc16(body)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Yields the path of the port."""
        master, slave = pty.openpty()
        tty.setraw(slave)
        ended = threading.Event()

        def run() -> None:
            inbox = b""
            while not ended.is_set():
                with suppress(OSError):
                    inbox += os.read(master, 64)
                while len(inbox) >= 8 and not ended.is_set():
                    request, inbox = inbox[:8], inbox[8:]
                    os.write(master, self.answer(request))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield os.ttyname(slave)
        finally:
            ended.set()
            os.write(slave, b"\0" * 8)
            thread.join(10)
            os.close(slave)
            os.close(master)
