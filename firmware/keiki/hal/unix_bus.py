"""I2C, SPI and wires of the unix port: transactions with emulated parts, over a unix socket.

KEIKI_I2Cn / KEIKI_SPIn = socket of bus n, KEIKI_PINS = socket of all wires. A transaction blocks until it is
answered; the world whose time this meter lives in stands still meanwhile, so it takes no time.

A request is (operation u8, I2C address, chip select or wire u8, register u16, bytes u32), little-endian, and
what is sent, if anything; an answer is (errno u8, 3 spare, bytes u32) and what was read. The other end is
keiki_host/bench/bus.py.
"""

import os
import socket
import struct
import sys

from keiki.wire.compat import const

_REQUEST = "<BBHI"
_HEAD = const(8)
_SHORT = const(8)
_READ = const(1)
_WRITE = const(2)
_TRANSFER = const(3)
_GET_PIN = const(4)
_SET_PIN = const(5)
_TRAIN = const(6)
_TRAIN_FORMAT = "<IIIH"
_COUNT = const(7)


class _Line:
    """The way to the parts of one bus."""

    def __init__(self, path: str) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.connect(struct.pack("H", socket.AF_UNIX) + path.encode() + b"\0")
        self._head = bytearray(_HEAD)
        self._request = bytearray(_HEAD + _SHORT)
        self._requests = [memoryview(self._request)[: _HEAD + count] for count in range(_SHORT + 1)]

    def ask(self, operation: int, target: int, register: int, sent, read) -> None:
        """One transaction: sends `sent`, fills `read` (None: nothing). OSError as the other end says."""
        head, request, sock = self._head, self._request, self._sock
        count = len(read if sent is None else sent)
        struct.pack_into(_REQUEST, request, 0, operation, target, register, count)
        # why at once: the other end would wake twice, and that is most of what a transaction costs
        together = 0
        if sent is not None and count <= _SHORT:
            together = count
            for at in range(count):
                request[_HEAD + at] = sent[at]
        try:
            sock.write(self._requests[together])
            if sent is not None and not together:
                sock.write(sent)
            self._fill(head)
            if head[0] == 0 and read is not None:
                self._fill(read)
        except OSError:
            sys.exit(0)  # the world is gone
        if head[0]:
            raise OSError(head[0])

    def _fill(self, buffer) -> None:
        if self._sock.readinto(buffer) != len(buffer):
            sys.exit(0)


class I2c:
    """An I2C bus; a part that does not acknowledge is OSError(ENODEV)."""

    def __init__(self, path: str) -> None:
        self._line = _Line(path)

    def readfrom_mem_into(self, address: int, register: int, buffer) -> None:
        """Fill `buffer` from register `register` of the part at `address` on."""
        self._line.ask(_READ, address, register, None, buffer)

    def writeto_mem(self, address: int, register: int, data) -> None:
        """Write `data` to register `register` of the part at `address` on."""
        self._line.ask(_WRITE, address, register, data, None)


class Spi:
    """An SPI bus, and the chip select of one part on it."""

    def __init__(self, path: str, cs: int) -> None:
        self._line = _Line(path)
        self._cs = cs

    def transfer(self, tx, rx) -> None:
        """One frame with chip select low: sends `tx` while it fills `rx`, which may be the same buffer.

        ValueError: lengths differ. Where no part is connected the line reads FFh.
        """
        if len(tx) != len(rx):
            raise ValueError("tx and rx differ in length")
        self._line.ask(_TRANSFER, self._cs, 0, tx, rx)


def i2c(number: int) -> "I2c | None":
    """Open I2C bus `number`; None if there is none."""
    path = os.getenv("KEIKI_I2C%d" % number)
    return I2c(path) if path else None


def spi(number: int, cs: int, baudrate: int, polarity: int, phase: int) -> "Spi | None":
    """Open SPI bus `number` for the part at chip select `cs`; None if there is none. A socket has no mode."""
    path = os.getenv("KEIKI_SPI%d" % number)
    return Spi(path, cs) if path else None


class Pins:
    """All wires of the board."""

    def __init__(self, path: str) -> None:
        self._line = _Line(path)
        self._level = bytearray(1)
        self._train = bytearray(struct.calcsize(_TRAIN_FORMAT))
        self._count = bytearray(4)

    def read(self, number: int) -> bool:
        """Return whether wire `number` is on."""
        self._line.ask(_GET_PIN, number, 0, None, self._level)
        return self._level[0] != 0

    def drive(self, number: int, on: bool) -> None:
        """Switch wire `number`."""
        self._level[0] = 1 if on else 0
        self._line.ask(_SET_PIN, number, 0, self._level, None)

    def train(self, number: int, n: int, first_us: int, step_us: int, width_ms: int) -> None:
        """Have wire `number` make `n` pulses, see `pulse_output` of the hal."""
        struct.pack_into(_TRAIN_FORMAT, self._train, 0, n, first_us, step_us, width_ms)
        self._line.ask(_TRAIN, number, 0, self._train, None)

    def count(self, number: int) -> int:
        """Return how many pulses wire `number` has had, modulo 2^32."""
        self._line.ask(_COUNT, number, 0, None, self._count)
        return struct.unpack("<I", self._count)[0]


_pins = None


def pins() -> "Pins | None":
    """Return the wires of this board; None: it has none."""
    global _pins
    path = os.getenv("KEIKI_PINS")
    if _pins is None and path:
        _pins = Pins(path)
    return _pins
