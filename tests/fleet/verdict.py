"""What the head-end has, held against the ledger: every value, none twice, KPIs, the C-route's files."""

import csv
from collections import Counter
from pathlib import Path

from keiki_host.headend import croute, kpi
from keiki_host.headend.database import Store
from keiki_host.headend.jst import parse
from sqlalchemy import text

from tests.fleet.ledger import DAY_S, Between, Key, Ledger

HOUR_S = 3600
_VALUES = """
SELECT m.serial, r.slot_s, r.import_wh, r.export_wh, r.status, r.slot_s + r.delay_s FROM reading r
JOIN meter m ON m.meter_id = r.meter_id WHERE r.slot_s <= :last_s
"""


def check_values(store: Store, ledger: Ledger, last_s: int) -> dict[Key, int]:
    """Up to a slot every value is in the store, as it was, once, and nothing else.

    Returns when each arrived; that is never before it was sent, nor after it was confirmed.
    """
    with store.read() as connection:
        rows = [tuple(row) for row in connection.execute(text(_VALUES), {"last_s": last_s})]
        conflicts = connection.execute(text("SELECT count(*) FROM conflict")).scalar_one()
    found = {(row[0], row[1]): row[2:5] for row in rows}
    assert len(found) == len(rows), "a value is there twice"
    truth = {key: value for key, value in ledger.truth.items() if key[1] <= last_s}
    missing, strange = truth.keys() - found.keys(), found.keys() - truth.keys()
    assert not missing, f"{len(missing)} values are missing, {sorted(missing)[:3]}"
    assert not strange, f"{len(strange)} values were never measured, {sorted(strange)[:3]}"
    wrong = [key for key, value in truth.items() if found[key] != value]
    assert not wrong, f"{len(wrong)} values are not as they were, {wrong[:3]}"
    assert conflicts == 0
    arrived = {(row[0], row[1]): int(row[5]) for row in rows}
    for key, at_s in arrived.items():
        assert ledger.earliest[key] <= at_s <= ledger.latest.get(key, at_s), f"{key} did not arrive at {at_s}"
    return arrived


def check_kpis(
    store: Store, ledger: Ledger, arrived: dict[Key, int], first_day_s: int, days: int
) -> list[str]:
    """The KPIs of each area and day are those of a count of our own; returns lines that say so."""
    now_s = first_day_s + days * DAY_S + 49 * HOUR_S
    lines = []
    for day_s in range(first_day_s, first_day_s + days * DAY_S, DAY_S):
        areas = kpi.area_days(store, day_s, now_s=now_s)
        assert [area.area for area in areas] == ledger.areas()
        total: Counter[str] = Counter()
        for area in areas:
            counted: dict[str, Between] = {
                name: ledger.within(area.area, day_s, arrived, limit_s)
                for name, limit_s in kpi.LIMITS_S.items()
            }
            counted["connection"] = ledger.connection(area.area, day_s)
            counted["reading"] = ledger.reading(area.area, day_s, arrived)
            for name, between in counted.items():
                share = getattr(area, name)
                assert between.holds(*share), f"{name} of {area.area}: {share}, not {between}"
                total[name] += share.part
                total[f"{name} of"] += share.of
            assert area.settings == (0, 0) and area.no_value == 0
            assert area.pushed + area.pulled + area.late == counted["within_48h"].of
            for name in ("pushed", "pulled", "late"):
                total[name] += getattr(area, name)
        shares = [f"{name} {total[name]:,}/{total[f'{name} of']:,}" for name in counted]
        paths = ", ".join(f"{name} {total[name]:,}" for name in ("pushed", "pulled", "late"))
        lines.append(f"day {(day_s - first_day_s) // DAY_S + 1}: {', '.join(shares)}; {paths}")
    return lines


def check_files(store: Store, ledger: Ledger, folder: Path) -> tuple[int, int, int]:
    """Each value was handed on once, to its retailer; returns (values, within 60 minutes, latest s)."""
    handed: Counter[tuple[str, int]] = Counter()
    for path in sorted(folder.glob("croute_*.csv")):
        retailer = path.name.split("_")[1]
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                key = (row["meter"], parse(row["slot"]))
                assert ledger.meters[key[0]]["retailer"] == retailer
                assert (
                    tuple(int(row[name]) for name in ("import_wh", "export_wh", "status"))
                    == ledger.truth[key]
                )
                handed[key] += 1
    assert max(handed.values(), default=0) <= 1, "a value was handed on twice"
    counted = croute.lateness(store, 0, 2**40)
    assert counted[0] == len(handed)
    return counted
