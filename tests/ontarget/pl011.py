"""A correction of rp2040py 0.3.6: its UART has no FIFO, and interrupts for ever where it has nothing to send.

Document: ARM PL011 technical reference manual, 2.4 and 3.3; RP2040 datasheet, 4.2.
"""

from collections import deque
from typing import Any

from rp2040py.peripherals.uart import RPUART

_RX, _TX, _RX_TIMEOUT = 1 << 4, 1 << 5, 1 << 6
_OVERRUN = 1 << 11
_FIFO = 32
_LEVELS = (4, 8, 16, 24, 28)
_DATA, _ERRORS, _LEVEL = 0x00, 0x04, 0x34
_TIMEOUT_BITS = 32
_CLOCK_HZ = 48_000_000


class Pl011(RPUART):
    """The UART with two FIFOs of 32 bytes, each byte as long as it is on a wire, and a receive time-out."""

    def begin(self) -> None:
        """Be one of this class from now on."""
        clock = self.rp2040.clock
        self._sending: deque[int] = deque()
        self._received: deque[int] = deque()
        self._levels = 0x12
        self._sent = clock.create_alarm(self._byte_is_sent)
        self._silent = clock.create_alarm(self._line_is_silent)

    def byte_ns(self) -> float:
        """How long a byte is on the wire."""
        line = self._line_ctrl_register
        bits = 2 + self.word_length + (line >> 1 & 1) + (line >> 3 & 1)
        return bits * 1e9 / max(1, self.baud_rate)

    def reset(self) -> None:
        """Be as after a reset: nothing is sent, and nothing was received."""
        super().reset()
        for alarm in (self._sent, self._silent):
            alarm.cancel()
        self._sending.clear()
        self._received.clear()
        self._levels = 0x12

    def check_interrupts(self) -> None:
        """Tell the core."""
        self.rp2040.set_interrupt(self.irq, bool(self._interrupt_status & self._interrupt_mask))

    def _byte_is_sent(self) -> None:
        value = self._sending.popleft()
        if self._sending:
            self._sent.schedule(self.byte_ns())
        if len(self._sending) == _FIFO - _LEVELS[4 - (self._levels & 7)] or not self._sending:
            self._interrupt_status |= _TX
            self.check_interrupts()
        if self.on_byte:
            self.on_byte(value)

    def _line_is_silent(self) -> None:
        if self._received:
            self._interrupt_status |= _RX_TIMEOUT
            self.check_interrupts()

    def feed_byte(self, value: int) -> None:
        """Have a byte come in."""
        if len(self._received) >= _FIFO:
            self._received[-1] |= _OVERRUN
            return
        self._received.append(value & 0xFF)
        if len(self._received) >= _LEVELS[self._levels >> 3 & 7]:
            self._interrupt_status |= _RX
        self._silent.schedule(_TIMEOUT_BITS * 1e9 / max(1, self.baud_rate))
        self.check_interrupts()

    @property
    def flags(self) -> int:
        """UARTFR."""
        sending, received = len(self._sending), len(self._received)
        transmitter = 0x08 if sending else 0x80
        full = (0x20 if sending >= _FIFO else 0) | (0x40 if received >= _FIFO else 0)
        return transmitter | full | (0 if received else 0x10)

    def read_uint32(self, offset: int) -> Any:
        """Read a register."""
        if offset == _DATA:
            value = self._received.popleft() if self._received else 0
            if len(self._received) < _LEVELS[self._levels >> 3 & 7]:
                self._interrupt_status &= ~_RX
            if not self._received:
                self._interrupt_status &= ~_RX_TIMEOUT
            self.check_interrupts()
            return value
        if offset == _ERRORS:
            return 0
        return self._levels if offset == _LEVEL else super().read_uint32(offset)

    def write_uint32(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset == _DATA:
            self._sending.append(value & 0xFF)
            if len(self._sending) == 1:
                self._sent.schedule(self.byte_ns())
        elif offset == _LEVEL:
            self._levels = value & 0x3F
        else:
            super().write_uint32(offset, value)


def correct_uarts(mcu: Any) -> None:
    """Make both UARTs of an RP2040 ones of this class, at the clock that MicroPython gives them."""
    mcu.clk_peri = _CLOCK_HZ
    for uart in mcu.uart:
        uart.__class__ = Pl011
        uart.begin()
