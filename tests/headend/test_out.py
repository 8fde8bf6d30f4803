"""What goes out: exports equal what is stored, and each value goes to its retailer once."""

import csv
import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from keiki_host.headend import croute, jst, parties, registry, validate
from keiki_host.headend import export as exports
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError, HeadendInputError
from keiki_host.headend.ingest import ingest
from keiki_host.headend.values import Status
from pyarrow import parquet

from tests.headend.fleet_of_few import DAY, SLOT, WHO, make, value

ME = {"who": WHO, "now_s": DAY}
LATER = DAY + 2 * 86400


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def two_retailers(store: Store) -> list[int]:
    """Three meters: RA supplies two, RB gets the second one at slot 10; nobody supplies the third."""
    meters = make(store)
    a, b = (parties.add_party(store, code, code, "retailer", **ME) for code in ("RA", "RB"))
    first, second, _ = (parties.find_point(store, f"{n:022}") for n in (1, 2, 3))
    parties.switch_supplier(store, first, a, DAY - 86400, **ME)
    parties.switch_supplier(store, second, a, DAY - 86400, **ME)
    parties.switch_supplier(store, second, b, DAY + 10 * SLOT, **ME)
    return meters


def delivered(folder: Path) -> dict[str, list[tuple[str, int]]]:
    """(meter, slot) by retailer, of all files."""
    found: dict[str, list[tuple[str, int]]] = {"RA": [], "RB": []}
    for path in sorted(folder.glob("croute_*.csv")):
        found[path.name.split("_")[1]] += [
            (row["meter"], (jst.parse(row["slot"]) - DAY) // SLOT) for row in table(path)
        ]
    return found


def test_each_value_goes_to_the_retailer_of_its_time_once(store: Store, tmp_path: Path) -> None:
    first, second, third = two_retailers(store)
    ingest(store, [value(m, n, n) for m in (first, second, third) for n in range(8)], now_s=DAY)
    croute.deliver(store, tmp_path, now_s=DAY + 8 * SLOT)
    late = [value(m, n, n, delay_s=30 * SLOT) for m in (first, second, third) for n in range(8, 12)]
    ingest(store, late, now_s=DAY)
    ingest(store, late, now_s=DAY)
    croute.deliver(store, tmp_path, now_s=DAY + 50 * SLOT)
    croute.deliver(store, tmp_path, now_s=DAY + 51 * SLOT)
    assert delivered(tmp_path) == {
        "RA": [(m, n) for m in ("K000001", "K000002") for n in range(8)]
        + [("K000001", n) for n in range(8, 12)]
        + [("K000002", n) for n in (8, 9)],
        "RB": [("K000002", 10), ("K000002", 11)],
    }


def test_the_lateness_of_each_delivery_is_measured(store: Store, tmp_path: Path) -> None:
    first, *_ = two_retailers(store)
    ingest(store, [value(first, n, 10 * n) for n in range(4)], now_s=DAY)
    now_s = DAY + 3 * SLOT + 60  # slots 1 and later are within an hour; 1 by 60 s not
    files = croute.deliver(store, tmp_path, now_s=now_s)
    assert [(f.name.split("_")[1], f.rows, f.within_60, f.latest_s) for f in files] == [
        ("RA", 4, 2, 3 * SLOT + 60),
    ]
    assert croute.lateness(store, DAY, LATER) == (4, 2, 3 * SLOT + 60)
    path = tmp_path / files[0].name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == files[0].sha256
    assert table(path)[1] == {
        "point": f"{1:022}",
        "meter": "K000001",
        "slot": "2026-06-01T00:30:00+09:00",
        "import_wh": "10",
        "export_wh": "0",
        "status": "0",
        "arrived": "2026-06-01T00:31:00+09:00",
    }
    assert croute.files_of(store, files[0].retailer_id) == [files[0]]


def test_a_delivery_that_was_interrupted_is_made_again_the_same(store: Store, tmp_path: Path) -> None:
    first, second, _ = two_retailers(store)
    ingest(store, [value(m, n, n) for m in (first, second) for n in range(12)], now_s=DAY)
    gone = tmp_path / "gone"
    with pytest.raises(HeadendError, match="No such file or directory"):
        croute.deliver(store, gone, now_s=DAY + 12 * SLOT)
    ingest(store, [value(first, 12, 12)], now_s=DAY)  # comes in between: goes with the next one
    gone.mkdir()
    again = croute.deliver(store, gone, now_s=DAY + 13 * SLOT)
    assert sum(file.rows for file in again) == 24
    assert {file.delivery_id for file in again} == {1}
    assert sum(file.rows for file in croute.deliver(store, gone, now_s=DAY + 13 * SLOT)) == 1
    assert len(delivered(gone)["RA"]) == 12 + 10 + 1


def test_a_file_that_cannot_be_written_is_not_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full: every write says that there is no room."""
    from keiki_host.headend.files import whole

    real = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, *a, **k: real(Path("/dev/full") if self.suffix == ".part" else self, *a, **k),
    )
    path = Path("/tmp") / "keiki-never-there"
    with pytest.raises(HeadendError, match=f"^{path}: No space left on device$"), whole(path) as file:
        file.write(b"x" * 100_000)
    assert not path.exists()


def test_csv_and_parquet_tell_the_same_and_what_is_stored(store: Store, tmp_path: Path) -> None:
    first, second, _ = make(store)
    values = [value(first, n, 100 * n) for n in range(48) if n != 7]
    values[20] = values[20]._replace(status=Status.CLOCK_UNSURE)
    ingest(store, [*values, value(second, 0, None, status=Status.POWER_WAS_OFF)], now_s=DAY)
    validate.judge_day(store, 1, DAY, now_s=LATER)
    span = (DAY, DAY + 86400)
    assert exports.export(store, tmp_path / "a.csv", "csv", *span) == 49
    assert exports.export(store, tmp_path / "a.parquet", "parquet", *span, area_code="north") == 49
    rows = table(tmp_path / "a.csv")
    columns = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert [(r["meter"], r["slot"], r["import_wh"], r["quality"], r["rules"]) for r in rows] == [
        (
            c["meter"],
            c["slot"].isoformat(),
            "" if c["import_wh"] is None else str(c["import_wh"]),
            c["quality"],
            c["rules"],
        )
        for c in columns
    ]
    mine = [r for r in rows if r["meter"] == "K000001"]
    assert [r["import_wh"] for r in mine] == [str(100 * n) for n in range(48)]
    assert [(n, r["quality"]) for n, r in enumerate(mine) if r["quality"] != "valid"] == [
        (7, "estimated"),
        (21, "suspect"),
    ]
    assert (mine[7]["status"], mine[7]["arrived"], mine[21]["status"]) == ("", "", "1")
    (other,) = [r for r in rows if r["meter"] == "K000002"]
    assert (other["import_wh"], other["quality"], other["point"]) == ("", "missing", f"{2:022}")
    assert exports.export(store, tmp_path / "b.csv", "csv", *span, meter_id=second) == 1


@pytest.mark.parametrize(
    ("kind", "days", "area"), [("xlsx", 1, None), ("csv", 0, None), ("csv", 401, None), ("csv", 1, "west")]
)
def test_an_export_that_cannot_be_leaves_no_file(
    store: Store, tmp_path: Path, kind: str, days: int, area: str | None
) -> None:
    make(store, 1)
    with pytest.raises(HeadendInputError):
        exports.export(store, tmp_path / "x", kind, DAY, DAY + days * 86400, area_code=area)
    assert list(tmp_path.glob("x*")) + list(tmp_path.glob(".x*")) == []


CODES = ("", "../x", "a/b", ".x", "a b", "=1+1", "a\n", "é", "x" * 65)


def test_codes_that_would_reach_into_files_or_tables_are_refused(store: Store) -> None:
    make(store, 1)
    adds: list[Callable[[str], int]] = [
        lambda code: registry.add_area(store, code, "x", **ME),
        lambda code: registry.add_point(store, code, "north", **ME),
        lambda code: registry.add_meter(store, code, "4b45490000000099", 60, **ME),
        lambda code: parties.add_party(store, code, "x", "retailer", **ME),
    ]
    for add, code in itertools.product(adds, CODES):
        with pytest.raises(HeadendInputError, match="letters, digits"):
            add(code)
