"""The pulse output: no pulse lost, none invented, none faster than the output can."""

from keiki.meter.pulses import WAITING_MAX, Pulses


class Output:
    """`trains` has the first 100, or as many since they were taken out; `count` is of all."""

    def __init__(self) -> None:
        self.trains = []
        self.count = 0

    def send(self, n: int, first_us: int, step_us: int) -> None:
        self.count += n
        if len(self.trains) < 100:
            self.trains.append((n, first_us, step_us))


def made(imp_per_kwh: int = 1000, width_ms: int = 40):
    output = Output()
    return output, Pulses(output.send, imp_per_kwh, width_ms)


def test_a_kwh_in_odd_pieces_is_the_constant() -> None:
    for imp_per_kwh in (1, 800, 1000, 1600, 10000):
        output, pulses = made(imp_per_kwh, 1)
        left = 1_000_000
        for n in range(1, 100_000):
            piece = min(left, 7 * n % 277)
            pulses.book(piece, 1000)
            left -= piece
            if not left:
                break
        assert not left and output.count == pulses.sent == imp_per_kwh
        assert not pulses.late and not pulses.dropped


def test_export_counts_like_import() -> None:
    output, pulses = made()
    for _ in range(1000):
        pulses.book(-500, 1000)
        pulses.book(500, 1000)
    assert output.count == 1000


def test_nothing_is_sent_before_a_whole_pulse_is_there() -> None:
    output, pulses = made()
    pulses.book(999, 1000)
    pulses.book(0, 1000)
    assert output.trains == []
    pulses.book(1, 1000)
    assert [train[0] for train in output.trains] == [1]


def test_pulses_come_when_the_energy_did_a_reading_later() -> None:
    output, pulses = made()
    pulses.book(400, 1000)
    pulses.book(1600, 1000)  # 0.4 to 2.0 of a pulse: 1 after 3/8 of the time, 2 at its end
    assert output.trains == [(2, 375_000, 625_000)]
    pulses.book(500, 1_800_000)
    pulses.book(500, 1_800_000)  # one at its end; what would be the next is of no matter
    assert output.trains[1:] == [(1, 1_800_000_000, 1_800_000_000)]


def test_under_a_constant_power_pulses_are_evenly_spaced_over_all_readings() -> None:
    for power_wh_x1000 in (3, 278, 833, 1667, 6667):
        output, pulses = made()
        step_us = 1_000_000_000_000 // power_wh_x1000 // 1000
        newest_us, count = None, 0
        for reading in range(2000):
            pulses.book(power_wh_x1000, 1000)
            while output.trains:
                n, first_us, every_us = output.trains.pop()
                for k in range(n):
                    begins_us = 1_000_000 * reading + first_us + k * every_us
                    assert newest_us is None or abs(begins_us - newest_us - step_us) <= 8, power_wh_x1000
                    newest_us, count = begins_us, count + 1
        assert count == 2 * power_wh_x1000


def test_a_train_is_never_longer_than_the_time_to_the_next_reading() -> None:
    for power_wh_x1000 in range(1, 14_000, 13):
        output, pulses = made()
        for _ in range(30):
            pulses.book(power_wh_x1000, 1000)
            pulses.book(-power_wh_x1000 // 3, 1000)
        for n, first_us, step_us in output.trains:
            assert 0 <= first_us <= first_us + (n - 1) * step_us <= 1_000_000
            assert n <= 12


def test_an_output_that_cannot_be_is_refused() -> None:
    for imp_per_kwh, width_ms in ((0, 40), (10_001, 40), (-1, 40), (1000, 0), (1000, 501)):
        try:
            made(imp_per_kwh, width_ms)
        except ValueError:
            continue
        raise AssertionError((imp_per_kwh, width_ms))


def test_pulses_that_do_not_fit_come_later_and_are_counted() -> None:
    output, pulses = made(width_ms=100)  # 5 in a second
    pulses.book(8000, 1000)
    assert output.trains == [(5, 0, 200_000)] and pulses.late == 3
    pulses.book(0, 1000)
    assert output.trains[1:] == [(3, 0, 333_333)] and pulses.late == 3
    pulses.book(0, 1000)
    assert output.count == 8 and pulses.dropped == 0


def test_an_output_that_is_always_too_slow_keeps_no_endless_debt() -> None:
    output, pulses = made(imp_per_kwh=10000, width_ms=500)  # 1 in a second, and 20 are due
    for _ in range(1000):
        pulses.book(2000, 1000)
    assert output.count == 1000 and pulses.dropped == 20 * 1000 - 1000 - WAITING_MAX


def test_a_start_sends_nothing_that_was_not_measured() -> None:
    output, pulses = made()
    pulses.book(1999, 1000)
    _, again = made()
    again.book(0, 1000)
    assert output.count == 1 and again.sent == 0
