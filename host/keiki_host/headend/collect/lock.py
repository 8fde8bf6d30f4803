"""One collector for each database: two would hand out the same counters.

SQLite: a lock on a file beside the database. PostgreSQL: an advisory lock, held by a session of its own. Both
are gone when the process is, however it ends.
"""

import fcntl
import os
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError, StoreUnavailableError

_NUMBER = 0x6B65696B69  # "keiki": others that use this database for something else take other numbers


class TakenError(HeadendError):
    """Another collector works on this database."""


class CollectorLock:
    """Held from `take` to `release`; `held` asks whether it still is: a database that restarts forgets it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file: int | None = None
        self._connection: Any = None

    def take(self) -> None:
        """TakenError: somebody else has it. StoreUnavailableError: the database does not answer."""
        if self._store.is_postgresql:
            self._take_session()
        else:
            self._take_file()

    def held(self) -> bool:
        """Whether it is still ours."""
        if self._connection is None:
            return self._file is not None
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Let others have it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _take_file(self) -> None:
        path = Path(str(self._store.engine.url.database))
        path = path.with_name(f"{path.name}.collector")
        try:
            number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise HeadendError(f"{path}: {error.strerror}") from None
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(number)
            raise TakenError(f"database {path.stem}: another `keiki headend serve` works on it") from None
        self._file = number

    def _take_session(self) -> None:
        engine = create_engine(self._store.engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        where = self._store.engine.url.render_as_string(hide_password=True)
        connection = None
        try:
            connection = engine.connect()
            got = connection.execute(text("SELECT pg_try_advisory_lock(:n)"), {"n": _NUMBER}).scalar_one()
        except DBAPIError as error:
            if connection is not None:
                connection.close()
            line = str(error.orig).strip().splitlines()[0]
            raise StoreUnavailableError(f"database {where}: {line}") from None
        if not got:
            connection.close()
            raise TakenError(f"database {where}: another `keiki headend serve` works on it")
        self._connection = connection
