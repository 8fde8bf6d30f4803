"""What the head-end's store bears: sustained ingest, and the page's queries over many values. Only prints.

    python tests/bench_headend.py ingest              pushes/s and CPU of each, from 100 to 10,000 meters
    python tests/bench_headend.py queries [MILLION]   medians and plans over 50 million values, PostgreSQL

PostgreSQL makes every commit durable, as it is shipped. The goals are 5,556 pushes/s (10 million meters, one
value in half an hour each) and 200 ms for a query.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from keiki_host.headend import kpi, migrate, misses, overview, series, validate
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store, make_engine
from keiki_host.headend.ingest import ingest
from keiki_host.headend.partitions import ensure
from keiki_host.headend.values import Path as Way
from keiki_host.headend.values import Reading

from tests.headend.postgresql_server import running

DAY = 1_780_239_600  # 00:00 JST of 2026-06-01
SLOT = 1800
BATCH = 2000  # pushes of one transaction: a third of a second at the goal
SERVER = ("-c shared_buffers=1GB", "-c max_wal_size=4GB", "-c checkpoint_timeout=15min")
GOAL_PER_S = 5556
FEW_S = 10


def make_fleet(store: Store, count: int, areas: int = 10) -> None:
    """Areas, points and meters, by statements that take no minute."""
    with store.write() as connection:
        for statement in (
            "INSERT INTO area SELECT n, 'area' || n, 'Area' FROM series({areas})",
            "INSERT INTO point SELECT n, 'p' || n, n % {areas} + 1 FROM series({count})",
            "INSERT INTO meter SELECT n, 's' || n, 't' || n, 60, NULL, NULL, NULL FROM series({count})",
            "INSERT INTO installation SELECT n, n, n, 0, NULL, 0, 0, NULL, NULL FROM series({count})",
        ):
            connection.execute(text(_series(statement, store).format(areas=areas, count=count)))


def _series(statement: str, store: Store) -> str:
    head, _, call = statement.partition("FROM series(")
    number = call.rstrip(")")
    if store.is_postgresql:
        return f"{head}FROM generate_series(1, {number}) AS n"
    return f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {number}) {head}FROM s"


def cpu_s(server: list[psutil.Process]) -> float:
    """CPU time of this process and of a server's, s."""
    everybody = [psutil.Process(), *server]
    for process in server:
        everybody += process.children(recursive=True)
    times = [process.cpu_times() for process in everybody]
    return sum(each.user + each.system for each in times)


def pushes(meters: int, first_slot: int, rand: random.Random) -> Iterator[list[Reading]]:
    """Batches of a fleet's pushes, slot after slot, the meters of a slot in an order of chance."""
    order = list(range(1, meters + 1))
    batch: list[Reading] = []
    for slot in range(first_slot, first_slot + 10**6):
        slot_s = DAY + slot * SLOT
        rand.shuffle(order)
        for place, meter_id in enumerate(order):
            arrived_s = slot_s + 1 + 300 * place // meters
            batch.append(Reading(meter_id, slot_s, slot * 150 + meter_id, 0, 0, arrived_s, Way.PUSH))
            if len(batch) == BATCH:
                yield batch
                batch = []


def measure_ingest(store: Store, meters: int, server: list[psutil.Process], first_slot: int = 0) -> None:
    """Print how fast pushes are stored, with their counters, for `FEW_S` seconds."""
    source, counter, stored = pushes(meters, first_slot, random.Random(1)), 0, 0
    spent_s, before_s = 0.0, cpu_s(server)
    slowest_s = 0.0
    while spent_s < FEW_S:
        batch = next(source)
        counter += 1
        accepted = {(reading.meter_id, Channel.RECEIVE): counter for reading in batch}
        start_s = time.perf_counter()
        stored += ingest(store, batch, now_s=batch[-1].arrived_s, accepted=accepted).stored
        took_s = time.perf_counter() - start_s
        spent_s += took_s
        slowest_s = max(slowest_s, took_s)
    cpu_us = (cpu_s(server) - before_s) / stored * 1e6
    kind = "PostgreSQL" if store.is_postgresql else "SQLite"
    print(
        f"{kind:11}{meters:>9,} meters {stored / spent_s:>9,.0f} pushes/s {cpu_us:>6.0f} us CPU per push "
        f"(slowest batch of {BATCH}: {slowest_s * 1000:.0f} ms)",
        flush=True,
    )


def fresh(url: str) -> Store:
    """A store of this release."""
    store = Store(make_engine(url))
    migrate.upgrade(store)
    return store


def new_database(url: str, name: str) -> str:
    """Make a database; return its URL."""
    engine = create_engine(
        url.format(database="postgres").replace("postgresql:", "postgresql+psycopg:"),
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.format(database=name)


def postmaster(url: str) -> list[psutil.Process]:
    """The server's first process; the others are its children."""
    folder = Path(url.partition("?host=")[2])
    return [psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))]


def bench_ingest() -> None:
    """Both databases, from 100 to 10,000 meters."""
    for meters in (100, 1000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            store = fresh(f"sqlite:///{folder}/store.db")
            make_fleet(store, meters)
            measure_ingest(store, meters, [])
            store.close()
    with running(f"bench {time.time()}", SERVER) as url:
        for meters in (100, 1000, 10_000):
            store = fresh(new_database(url, f"ingest{meters}"))
            make_fleet(store, meters)
            measure_ingest(store, meters, postmaster(url))
            store.close()
    print(f"goal: {GOAL_PER_S:,} pushes/s into PostgreSQL")


# -- queries ---------------------------------------------------------------------------------------------

FILL = """
INSERT INTO reading (slot_s, import_wh, export_wh, meter_id, delay_s, batch_no, status, path)
SELECT s, (s - :day_s) / 12 + m, 0, m, 60 + m % 240, :batch_no, 0, 1
FROM generate_series(CAST(:from_s AS bigint), CAST(:to_s AS bigint) - 1, 1800) AS s,
  generate_series(1, :meters) AS m
WHERE m % 1000 <> s / 1800 % 1000
ORDER BY s, m * 7919 % 10007
"""
BATCH_ROW = "INSERT INTO batch (stored_s, stored) VALUES (0, 0) RETURNING batch_no"
COUNT = """
INSERT INTO slot_count
SELECT s.slot_s, p.area_id, count(*), 0, count(*), count(*), count(*), count(*), 0, 0
FROM reading s JOIN point p ON p.point_id = s.meter_id
WHERE s.slot_s >= :from_s AND s.slot_s < :to_s GROUP BY 1, 2
"""


def fill(store: Store, meters: int, days: int) -> int:
    """Values of a fleet, a thousandth of them missing; return how many."""
    rows = 0
    for day in range(days):
        times = {"from_s": DAY + day * 86400, "to_s": DAY + (day + 1) * 86400}
        with store.write() as connection:
            store.known_partitions |= ensure(store, connection, [times["from_s"], times["to_s"]])
            number = connection.execute(text(BATCH_ROW)).scalar_one()
            rows += connection.execute(
                text(FILL), {**times, "day_s": DAY, "batch_no": number, "meters": meters}
            ).rowcount
            connection.execute(text(COUNT), times)
            connection.execute(
                text("INSERT INTO contact SELECT :from_s, m FROM generate_series(1, :meters) AS m"),
                {"from_s": times["from_s"], "meters": meters},
            )
        print(f"\r{rows / 1e6:6.1f} million values", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return rows


def median_ms(what: Callable[[int], object], times: int = 21) -> tuple[float, float]:
    """Median and slowest of some runs, ms; each is told its number."""
    spent = []
    for n in range(times):
        start_s = time.perf_counter()
        what(n)
        spent.append((time.perf_counter() - start_s) * 1000)
    return statistics.median(spent), max(spent)


def bench_queries(million: int) -> None:
    """Medians over many values, and the plans of the queries."""
    days = 31
    meters = million * 10**6 // (48 * days)
    with running(f"bench {time.time()}", SERVER) as url:
        store = fresh(new_database(url, "queries"))
        make_fleet(store, meters)
        start_s = time.perf_counter()
        rows = fill(store, meters, days)
        print(
            f"{rows:,} values of {meters:,} meters over {days} days, in {time.perf_counter() - start_s:.0f} s"
        )
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            size = "SELECT pg_total_relation_size(relid) FROM pg_partition_tree('reading')"
            total = sum(row[0] for row in connection.execute(text(size)))
            print(f"{total / rows:.0f} bytes for each value, index and all")
        rand = random.Random(2)
        some = [rand.randint(1, meters) for _ in range(100)]
        now_s, end_s = DAY + days * 86400, DAY + days * 86400 - SLOT
        queries: dict[str, Callable[[int], object]] = {
            "a day of a point": lambda n: series.intervals(
                store, some[n], DAY + n * 86400, DAY + (n + 1) * 86400
            ),
            "a month of a point, by day": lambda n: series.intervals(
                store, some[n], DAY, DAY + 30 * 86400, step_s=86400
            ),
            "a month, by half hour": lambda n: series.intervals(store, some[n], DAY, end_s),
            "KPIs of a day, all areas": lambda n: kpi.area_days(store, DAY + n * 86400, now_s=now_s),
            "100 misses of a day": lambda n: misses.misses(
                store, f"area{n % 10 + 1}", DAY + n * 86400, "within_30", now_s=now_s
            ),
            "overview": lambda n: overview.overview(store, now_s=now_s),
        }
        for name, query in queries.items():
            median, slowest = median_ms(query)
            print(f"{name:26}{median:8.1f} ms median {slowest:8.1f} ms slowest", flush=True)
        print("goal: 200 ms median")
        plans(store, some[0])
        print("and with these values there:")
        measure_ingest(store, meters, postmaster(url), first_slot=days * 48)
        start_s = time.perf_counter()
        judged = validate.judge_day(store, 1, DAY + 10 * 86400, now_s=now_s)
        spent_s = time.perf_counter() - start_s
        print(
            f"judging a day of an area: {judged} meters in {spent_s:.1f} s, {judged / spent_s:.0f} meters/s"
        )
        store.close()


EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF) "


def plans(store: Store, meter_id: int) -> None:
    """Print the plans of what a page asks for."""
    times = {"day_s": DAY, "end_s": DAY + 86400, "meter_id": meter_id}
    asked = {
        "a day of a meter": (
            series._VALUES.format(within="= ANY(CAST(:slots AS bigint[]))"),
            {**times, "slots": list(range(DAY, DAY + 86400, SLOT))},
        ),
        "a month of a meter": (
            series._VALUES.format(within="= ANY(CAST(:slots AS bigint[]))"),
            {**times, "slots": list(range(DAY, DAY + 30 * 86400, SLOT))},
        ),
        "counts of a day": (kpi._COUNTS, times),
        "meters of a day": (kpi._ALL_DAY, times),
        "who sent something of a slot": (
            misses._PRESENT.format(meters="= ANY(CAST(:meters AS bigint[]))"),
            {"slot_s": DAY, "meters": list(range(1, 33_000, 10))},
        ),
        "what was late of a slot": (
            misses._LATE.format(meters="= ANY(CAST(:meters AS bigint[]))"),
            {"slot_s": DAY, "limit_s": 1800, "meters": list(range(1, 33_000, 10))},
        ),
    }  # fmt: skip
    with store.read() as connection:
        for name, (query, arguments) in asked.items():
            print(f"-- {name}")
            for row in connection.execute(
                text(f"EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF) {query}"), arguments
            ):
                print(f"   {row[0][:110]}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ingest"]:
            bench_ingest()
        case ["queries", *rest]:
            bench_queries(int(rest[0]) if rest else 50)
        case _:
            sys.exit(__doc__)
