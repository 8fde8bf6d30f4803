"""Calendar arithmetic: leap days, year ends, the edge of the JST day."""

from check import raises
from keiki.wire import slots

CASES = [
    (0, (1970, 1, 1, 9, 0, 0)),
    (951750000, (2000, 2, 29, 0, 0, 0)),
    (1709132399, (2024, 2, 28, 23, 59, 59)),
    (1709132400, (2024, 2, 29, 0, 0, 0)),
    (1709218800, (2024, 3, 1, 0, 0, 0)),
    (1767193199, (2025, 12, 31, 23, 59, 59)),
    (1767193200, (2026, 1, 1, 0, 0, 0)),
    (4107423600, (2100, 2, 28, 0, 0, 0)),
    (4107510000, (2100, 3, 1, 0, 0, 0)),
]


def test_known_instants_convert_both_ways():
    for utc_s, civil in CASES:
        assert slots.jst(utc_s) == civil, (utc_s, slots.jst(utc_s))
        assert slots.utc_from_jst(*civil) == utc_s


def test_every_day_of_four_centuries_converts_both_ways():
    for days in range(-1000, 147000, 7):
        assert slots.days_from_civil(*slots.civil_from_days(days)) == days


def test_a_day_that_does_not_exist_is_refused():
    for date in ((2026, 2, 29), (2026, 4, 31), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0)):
        raises(ValueError, slots.utc_from_jst, *date)
    raises(ValueError, slots.utc_from_jst, 2026, 1, 1, 24, 0)
    raises(ValueError, slots.utc_from_jst, 2026, 1, 1, 0, 60)


def test_midnight_is_that_of_japan():
    noon = slots.utc_from_jst(2026, 3, 1, 12, 0)
    assert slots.jst(slots.jst_midnight(noon)) == (2026, 3, 1, 0, 0, 0)
    assert slots.jst(slots.jst_midnight(noon, 1)) == (2026, 2, 28, 0, 0, 0)
    assert slots.jst_midnight(slots.jst_midnight(noon)) == slots.jst_midnight(noon)
    assert slots.jst(slots.jst_midnight(slots.jst_midnight(noon) - 1)) == (2026, 2, 28, 0, 0, 0)
