"""Whatever comes, in whatever batches: the store holds and counts a dictionary of first values."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keiki_host.headend.database import Store
from keiki_host.headend.ingest import ingest
from keiki_host.headend.values import Reading
from sqlalchemy import text

BASE = 1_780_239_600
WINDOW_S = 200 * 1800
READINGS = st.builds(
    lambda meter_id, slot, wh, status, delay_s, path: (meter_id, slot, wh, status, delay_s, path),
    st.integers(1, 3),
    st.integers(0, 3),
    st.one_of(st.none(), st.integers(0, 2)),
    st.integers(0, 1),
    st.sampled_from([0, 1800, 1801, 3600, 172_800, 172_801]),
    st.integers(1, 3),
)
_windows = itertools.count()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(READINGS, max_size=12), max_size=6))
def test_the_store_is_a_dictionary_of_first_values(
    store: Store, batches: list[list[tuple[int, ...]]]
) -> None:
    start_s = BASE + next(_windows) * WINDOW_S
    first: dict[tuple[int, int], Reading] = {}
    others: set[tuple[object, ...]] = set()
    for batch in batches:
        readings = [
            Reading(m, start_s + n * 1800, wh, wh, status, start_s + n * 1800 + delay_s, path)
            for m, n, wh, status, delay_s, path in batch
        ]
        stored = conflicts = 0
        for reading in readings:
            kept = first.setdefault((reading.slot_s, reading.meter_id), reading)
            stored += kept is reading
            mine = (*reading[:5],)
            if mine[2:] != kept[2:5] and mine not in others:
                others.add(mine)
                conflicts += 1
        done = ingest(store, readings, now_s=start_s)
        assert (done.stored, done.conflicts, done.refused) == (stored, conflicts, ())
        assert done.repeated == len(readings) - stored - conflicts

    window = {"a": start_s, "b": start_s + WINDOW_S}
    with store.read() as connection:
        raw = connection.execute(
            text(
                "SELECT meter_id, slot_s, import_wh, export_wh, status, slot_s + delay_s, path FROM reading "
                "WHERE slot_s >= :a AND slot_s < :b"
            ),
            window,
        )
        assert {Reading(*row) for row in raw} == set(first.values())
        beside = connection.execute(
            text(
                "SELECT meter_id, slot_s, import_wh, export_wh, status FROM conflict "
                "WHERE slot_s >= :a AND slot_s < :b"
            ),
            window,
        )
        assert sorted(map(str, beside)) == sorted(str(row) for row in others)
        counted = connection.execute(
            text(
                "SELECT sum(received), sum(no_value), sum(within_30), sum(within_60), sum(within_48h), "
                "sum(pushed), sum(pulled), sum(late) FROM slot_count WHERE slot_s >= :a AND slot_s < :b"
            ),
            window,
        ).one()
    values = list(first.values())
    delays = [v.arrived_s - v.slot_s for v in values if v.import_wh is not None]
    assert [int(n or 0) for n in counted] == [
        len(values),
        sum(v.import_wh is None for v in values),
        *(sum(delay_s <= limit_s for delay_s in delays) for limit_s in (1800, 3600, 172_800)),
        *(sum(v.path == path for v in values) for path in (1, 2, 3)),
    ]
