"""An empty store of this release for each test, on SQLite and on PostgreSQL; one server for the whole run."""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from keiki_host.headend import migrate
from keiki_host.headend.database import Store, make_engine
from keiki_host.headend.schema_registry import metadata
from sqlalchemy import NullPool, create_engine, text

from tests.headend.postgresql_server import running

KINDS = ("sqlite", "postgresql")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL server with {database} in it; all workers of one run share the server."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    with running(str(base)) as url:
        yield url


def _admin(url: str) -> Any:
    engine = create_engine(
        url.format(database="postgres").replace("postgresql:", "postgresql+psycopg:"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
    )
    return engine.connect()


@pytest.fixture(scope="session")
def postgresql_url(postgresql: str) -> str:
    """URL of this worker's database. It is emptied for each test: a new one each time would be gigabytes."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with _admin(postgresql) as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = postgresql.format(database=name)
    _migrate(url)
    return url


def _empty(url: str) -> None:
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    store = Store(make_engine(url))
    with store.write() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    store.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file of this release, to be copied."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    store = Store(make_engine(url))
    migrate.upgrade(store)
    store.close()


@pytest.fixture
def make_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Makes a store of a kind that is empty, and returns its URL."""

    def made(kind: str) -> str:
        if kind == "sqlite":
            path = tmp_path / f"store{next(_numbers)}.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            return f"sqlite:///{path}"
        url = str(request.getfixturevalue("postgresql_url"))
        _empty(url)
        return url

    return made


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, make_url: Callable[[str], str]) -> Iterator[Store]:
    """An empty store: the test runs on SQLite and on PostgreSQL."""
    opened = Store(make_engine(make_url(request.param)))
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(make_url: Callable[[str], str]) -> Iterator[Store]:
    """An empty store, for what is the same whatever the database."""
    opened = Store(make_engine(make_url("sqlite")))
    yield opened
    opened.close()
