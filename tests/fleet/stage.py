"""A fleet and a head-end as programs side by side on one clock; what goes wrong is scripted in its hours."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text

KEIKI = str(Path(sys.executable).with_name("keiki"))
HOUR_S = 3600


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Program:
    """A `keiki` command that runs, and its JSON lines."""

    def __init__(self, folder: Path, environment: dict[str, str], *words: str) -> None:
        self.errors = folder / f"{words[0]}-{time.monotonic_ns()}.err"
        with self.errors.open("w") as errors:
            self._process = subprocess.Popen(
                [KEIKI, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                cwd=folder, env=environment,
            )  # fmt: skip

    def line(self) -> dict[str, Any]:
        """The next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it has ended: {self.errors.read_text()}"
        found: dict[str, Any] = json.loads(line)
        return found

    def tell(self, line: str) -> None:
        """Write a line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send a signal and wait."""
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    @property
    def cpu_s(self) -> float:
        """What it has used so far, its children not."""
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0


class Stage:
    """`folder` has everything; `database` is a URL. `playing` starts both, `play` waits for the end.

    `lead_s`: how long the head-end has to start before time begins to go.
    """

    def __init__(
        self, folder: Path, database: str, *, speed: float, start_s: int, lead_s: float = 3.0
    ) -> None:
        self.folder = folder
        self.speed = speed
        self.lead_s = lead_s
        self.start_s = start_s
        self.database = database
        self.files = folder / "files"
        self.files.mkdir()
        (folder / "fleet").mkdir()
        key = {"KEIKI_DATABASE": database, "KEIKI_KEY_FILE": str(folder / "key")}
        self._environment = {**os.environ, **key}
        self.push = f"127.0.0.1:{free_port()}"
        self._wall_s = 0.0
        self.clock = ""
        self.headend_cpu_s = 0.0
        self.fleet: Program
        self.headend: Program
        self.ready: dict[str, Any] = {}

    def run(self, *words: str) -> str:
        """Run a command to its end; return what it printed."""
        done = subprocess.run(
            [KEIKI, *words],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def playing(self, *fleet: str) -> Iterator[None]:
        """Both programs; `fleet` are more options of the fleet."""
        at = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(self.start_s)) + "+00:00"
        words = ("--push-to", self.push, "--ports", "127.0.0.1:0", "--start", at, "--speed", str(self.speed))
        self.fleet = Program(self.folder, self._environment, "fleet", "--hold", *words, *fleet)
        try:
            self.ready = self.fleet.line()
            self.run("headend", "upgrade")
            self.run("headend", "meter", "import", self.ready["registration"])
            self._wall_s = time.time() + self.lead_s
            self.clock = f"{self.start_s},{self._wall_s!r},{self.speed!r}"
            self.start_headend()
            try:
                self.fleet.tell(repr(self._wall_s))
                assert self.fleet.line()["clock"].startswith(f"{self.start_s}")
                yield
            finally:
                self.end_headend(signal.SIGTERM)
        finally:
            self.fleet.end()

    def start_headend(self) -> None:
        """Start it, and wait until it is ready."""
        words = (
            "--push",
            self.push,
            "--http",
            "127.0.0.1:0",
            "--files",
            str(self.files),
            "--clock",
            self.clock,
        )
        self.headend = Program(self.folder, self._environment, "headend", "serve", *words)
        self.headend.line()

    def end_headend(self, number: int) -> None:
        """End it; SIGKILL: as a power cut does."""
        self.headend_cpu_s += self.headend.cpu_s
        self.headend.end(number)

    def restart_headend(self) -> None:
        """Kill it, and start it again."""
        self.end_headend(signal.SIGKILL)
        self.start_headend()

    def until(self, hour: float) -> None:
        """Wait until so many hours after the start."""
        time.sleep(max(0.0, self._wall_s + hour * HOUR_S / self.speed - time.time()))

    def play(self, script: list[tuple[float, Callable[[], None]]]) -> dict[str, int]:
        """Do each of the script at its hour; return what the fleet has counted when all is delivered."""
        for hour, action in sorted(script, key=lambda item: item[0]):
            self.until(hour)
            action()
        done: dict[str, int] = self.fleet.line()["done"]
        return done


class AwayPostgresql:
    """Takes a PostgreSQL server's socket away from everybody, and gives it back."""

    def __init__(self, url: str) -> None:
        engine = create_engine(
            url.replace("postgresql:", "postgresql+psycopg:"),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        )
        self._connection = engine.connect()
        self._socket = Path(url.partition("?host=")[2]) / ".s.PGSQL.5432"
        self._hidden = self._socket.with_suffix(".away")

    def go(self) -> None:
        """Nobody reaches it, and who did is thrown out."""
        self._socket.rename(self._hidden)
        self._connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                 " AND backend_type = 'client backend'")
        )  # fmt: skip

    def come(self) -> None:
        """It is there again."""
        self._hidden.rename(self._socket)

    def close(self) -> None:
        """Leave it as it was."""
        if self._hidden.exists():
            self.come()
        self._connection.close()


class AwaySqlite:
    """Locks an SQLite file against every writer."""

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=60)

    def go(self) -> None:
        """Nobody can write."""
        self._connection.execute("BEGIN IMMEDIATE")

    def come(self) -> None:
        """Everybody can again."""
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Leave it as it was."""
        self._connection.close()


def empty(folder: Path) -> Path:
    """A folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
