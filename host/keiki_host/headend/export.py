"""Values as files: CSV, or Parquet where pyarrow is installed. A file is whole or not there."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from keiki.wire.slots import DAY_S
from sqlalchemy import Connection, text

from keiki_host.headend import kpi
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError, HeadendInputError
from keiki_host.headend.files import whole
from keiki_host.headend.jst import iso
from keiki_host.headend.rules import Quality

FORMATS = ("csv", "parquet")
DAYS_MAX = 400
_GROUP_ROWS = 100_000


class Row(NamedTuple):
    """One value of an export, in its columns' order."""

    point: str | None
    """None: the meter was installed nowhere."""
    meter: str
    slot_s: int
    import_wh: int | None
    export_wh: int | None
    quality: str
    """valid, suspect, estimated, invalid or missing (the meter says that it has no value)."""
    rules: str
    """Numbers of the rules that it failed, with spaces between."""
    status: int | None
    """None: nothing came, it is an estimate."""
    path: int | None
    arrived_s: int | None


_VALUES = """
SELECT p.number, m.serial, r.slot_s, r.meter_id, r.import_wh, r.export_wh, r.status, r.path,
  r.slot_s + r.delay_s AS arrived_s
FROM reading r JOIN meter m ON m.meter_id = r.meter_id
LEFT JOIN installation i ON i.meter_id = r.meter_id
  AND i.from_s <= r.slot_s AND (i.to_s IS NULL OR i.to_s > r.slot_s)
LEFT JOIN point p ON p.point_id = i.point_id
WHERE r.slot_s >= :from_s AND r.slot_s < :to_s {which} ORDER BY r.slot_s, r.meter_id
"""
_ESTIMATES = """
SELECT p.number, m.serial, e.slot_s, e.meter_id, e.import_wh, e.export_wh
FROM estimate e JOIN meter m ON m.meter_id = e.meter_id
LEFT JOIN installation i ON i.meter_id = e.meter_id
  AND i.from_s <= e.slot_s AND (i.to_s IS NULL OR i.to_s > e.slot_s)
LEFT JOIN point p ON p.point_id = i.point_id
WHERE e.slot_s >= :from_s AND e.slot_s < :to_s AND e.replaced_s IS NULL {which} ORDER BY e.slot_s, e.meter_id
"""
_FINDINGS = """
SELECT slot_s, meter_id, rule, code FROM quality WHERE slot_s >= :from_s AND slot_s < :to_s ORDER BY rule
"""


def export(
    store: Store,
    path: Path,
    kind: str,
    from_s: int,
    to_s: int,
    *,
    area_code: str | None = None,
    meter_id: int | None = None,
) -> int:
    """Write the values of from_s <= slot < to_s, of an area, of a meter or of all; return how many.

    `kind`: one of `FORMATS`. Estimates stand where no value came, marked as such. HeadendInputError: no such
    format, area or time; HeadendError: it cannot be written.
    """
    if kind not in FORMATS:
        raise HeadendInputError(f"format: {kind} is none of {', '.join(FORMATS)}")
    if not 0 < to_s - from_s <= DAYS_MAX * DAY_S:
        raise HeadendInputError(f"time: from some to {DAYS_MAX} days, not {(to_s - from_s) / DAY_S:g}")
    write = _write_csv if kind == "csv" else _parquet_writer()
    with store.read() as connection:
        arguments = {}
        if area_code is not None:
            arguments["area_id"] = kpi.area_number(connection, area_code)
        if meter_id is not None:
            arguments["meter_id"] = meter_id
        with whole(path) as file:
            return write(file, rows(connection, from_s, to_s, arguments))


def rows(connection: Connection, from_s: int, to_s: int, which: dict[str, int]) -> Iterator[Row]:
    """The values of a time by slot and meter, a day in memory at a time; `which`: area_id or meter_id."""
    where = "".join(f" AND {'p' if name == 'area_id' else 'm'}.{name} = :{name}" for name in which)
    for day_s in range(from_s, to_s, DAY_S):
        times = {"from_s": day_s, "to_s": min(day_s + DAY_S, to_s), **which}
        rules: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for slot_s, meter_id, rule, code in connection.execute(text(_FINDINGS), times):
            rules.setdefault((slot_s, meter_id), []).append((rule, code))
        made = {
            (row.slot_s, row.meter_id): row
            for row in connection.execute(text(_ESTIMATES.format(which=where)), times)
        }
        found: list[tuple[int, int, Row]] = []
        for row in connection.execute(text(_VALUES.format(which=where)), times):
            key = (row.slot_s, row.meter_id)
            best = made.pop(key, row) if row.import_wh is None else row
            found.append((*key, _row(best, row, rules.get(key, []))))
        found += [(*key, _row(row, None, rules.get(key, []))) for key, row in made.items()]
        for _, _, value in sorted(found, key=lambda each: each[:2]):
            yield value


def _row(best: Any, raw: Any, failed: list[tuple[int, int]]) -> Row:
    quality = Quality(max((code for _, code in failed), default=Quality.VALID))
    if best is not raw:
        quality = Quality.ESTIMATED
    elif raw.import_wh is None:
        quality = Quality.MISSING
    came = (None, None, None) if raw is None else (raw.status, raw.path, raw.arrived_s)
    numbers = " ".join(str(rule) for rule, _ in failed)
    registers = (best.import_wh, best.export_wh)
    return Row(best.number, best.serial, best.slot_s, *registers, quality.name.lower(), numbers, *came)


def _write_csv(file: BinaryIO, values: Iterator[Row]) -> int:
    words = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(words, lineterminator="\n")
    writer.writerow(name.removesuffix("_s") for name in Row._fields)
    count = 0
    for row in values:
        arrived = None if row.arrived_s is None else iso(row.arrived_s)
        writer.writerow(row._replace(slot_s=iso(row.slot_s), arrived_s=arrived))  # type: ignore[arg-type]
        count += 1
    words.flush()
    words.detach()
    return count


def _parquet_writer() -> Any:
    """What writes Parquet; HeadendError if pyarrow is not installed."""
    try:
        import pyarrow  # noqa: PLC0415 - big, and not every user has it
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError:
        raise HeadendError(
            "export: pyarrow is missing; install it with pip install 'keiki-meter[headend]'"
        ) from None
    time = pyarrow.timestamp("s", tz="+09:00")
    types = {
        "point": pyarrow.string(),
        "meter": pyarrow.string(),
        "slot": time,
        "import_wh": pyarrow.int64(),
        "export_wh": pyarrow.int64(),
        "quality": pyarrow.string(),
        "rules": pyarrow.string(),
        "status": pyarrow.int16(),
        "path": pyarrow.int16(),
        "arrived": time,
    }
    schema = pyarrow.schema(types)

    def write(file: BinaryIO, values: Iterator[Row]) -> int:
        count = 0
        with parquet.ParquetWriter(file, schema) as writer:
            while group := list(islice(values, _GROUP_ROWS)):
                columns = [
                    pyarrow.array(column, kind)
                    for column, kind in zip(zip(*group, strict=True), types.values(), strict=True)
                ]
                writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
                count += len(group)
        return count

    return write
