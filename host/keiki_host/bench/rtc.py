"""The clock chip of a meter of the bench: a DS3231 with a battery, set right when the meter was made."""

from collections.abc import Callable
from datetime import UTC, datetime

from keiki_host.bench.ics.ds3231 import ADDRESS, Ds3231Model

MARK = bytes.fromhex("27180931")
"""Alarm 1 of a chip that holds UTC, as the firmware's driver writes it."""


class Rtc:
    """The chip; `utc_ms` tells the world's time. Its battery carries it through power cuts."""

    def __init__(self, utc_ms: Callable[[], int]) -> None:
        self._utc_ms = utc_ms
        self.chip = Ds3231Model(utc_ms)
        self.set_right()

    def set_right(self) -> None:
        """Set the chip to the world's time, as the firmware does."""
        now = datetime.fromtimestamp(self._utc_ms() // 1000, UTC)
        digits = f"{now:%S%M%H}{now.isoweekday():02d}{now:%d%m%y}"
        for register, data in ((0x00, bytes.fromhex(digits)), (0x07, MARK), (0x0E, bytes((0x04, 0x00)))):
            self.chip.writeto_mem(ADDRESS, register, data)

    def power_off(self) -> None:
        """The meter's supply is gone; the battery is not."""
        self.chip.supply(False)

    def power_on(self) -> None:
        """The meter's supply is back, or was there already."""
        self.chip.supply(True)
