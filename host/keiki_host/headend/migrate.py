"""Makes a database, or brings it to this release: Alembic migrations, shipped beside this module."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(store: Store) -> None:
    """Bring the database to this release, in one transaction: all of it or nothing."""
    config = _config()
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revision(store: Store) -> str | None:
    """The release that the database is of; None: there are no tables yet."""
    with store.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The release that this program needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def check(store: Store) -> None:
    """HeadendInputError unless the database is of this release."""
    found = revision(store)
    if found == head():
        return
    what = "is empty" if found is None else f"is of release {found}, this program needs {head()}"
    raise HeadendInputError(f"database: it {what}; `keiki headend upgrade` makes it fit")
