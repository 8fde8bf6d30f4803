"""What is wrong with a database is one clear line, and nothing is half done."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from keiki_host.headend import counters, migrate
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store, make_engine, open_store
from keiki_host.headend.errors import (
    HeadendError,
    HeadendInputError,
    StoreFullError,
    StoreUnavailableError,
)
from keiki_host.headend.ingest import ingest
from keiki_host.headend.schema import metadata
from sqlalchemy import text

from tests.headend.fleet_of_few import DAY, make, value

BAD_URLS = [
    ("", "not a URL like"),
    ("nonsense", "not a URL like"),
    ("mysql://x/y", "not a URL like"),
    ("sqlite://", "needs a file name"),
    ("sqlite:///:memory:", "needs a file name"),
    ("sqlite:////no/such/folder/x.db", "/no/such/folder is not a folder"),
    ("sqlite:///{here}/absent.db", "is not there; `keiki headend upgrade` makes it"),
    ("postgresql://u:secret@127.0.0.1:1/x", "refused"),
    ("postgresql://u:secret@127.0.0.1:port/x", "not a URL like"),
    ("postgresql:///x?host=/no/such/folder", "No such file"),
]


@pytest.mark.parametrize(("url", "fault"), BAD_URLS)
def test_a_bad_url_is_one_clear_line(tmp_path: Path, url: str, fault: str) -> None:
    with pytest.raises(HeadendError, match=fault) as caught:
        open_store(url.format(here=tmp_path))
    line = str(caught.value)
    assert line.startswith("database") and "\n" not in line and "secret" not in line
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_name_or_user_is_wrong_input(make_url: Callable[[str], str]) -> None:
    url = make_url("postgresql")
    with pytest.raises(HeadendInputError, match="does not exist"):
        open_store(url.replace("/test_", "/no_"))
    with pytest.raises(HeadendInputError, match="does not exist"):
        open_store(url.replace("postgres@", "nobody:secret@"))


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("this is a letter to a friend, and not a database at all" * 40)
    with pytest.raises(HeadendInputError, match=r"x\.db: file is not a database$"):
        open_store(f"sqlite:///{path}")


def test_an_empty_database_and_one_of_another_release_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    sqlite3.connect(path).close()
    store = Store(make_engine(f"sqlite:///{path}"))
    path.touch()
    with pytest.raises(HeadendInputError, match="it is empty; `keiki headend upgrade`"):
        migrate.check(store)
    migrate.upgrade(store)
    migrate.check(store)
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(HeadendInputError, match="is of release 9999"):
        migrate.check(store)
    store.close()


def test_a_locked_file_is_told_and_the_batch_can_be_given_again(
    make_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keiki_host.headend.database._BUSY_MS", 20)
    store = open_store(make_url("sqlite"))
    meter_id, *_ = make(store, 1)
    other = sqlite3.connect(str(store.engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="locked by another program"):
        ingest(store, [value(meter_id, 1, 1)], now_s=DAY)
    other.execute("ROLLBACK")
    other.close()
    assert ingest(store, [value(meter_id, 1, 1)], now_s=DAY).stored == 1
    store.close()


def test_a_full_disk_is_told_and_nothing_is_half_stored(make_url: Callable[[str], str]) -> None:
    store = open_store(make_url("sqlite"))
    meter_id, *_ = make(store, 1)
    ingest(store, [value(meter_id, 0, 0)], now_s=DAY)
    with store.engine.connect() as connection:  # a limit of pages is how SQLite plays a full disk
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    many = [value(meter_id, n, n, delay_s=60) for n in range(1, 5000)]
    with pytest.raises(StoreFullError, match="no room left"):
        ingest(store, many, now_s=DAY)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        counts = [
            connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("reading", "slot_count", "batch")
        ]
    assert counts == [1, 1, 1]
    assert ingest(store, many, now_s=DAY).stored == 4999
    store.close()


def test_a_connection_that_is_cut_is_told_and_the_next_one_works(make_url: Callable[[str], str]) -> None:
    store = open_store(make_url("postgresql"))
    meter_id, *_ = make(store, 1)
    with pytest.raises(StoreUnavailableError), store.write() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert ingest(store, [value(meter_id, 1, 1)], now_s=DAY).stored == 1
    store.close()


def test_two_writers_of_the_same_values_store_them_once(make_url: Callable[[str], str]) -> None:
    """Both stage the same values before either commits."""
    url = make_url("postgresql")
    store = open_store(url)
    meters = make(store, 3)
    batches = [[value(m, n, n) for m in order for n in range(200)] for order in (meters, meters[::-1])]
    stored: list[int] = []
    threads = [
        threading.Thread(target=lambda b=batch: stored.append(ingest(store, b, now_s=DAY).stored))
        for batch in batches
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(stored) == 600
    with store.read() as connection:
        assert connection.execute(
            text("SELECT count(*), count(DISTINCT (slot_s, meter_id)) FROM reading")
        ).one() == (600, 600)
        assert connection.execute(text("SELECT sum(received) FROM slot_count")).scalar_one() == 600
    store.close()


def test_two_senders_never_get_the_same_number(make_url: Callable[[str], str]) -> None:
    store = open_store(make_url("postgresql"))
    meter_id, *_ = make(store, 1)
    got: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: got.extend(counters.reserve(store, meter_id, Channel.SEND) for _ in range(30))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(1, 91))
    store.close()


def test_several_writes_in_one_are_done_whole_or_not_at_all(store: Store) -> None:
    meter_id, *_ = make(store, 1)
    values = [value(meter_id, n, n) for n in range(4)]
    with pytest.raises(ZeroDivisionError), store.write():
        ingest(store, values, now_s=DAY)
        counters.reserve(store, meter_id, Channel.SEND)
        raise ZeroDivisionError
    assert counters.last(store, Channel.SEND) == {}
    assert ingest(store, values, now_s=DAY).stored == 4


KILLED = """
import sys
from keiki_host.headend.database import open_store
from keiki_host.headend.ingest import ingest
from tests.headend.fleet_of_few import DAY, value
store = open_store(sys.argv[1])
for slot in range(10**6):
    ingest(store, [value(1, slot, slot), value(2, slot, slot)], now_s=DAY)
    print(slot, flush=True)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_acknowledged_is_there_after_a_kill(make_url: Callable[[str], str], kind: str) -> None:
    url = make_url(kind)
    store = open_store(url)
    make(store, 2)
    root = Path(__file__).resolve().parents[2]
    for after in (1, 7):
        words = [sys.executable, "-c", KILLED, url]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root) as child:
            assert child.stdout is not None
            told = [int(child.stdout.readline()) for _ in range(after)]
            child.kill()
            told += [int(line) for line in child.stdout.read().split()]
        with store.read() as connection:
            query = text("SELECT (slot_s - :day) / 1800 FROM reading")
            slots = set(connection.execute(query, {"day": DAY}).scalars())
            pairs = connection.execute(text("SELECT count(*) FROM reading")).scalar_one()
            counted = connection.execute(text("SELECT sum(received) FROM slot_count")).scalar_one()
        assert set(told) <= slots
        assert pairs == counted == 2 * len(slots)
    store.close()


def test_values_of_each_month_are_in_a_partition_of_their_own(make_url: Callable[[str], str]) -> None:
    store = open_store(make_url("postgresql"))
    meter_id, *_ = make(store, 1)
    ingest(store, [value(meter_id, n, 10_000 + n) for n in (-1, 0, 30 * 48 - 1, 30 * 48)], now_s=DAY)
    with store.read() as connection:
        rows = connection.execute(
            text("SELECT tableoid::regclass::text, slot_s FROM reading ORDER BY slot_s")
        )
        assert [row[0] for row in rows] == ["reading_y2026m05"] + ["reading_y2026m06"] * 2 + [
            "reading_y2026m07"
        ]
    store.close()


def test_the_migrations_make_the_tables_of_the_schema(store: Store) -> None:
    def counts(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or not str(name).startswith("reading_y")  # partitions come as values come

    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": counts})
        assert compare_metadata(context, metadata) == []
