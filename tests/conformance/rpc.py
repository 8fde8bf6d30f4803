"""Runs a client program of clients/ in a process of its own and calls its operations."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CLIENTS = Path(__file__).parent / "clients"
A_ROUTE = Path(sys.prefix) / "clients" / "bin" / "python"
"""The Python of the A-route's clients, which have an environment of their own (see the Makefile)."""
GRACE_S = 5.0


class ClientError(Exception):
    """An operation failed in the client: `name` of the package's exception, and its `text`."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


class Client:
    """A client program; `async with Client("momonga") as client: await client.call("open", ...)`.

    It runs with this Python, in Japan's time zone, and is ended by its process id, at the latest at the end
    of the `async with`. Operations one at a time. `prefix` is a command that runs it, as that of a Namespace;
    `python` another Python to run it with.
    """

    def __init__(
        self,
        name: str,
        env: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
        python: Path | str = sys.executable,
    ) -> None:
        assert Path(python).exists(), f"no {python}: run `make test`"
        self.name = name
        self._python = str(python)
        self._prefix = prefix
        self._env = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONUNBUFFERED": "1", **(env or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._log = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - closed in stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        """Process id of the running program."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the program."""
        self._process = await asyncio.create_subprocess_exec(
            *self._prefix,
            self._python,
            str(CLIENTS / f"{self.name}_client.py"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            env=self._env,
            limit=1 << 22,
        )

    async def call(self, op: str, *, timeout: float = 60.0, **args: Any) -> Any:
        """Return the operation's result. ClientError: what the package raised, ClientTimeout, ClientGone."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps({"op": op, "limit_s": timeout, **args}).encode() + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), timeout + GRACE_S)
        except TimeoutError:
            raise ClientError("ClientTimeout", f"{op}: no answer\n{self.log()}") from None
        except ConnectionError:
            line = b""
        if not line:
            raise ClientError("ClientGone", f"{op}: the program has ended\n{self.log()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ClientError(answer["error"], answer["text"])
        return answer["result"]

    def log(self, size: int = 4000) -> str:
        """The end of what the program wrote to stderr."""
        number = self._log.fileno()
        end = os.fstat(number).st_size
        return os.pread(number, size, max(0, end - size)).decode(errors="replace")

    async def stop(self) -> None:
        """End the program: close its input, wait, and if that does not help, terminate it, then kill it."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            for end in (None, process.terminate, process.kill):
                if end is not None and process.returncode is None:
                    end()
                try:
                    await asyncio.wait_for(process.wait(), GRACE_S)
                    break
                except TimeoutError:
                    continue
        self._log.close()


class BlockingClient:
    """The same for tests without an event loop: `with BlockingClient("j11") as client: client.call(...)`."""

    def __init__(
        self, name: str, env: dict[str, str] | None = None, python: Path | str = sys.executable
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = Client(name, env, python=python)

    def __enter__(self) -> Self:
        self._loop.run_until_complete(self._client.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run_until_complete(self._client.stop())
        self._loop.close()

    def call(self, op: str, *, timeout: float = 60.0, **args: Any) -> Any:
        """As Client.call."""
        return self._loop.run_until_complete(self._client.call(op, timeout=timeout, **args))

    @property
    def pid(self) -> int:
        """As Client.pid."""
        return self._client.pid

    def log(self) -> str:
        """As Client.log."""
        return self._client.log()
