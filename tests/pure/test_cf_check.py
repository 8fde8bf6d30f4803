"""The metering IC's own pulses against its register."""

from keiki.meter.cf_check import WINDOW, WINDOW_MS, CfCheck


class Chip:
    def __init__(self) -> None:
        self.pulses = 0xFFFFFFFF - 50
        self.counts = 0
        self.told = []
        self.check = CfCheck(lambda: self.pulses & 0xFFFFFFFF, lambda: self.counts, self.tell)

    def tell(self, pulses: int, counts: int) -> None:
        self.told.append((pulses, counts))

    def run(self, pulses: int, counts: int, ms: int = WINDOW_MS) -> None:
        self.pulses += pulses
        self.counts += counts
        self.check.look(ms)


def test_equal_counts_are_fine_for_ever_and_over_the_wrap_of_the_counter() -> None:
    chip = Chip()
    for _ in range(1000):
        chip.run(7, 7)
    assert not chip.told and not chip.check.wrong


def test_counts_a_moment_apart_are_fine() -> None:
    chip = Chip()
    chip.run(3, 0)
    for _ in range(1000):
        chip.run(7, 7)
    chip.run(0, 3)
    for _ in range(100):
        chip.run(7, 7)
    assert not chip.told


def test_a_register_that_stands_still_is_told_once_until_it_is_right_again() -> None:
    chip = Chip()
    for _ in range(100):
        chip.run(10, 0)
    assert chip.told == [(WINDOW, 0)] and chip.check.wrong
    for _ in range(30):
        chip.run(10, 10)
    assert len(chip.told) == 1 and not chip.check.wrong
    for _ in range(30):
        chip.run(10, 9)
    assert chip.told[1] == (100, 90)


def test_a_register_that_runs_ahead_of_its_pulses_is_told() -> None:
    chip = Chip()
    for _ in range(20):
        chip.run(0, 10)
    assert chip.told[0] == (0, WINDOW)


def test_one_in_a_hundred_and_three_are_allowed_and_no_more() -> None:
    chip = Chip()
    chip.run(100, 96)
    assert not chip.check.wrong
    chip.run(100, 95)
    assert chip.check.wrong and chip.told == [(100, 95)]


def test_a_moment_is_no_window_however_many_pulses_it_has() -> None:
    chip = Chip()
    for _ in range(59):
        chip.run(1400, 1390, 10_000)
    assert not chip.check.wrong
    chip.run(1400, 1390 + 590, 10_000)
    assert not chip.check.wrong and not chip.told


def test_beginning_anew_forgets_what_was_before() -> None:
    chip = Chip()
    chip.run(90, 0)
    chip.check.begin()
    chip.run(60, 60)
    chip.run(60, 60)
    assert not chip.told
