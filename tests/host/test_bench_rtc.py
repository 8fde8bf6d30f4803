"""The clock chip in the bench: set as the firmware's driver sets it, and carried through power cuts."""

import errno

import pytest
from keiki.drivers.ds3231 import MARK as DRIVERS_MARK
from keiki.drivers.ds3231 import Ds3231
from keiki_host.bench.ics.ds3231 import ADDRESS, Ds3231Model
from keiki_host.bench.rtc import MARK, Rtc

T0_MS = 1_795_838_520_000  # 2026-11-28 04:42:00 UTC


class World:
    def __init__(self, now_ms: int = T0_MS) -> None:
        self.now_ms = now_ms
        self.rtc = Rtc(lambda: self.now_ms)
        self.driver = Ds3231(self.rtc.chip)


def test_the_mark_is_the_drivers() -> None:
    assert MARK == DRIVERS_MARK


@pytest.mark.parametrize("utc_s", [T0_MS // 1000, 951_782_399, 1_767_225_600, 4_102_444_799])
def test_a_new_chip_is_exactly_as_if_the_driver_had_set_it(utc_s: int) -> None:
    world = World(utc_s * 1000)
    assert world.driver.read_utc_s() == utc_s and world.driver.fault == ""
    other = Ds3231Model(lambda: world.now_ms)
    assert Ds3231(other).write_utc_s(utc_s)
    assert world.rtc.chip.readfrom_mem(ADDRESS, 0, 19) == other.readfrom_mem(ADDRESS, 0, 19)


def test_it_keeps_time_through_a_power_cut_and_is_silent_meanwhile() -> None:
    world = World()
    world.rtc.power_off()
    assert world.driver.read_utc_s() is None and world.driver.fault == "silent"
    with pytest.raises(OSError, match="nobody") as raised:
        world.rtc.chip.readfrom_mem(ADDRESS, 0, 1)
    assert raised.value.errno == errno.ENODEV
    world.now_ms += 86_400_000
    world.rtc.power_on()
    assert world.driver.read_utc_s() == T0_MS // 1000 + 86_400
