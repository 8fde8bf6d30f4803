"""Findings and estimates beside raw values: the same when judged again, gone when the real value comes."""

from keiki_host.headend import parties, registry, series, validate
from keiki_host.headend.database import Store
from keiki_host.headend.estimate import Method
from keiki_host.headend.ingest import ingest
from keiki_host.headend.rules import Quality, Rule
from keiki_host.headend.schema import estimate, quality, register_read
from keiki_host.headend.values import Path, Status
from sqlalchemy import insert, select, text

from tests.headend.fleet_of_few import DAY, SLOT, WHO, make, value

LATER = DAY + 3 * 86400
ME = {"who": WHO, "now_s": DAY}


def judge(store: Store, now_s: int = LATER) -> int:
    return validate.judge_new(store, now_s=now_s, back_days=6)


def found(store: Store, *, gaps: bool = False) -> list[tuple[int, int, int]]:
    """(slot of DAY, meter, rule), without those about nothing having come."""
    with store.read() as connection:
        rows = connection.execute(select(quality.c.slot_s, quality.c.meter_id, quality.c.rule))
        return sorted(((s - DAY) // SLOT, m, rule) for s, m, rule in rows if gaps or rule not in (Rule.GAP,))


def estimates(store: Store, *, live: bool = True) -> dict[int, tuple[int, int, int]]:
    with store.read() as connection:
        rows = connection.execute(select(estimate).where(estimate.c.replaced_s.is_(None) == live))
        return {(r.slot_s - DAY) // SLOT: (r.import_wh, r.export_wh, r.method) for r in rows}


def test_a_clean_day_has_no_findings_and_is_judged_once(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    ingest(store, [value(meter_id, n, 5000 + 100 * n) for n in range(-48, 49)], now_s=DAY)
    judge(store)
    assert [row for row in found(store, gaps=True) if -48 <= row[0] <= 48] == []
    assert judge(store) == 2  # today and yesterday only


def test_missing_values_are_gaps_until_they_come(store: Store) -> None:
    meter_id, other = make(store, 2)
    ingest(store, [value(meter_id, n, 100 * n) for n in range(49) if n != 7], now_s=DAY)
    ingest(store, [value(other, n, 100 * n) for n in range(49)], now_s=DAY)
    judge(store)
    mine = [row for row in found(store, gaps=True) if 0 <= row[0] < 48]
    assert mine == [(7, meter_id, Rule.GAP)]
    ingest(store, [value(meter_id, 7, 700, delay_s=90_000, path=Path.PULL)], now_s=LATER)
    judge(store)
    assert [row for row in found(store, gaps=True) if 0 <= row[0] < 48] == []


def test_findings_lie_beside_the_value_and_it_is_served_with_them(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    values = [value(meter_id, n, 100 * n) for n in range(49)]
    values[5] = values[5]._replace(status=Status.CLOCK_UNSURE)
    values[9] = values[9]._replace(import_wh=899_999)
    ingest(store, values, now_s=DAY)
    ingest(store, [values[20]._replace(import_wh=1)], now_s=DAY)
    assert found(store) == [(20, meter_id, Rule.DUPLICATE)]  # known before anybody judges
    judge(store)
    for _ in range(2):
        assert found(store) == [
            (5, meter_id, Rule.STATUS),
            (9, meter_id, Rule.SPIKE),
            (10, meter_id, Rule.FELL),
            (20, meter_id, Rule.DUPLICATE),
        ]
        validate.judge_day(store, 1, DAY, now_s=LATER, whole=True)
    day = series.registers(store, meter_id, DAY, DAY + 21 * SLOT)
    assert [(v.import_wh, v.quality) for v in (day[4], day[5], day[9], day[20])] == [
        (400, Quality.VALID),
        (500, Quality.SUSPECT),
        (899_999, Quality.INVALID),
        (2000, Quality.SUSPECT),
    ]
    assert day[9].rules == (Rule.SPIKE,)


def test_a_short_gap_is_a_straight_line_and_the_real_value_replaces_it(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    ingest(store, [value(meter_id, n, 100 * n, n) for n in (*range(10), *range(13, 49))], now_s=DAY)
    judge(store)
    line = {n: (100 * n, n, Method.LINEAR) for n in (10, 11, 12)}
    assert estimates(store) == line
    day = series.registers(store, meter_id, DAY + 9 * SLOT, DAY + 13 * SLOT)
    assert [v.quality for v in day[1:4]] == [Quality.ESTIMATED] * 3
    assert [v.import_wh for v in day] == [900, 1000, 1100, 1200, 1300]
    ingest(store, [value(meter_id, 11, 1111, 11, delay_s=90_000)], now_s=LATER)
    judge(store)
    assert estimates(store) == {10: (1005, 10, Method.LINEAR), 12: (1205, 12, Method.LINEAR)}
    assert estimates(store, live=False) == {11: (1100, 11, Method.LINEAR)}
    (real,) = series.registers(store, meter_id, DAY + 11 * SLOT, DAY + 11 * SLOT)
    assert (real.import_wh, real.quality) == (1111, Quality.VALID)


def test_a_long_gap_follows_like_days_and_sums_to_the_register(store: Store) -> None:
    meter_id, *_ = make(store, 1)

    def energy(n: int) -> int:  # of the half hour that ends at slot n: 10 Wh, 200 Wh from 18:00 to 22:00
        return 200 if 36 <= (n - 1) % 48 < 44 else 10

    gap = range(20, 20 + 60)  # 30 hours, over midnight
    registers, total = {}, 0
    for n in range(-14 * 48, 3 * 48 + 1):
        total += energy(n) * (2 if 20 <= n <= 80 else 1)  # the gap uses twice as much
        registers[n] = total
    ingest(store, [value(meter_id, n, wh) for n, wh in registers.items() if n not in gap], now_s=DAY)
    judge(store, LATER + 86400)
    made = estimates(store)
    assert list(made) == list(gap)
    assert [made[n][0] for n in gap] == [registers[n] for n in gap]
    assert {method for *_, method in made.values()} == {Method.LIKE_DAY}


def test_a_gap_is_filled_once_it_has_an_end(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    ingest(store, [value(meter_id, n, 100 * n) for n in range(40)], now_s=DAY)
    judge(store)
    assert estimates(store) == {}
    ingest(store, [value(meter_id, 90, 9000, delay_s=60)], now_s=LATER)  # the next day
    judge(store)
    assert sorted(estimates(store)) == list(range(40, 90))
    ingest(store, [value(meter_id, n, 100 * n, delay_s=90_000) for n in range(40, 90)], now_s=LATER)
    judge(store)
    assert estimates(store) == {}
    assert sorted(estimates(store, live=False)) == list(range(40, 90))


def test_no_gap_is_filled_where_the_register_fell_or_a_meter_was_exchanged(store: Store) -> None:
    old, other = make(store, 2)
    new = registry.add_meter(store, "K9", "4b45490000000009", 60, **ME)
    registry.exchange(store, old, new, DAY + 10 * SLOT, last_wh=(900, 0), first_wh=(0, 0), **ME)
    ingest(store, [value(old, n, 100 * n) for n in range(8)], now_s=DAY)
    ingest(store, [value(new, n, 100 * n) for n in range(12, 48)], now_s=DAY)
    ingest(store, [value(other, n, 5000 - n) for n in range(48) if n not in (5, 6)], now_s=DAY)
    judge(store)
    assert estimates(store) == {}


def test_a_register_that_was_read_otherwise_is_held_against_the_slots(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    ingest(store, [value(meter_id, n, 100 * n) for n in range(49)], now_s=DAY)
    with store.write() as connection:
        connection.execute(
            insert(register_read).values(
                meter_id=meter_id, at_s=DAY + 40 * SLOT, import_wh=4007, export_wh=0, source="field"
            )
        )
    judge(store)
    assert found(store) == [(40, meter_id, Rule.SUM)]


def test_an_area_of_which_nothing_came_is_full_of_gaps(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    judge(store, DAY + 86400 + 4000)
    mine = [row for row in found(store, gaps=True) if 0 <= row[0] < 48]
    assert mine == [(n, meter_id, Rule.GAP) for n in range(48)]
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM validated")).scalar_one() == 7


def test_a_point_with_an_estimate_is_marked_as_such(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    ingest(store, [value(meter_id, n, 100 * n) for n in range(49) if n != 7], now_s=DAY)
    judge(store)
    day = series.intervals(store, parties.find_point(store, f"{1:022}"), DAY, DAY + 86400)
    assert [n for n, i in enumerate(day) if i.quality == Quality.ESTIMATED] == [6, 7]
    assert sum(i.import_wh or 0 for i in day) == 4800
