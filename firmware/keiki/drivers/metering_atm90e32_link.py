"""Checked access to the registers of the ATM90E32AS over SPI.

Document: Atmel M90E32AS datasheet 46003B, "SPI interface". One access is one frame of 32 clocks: bit 31 read,
25..16 address, 15..0 data. The chip ignores frames of any other length. LastSPIData tells the data of the
newest access that reached the chip; here it is compared after each one. If it is what it was before, that
proves nothing: then the marker is read in between.
"""

from keiki.drivers.metering_atm90e32_registers import IN_WARN_TH, LAST_SPI_DATA, MARKER, METER_EN
from keiki.wire.compat import const

FULL = const(0xFFFF)
_READ = const(0x80)
_ATTEMPTS = const(3)


class Link:
    """Registers behind `spi.transfer(tx, rx)`, which does one frame with chip select low throughout.

    Everything returns None or False instead of what cannot be had; an OSError of the bus is such a case.
    `stats` counts "missed" (a frame that was not what it should be) and "recovered" (energy that was garbled
    on the line, and read again from LastSPIData).
    """

    def __init__(self, spi, stats: "dict[str, int]") -> None:
        self._spi = spi
        self._stats = stats
        self._tx = bytearray(4)
        self._rx = bytearray(4)
        self._before = None  # what LastSPIData holds, if that is known

    def _frame(self, head: int, register: int, value: int) -> "int | None":
        tx, rx = self._tx, self._rx
        tx[0], tx[1], tx[2], tx[3] = head | register >> 8, register & 0xFF, value >> 8, value & 0xFF
        try:
            self._spi.transfer(tx, rx)
        except OSError:
            return None
        return rx[2] << 8 | rx[3]

    def _get(self, register: int) -> "int | None":
        return self._frame(_READ, register, 0)

    def write(self, register: int, value: int) -> None:
        """Write a register. Whether it took the value is to be read."""
        self._before = None
        self._frame(0, register, value)

    def marked(self) -> bool:
        """Return whether the chip says the marker: the line works, and the chip is set up."""
        for _ in range(_ATTEMPTS):
            if self._get(IN_WARN_TH) == MARKER:
                self._before = MARKER
                return True
            self._stats["missed"] += 1
        self._before = None
        return False

    def peek(self, register: int) -> "int | None":
        """Read a register of a chip that may not be set up: said twice, and twice confirmed.

        A line that is stuck says 0 or FULL here.
        """
        self._before = None
        for _ in range(_ATTEMPTS):
            value = self._get(register)
            if value is not None and [self._get(r) for r in (LAST_SPI_DATA, register, LAST_SPI_DATA)] == (
                [value] * 3
            ):
                return value
            self._stats["missed"] += 1
        return None

    def read(self, register: int) -> "int | None":
        """Read a register of a chip that is set up; not one that is cleared when it is read."""
        for _ in range(2 * _ATTEMPTS):
            if self._before is None and not self.marked():
                return None
            value = self._get(register)
            if value is None or value != self._get(LAST_SPI_DATA):
                self._stats["missed"] += 1
                self._before = None
            elif value == self._before:
                # the access may not have reached the chip at all
                self._before = 1 if value == MARKER and self._get(METER_EN) == 1 else None
            else:
                self._before = value
                return value
        return None

    def read_pair(self, high: int, low: int) -> "int | None":
        """Read 32 bits from two registers of the same moment: the high word is the same before and after."""
        for _ in range(_ATTEMPTS):
            first, second, third = self.read(high), self.read(low), self.read(high)
            if first is None or second is None or third is None:
                return None
            if first == third:
                return first << 16 | second
        return None

    def take(self, register: int) -> "int | None":
        """Read and clear an energy register.

        It is cleared when LastSPIData has its value, so a value that was garbled on the line is had again
        from there, and an access that did not reach the chip has cleared nothing. FULL is also what a line
        says that has broken in this moment.
        """
        for _ in range(_ATTEMPTS):
            if not self.marked():
                return None
            value = self._get(register)
            echo = self._get(LAST_SPI_DATA)
            self._before = None
            if value is not None and value == echo:
                return value
            self._stats["missed"] += 1
            echo = self._agreed(value, echo)
            if echo is not None and echo != MARKER:
                self._stats["recovered"] += 1
                return echo
        return None

    def _agreed(self, value: "int | None", echo: "int | None") -> "int | None":
        """What LastSPIData says: `value` after all, or three times the same thing that is no dead line."""
        same = 1
        for _ in range(3 * _ATTEMPTS):
            again = self._get(LAST_SPI_DATA)
            same = same + 1 if again == echo else 1
            if again is not None and (again == value or (same == 3 and again != FULL)):
                return again
            echo = again
        return None


def signed(value: int, bits: int) -> int:
    """Return a two's complement number of so many bits."""
    return value - (1 << bits) if value >> (bits - 1) else value
