"""Writes a batch into SQLite. The transaction has the only write lock, so what is new is known beforehand."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from keiki_host.headend.stage_postgresql import ADD, COUNTS
from keiki_host.headend.values import Reading

_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS stage (
  slot_s INTEGER, import_wh INTEGER, export_wh INTEGER, meter_id INTEGER, delay_s INTEGER, status INTEGER,
  path INTEGER, PRIMARY KEY (slot_s, meter_id)
) WITHOUT ROWID
"""
_FILL = "INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?, ?)"
_OLD = "FROM stage s JOIN reading r ON r.slot_s = s.slot_s AND r.meter_id = s.meter_id"
_DIFFERING = f"""
SELECT s.meter_id, s.slot_s, s.import_wh, s.export_wh, s.status, s.slot_s + s.delay_s, s.path {_OLD}
WHERE (s.import_wh, s.export_wh, s.status) IS NOT (r.import_wh, r.export_wh, r.status)
"""
_DROP_OLD = f"DELETE FROM stage WHERE (slot_s, meter_id) IN (SELECT s.slot_s, s.meter_id {_OLD})"
_STORE = """
INSERT INTO reading (slot_s, import_wh, export_wh, meter_id, delay_s, batch_no, status, path)
SELECT slot_s, import_wh, export_wh, meter_id, delay_s, :batch_no, status, path FROM stage
"""
_COUNT = f"""
INSERT INTO slot_count
SELECT s.slot_s, coalesce(p.area_id, 0), {COUNTS}
FROM stage s
LEFT JOIN installation i ON i.meter_id = s.meter_id
    AND i.from_s <= s.slot_s AND (i.to_s IS NULL OR s.slot_s < i.to_s)
LEFT JOIN point p ON p.point_id = i.point_id
WHERE true GROUP BY 1, 2
ON CONFLICT (slot_s, area_id) DO UPDATE SET {ADD}
"""


def store(connection: Connection, batch_no: int, readings: Sequence[Reading]) -> tuple[int, list[Reading]]:
    """Store values, no two of one slot; return how many were new, and those that differ from older ones."""
    connection.execute(text(_STAGE))
    connection.execute(text("DELETE FROM stage"))
    connection.exec_driver_sql(
        _FILL,
        [
            (
                r.slot_s,
                r.import_wh,
                r.export_wh,
                r.meter_id,
                r.arrived_s - r.slot_s,
                int(r.status),
                int(r.path),
            )
            for r in readings
        ],
    )
    differing = [Reading(*row) for row in connection.execute(text(_DIFFERING))]
    connection.execute(text(_DROP_OLD))
    stored = connection.execute(text(_STORE), {"batch_no": batch_no}).rowcount
    connection.execute(text(_COUNT))
    return stored, differing
