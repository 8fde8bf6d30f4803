"""The clock chip in the bench: set as the firmware's driver sets it, and carried through power cuts."""

import errno

import pytest
from keiki.drivers.ds3231 import MARK as DRIVERS_MARK
from keiki.drivers.ds3231 import Ds3231
from keiki_host.bench.faults import Entry, Faults
from keiki_host.bench.ics.ds3231 import ADDRESS, Ds3231Model
from keiki_host.bench.rtc import MARK, Rtc, flat_at_start

T0_MS = 1_795_838_520_000  # 2026-11-28 04:42:00 UTC


class World:
    def __init__(self, now_ms: int = T0_MS, *, flat: bool = False) -> None:
        self.now_ms = now_ms
        self.faults = Faults()
        self.rtc = Rtc(lambda: self.now_ms, self.faults, flat=flat)
        self.driver = Ds3231(self.rtc.chip)

    def cut(self, off_ms: int = 60_000) -> None:
        """A power cut."""
        self.rtc.power_off()
        self.now_ms += off_ms
        self.rtc.power_on()

    def ahead_ms(self) -> int | None:
        """How far the chip is ahead of the world."""
        held_ms = self.rtc.chip.utc_ms()
        return None if held_ms is None else held_ms - self.now_ms


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


def test_with_a_flat_battery_a_power_cut_stops_it_until_it_is_set() -> None:
    world = World()
    world.faults.enable("rtc_battery")
    world.now_ms += 60_000
    assert world.driver.read_utc_s() == world.now_ms // 1000
    world.cut()
    assert world.driver.read_utc_s() is None and world.driver.fault == "stopped"
    assert world.driver.write_utc_s(world.now_ms // 1000)
    world.now_ms += 60_000
    assert world.driver.read_utc_s() == world.now_ms // 1000


def test_a_battery_that_fails_while_the_power_is_off_or_is_replaced_too_late_stops_it_too() -> None:
    for begins, ends in ((True, False), (True, True), (False, True)):
        world = World()
        if not begins:
            world.faults.enable("rtc_battery")
        world.rtc.power_off()
        if begins:
            world.faults.enable("rtc_battery")
        if ends:
            world.faults.disable("rtc_battery")
        world.rtc.power_off()
        world.rtc.power_on()
        assert world.driver.read_utc_s() is None and world.driver.fault == "stopped"


def test_a_new_battery_carries_it_again() -> None:
    world = World()
    world.faults.enable("rtc_battery")
    world.faults.disable("rtc_battery")
    world.cut()
    assert world.driver.read_utc_s() == world.now_ms // 1000


def test_a_chip_whose_battery_was_flat_from_the_start_has_never_run() -> None:
    world = World(flat=True)
    world.rtc.power_on()
    assert world.driver.read_utc_s() is None and world.driver.fault == "stopped"


@pytest.mark.parametrize("ppm", [-10_000, -0.5, 100, 10_000])
def test_it_drifts_while_the_fault_is_on_and_stays_where_it_is_afterwards(ppm: float) -> None:
    world = World()
    world.now_ms += 3_600_000
    world.faults.enable("rtc_drift", ppm=ppm)
    world.now_ms += 1_800_000
    world.cut(1_800_000)
    world.faults.disable("rtc_drift")
    ahead_ms = world.ahead_ms()
    assert ahead_ms is not None and abs(ahead_ms - 3.6 * ppm) <= 1
    world.now_ms += 3_600_000
    assert world.ahead_ms() == ahead_ms


ENTRIES = {
    "from the start on": (Entry("rtc_battery"), True),
    "this meter": (Entry("rtc_battery", meter="keiki-1"), True),
    "another meter": (Entry("rtc_battery", meter="keiki-2"), False),
    "later": (Entry("rtc_battery", at_s=0.5), False),
    "at a time before": (Entry("rtc_battery", at_utc_s=T0_MS / 1000 - 60), True),
    "at a time after": (Entry("rtc_battery", at_utc_s=T0_MS / 1000 + 60), False),
    "over": (Entry("rtc_battery", at_utc_s=T0_MS / 1000 - 60, for_s=60), False),
    "not over": (Entry("rtc_battery", at_utc_s=T0_MS / 1000 - 60, for_s=61), True),
    "never": (Entry("rtc_battery", probability=0), False),
    "another fault": (Entry("rtc_drift"), False),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_battery_is_flat_at_the_start_if_the_fault_was_on_before(kind: str) -> None:
    entry, flat = ENTRIES[kind]
    assert flat_at_start([Entry("loss"), entry], "keiki-1", T0_MS / 1000, 0) is flat
    assert flat_at_start([], "keiki-1", T0_MS / 1000, 0) is False


def test_the_dice_decide_whether_it_is_flat_at_the_start_the_same_way_each_time() -> None:
    entries = [Entry("rtc_battery", probability=0.5)]
    flat = [flat_at_start(entries, "keiki-1", T0_MS / 1000, seed) for seed in range(100)]
    assert 30 < sum(flat) < 70
    assert flat == [flat_at_start(entries, "keiki-1", T0_MS / 1000, seed) for seed in range(100)]
