"""Raw values: each slot once, whatever comes again, and all of a batch or nothing."""

import pytest
from keiki_host.headend import counters, series
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store
from keiki_host.headend.ingest import AGE_S, FUTURE_S, ingest
from keiki_host.headend.schema import batch, conflict, contact, reading, slot_count
from keiki_host.headend.values import Path, Status
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.headend.fleet_of_few import DAY, SLOT, make, value

NOW = DAY + 86400


def rows(store: Store, table: object) -> list[tuple[object, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(select(table))]  # type: ignore[call-overload]


def test_a_batch_is_stored_and_read_back(store: Store) -> None:
    first, second, _ = make(store)
    done = ingest(store, [value(first, n, 100 * n) for n in range(49)] + [value(second, 0, 7)], now_s=NOW)
    assert (done.stored, done.repeated, done.conflicts, done.refused) == (50, 0, 0, ())
    day = series.registers(store, first, DAY, DAY + 86400)
    assert [v.import_wh for v in day] == [100 * n for n in range(49)]
    assert {(v.status, v.path, v.arrived_s - v.slot_s) for v in day if v.arrived_s} == {(0, Path.PUSH, 60)}
    assert rows(store, batch) == [(done.batch_no, NOW, 50, None)]


def test_what_comes_again_is_stored_once(store: Store) -> None:
    meter_id, *_ = make(store)
    values = [value(meter_id, n, n) for n in range(10)]
    ingest(store, values, now_s=NOW)
    again = ingest(store, [v._replace(path=Path.PULL, arrived_s=v.arrived_s + 99) for v in values], now_s=NOW)
    assert again == (0, 0, 10, 0, ())
    assert len(rows(store, reading)) == 10
    assert len(rows(store, batch)) == 1


def test_a_different_value_is_kept_beside_the_first_one(store: Store) -> None:
    meter_id, *_ = make(store)
    ingest(store, [value(meter_id, 1, 500)], now_s=NOW)
    wrong = value(meter_id, 1, 501)
    assert ingest(store, [wrong], now_s=NOW).conflicts == 1
    assert ingest(store, [wrong], now_s=NOW)[1:4] == (0, 1, 0)  # kept once
    assert ingest(store, [wrong._replace(status=Status.CLOCK_UNSURE)], now_s=NOW).conflicts == 1
    assert [v.import_wh for v in series.registers(store, meter_id, DAY + SLOT, DAY + SLOT)] == [500]
    assert [row[3] for row in rows(store, conflict)] == [501, 501]


def test_a_batch_that_contradicts_itself_keeps_its_first_value(store: Store) -> None:
    meter_id, *_ = make(store)
    done = ingest(store, [value(meter_id, 1, 5), value(meter_id, 1, 6), value(meter_id, 1, 5)], now_s=NOW)
    assert done[1:4] == (1, 1, 1)
    assert rows(store, reading)[0][1] == 5


def test_no_value_and_a_value_are_different(store: Store) -> None:
    meter_id, *_ = make(store)
    nothing = value(meter_id, 1, None, status=Status.POWER_WAS_OFF)
    ingest(store, [nothing], now_s=NOW)
    assert ingest(store, [nothing], now_s=NOW)[1:4] == (0, 1, 0)
    assert ingest(store, [value(meter_id, 1, 5)], now_s=NOW).conflicts == 1


BAD = [
    value(1, 0, 5)._replace(slot_s=DAY + 1),
    value(1, 0, 5, delay_s=-FUTURE_S - 1),
    value(1, 0, 5, delay_s=AGE_S + 1),
    value(1, 0, -1),
    value(1, 0, 2**63),
    value(1, 0, 5, status=256),
    value(1, 0, 5, status=-1),
    value(1, 0, 5)._replace(export_wh=None),
    value(1, 0, None)._replace(export_wh=5),
]


def test_what_cannot_be_is_refused_and_the_rest_stored(store: Store) -> None:
    meter_id, *_ = make(store)
    bad = tuple(each._replace(meter_id=meter_id) for each in BAD)
    done = ingest(store, [*bad, value(meter_id, 2, 5)], now_s=NOW)
    assert (done.stored, done.refused) == (1, bad)
    assert len(rows(store, reading)) == 1


def test_counts_of_a_slot_are_what_came_and_when(store: Store) -> None:
    a, b, c = make(store)
    nobody = 99  # a meter that is not installed anywhere
    ingest(store, [value(a, 1, 1, delay_s=1800), value(b, 1, 1, delay_s=1801, path=Path.PULL)], now_s=NOW)
    ingest(
        store,
        [
            value(c, 1, None, status=Status.POWER_WAS_OFF),
            value(a, 1, 1),
            value(nobody, 1, 4, delay_s=172801, path=Path.LATE),
        ],
        now_s=NOW,
    )
    assert sorted(rows(store, slot_count)) == [
        (DAY + SLOT, 0, 1, 0, 0, 0, 0, 0, 0, 1),
        (DAY + SLOT, 1, 3, 1, 1, 2, 2, 2, 1, 0),
    ]


def test_a_meter_is_heard_once_a_day(store: Store) -> None:
    meter_id, *_ = make(store)
    for slot in range(0, 96):
        ingest(store, [value(meter_id, slot, slot)], now_s=NOW)
    store.heard.clear()  # as after a restart
    ingest(store, [value(meter_id, 96, 96)], now_s=NOW)
    assert sorted(rows(store, contact)) == [(DAY + 86400 * n, meter_id) for n in range(3)]


def test_raw_values_and_the_trail_cannot_be_changed(store: Store) -> None:
    meter_id, *_ = make(store)
    ingest(store, [value(meter_id, 1, 5)], now_s=NOW)
    for statement in ("UPDATE reading SET import_wh = 6", "DELETE FROM reading", "DELETE FROM trail"):
        with pytest.raises(DBAPIError, match="is never changed"), store.write() as connection:
            connection.execute(text(statement))
    assert rows(store, reading)[0][1] == 5


def test_counters_are_stored_with_the_values_or_not_at_all(store: Store) -> None:
    meter_id, *_ = make(store)
    ingest(store, [value(meter_id, 1, 5)], now_s=NOW, accepted={(meter_id, Channel.RECEIVE): 7})
    with pytest.raises(DBAPIError):
        ingest(store, [value(meter_id, 2, 5)], now_s=NOW, accepted={(12345, Channel.RECEIVE): 8})
    assert len(rows(store, reading)) == 1
    assert counters.last(store, Channel.RECEIVE) == {meter_id: 7}
    ingest(store, [], now_s=NOW, accepted={(meter_id, Channel.RECEIVE): 6})
    assert counters.last(store, Channel.RECEIVE) == {meter_id: 7}


def test_reserved_numbers_are_never_given_twice(store: Store) -> None:
    meter_id, other, _ = make(store)
    assert counters.reserve(store, meter_id, Channel.SEND, 1024) == 1
    assert counters.reserve(store, meter_id, Channel.SEND) == 1025
    assert counters.reserve(store, other, Channel.SEND) == 1
    assert counters.reserve(store, meter_id, Channel.SEND_READ) == 1


def test_a_replayed_counter_is_refused(store: Store) -> None:
    meter_id, *_ = make(store)
    answers = [counters.accept(store, meter_id, Channel.RECEIVE, n) for n in (5, 5, 4, 6)]
    assert answers == [True, False, False, True]


def test_a_used_up_key_is_not_used_further(store: Store) -> None:
    meter_id, *_ = make(store)
    counters.accept(store, meter_id, Channel.SEND, 2**32 - 2)
    assert counters.reserve(store, meter_id, Channel.SEND) == 2**32 - 1
    with pytest.raises(OverflowError):
        counters.reserve(store, meter_id, Channel.SEND)
