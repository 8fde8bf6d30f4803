"""The DS3231 model against the datasheet, and the firmware's driver against the model."""

import pytest
from keiki.drivers.ds3231 import Ds3231
from keiki_host.bench.ics.ds3231 import ADDRESS, Ds3231Model

T0 = 1782909296_000  # 2026-07-01 12:34:56 UTC
DAY_MS = 86_400_000


class World:
    def __init__(self, **kwargs: float) -> None:
        self.now_ms = T0
        self.chip = Ds3231Model(lambda: self.now_ms, **kwargs)
        self.rtc = Ds3231(self.chip)

    def read(self, register: int, count: int = 1) -> bytes:
        return self.chip.readfrom_mem(ADDRESS, register, count)

    def write(self, register: int, text: str) -> None:
        self.chip.writeto_mem(ADDRESS, register, bytes.fromhex(text))


def test_a_new_chip_says_that_its_oscillator_was_stopped() -> None:
    world = World()
    assert world.read(0x00, 7) == bytes.fromhex("00000001010100")
    assert world.read(0x0E, 2) == b"\x1c\x88"
    assert world.rtc.read_utc_s() is None
    assert world.rtc.fault == "stopped"


def test_the_driver_sets_it_and_reads_it_a_day_later() -> None:
    world = World()
    assert world.rtc.write_utc_s(T0 // 1000)
    assert world.read(0x00, 7) == bytes.fromhex("56341203010726")
    assert world.read(0x0F) == b"\x00"
    world.now_ms += DAY_MS + 999
    assert world.rtc.read_utc_s() == T0 // 1000 + 86400
    world.now_ms += 1
    assert world.rtc.read_utc_s() == T0 // 1000 + 86401
    assert world.read(0x03) == b"\x04"


@pytest.mark.parametrize("ppm", [-2.0, 2.0, 0.5])
def test_it_drifts_as_it_is_told(ppm: float) -> None:
    world = World(drift_ppm=ppm)
    world.rtc.write_utc_s(T0 // 1000)
    for _ in range(30 * 24):
        world.now_ms += 3_600_000
        world.chip.advance()
    held_ms = world.chip.utc_ms()
    assert held_ms is not None
    assert abs(held_ms - world.now_ms - 30 * DAY_MS * ppm / 1e6) <= 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("59592304300626", "00000005010726"),  # end of June
        ("59592302280228", "00000003290228"),  # a leap year
        ("59592302280227", "00000003010327"),  # none
        ("59592307311226", "00000001010127"),  # end of a year
        ("59592304311299", "00000005018100"),  # of a century: its bit toggles
        ("59597104300626", "00005205010726"),  # 11:59:59 PM in 12-hour form
        ("59595104300626", "00007204300626"),  # 11:59:59 AM
    ],
)
def test_a_second_later(before: str, after: str) -> None:
    world = World()
    world.write(0, before)
    world.now_ms += 1000
    assert world.read(0, 7).hex() == after


def test_writing_the_second_begins_it() -> None:
    world = World()
    world.now_ms += 999
    world.rtc.write_utc_s(T0 // 1000)
    world.now_ms += 999
    assert world.rtc.read_utc_s() == T0 // 1000
    world.now_ms += 1
    assert world.rtc.read_utc_s() == T0 // 1000 + 1


def test_the_battery_keeps_the_time_and_nobody_answers_meanwhile() -> None:
    world = World()
    world.rtc.write_utc_s(T0 // 1000)
    world.chip.supply(False)
    assert world.rtc.read_utc_s() is None
    assert world.rtc.fault == "silent"
    world.now_ms += DAY_MS
    world.chip.supply(True)
    assert world.rtc.read_utc_s() == T0 // 1000 + 86400


def test_without_a_battery_everything_is_lost() -> None:
    world = World()
    world.rtc.write_utc_s(T0 // 1000)
    world.now_ms += DAY_MS
    world.chip.first_power()
    assert world.rtc.read_utc_s() is None
    assert world.rtc.fault == "stopped"


def test_a_chip_told_to_stop_on_battery_stops_and_says_so() -> None:
    world = World()
    world.rtc.write_utc_s(T0 // 1000)
    world.write(0x0E, "84")
    world.now_ms += 1000
    assert world.read(0) == b"\x57"
    assert world.read(0x0F) == b"\x00"
    world.chip.supply(False)
    world.now_ms += DAY_MS
    world.chip.supply(True)
    assert world.read(0, 3) == bytes.fromhex("573412")
    assert world.read(0x0F) == b"\x80"
    assert world.rtc.read_utc_s() is None
    assert world.rtc.fault == "stopped"


def test_the_stop_flag_can_be_cleared_and_not_set() -> None:
    world = World()
    world.write(0x0F, "88")
    assert world.read(0x0F) == b"\x88"
    world.write(0x0F, "00")
    assert world.read(0x0F) == b"\x00"
    world.write(0x0F, "8b")
    assert world.read(0x0F) == b"\x08"
    world.chip.stop_oscillator()
    assert world.read(0x0F) == b"\x88"


def test_bits_that_are_not_there_read_zero() -> None:
    world = World()
    world.write(0x00, "ff" * 19)
    assert world.read(0x00, 7).hex() == "7f7f7f073f9fff"
    assert world.read(0x11, 2) == b"\x19\x00"


def test_behind_the_last_register_comes_the_first() -> None:
    world = World()
    world.rtc.write_utc_s(T0 // 1000)
    assert world.read(0x12, 3) == bytes.fromhex("005634")


def test_nobody_answers_to_another_address() -> None:
    with pytest.raises(OSError, match="nobody"):
        World().chip.readfrom_mem(0x57, 0, 1)


@pytest.mark.parametrize(("register", "value"), [(0, 0x5A), (4, 0x31), (5, 0x13), (2, 0x25)])
def test_a_date_that_turned_into_none_is_not_trusted(register: int, value: int) -> None:
    world = World()
    world.rtc.write_utc_s(T0 // 1000 + 86400 * 60)
    world.chip.poke(register, value)
    if register == 4:
        world.chip.poke(5, 0x06)
    assert world.rtc.read_utc_s() is None
    assert world.rtc.fault == "garbled"
    assert world.chip.utc_ms() is None
    world.now_ms += 5000
    assert world.read(register)[0] == value


def test_a_module_that_came_with_some_local_time_is_not_trusted() -> None:
    world = World()
    world.write(0, "56342103010726")
    world.write(0x0F, "00")
    assert world.rtc.read_utc_s() is None
    assert world.rtc.fault == "foreign"
    assert world.rtc.write_utc_s(T0 // 1000)
    assert world.rtc.read_utc_s() == T0 // 1000
