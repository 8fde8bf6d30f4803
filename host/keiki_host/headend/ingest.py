"""Stores what came: each slot of a meter once, a different second value beside it, never over it.

A batch is one transaction: its values, the counts of its slots, the days its meters were heard and the
invocation counters that its messages carried. When `ingest` returns, all of it is on disk; if it raises, none
of it is, and the same batch may be given again.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

from keiki.wire.slots import SLOT_S, jst_midnight
from sqlalchemy import Connection, insert, text, update

from keiki_host.headend import counters as counter_table
from keiki_host.headend import partitions, stage_postgresql, stage_sqlite
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store
from keiki_host.headend.rules import MEANING, Rule
from keiki_host.headend.schema import batch, conflict
from keiki_host.headend.schema import reading as raw
from keiki_host.headend.values import Ingested, Reading

FUTURE_S = 600
"""How far a meter's clock may be ahead: a slot that lies further ahead of its arrival is refused."""
AGE_S = 800 * 86400
"""The oldest slot that is taken, by its arrival; meters keep 400 days."""
_WH_MAX = 2**63 - 1
_STATUS_MAX = 255
_MARK = (
    "INSERT INTO quality (slot_s, meter_id, rule, code) "
    f"VALUES (:slot_s, :meter_id, {int(Rule.DUPLICATE)}, {int(MEANING[Rule.DUPLICATE][0])}) "
    "ON CONFLICT DO NOTHING"
)
_HEAR = "INSERT INTO contact (day_s, meter_id) VALUES (:day_s, :meter_id) ON CONFLICT DO NOTHING"


def ingest(
    store: Store,
    readings: Sequence[Reading],
    *,
    now_s: int,
    accepted: Mapping[tuple[int, Channel], int] | None = None,
) -> Ingested:
    """Store a batch of values, and the counters `accepted` with it ((meter, channel): highest value).

    StoreUnavailableError: nothing was stored; give the same batch again later.
    """
    kept, others, refused = _sorted_out(readings)
    days = {(jst_midnight(r.arrived_s), r.meter_id) for r in readings} - store.heard
    with store.write() as connection:
        made = partitions.ensure(store, connection, {r.slot_s for r in kept})
        batch_no, stored, conflicts = 0, 0, 0
        if kept:
            batch_no = int(
                connection.execute(
                    insert(batch).values(stored_s=now_s, stored=0).returning(batch.c.batch_no)
                ).scalar_one()
            )
            stage = stage_postgresql if store.is_postgresql else stage_sqlite
            stored, differing = stage.store(connection, batch_no, kept)
            conflicts = _keep_conflicts(connection, [*differing, *others])
            if stored:
                connection.execute(update(batch).where(batch.c.batch_no == batch_no).values(stored=stored))
            else:
                connection.execute(batch.delete().where(batch.c.batch_no == batch_no))
        _hear(connection, days)
        if accepted:
            counter_table.raise_to(connection, accepted)
    store.known_partitions |= made
    _remember(store, days)
    return Ingested(
        batch_no if stored else 0, stored, len(kept) + len(others) - stored - conflicts, conflicts, refused
    )


def heard(store: Store, meter_id: int, at_s: int) -> None:
    """Note that a meter answered, for the connection rate: call it for a session that brought no value."""
    days = {(jst_midnight(at_s), meter_id)} - store.heard
    if days:
        with store.write() as connection:
            _hear(connection, days)
        _remember(store, days)


def _sorted_out(readings: Sequence[Reading]) -> tuple[list[Reading], list[Reading], tuple[Reading, ...]]:
    """(first value of each slot, further values of the same slots that differ or repeat, what cannot be)."""
    first: dict[tuple[int, int], Reading] = {}
    others: list[Reading] = []
    refused: list[Reading] = []
    for reading in readings:
        age_s = reading.arrived_s - reading.slot_s
        values = (reading.import_wh, reading.export_wh)
        whole = None not in values or values == (None, None)
        in_range = all(value is None or 0 <= value <= _WH_MAX for value in values)
        possible = whole and in_range and 0 <= reading.status <= _STATUS_MAX
        if reading.slot_s % SLOT_S or not -FUTURE_S <= age_s <= AGE_S or not possible:
            refused.append(reading)
        elif first.setdefault((reading.slot_s, reading.meter_id), reading) is not reading:
            others.append(reading)
    return list(first.values()), others, tuple(refused)


def _keep_conflicts(connection: Connection, candidates: list[Reading]) -> int:
    """Keep the values that differ from what is stored and from what was kept before; return how many."""
    kept = 0
    for value in candidates:
        mine = (value.import_wh, value.export_wh, value.status)
        rows = [
            connection.execute(
                source.select()
                .with_only_columns(source.c.import_wh, source.c.export_wh, source.c.status)
                .where(source.c.slot_s == value.slot_s, source.c.meter_id == value.meter_id)
            ).all()
            for source in (raw, conflict)
        ]
        if mine in [tuple(row) for row in chain(*rows)]:
            continue
        connection.execute(insert(conflict).values(value._asdict()))
        connection.execute(text(_MARK), {"slot_s": value.slot_s, "meter_id": value.meter_id})
        kept += 1
    return kept


def _hear(connection: Connection, days: set[tuple[int, int]]) -> None:
    if not days:
        return
    rows = [{"day_s": day_s, "meter_id": meter_id} for day_s, meter_id in sorted(days)]
    connection.execute(text(_HEAR), rows)


def _remember(store: Store, days: set[tuple[int, int]]) -> None:
    """Remember the newest two days only."""
    if not days:
        return
    store.heard |= days
    newest = max(day_s for day_s, _ in store.heard)
    if min(day_s for day_s, _ in days) < newest - 86400 or len({day_s for day_s, _ in store.heard}) > 2:
        store.heard = {row for row in store.heard if row[0] >= newest - 86400}
