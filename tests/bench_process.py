"""The real `keiki bench` in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

KEIKI = str(Path(sys.executable).parent / "keiki")
LIMIT_S = 120.0


class BenchProcess:
    """`with BenchProcess("--seed", "1") as bench: bench.ready["meters"]`; ends by SIGINT, with status 0.

    `prefix` is a command that runs it. stderr is kept; `limit_s` bounds every wait. No firmware may be
    started again but where `restarts` says so.
    """

    def __init__(
        self,
        *options: str,
        prefix: Sequence[str] = (),
        env: dict[str, str] | None = None,
        restarts: bool = False,
    ) -> None:
        headend = () if "--headend" in options else ("--no-headend",)
        self._command = [*prefix, KEIKI, "bench", *options, *headend]
        self._env = {**os.environ, **(env or {})}
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed at the end
        self.process: subprocess.Popen[str] | None = None
        self.ready: dict[str, Any] = {}
        self.output: list[str] = []
        self._restarts = restarts

    def __enter__(self) -> Self:
        self.start()
        line = self.stdout.readline()
        assert line, f"no ready line\n{self.log()}"
        self.output.append(line)
        self.ready = json.loads(line)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if self.process is not None and self.process.poll() is None:
                code = self.stop()
                assert kind is not None or code == 0, f"status {code}\n{self.log()}"
                assert kind is not None or self._restarts or "started again" not in self.log(), self.log()
        finally:
            self._end()

    def _end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self._log.close()

    @contextmanager
    def unready(self) -> Iterator[None]:
        """Start it and do not wait for its ready line; it must have ended when the block does."""
        self.start()
        try:
            yield
            assert self.process is not None and self.process.poll() is not None, "still running"
        finally:
            self._end()

    def start(self) -> None:
        """Start it and do not wait."""
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=self._log, text=True, env=self._env
        )

    @property
    def stdout(self) -> Any:
        """Its standard output."""
        assert self.process is not None and self.process.stdout is not None
        return self.process.stdout

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal, wait, keep what it still printed; returns the status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; returns the status."""
        assert self.process is not None
        rest, _ = self.process.communicate(timeout=LIMIT_S)
        self.output += rest.splitlines(keepends=True)
        return self.process.returncode

    def log(self) -> str:
        """What it wrote to standard error."""
        number = self._log.fileno()
        return os.pread(number, os.fstat(number).st_size, 0).decode(errors="replace")


def until(true: Any, what: str, limit_s: float = 30.0) -> None:
    """Wait for something outside this process."""
    end_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end_s, f"never came true: {what}"
        time.sleep(0.02)
