"""Twenty meters over a day: the head-end is killed, a meter is cut off, and everything comes in the end."""

from pathlib import Path

from keiki_host.headend.database import open_store

from tests.fleet.ledger import Ledger
from tests.fleet.stage import Stage
from tests.fleet.verdict import check_files, check_kpis, check_values

DAY = 1_780_239_600  # 00:00 JST of 2026-06-01
OUTAGES = "[[outage]]\nshare = 0.05\nat_h = 3.0\nfor_h = 12.0\n"


def test_after_a_kill_and_an_outage_every_value_is_there_once_and_kpis_are_true(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/headend.db"
    (tmp_path / "outages.toml").write_text(OUTAGES)
    stage = Stage(tmp_path, database, speed=7200.0, start_s=DAY)
    with stage.playing("--meters", "20", "--days", "1", "--outages", "outages.toml"):
        counted = stage.play([(7.0, stage.restart_headend)])
    assert counted["delivered"] >= 20 * 49 and counted["failed"] > 0
    ledger = Ledger(tmp_path / stage.ready["registration"], [tmp_path / log for log in stage.ready["logs"]])
    assert len(ledger.cut) == 1
    store = open_store(database)
    try:
        arrived = check_values(store, ledger, DAY + 48 * 1800)
        assert len(arrived) == 20 * 49
        check_kpis(store, ledger, arrived, DAY, 1)
        handed, _, _ = check_files(store, ledger, stage.files)
        assert handed > 0
    finally:
        store.close()
