"""A board for the tests of `keiki flash`: esp32-mock-bootloader's ROM on a socket, with a flash that can be
looked at and can fail, and a cable that can be pulled."""

import contextlib
import functools
import hashlib
import operator
import socket
import threading
from collections.abc import Iterator

from esp32_mock_bootloader.server import BootloaderConnection, FlashImage, handle_client


class Flash(FlashImage):
    """4 MiB. `spoil`: addresses that do not take what is written; `fade`: those that lose it before a
    second reading; `pull`: the cable is out from when so many blocks have been written."""

    def __init__(self) -> None:
        super().__init__()
        self.spoil: set[int] = set()
        self.fade: set[int] = set()
        self.pull: int | None = None
        self.blocks = 0
        self.connection: socket.socket | None = None
        self._sums = 0

    @property
    def pulled(self) -> bool:
        """The cable is out."""
        return self.pull is not None and self.blocks >= self.pull

    def write_plain_block(self, payload: bytes) -> None:
        self.blocks += 1
        if self.pulled and self.connection is not None:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        super().write_plain_block(payload)
        for address in self.spoil:
            self.data[address] = 0x5A

    def begin_plain(self, payload: bytes) -> None:
        super().begin_plain(payload)
        self._sums = 0

    def md5_stub_response(self, payload: bytes, *, stub: bool = False) -> bytes:
        self._sums += 1
        if self._sums > 1 and self.blocks:
            for address in self.fade:
                self.data[address] ^= 1
        return bytes(super().md5_stub_response(payload, stub=stub))


class Rom:
    """The chip's boot loader: `url` is its port."""

    def __init__(self, chip: str) -> None:
        self.flash = Flash()
        self._chip = chip
        self._stop = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._server.accept()
                if self._stop.is_set() or self.flash.pulled:
                    connection.close()
                    continue
                self.flash.connection = connection
                handle_client(BootloaderConnection(sock=connection), self._stop, self._chip, flash=self.flash)

    def close(self) -> None:
        self._stop.set()
        with socket.create_connection(self._server.getsockname()):
            pass
        self._thread.join()
        self._server.close()


@contextlib.contextmanager
def rom(chip: str) -> Iterator[Rom]:
    """A chip as long as it lasts."""
    running = Rom(chip)
    try:
        yield running
    finally:
        running.close()


def image(chip: str, *, app_bytes: int = 20_000, flash_mb_log2: int = 2, romfs: bool = True) -> bytes:
    """What a MicroPython image looks like: boot loader, somebody's partition table, program."""
    start = {"esp32": 0x1000, "esp32s3": 0, "esp32c3": 0}[chip]
    number = {"esp32": 0, "esp32s3": 9, "esp32c3": 5}[chip]

    def program(text: bytes) -> bytes:
        fields = bytes([0xE9, 1, 2, flash_mb_log2 << 4]) + bytes(8) + number.to_bytes(2, "little")
        head = fields + bytes(9) + b"\x01" + bytes(4) + len(text).to_bytes(4, "little")
        total = functools.reduce(operator.xor, text, 0xEF)
        body = head + text
        body += bytes(15 - len(body) % 16) + bytes([total])
        return body + hashlib.sha256(body).digest()

    boot = program(b"boot" * 1000).ljust(0x8000 - start, b"\xff")
    table = (b"\xaaP" + b"theirs" * 5).ljust(0x8000, b"\xff")
    text = (b"VfsRom" if romfs else b"") + b"python" * app_bytes
    return boot + table + program(text[: app_bytes - 64])
