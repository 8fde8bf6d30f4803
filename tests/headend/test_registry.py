"""The registry: where a meter is, whose it is, until when it is verified."""

import pytest
from keiki_host.headend import parties, registry, series, trail
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.ingest import ingest
from keiki_host.headend.parties import Party, installation_type
from keiki_host.headend.registry import jst_day
from keiki_host.headend.rules import Quality

from tests.headend.fleet_of_few import DAY, SLOT, WHO, make, value

ME = {"who": WHO, "now_s": DAY}


def test_a_meter_is_found_by_serial_and_by_title(store: Store) -> None:
    make(store)
    found = registry.find_meter(store, "K000002")
    assert registry.find_meter(store, "4B45490000000002") == found
    assert (found.point, found.area, found.rating_a) == (f"{2:022}", "north", 60)
    with pytest.raises(HeadendInputError, match=r"^meter: there is no K9$"):
        registry.find_meter(store, "K9")


BAD = [
    ({"system_title": "4b4549"}, "16 hex digits"),
    ({"system_title": "4b4549000000000g"}, "16 hex digits"),
    ({"rating_a": 50}, "50 A is none of 30, 60, 120"),
    ({"serial": "K000001"}, "is there already"),
    ({"system_title": "4B45490000000001"}, "is there already"),
]


def test_a_meter_that_cannot_be_is_refused(store: Store) -> None:
    make(store, 1)
    good = {"serial": "K9", "system_title": "4b45490000000009", "rating_a": 30}
    for changed, fault in BAD:
        with pytest.raises(HeadendInputError, match=fault):
            registry.add_meter(store, **(good | changed), **ME)  # type: ignore[arg-type]
    assert len(registry.meters(store)) == 1


def test_a_point_has_one_meter_and_a_meter_one_point(store: Store) -> None:
    first, *_ = make(store, 2)
    spare = registry.add_meter(store, "K9", "4b45490000000009", 30, **ME)
    point_id = parties.find_point(store, f"{1:022}")
    with pytest.raises(HeadendInputError, match="in use"):
        registry.install(store, spare, point_id, DAY, **ME)
    empty = registry.add_point(store, "9" * 22, "north", **ME)
    with pytest.raises(HeadendInputError, match="in use"):
        registry.install(store, first, empty, DAY, **ME)
    registry.remove(store, first, DAY, **ME)
    with pytest.raises(HeadendInputError, match="in use"):  # it was not out yet at that time
        registry.install(store, first, empty, DAY - 1, **ME)
    registry.install(store, first, empty, DAY, **ME)
    with pytest.raises(HeadendInputError, match="not installed"):
        registry.remove(store, spare, DAY, **ME)


def test_an_exchange_lets_the_series_of_the_point_go_on(store: Store) -> None:
    old, *_ = make(store, 1)
    new = registry.add_meter(store, "K9", "4b45490000000009", 60, **ME)
    at_s = DAY + 10 * SLOT + 600
    registry.exchange(store, old, new, at_s, last_wh=(1030, 3), first_wh=(7, 1), **ME)
    ingest(store, [value(old, n, 100 * n) for n in range(11)], now_s=DAY)
    ingest(store, [value(new, n, 77 + 100 * (n - 11), 1) for n in range(11, 49)], now_s=DAY)
    point_id = parties.find_point(store, f"{1:022}")
    day = series.intervals(store, point_id, DAY, DAY + 86400)
    assert [interval.import_wh for interval in day] == [100] * 48  # 30 of the old and 70 of the new
    assert [interval.export_wh for interval in day] == [0] * 10 + [3] + [0] * 37
    assert {interval.quality for interval in day} == {Quality.VALID}
    longer = series.intervals(store, point_id, DAY, DAY + 86400, step_s=12 * SLOT)
    assert [interval.import_wh for interval in longer] == [1200] * 4


def test_an_exchange_on_a_boundary_counts_each_half_hour_once(store: Store) -> None:
    old, *_ = make(store, 1)
    new = registry.add_meter(store, "K9", "4b45490000000009", 60, **ME)
    registry.exchange(store, old, new, DAY + 2 * SLOT, last_wh=(200, 0), first_wh=(5, 0), **ME)
    ingest(store, [value(old, 0, 0), value(old, 1, 100)], now_s=DAY)
    ingest(store, [value(new, 2, 5), value(new, 3, 105)], now_s=DAY)
    point_id = parties.find_point(store, f"{1:022}")
    assert [i.import_wh for i in series.intervals(store, point_id, DAY, DAY + 3 * SLOT)] == [100] * 3


def test_a_half_hour_with_a_missing_boundary_has_no_value(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    ingest(store, [value(meter_id, 0, 0), value(meter_id, 2, 10), value(meter_id, 3, 15)], now_s=DAY)
    point_id = parties.find_point(store, f"{1:022}")
    day = series.intervals(store, point_id, DAY, DAY + 3 * SLOT)
    assert [(i.import_wh, i.quality) for i in day] == [
        (None, Quality.MISSING),
        (None, Quality.MISSING),
        (5, Quality.VALID),
    ]


@pytest.mark.parametrize(("from_s", "to_s"), [(DAY, DAY - 1), (DAY, DAY + 401 * 86400), (0, 10**18)])
def test_a_time_that_is_too_long_or_empty_is_refused(store: Store, from_s: int, to_s: int) -> None:
    with pytest.raises(HeadendInputError, match="half hours"):
        series.registers(store, 1, from_s, to_s)


def test_what_falls_due_is_listed_and_a_verification_holds_ten_years(store: Store) -> None:
    make(store, 2)
    day = jst_day(DAY)
    for n, verified in ((7, day - 3652), (8, day - 3640), (9, day - 100)):
        meter_id = registry.add_meter(store, f"K{n}", f"4b4549000000000{n}", 30, verified_day=verified, **ME)
        registry.install(store, meter_id, registry.add_point(store, f"9{n}", "north", **ME), DAY, **ME)
    registry.add_meter(store, "KX", "4b454900000000ff", 30, verified_day=day - 3652, **ME)  # in stock
    due = registry.due_for_verification(store, day + 30)
    assert [(m.serial, m.expires_day) for m in due] == [("K7", day - 1), ("K8", day + 11)]


def test_every_change_is_on_the_trail(store: Store) -> None:
    make(store, 1)
    assert [(e.action, e.subject, e.who) for e in trail.entries(store)] == [
        ("meter.install", "meter K000001", WHO),
        ("meter.add", "meter K000001", WHO),
        ("point.add", f"point {1:022}", WHO),
        ("area.add", "area north", WHO),
    ]


def test_supplier_and_customer_change_over_time(store: Store) -> None:
    make(store, 1)
    point_id = parties.find_point(store, f"{1:022}")
    a, b = (parties.add_party(store, code, code, "retailer", **ME) for code in ("RA", "RB"))
    parties.switch_supplier(store, point_id, a, DAY - 100, **ME)
    parties.switch_supplier(store, point_id, b, DAY, **ME)
    parties.switch_supplier(store, point_id, None, DAY + 100, **ME)
    with store.read() as connection:
        assert parties.windows(connection, "retailer", a) == [(point_id, a, DAY - 100, DAY)]
        assert parties.windows(connection, "retailer", b) == [(point_id, b, DAY, DAY + 100)]
    with pytest.raises(HeadendInputError, match="changed at or after that time"):
        parties.switch_supplier(store, point_id, a, DAY + 50, **ME)
    with pytest.raises(HeadendInputError, match="it is no customer"):
        parties.move(store, point_id, a, DAY, **ME)


TYPES = [
    (set(), "utility"),
    ({"installation", "fault", "exchange"}, "(i)"),
    ({"installation", "fault", "exchange", "procurement"}, "(i)-2"),
    (set(parties.PROCESSES) - {"data"}, "(ii)"),
    (set(parties.PROCESSES), "(iii)"),
    ({"data"}, None),
]


def test_installation_types_are_told_apart(store: Store) -> None:
    make(store, 1)
    utility = parties.add_party(store, "U", "Utility", "utility", **ME)
    other = parties.add_party(store, "T", "Third", "third", **ME)
    for third, name in TYPES:
        point_id = registry.add_point(store, f"p{len(third)}", "north", **ME)
        for process in parties.PROCESSES:
            parties.make_responsible(store, point_id, process, utility, **ME)
            if process in third:
                parties.make_responsible(store, point_id, process, other, **ME)
        found = parties.responsible(store, point_id)
        assert {p for p, who in found.items() if who == Party(other, "T", "Third", "third")} == third
        assert installation_type(found) == name


def test_a_customer_is_responsible_for_nothing(store: Store) -> None:
    make(store, 1)
    customer = parties.add_party(store, "C", "C", "customer", **ME)
    with pytest.raises(HeadendInputError, match="no utility or third"):
        parties.make_responsible(store, 1, "data", customer, **ME)
    with pytest.raises(HeadendInputError, match="paint is none of"):
        parties.make_responsible(store, 1, "paint", customer, **ME)
