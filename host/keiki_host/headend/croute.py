"""The C-route: each value goes, once, to the retailer that supplied its point at that time.

A delivery takes every batch that no delivery has taken yet, writes a file for each retailer, and is done when
all files are on disk. If it is interrupted, the next call makes it again, under the same names.
"""

import contextlib
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from keiki_host.headend.database import Store
from keiki_host.headend.files import whole
from keiki_host.headend.jst import iso

HEAD = ("point", "meter", "slot", "import_wh", "export_wh", "status", "arrived")
"""Columns: the registers (cumulative, Wh) at a slot, empty where the meter has no value; status as the meter
gave it (0 normal, 1 clock unsure, 2 power was off, 3 estimated)."""
WITHIN_S = 3600
"""By when a value must be handed on, after its slot."""

_OPEN = "SELECT delivery_id, made_s FROM delivery WHERE NOT done ORDER BY delivery_id LIMIT 1"
_BEGIN = "INSERT INTO delivery (made_s, done) VALUES (:now_s, false) RETURNING delivery_id, made_s"
_TAKE = "UPDATE batch SET delivery_id = :delivery_id WHERE delivery_id IS NULL"
_RETAILERS = """
SELECT DISTINCT p.party_id, p.code FROM party p JOIN supply s ON s.retailer_id = p.party_id
WHERE s.from_s <= :now_s AND (s.to_s IS NULL OR s.to_s > :now_s)
"""
# `batch_no` between two numbers is what the index can answer
_ROWS = """
SELECT s.retailer_id, y.code, p.number, m.serial, r.slot_s, r.import_wh, r.export_wh, r.status,
  r.slot_s + r.delay_s AS arrived_s
FROM batch b JOIN reading r ON r.batch_no = b.batch_no
JOIN meter m ON m.meter_id = r.meter_id
JOIN installation i ON i.meter_id = r.meter_id
  AND i.from_s <= r.slot_s AND (i.to_s IS NULL OR i.to_s > r.slot_s)
JOIN point p ON p.point_id = i.point_id
JOIN supply s ON s.point_id = i.point_id
  AND s.from_s <= r.slot_s AND (s.to_s IS NULL OR s.to_s > r.slot_s)
JOIN party y ON y.party_id = s.retailer_id
WHERE b.delivery_id = :delivery_id AND r.batch_no BETWEEN :first AND :last
ORDER BY y.code, p.number, r.slot_s
"""
_RANGE = "SELECT min(batch_no), max(batch_no) FROM batch WHERE delivery_id = :delivery_id"
_FILE = """
INSERT INTO delivery_file (delivery_id, retailer_id, name, rows, within_60, latest_s, sha256)
VALUES (:delivery_id, :retailer_id, :name, :rows, :within_60, :latest_s, :sha256) ON CONFLICT DO NOTHING
"""


class DeliveryFile(NamedTuple):
    """What one retailer got."""

    delivery_id: int
    retailer_id: int
    name: str
    rows: int
    within_60: int
    """Rows that are handed on within 60 minutes of metering."""
    latest_s: int
    """The longest time from metering to handing on; 0 without rows."""
    sha256: str


def deliver(store: Store, folder: Path, *, now_s: int) -> list[DeliveryFile]:
    """Make a delivery into a folder; return its files, one for each retailer that supplies or has rows.

    HeadendError (full disk, no folder), StoreUnavailableError: nothing is lost, the next call does it again.
    """
    with store.write() as connection:
        row = connection.execute(text(_OPEN)).first()
        if row is None:
            row = connection.execute(
                text(
                    "INSERT INTO delivery (made_s, done) VALUES (:now_s, false) RETURNING delivery_id, made_s"
                ),
                {"now_s": now_s},
            ).one()
            connection.execute(text(_TAKE), {"delivery_id": row.delivery_id})
        delivery_id, made_s = row
    with store.read() as connection:
        files = list(_write(connection, folder, delivery_id, made_s, now_s))
    with store.write() as connection:
        if files:
            connection.execute(text(_FILE), [file._asdict() for file in files])
        connection.execute(
            text("UPDATE delivery SET done = true WHERE delivery_id = :delivery_id"),
            {"delivery_id": delivery_id},
        )
    return files


def files_of(store: Store, retailer_id: int, *, most: int = 100) -> list[DeliveryFile]:
    """The newest files of a retailer first, at most `most`."""
    query = "SELECT * FROM delivery_file WHERE retailer_id = :retailer ORDER BY delivery_id DESC LIMIT :most"
    with store.read() as connection:
        rows = connection.execute(text(query), {"retailer": retailer_id, "most": most})
        return [DeliveryFile(*tuple(row)) for row in rows]


def lateness(store: Store, from_s: int, to_s: int) -> tuple[int, int, int]:
    """(values handed on, of them within 60 minutes of metering, longest time) of the deliveries of a time."""
    query = """
    SELECT coalesce(sum(f.rows), 0), coalesce(sum(f.within_60), 0), coalesce(max(f.latest_s), 0)
    FROM delivery d JOIN delivery_file f ON f.delivery_id = d.delivery_id
    WHERE d.done AND d.made_s >= :from_s AND d.made_s < :to_s
    """
    with store.read() as connection:
        rows, within, latest = connection.execute(text(query), {"from_s": from_s, "to_s": to_s}).one()
    return int(rows), int(within), int(latest)


def _write(
    connection: Connection, folder: Path, delivery_id: int, made_s: int, now_s: int
) -> Iterator[DeliveryFile]:
    there = connection.execute(text(_RETAILERS), {"now_s": now_s})
    names: dict[int, str] = {row.party_id: row.code for row in there}
    first, last = connection.execute(text(_RANGE), {"delivery_id": delivery_id}).one()
    if first is not None:
        numbers = {"delivery_id": delivery_id, "first": first, "last": last}
        found = connection.execute(text(_ROWS), numbers, execution_options={"stream_results": True})
        with contextlib.closing(found):
            for (retailer_id, code), mine in groupby(found, lambda row: (row.retailer_id, row.code)):
                names.pop(retailer_id, None)
                yield _write_one(folder, delivery_id, made_s, now_s, retailer_id, code, mine)
    for retailer_id, code in sorted(names.items()):
        yield _write_one(folder, delivery_id, made_s, now_s, retailer_id, code, ())


def _write_one(
    folder: Path, delivery_id: int, made_s: int, now_s: int, retailer_id: int, code: str, rows: Iterable[Any]
) -> DeliveryFile:
    name = f"croute_{code}_{iso(made_s)[:16].replace('-', '').replace(':', '')}_{delivery_id}.csv"
    digest, count, within, latest_s = hashlib.sha256(), 0, 0, 0
    with whole(folder / name) as file:
        for line in _lines(rows):
            digest.update(line[0])
            file.write(line[0])
            if line[1] is not None:
                count += 1
                within += now_s - line[1] <= WITHIN_S
                latest_s = max(latest_s, now_s - line[1])
    return DeliveryFile(delivery_id, retailer_id, name, count, within, latest_s, digest.hexdigest())


def _lines(rows: Iterable[Any]) -> Iterator[tuple[bytes, int | None]]:
    """Lines of a file, each with its slot; the first is the head."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEAD)
    yield buffer.getvalue().encode(), None
    for row in rows:
        buffer.seek(0)
        buffer.truncate()
        registers = (row.import_wh, row.export_wh, row.status)
        writer.writerow((row.number, row.serial, iso(row.slot_s), *registers, iso(row.arrived_s)))
        yield buffer.getvalue().encode(), row.slot_s
