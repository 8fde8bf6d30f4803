"""Estimates never fall, sum to what was measured, and follow the like days."""

from hypothesis import given
from hypothesis import strategies as st
from keiki_host.headend.estimate import like_days, registers

from tests.headend.fleet_of_few import DAY, SLOT

HALF_DAY = 24


@given(
    st.integers(0, 2**40), st.integers(0, 10**6), st.lists(st.integers(0, 10**5), min_size=1, max_size=200)
)
def test_a_filled_gap_never_falls_and_ends_at_what_was_measured(
    first: int, wh: int, weights: list[int]
) -> None:
    inside = registers(first, first + wh, weights)
    whole = [first, *inside, first + wh]
    assert len(inside) == len(weights) - 1
    assert whole == sorted(whole)
    total = sum(weights)
    if total:
        off = [abs((b - a) * total - wh * w) for a, b, w in zip(whole, whole[1:], weights, strict=False)]
        assert max(off) < 2 * total  # each interval within 2 Wh of its share


def test_a_straight_line_is_straight() -> None:
    assert registers(1000, 1010, [1] * 4) == [1002, 1005, 1007]
    assert registers(1000, 1010, [0] * 4) == [1002, 1005, 1007]


def history(days: int, wh: dict[bool, int]) -> dict[int, int]:
    """Registers of `days` days before DAY, a Monday; from noon on an interval is wh[weekend], before it 0."""
    values, register = {}, 0
    for n in range(-48 * days, 1):
        slot_s = DAY + n * SLOT
        day, half = divmod(n - 1, 48)
        register += wh[day % 7 >= 5] if half >= HALF_DAY else 0
        values[slot_s] = register
    return values


def test_a_working_day_follows_working_days_and_a_weekend_the_weekend() -> None:
    values = history(14, {False: 100, True: 900})
    monday = [DAY + (n + 1) * SLOT for n in range(48)]
    assert like_days(values, monday, DAY) == [0] * 24 + [1200] * 24
    saturday = [at_s + 5 * 86400 for at_s in monday]
    assert like_days(values, saturday, DAY) == [0] * 24 + [12 * 900] * 24


def test_only_days_before_the_gap_are_looked_at() -> None:
    values = history(14, {False: 100, True: 900})
    gap_from = DAY - 7 * 86400
    values = {at_s: wh + (0 if at_s <= gap_from else 10**9) for at_s, wh in values.items()}
    ends = [gap_from + (n + 1) * SLOT for n in range(48 * 4)]
    assert set(like_days(values, ends, gap_from) or []) == {0, 1200}


def test_a_half_hour_without_like_days_gets_the_mean_of_the_others() -> None:
    values = history(3, {False: 100, True: 900})  # Friday, Saturday, Sunday
    del values[DAY - 2 * 86400 - 20 * SLOT]  # an edge of two half hours on Friday afternoon
    ends = [DAY + (n + 1) * SLOT for n in range(48)]
    weights = like_days(values, ends, DAY) or []
    assert weights[27:29] == [sum(w for n, w in enumerate(weights) if n not in (27, 28)) // 46] * 2
    assert like_days({}, ends, DAY) is None
