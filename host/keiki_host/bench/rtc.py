"""The clock chip of a meter of the bench: a DS3231 with a battery, set right when the meter was made."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from keiki_host.bench.faults import NO_FAULTS, Entry, Faults
from keiki_host.bench.ics.ds3231 import ADDRESS, Ds3231Model

MARK = bytes.fromhex("27180931")
"""Alarm 1 of a chip that holds UTC, as the firmware's driver writes it."""


class Rtc:
    """The chip; `utc_ms` tells the world's time. Its battery carries it through power cuts.

    `flat`: the battery is flat before the meter is switched on for the first time.
    """

    def __init__(self, utc_ms: Callable[[], int], faults: Faults = NO_FAULTS, *, flat: bool = False) -> None:
        self._utc_ms = utc_ms
        self._faults = faults
        self._powered = True
        self._stopped = False
        self.chip = Ds3231Model(utc_ms)
        if not flat:
            self.set_right()
        faults.on_start("rtc_battery", self._battery_flat)
        faults.on_start("rtc_drift", lambda params: self.chip.drift(params["ppm"]))
        faults.on_end("rtc_drift", self._steady)

    def set_right(self) -> None:
        """Set the chip to the world's time, as the firmware does."""
        now = datetime.fromtimestamp(self._utc_ms() // 1000, UTC)
        digits = f"{now:%S%M%H}{now.isoweekday():02d}{now:%d%m%y}"
        for register, data in ((0x00, bytes.fromhex(digits)), (0x07, MARK), (0x0E, bytes((0x04, 0x00)))):
            self.chip.writeto_mem(ADDRESS, register, data)

    def power_off(self) -> None:
        """The meter's supply is gone; the battery is not, unless it is flat."""
        self.chip.supply(False)
        self._powered = False
        self._stopped = self._stopped or self._faults.active("rtc_battery")

    def power_on(self) -> None:
        """The meter's supply is back, or was there already."""
        self.chip.supply(True)
        if self._stopped:
            self.chip.first_power()
        self._powered, self._stopped = True, False

    def _battery_flat(self, _params: dict[str, Any]) -> None:
        self._stopped = self._stopped or not self._powered

    def _steady(self, _params: dict[str, Any]) -> None:
        if not self._faults.active("rtc_drift"):
            self.chip.drift(0)


def flat_at_start(entries: Iterable[Entry], meter: str, began_s: float, seed: int) -> bool:
    """Whether the battery of this meter is flat already when its world begins."""
    for number, entry in enumerate(entries):
        delay_s = entry.delay_s(began_s)
        over = entry.for_s is not None and delay_s + entry.for_s <= 0
        if entry.name == "rtc_battery" and entry.meter in (None, meter) and delay_s <= 0 and not over:
            return random.Random(f"{seed}/rtc_battery/{number}").random() < entry.probability
    return False
