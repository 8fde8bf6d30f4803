"""Each rule finds what it is for, at its limit, and nothing in a good day."""

import pytest
from keiki_host.headend.rules import MEANING, Facts, Finding, Rule, Value, findings, is_weekend
from keiki_host.headend.values import Status

from tests.headend.fleet_of_few import DAY, SLOT

LATER = DAY + 3 * 86400
DUE = [DAY + n * SLOT for n in range(48)]


def facts(**changed: object) -> Facts:
    """A good day of a 60 A meter, 100 Wh in each half hour, with the day before it."""
    values = {DAY + n * SLOT: Value(10_000 + 100 * n, 50, 0, 60) for n in range(-49, 48)}
    return Facts(60, DUE, values, set(), [], [], 5000)._replace(**changed)  # type: ignore[arg-type]


def with_values(changed: dict[int, Value | None]) -> Facts:
    good = facts()
    values = {**good.values, **{DAY + n * SLOT: value for n, value in changed.items()}}
    return good._replace(values={slot: value for slot, value in values.items() if value is not None})


def found(day: Facts, now_s: int = LATER) -> list[tuple[int, Rule, int | None]]:
    return [((f.slot_s - DAY) // SLOT, f.rule, f.detail) for f in findings(day, now_s)]


def test_a_good_day_has_no_findings() -> None:
    assert found(facts()) == []


def test_a_gap_is_one_when_it_is_late() -> None:
    day = with_values({5: None})
    slot_s = DAY + 5 * SLOT
    assert found(day) == [(5, Rule.GAP, None)]
    assert found(day, slot_s + 3600) == []
    assert found(day, slot_s + 3601) == [(5, Rule.GAP, None)]


def test_no_value_is_told_from_nothing() -> None:
    assert found(with_values({5: Value(None, None, 2, 60)})) == [(5, Rule.NO_VALUE, 2)]


@pytest.mark.parametrize("status", [Status.CLOCK_UNSURE, Status.POWER_WAS_OFF, Status.ESTIMATED])
def test_a_status_is_told(status: int) -> None:
    assert found(with_values({5: Value(10_500, 50, status, 60)})) == [(5, Rule.STATUS, status)]


def test_a_second_value_is_told() -> None:
    assert found(facts(conflicts={DAY + 5 * SLOT})) == [(5, Rule.DUPLICATE, None)]


def test_a_register_that_falls_is_told_even_after_a_gap() -> None:
    lower = {n: Value(10_399 + 100 * (n - 5), 50, 0, 60) for n in range(5, 48)}
    assert found(with_values(lower)) == [(5, Rule.FELL, -1)]
    assert found(with_values({**lower, 4: None})) == [(4, Rule.GAP, None)]  # 10,399 is above 10,300
    assert found(with_values({**lower, 4: None, 5: Value(10_299, 50, 0, 60)})) == [
        (4, Rule.GAP, None),
        (5, Rule.FELL, -1),
    ]
    less_export = {n: Value(10_000 + 100 * n, 49, 0, 60) for n in range(5, 48)}
    assert found(with_values(less_export)) == [(5, Rule.FELL, -1)]


@pytest.mark.parametrize(("rating_a", "most_wh"), [(30, 3600), (60, 7200), (120, 14_400)])
def test_more_energy_than_the_rating_lets_through_is_a_spike(rating_a: int, most_wh: int) -> None:
    def day(wh: int) -> Facts:
        jump = {n: Value(10_000 + 100 * n + wh - 100, 50, 0, 60) for n in range(5, 48)}
        return with_values(jump)._replace(rating_a=rating_a)

    assert found(day(most_wh)) == []
    assert found(day(most_wh + 1)) == [(5, Rule.SPIKE, most_wh + 1)]


def test_a_gap_lets_through_as_many_half_hours() -> None:
    late = {n: Value(10_000 + 100 * n + 20_000, 50, 0, 60) for n in range(5, 48)}
    assert (5, Rule.SPIKE, 20_100) in found(with_values(late))
    assert Rule.SPIKE not in {rule for _, rule, _ in found(with_values({**late, 4: None, 3: None}))}


def test_a_meter_that_stood_still_for_a_day_is_frozen_if_it_moved_before() -> None:
    still = {n: Value(9000, 50, 0, 60) for n in range(-49, 48)}
    assert found(with_values(still))[0] == (0, Rule.FROZEN, 49)
    assert found(with_values({**still, -2: Value(8999, 50, 0, 60)})) == [(47, Rule.FROZEN, 48)]
    moved = {n: Value(8999, 50, 0, 60) for n in range(-49, -2)}
    assert found(with_values({**still, **moved})) == [(46, Rule.FROZEN, 48), (47, Rule.FROZEN, 49)]
    assert found(with_values(still)._replace(used_before_wh=0)) == []  # an empty house
    export = {n: Value(9000, 50 + n, 0, 60) for n in range(-49, 48)}
    assert found(with_values(export)) == []


READS = [
    (5, 0, 10_500, 50, None),
    (5, 0, 10_501, 50, None),
    (5, 0, 10_502, 50, 2),
    (5, 0, 10_498, 50, 2),
    (5, 0, 10_500, 60, 10),
    (5, -900, 10_450, 50, None),
    (5, -900, 10_399, 50, None),
    (5, -900, 10_398, 50, 2),
    (5, -900, 10_600, 50, 100),
]


@pytest.mark.parametrize(("slot", "after_s", "import_wh", "export_wh", "off"), READS)
def test_a_register_read_otherwise_must_fit_the_sum(
    slot: int, after_s: int, import_wh: int, export_wh: int, off: int | None
) -> None:
    day = facts(reads=[(DAY + slot * SLOT + after_s, import_wh, export_wh)])
    assert found(day) == ([] if off is None else [(slot, Rule.SUM, off)])


def test_a_register_read_beside_a_gap_tells_nothing() -> None:
    day = with_values({5: None})._replace(reads=[(DAY + 5 * SLOT - 9, 1, 1)])
    assert found(day) == [(5, Rule.GAP, None)]


def test_a_value_before_its_time_and_a_wrong_clock_are_told() -> None:
    assert found(with_values({5: Value(10_500, 50, 0, -60)})) == []
    assert found(with_values({5: Value(10_500, 50, 0, -61)})) == [(5, Rule.CLOCK, 61)]
    clocks = [(DAY + 5 * SLOT - 900, -86_400), (DAY + 7 * SLOT, 60), (DAY + 9 * SLOT, 61)]
    assert found(facts(clocks=clocks)) == [(5, Rule.CLOCK, -86_400), (9, Rule.CLOCK, 61)]


def test_slots_that_are_not_due_are_not_judged() -> None:
    day = with_values(dict.fromkeys(range(0, 20)))._replace(due=DUE[20:])
    assert found(day) == []


def test_every_rule_has_a_meaning() -> None:
    assert set(MEANING) == set(Rule)
    assert Finding(0, Rule.GAP, None).quality == MEANING[Rule.GAP][0]


def test_the_weekend_is_that_of_japan() -> None:
    friday = DAY + 4 * 86400  # DAY is a Monday
    assert [is_weekend(friday + n * 86400 + SLOT) for n in range(4)] == [False, True, True, False]
    assert not is_weekend(friday + 86400)  # the half hour that ends at midnight is Friday's
    assert is_weekend(friday + 3 * 86400)
