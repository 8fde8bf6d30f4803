"""KPIs equal a count made by other means, and the misses behind them name the meters."""

import random

import pytest
from keiki_host.headend import commands, kpi, registry
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.ingest import heard, ingest
from keiki_host.headend.kpi import Share
from keiki_host.headend.misses import misses
from keiki_host.headend.values import Path, Status

from tests.headend.fleet_of_few import DAY, SLOT, WHO, make, value

LATER = DAY + 10 * 86400
ME = {"who": WHO, "now_s": DAY}


def test_a_day_equals_a_count_by_other_means(store: Store) -> None:
    """Seeded values, some lost, some late, some without value: counted here from the list itself."""
    rand = random.Random(6)
    meters = make(store, 5)
    south = make(store, 2, area="south", first=50)
    values = []
    for meter_id in (*meters, *south):
        for n in range(-2, 51):
            if rand.random() < 0.1 or meter_id == meters[4]:
                continue
            nothing = rand.random() < 0.05
            values.append(
                value(
                    meter_id,
                    n,
                    None if nothing else 100 * (n + 2),
                    delay_s=rand.choice([5, 1800, 1801, 3600, 3601, 172_800, 172_801]),
                    status=Status.POWER_WAS_OFF if nothing else Status.NORMAL,
                    path=rand.choice(list(Path)),
                )
            )
    rand.shuffle(values)
    for start in range(0, len(values), 37):
        ingest(store, values[start : start + 37] + values[:5], now_s=DAY)

    for day, members in zip(kpi.area_days(store, DAY, now_s=LATER), (meters, south), strict=True):
        mine = [v for v in values if v.meter_id in members and DAY <= v.slot_s < DAY + 86400]
        real = [v for v in mine if v.import_wh is not None]
        due = 48 * len(members) - (len(mine) - len(real))
        for name, limit_s in (("within_30", 1800), ("within_60", 3600), ("within_48h", 172_800)):
            came = sum(v.arrived_s - v.slot_s <= limit_s for v in real)
            assert getattr(day, name) == Share(came, due), name
            behind = misses(store, day.area, DAY, name, now_s=LATER, most=1000)
            late = {(v.meter_id, v.slot_s) for v in real if v.arrived_s - v.slot_s > limit_s}
            here = {(v.meter_id, v.slot_s) for v in mine}
            lost = {(m, DAY + n * SLOT) for m in members for n in range(48)} - here
            assert {(miss.meter_id, miss.slot_s) for miss in behind} == late | lost
            assert {miss.slot_s for miss in behind if miss.arrived_s is None} == {slot for _, slot in lost}
        by_path = [sum(v.path == path for v in mine) for path in Path]
        assert [day.pushed, day.pulled, day.late] == by_path
        assert day.no_value == len(mine) - len(real)
        closing = {v.meter_id for v in values if v.slot_s == DAY + 86400 and v.import_wh is not None} & set(
            members
        )
        assert day.reading == Share(len(closing), len(members))
        unread = {miss.meter_id for miss in misses(store, day.area, DAY, "reading", now_s=LATER)}
        assert unread == set(members) - closing
        seen = {v.meter_id for v in values if DAY <= v.arrived_s < DAY + 86400} & set(members)
        assert day.connection == Share(len(seen), len(members))
        unheard = misses(store, day.area, DAY, "connection", now_s=LATER)
        assert {miss.meter_id for miss in unheard} == set(members) - seen


def test_a_slot_counts_only_when_its_limit_has_passed(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    ingest(store, [value(meter_id, n, n) for n in range(4)], now_s=DAY)
    now_s = DAY + 4 * SLOT  # slot 4 ends now and has not come
    (day,) = kpi.area_days(store, DAY, now_s=now_s)
    assert (day.within_30, day.within_60, day.within_48h) == (Share(4, 4), Share(3, 3), Share(0, 0))
    assert day.reading.rate is None
    (day,) = kpi.area_days(store, DAY, now_s=now_s + 1800)
    assert day.within_30 == Share(4, 5)
    behind = misses(store, "north", DAY, "within_30", now_s=now_s + 1800)
    assert [(miss.slot_s, miss.serial, miss.arrived_s) for miss in behind] == [(now_s, "K000001", None)]


def test_a_meter_counts_for_the_slots_at_which_it_was_there(store: Store) -> None:
    old, stays = make(store, 2)
    new = registry.add_meter(store, "K9", "4b45490000000009", 60, **ME)
    registry.exchange(store, old, new, DAY + 10 * SLOT, last_wh=(0, 0), first_wh=(0, 0), **ME)
    registry.remove(store, stays, DAY + 20 * SLOT, **ME)
    ingest(store, [value(old, n, n) for n in range(10)], now_s=DAY)
    ingest(store, [value(new, n, n) for n in range(10, 49)], now_s=DAY)
    ingest(store, [value(stays, n, n) for n in range(20)], now_s=DAY)
    (day,) = kpi.area_days(store, DAY, now_s=LATER)
    assert day.within_30 == Share(68, 68)
    assert day.connection == Share(3, 3)
    assert day.reading == Share(1, 1)


def test_a_session_without_a_value_is_a_connection(store: Store) -> None:
    meter_id, *_ = make(store, 2)
    assert kpi.area_days(store, DAY, now_s=LATER)[0].connection == Share(0, 2)
    heard(store, meter_id, DAY + 86399)
    assert kpi.area_days(store, DAY, now_s=LATER)[0].connection == Share(1, 2)


def test_settings_that_ended_are_counted_and_reads_are_not(store: Store) -> None:
    meter_id, *_ = make(store, 1)

    def run(kind: str, arguments: dict[str, object], done: bool, at_s: int) -> None:
        commands.enqueue(store, meter_id, kind, arguments, who=WHO, now_s=at_s)
        (mine,) = commands.claim(store, now_s=at_s)
        commands.finish(store, mine, done=done, result="refused", now_s=at_s)

    run("switch", {"closed": True}, True, DAY)
    run("limit", {"limit_a": 40}, False, DAY + 10)
    run("read", {}, False, DAY + 20)
    run("clock", {}, False, DAY + 86400)
    waiting = commands.enqueue(store, meter_id, "clock", {}, who=WHO, now_s=DAY)
    commands.cancel(store, waiting, who=WHO, now_s=DAY)
    assert kpi.area_days(store, DAY, now_s=LATER)[0].settings == Share(1, 2)
    behind = misses(store, "north", DAY, "settings", now_s=LATER)
    assert [(m.serial, m.detail) for m in behind] == [("K000001", "limit: failed: refused")]


def test_an_area_without_meters_has_no_rates(store: Store) -> None:
    registry.add_area(store, "empty", "Empty", **ME)
    (day,) = kpi.area_days(store, DAY, now_s=LATER)
    assert {getattr(day, name).rate for name in ("connection", "within_30", "reading", "settings")} == {None}


@pytest.mark.parametrize(
    ("area", "name", "most"), [("west", "reading", 5), ("north", "luck", 5), ("north", "reading", 1001)]
)
def test_misses_of_what_is_not_there_are_refused(store: Store, area: str, name: str, most: int) -> None:
    make(store, 1)
    with pytest.raises(HeadendInputError):
        misses(store, area, DAY, name, now_s=LATER, most=most)
