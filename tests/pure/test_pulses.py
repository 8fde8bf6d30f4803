"""The pulse output: no pulse lost, none invented, none faster than the output can."""

from keiki.meter.pulses import WAITING_MAX, Pulses


class Output:
    def __init__(self) -> None:
        self.trains = []

    def send(self, n: int, over_ms: int) -> None:
        self.trains.append((n, over_ms))

    @property
    def count(self) -> int:
        return sum(train[0] for train in self.trains)


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
    assert output.trains == [(1, 1000)]


def test_pulses_that_do_not_fit_come_later_and_are_counted() -> None:
    output, pulses = made(width_ms=100)  # 5 in a second
    pulses.book(8000, 1000)
    assert output.trains == [(5, 1000)] and pulses.late == 3
    pulses.book(0, 1000)
    assert output.trains == [(5, 1000), (3, 1000)] and pulses.late == 3
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
