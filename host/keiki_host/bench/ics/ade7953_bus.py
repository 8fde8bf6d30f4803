"""The buses of an ADE7953 and their noise: SPI frames, UART packets.

Document: Analog Devices ADE7953 datasheet Rev. C, "SPI interface", "UART interface".
"""

import random
from collections.abc import Callable
from typing import Protocol

from keiki_host.bench.ics.ade7953_registers import width
from keiki_host.bench.ics.wire_noise import WireNoise

READ, WRITE = 0x35, 0xCA
_BYTE_GAP_MS = 4
_PACKET_GAP_MS = 6
FLOATING = 0xFF

KINDS = ("lost", "slipped", "garbled", "misheard")


class Registers(Protocol):
    """What a bus does to a chip."""

    def fetch(self, register: int) -> int:
        """Read; what this clears is cleared."""

    def store(self, register: int, value: int) -> None:
        """Write."""


class SpiPort:
    """One frame at a time, clock by clock: address, direction, data, most significant bit first."""

    def __init__(self, chip: Registers) -> None:
        self._chip = chip

    def frame(self, bits: int, clocks: int) -> int:
        """Return what the chip says during so many clocks while it gets `bits`; 1 where it says nothing.

        A frame that ends before its data do is none; clocks after them do nothing.
        """
        silence = (1 << clocks) - 1
        if clocks < 24:
            return silence
        register, direction = bits >> (clocks - 16), bits >> (clocks - 17) & 1
        size = 8 * width(register)
        rest = clocks - 24 - size
        if rest < 0:
            return silence
        mask = (1 << size) - 1
        if direction:
            return silence & ~(mask << rest) | (self._chip.fetch(register) & mask) << rest
        self._chip.store(register, bits >> rest & mask)
        return silence


class Wire(WireNoise):
    """SPI between master and chip. If MISO is stuck the chip hears nevertheless.

    Kinds of noise: "lost", the chip sees no chip select and the line floats; "slipped", a clock edge too many
    after some byte; "garbled", a bit of the answer turned over; "misheard", a bit of what the chip gets.
    """

    def __init__(self, dice: random.Random) -> None:
        super().__init__(KINDS, dice)

    def carry(self, data: bytes, chip: Callable[[int, int], int]) -> bytes:
        """Carry one frame; `chip(bits, clocks)` answers it."""
        kind, clocks = self.draw(), 8 * len(data)
        bits = int.from_bytes(data, "big")
        if kind == "misheard":
            bits ^= 1 << self._dice.randrange(clocks)
        if kind == "lost":
            said = (1 << clocks) - 1
        elif kind == "slipped":
            # the chip sees the last bit of some byte twice, and from there on says everything too early
            rest = 8 * self._dice.randrange(1, len(data))
            top, low = bits >> rest, bits & (1 << rest) - 1
            said = chip((top << 1 | top & 1) << rest | low, clocks + 1)
            said = said >> rest + 1 << rest | said & (1 << rest) - 1
        else:
            said = chip(bits, clocks)
        if kind == "garbled":
            said ^= 1 << self._dice.randrange(clocks - 24)
        if self.stuck is not None:
            said = (1 << clocks) - 1 if self.stuck else 0
        return said.to_bytes(len(data), "big")


UART_KINDS = ("lost", "short", "garbled", "misheard", "garbage")


class UartWire(WireNoise):
    """UART between master and chip. If it is stuck nothing arrives, and 0 reads as a stream of 0.

    Kinds of noise: "lost", a packet does not arrive; "short", the last byte of the answer does not;
    "garbled", a bit of the answer turned over; "misheard", a bit of the packet; "garbage", some bytes before
    the answer.
    """

    def __init__(self, dice: random.Random) -> None:
        super().__init__(UART_KINDS, dice)

    def carry(self, data: bytes, chip: Callable[[bytes], bytes]) -> bytes:
        """Carry one packet; `chip(data)` answers it. Returns what arrives."""
        kind = self.draw()
        if self.stuck is not None:
            return bytes(8) if self.stuck == 0 else b""
        if kind is None:
            return chip(data)
        if kind == "lost":
            return b""
        if kind == "misheard":
            return chip(self.turn(data))
        said = chip(data)
        if kind == "garbage":
            return self._dice.randbytes(self._dice.randint(1, 6)) + said
        if not said:
            return b""
        return said[:-1] if kind == "short" else self.turn(said)


class UartPort:
    """Packets: what to do, address (high byte first), data (low byte first).

    A gap of more than 4 ms ends a packet, and within 6 ms after a packet nothing is heard. A write whose data
    are not as long as its register does nothing.
    """

    def __init__(self, chip: Registers, clock: Callable[[], int]) -> None:
        self._chip = chip
        self._clock = clock
        self._partial = b""
        self._heard_ms: int | None = None
        self._done = False

    def packet(self, data: bytes) -> bytes:
        """Take bytes that come without a pause; returns what the chip sends."""
        now_ms = self._clock()
        gap_ms = _PACKET_GAP_MS if self._heard_ms is None else now_ms - self._heard_ms
        self._heard_ms = now_ms
        if self._done and gap_ms < _PACKET_GAP_MS:
            return b""
        if self._done or gap_ms > _BYTE_GAP_MS:
            self._partial, self._done = b"", False
        self._partial += data
        frame = self._partial
        if len(frame) < 3:
            return b""
        register = frame[1] << 8 | frame[2]
        size = width(register)
        if frame[0] == READ:
            self._done = True
            return self._chip.fetch(register).to_bytes(size, "little")
        if frame[0] != WRITE:
            self._done = True
        elif len(frame) >= 3 + size:
            self._done = True
            if len(frame) == 3 + size:
                self._chip.store(register, int.from_bytes(frame[3:], "little"))
        return b""
