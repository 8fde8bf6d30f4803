"""Writes a batch into PostgreSQL: COPY to a table of this session, then one statement stores and counts.

The staging table is temporary: it is not logged and nobody else sees it.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from keiki_host.headend.values import Path, Reading

_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS stage (
  slot_s bigint, import_wh bigint, export_wh bigint, meter_id integer, delay_s integer, status smallint,
  path smallint
) ON COMMIT DELETE ROWS
"""
_COPY = (
    "COPY stage (slot_s, import_wh, export_wh, meter_id, delay_s, status, path) FROM STDIN (FORMAT BINARY)"
)
_TYPES = ("int8", "int8", "int8", "int4", "int4", "int2", "int2")

COUNTS = f"""
count(*), count(*) FILTER (WHERE s.import_wh IS NULL),
count(s.import_wh) FILTER (WHERE s.delay_s <= 1800),
count(s.import_wh) FILTER (WHERE s.delay_s <= 3600),
count(s.import_wh) FILTER (WHERE s.delay_s <= 172800),
count(*) FILTER (WHERE s.path = {int(Path.PUSH)}), count(*) FILTER (WHERE s.path = {int(Path.PULL)}),
count(*) FILTER (WHERE s.path = {int(Path.LATE)})
"""
"""The columns of `slot_count` after its key, of rows `s`."""

ADD = ", ".join(
    f"{name} = slot_count.{name} + excluded.{name}"
    for name in ("received", "no_value", "within_30", "within_60", "within_48h", "pushed", "pulled", "late")
)
"""How counts of the same slot are added."""

# a key begins with the slot: rows in its order touch each page of the index once
_STORE = f"""
WITH s AS (
  INSERT INTO reading (slot_s, import_wh, export_wh, meter_id, delay_s, batch_no, status, path)
  SELECT slot_s, import_wh, export_wh, meter_id, delay_s, :batch_no, status, path FROM stage
  ORDER BY slot_s, meter_id
  ON CONFLICT DO NOTHING
  RETURNING slot_s, import_wh, meter_id, delay_s, path
), counted AS (
  INSERT INTO slot_count
  SELECT s.slot_s, coalesce(p.area_id, 0), {COUNTS}
  FROM s
  LEFT JOIN installation i ON i.meter_id = s.meter_id
    AND i.from_s <= s.slot_s AND (i.to_s IS NULL OR s.slot_s < i.to_s)
  LEFT JOIN point p ON p.point_id = i.point_id
  GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (slot_s, area_id) DO UPDATE SET {ADD}
)
SELECT count(*) FROM s
"""
_DIFFERING = """
SELECT s.meter_id, s.slot_s, s.import_wh, s.export_wh, s.status, s.slot_s + s.delay_s, s.path
FROM stage s JOIN reading r ON r.slot_s = s.slot_s AND r.meter_id = s.meter_id
WHERE (s.import_wh, s.export_wh, s.status) IS DISTINCT FROM (r.import_wh, r.export_wh, r.status)
"""


def store(connection: Connection, batch_no: int, readings: Sequence[Reading]) -> tuple[int, list[Reading]]:
    """Store values, no two of one slot; return how many were new, and those that differ from older ones."""
    connection.execute(text(_STAGE))
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for r in readings:
            copy.write_row(
                (r.slot_s, r.import_wh, r.export_wh, r.meter_id, r.arrived_s - r.slot_s, r.status, r.path)
            )
    stored = int(connection.execute(text(_STORE), {"batch_no": batch_no}).scalar_one())
    if stored == len(readings):
        return stored, []
    return stored, [Reading(*row) for row in connection.execute(text(_DIFFERING))]
