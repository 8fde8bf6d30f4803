"""The head-end and a fleet of 1,000 meters over three days, on two clocks that are one. Prints what it finds.

    python tests/fleet/prove.py outages [METERS] [DAYS] [SPEED]   cut off, killed, without its database
    python tests/fleet/prove.py delivery [METERS] [DAYS] [SPEED]  nothing goes wrong: the C-route's lateness

`outages`: 5 % of the meters are cut off for 20 hours, the head-end is killed twice (SIGKILL), and PostgreSQL
cannot be reached for an hour. In the end every value is there, once, and the KPIs are those of a count from
the fleet's own log. Exit code 1 if not.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from keiki_host.headend.database import Store, open_store
from sqlalchemy import NullPool, create_engine, text

from tests.fleet.ledger import DAY_S, Ledger
from tests.fleet.stage import AwayPostgresql, Stage
from tests.fleet.verdict import check_files, check_kpis, check_values
from tests.headend.postgresql_server import running

DAY = 1_780_239_600  # 00:00 JST of 2026-06-01
SERVER = ("-c shared_buffers=256MB", "-c max_connections=60")
CUT = "[[outage]]\nshare = 0.05\nat_h = 10.0\nfor_h = 20.0\n"
NAME = "fleet"
LEAD_S = 30.0


def tell(line: str) -> None:
    """Print it at once."""
    print(line, flush=True)


def prove(folder: Path, url: str, kind: str, meters: int, days: int, speed: float) -> None:
    """Play it and judge it. AssertionError: something is not as it must be."""
    database = url.format(database=NAME)
    (folder / "outages.toml").write_text(CUT if kind == "outages" else "")
    stage = Stage(folder, database, speed=speed, start_s=DAY, lead_s=LEAD_S)
    away = AwayPostgresql(url.format(database="postgres"))
    script: list[tuple[float, Callable[[], None]]] = []
    if kind == "outages":
        hours = 24 * days
        script = [
            (hours * 0.25, stage.restart_headend),
            (hours * 0.5, away.go),
            (hours * 0.5 + 1, away.come),
            (hours * 0.75, stage.restart_headend),
        ]
    began_s = time.monotonic()
    try:
        with stage.playing("--meters", str(meters), "--days", str(days), "--outages", "outages.toml"):
            counted = stage.play(script)
            stage.until(24 * days + 1.5)  # the last values are handed on too
    finally:
        away.close()
    tell(
        f"{meters:,} meters, {days} days in {time.monotonic() - began_s:.0f} s; "
        f"{counted['delivered']:,} delivered, {counted['failed']:,} attempts failed"
    )
    tell(f"CPU of the head-end: {stage.headend_cpu_s:.0f} s")
    if kind == "outages":
        told = "".join(path.read_text() for path in sorted(folder.glob("headend-*.err")))
        assert "nothing is confirmed until" in told and " again\n" in told, "the database was never away"
    ledger = Ledger(folder / stage.ready["registration"], [folder / log for log in stage.ready["logs"]])
    store = open_store(database)
    try:
        judge(store, ledger, stage, kind, days)
    finally:
        store.close()


def judge(store: Store, ledger: Ledger, stage: Stage, kind: str, days: int) -> None:
    """Hold the store against the ledger."""
    last_s = DAY + days * DAY_S
    arrived = check_values(store, ledger, last_s)
    expected = len(ledger.meters) * (48 * days + 1)
    assert len(arrived) == expected
    tell(f"{len(arrived):,} of {expected:,} values are there, each once, each as it was")
    tell(f"{len(ledger.cut)} meters were cut off; {ledger.repeated} values were sent more than once")
    for line in check_kpis(store, ledger, arrived, DAY, days):
        tell(line)
    tell("these KPIs are those of a count from the fleet's own log")
    handed, within, latest_s = check_files(store, ledger, stage.files)
    tell(
        f"C-route: {handed:,} handed on, {100 * within / handed:.2f} % within 60 minutes, latest {latest_s} s"
    )
    if kind == "delivery":
        assert handed >= len(arrived) and within == handed, "not all were handed on within 60 minutes"


def main(kind: str, meters: int = 1000, days: int = 3, speed: float = 288.0) -> None:
    """With a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as folder, running(f"{NAME} {time.time()}", SERVER) as url:
        admin = url.format(database="postgres").replace("postgresql:", "postgresql+psycopg:")
        engine = create_engine(admin, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {NAME}"))
        prove(Path(folder), url, kind, meters, days, speed)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    tell(f"all processes: {used.ru_utime + used.ru_stime:.0f} s of CPU")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["outages" | "delivery" as kind, *numbers]:
            main(kind, *(int(number) for number in numbers))
        case _:
            sys.exit(__doc__)
