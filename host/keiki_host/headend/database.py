"""Opens the store: SQLite by default, PostgreSQL by URL; says in one line what is wrong with either.

Writes run in `Store.write()`, one transaction each: done whole or not at all. On SQLite a write takes its
lock at the start, so that it fails before it has done anything, and a commit is on disk before it returns
(synchronous=FULL): a meter is told that its value is kept only after that.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from keiki_host.headend.errors import HeadendInputError, StoreFullError, StoreUnavailableError

DEFAULT_URL = "sqlite:///keiki-headend.db"
_BUSY_MS = 5000
_CONNECT_S = 10
_DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_REFUSED = re.compile(
    "FATAL: .*(does not exist|authentication failed|no pg_hba.conf entry)|no password supplied"
)
_FULL_STATE = "53100"  # PostgreSQL: disk_full


class Store:
    """An open database. Threads may share it; each call works in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_postgresql = engine.dialect.name == "postgresql"
        self.known_partitions: set[int] = set()
        """First seconds of the months that have a partition."""
        self.heard: set[tuple[int, int]] = set()
        """(day, meter) that `contact` is known to have; only to save writing them again."""
        self._open: ContextVar[Connection | None] = ContextVar("open", default=None)
        # SQLite has one writer at a time: threads of this process wait for each other, not for its time-out
        self._turn = contextlib.nullcontext() if self.is_postgresql else Lock()

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; committed at the end, rolled back on any exception.

        Within one, another is the same: several calls become one that is done whole or not at all.
        """
        outer = self._open.get()
        if outer is not None:
            yield outer
            return
        with self._turn, self._clear_errors(), self.engine.connect() as opened:
            connection = opened.execution_options(keiki_write=True)
            with connection.begin():
                mark = self._open.set(connection)
                try:
                    yield connection
                except BaseException:
                    self.known_partitions, self.heard = (
                        set(),
                        set(),
                    )  # what this transaction made is not there
                    raise
                finally:
                    self._open.reset(mark)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, from one moment on SQLite; within a write, a part of that."""
        outer = self._open.get()
        if outer is not None:
            yield outer
            return
        with self._clear_errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise _clear(error, self.engine.url) from error


def open_store(url: str) -> Store:
    """Open a database that is there and of this release (`migrate.upgrade` makes it so).

    HeadendInputError: the URL is bad, or there is no such database. StoreUnavailableError: nobody answers, or
    somebody has it locked.
    """
    store = Store(make_engine(url))
    path = store.engine.url.database
    if not store.is_postgresql and not Path(str(path)).exists():
        raise HeadendInputError(f"database {path}: is not there; `keiki headend upgrade` makes it")
    from keiki_host.headend import migrate  # noqa: PLC0415 - needs this module

    migrate.check(store)
    return store


def make_engine(url: str) -> Engine:
    """An engine for sqlite:///FILE or postgresql://USER@HOST/NAME; HeadendInputError for other URLs."""
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.drivername]
    except (ArgumentError, ValueError, KeyError):
        raise HeadendInputError(
            "database: not a URL like sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from None
    parsed = parsed.set(drivername=driver)
    arguments: dict[str, Any] = {"timeout": _BUSY_MS / 1000}
    if driver != "sqlite":
        arguments = {"connect_timeout": _CONNECT_S}
    elif parsed.database in (None, "", ":memory:"):
        raise HeadendInputError("database: sqlite:/// needs a file name")
    elif not Path(str(parsed.database)).absolute().parent.is_dir():
        raise HeadendInputError(f"database: {Path(str(parsed.database)).parent} is not a folder")
    try:
        engine = sqlalchemy.create_engine(parsed, connect_args=arguments, pool_pre_ping=driver != "sqlite")
    except (ArgumentError, NoSuchModuleError, TypeError) as error:
        raise HeadendInputError(f"database: {str(error).splitlines()[0]}") from None
    if driver == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("keiki_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _clear(error: DBAPIError, url: URL) -> Exception:
    """The error to raise instead: one line, no SQL, no password."""
    cause = error.orig
    where = url.database if url.drivername == "sqlite" else url.render_as_string(hide_password=True)
    text = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return StoreFullError(f"database {where}: no room left")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreUnavailableError(f"database {where}: locked by another program")
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY):
            return HeadendInputError(f"database {where}: {text}")
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT):
            return StoreUnavailableError(f"database {where}: {text}")
    if isinstance(cause, psycopg.Error):
        if cause.sqlstate == _FULL_STATE:
            return StoreFullError(f"database {where}: no room left")
        state = cause.sqlstate or ""
        refused = _REFUSED.search(text)  # the driver has no state for what is told before a session begins
        if refused or state.startswith(("28", "3D")):  # wrong user or password; no such database
            text = text.rpartition("FATAL:")[2].strip()
            return HeadendInputError(f"database {where}: {text}")
        if isinstance(cause, psycopg.OperationalError) or state.startswith(("08", "40", "53", "55", "57")):
            return StoreUnavailableError(f"database {where}: {text}")
    return error
