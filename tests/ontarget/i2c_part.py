"""Parts on the emulated I2C of a board: transfers of registers, byte by byte, as the chip makes them."""

from typing import Any

from keiki_host.bench.bus import I2cPart
from rp2040py.peripherals.i2c import I2CMode

from tests.ontarget.emulated import EmulatedBoard


def wire_i2c(board: EmulatedBoard, number: int, address: int, part: I2cPart) -> None:
    """Have a part that is all registers at `address` of an I2C bus. The bus itself takes no time."""
    Transfers(board.mcu.i2c[number], address, part)


class Transfers:
    """What is under way on one bus."""

    def __init__(self, bus: Any, address: int, part: I2cPart) -> None:
        self._bus, self._address, self._part = bus, address, part
        self._register = 0
        self._sent = bytearray()
        self._unread = b""
        bus.on_connect = self._connect
        bus.on_write_byte = self._write
        bus.on_read_byte = self._read
        bus.on_stop = self._stop

    def _connect(self, address: int, mode: I2CMode) -> None:
        self._finish()
        if address != self._address:
            self._bus.complete_connect(False)
            return
        if mode == I2CMode.READ:
            self._unread = self._part.readfrom_mem(address, self._register, 0x13 - self._register)
        self._bus.complete_connect(True)

    def _write(self, value: int) -> None:
        self._sent.append(value)
        self._bus.complete_write(True)

    def _read(self, _more: bool) -> None:
        value, self._unread = (self._unread[0], self._unread[1:]) if self._unread else (0xFF, b"")
        self._bus.complete_read(value)

    def _stop(self) -> None:
        self._finish()
        self._bus.complete_stop()

    def _finish(self) -> None:
        """A transfer is over, or begins anew for reading: the first byte named a register."""
        if self._sent:
            self._register = self._sent[0]
            if len(self._sent) > 1:
                self._part.writeto_mem(self._address, self._register, bytes(self._sent[1:]))
            self._sent.clear()
