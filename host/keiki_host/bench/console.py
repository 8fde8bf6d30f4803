"""The console of a bench's meter for other programs: a unix socket with JSON lines.

Requests of all clients reach the firmware one at a time, as they are: a line that is wrong gets the
firmware's own error. While there is no firmware, the answer is an error of the bench's.
"""

import asyncio
import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from keiki_host.bench.errors import BenchError

LINE_MAX = 1 << 16
PATH_MAX = 107
"""Bytes of the path of a unix socket."""


class ConsoleServer:
    """Serves `folder`/console, or a socket in a temporary folder where that path is too long.

    `ask(line)` gives the firmware's answer line; nothing, or BenchError, if there is no firmware to answer.
    """

    def __init__(self, folder: Path, ask: Callable[[bytes], Awaitable[bytes]]) -> None:
        self._path = folder / "console"
        self._ask = ask
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it is, as `keiki device --meter` takes it."""
        return f"unix://{quote(str(self._path))}"

    async def open(self) -> None:
        """Wait for clients, if it does not yet. BenchError if the socket cannot be made."""
        if self._server is not None:
            return
        if len(os.fsencode(self._path)) > PATH_MAX:
            self._temporary = tempfile.TemporaryDirectory(prefix="keiki-")
            self._path = Path(self._temporary.name) / "console"
        self._server = await asyncio.start_unix_server(self._serve, sock=self._bound(), limit=LINE_MAX)

    def _bound(self) -> socket.socket:
        """A socket that nobody but this user can use, from its first moment on."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            self._path.unlink(missing_ok=True)
            sock.bind(str(self._path))
        except OSError as error:
            sock.close()
            raise BenchError(f"console: {self._path}: {error.strerror or error}") from None
        finally:
            os.umask(before)
        return sock

    def close(self) -> None:
        """End every connection; nothing is left behind."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for client in self._clients:
            client.cancel()
        with contextlib.suppress(OSError):
            self._path.unlink()
        if self._temporary is not None:
            self._temporary.cleanup()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            while True:
                try:
                    line = await reader.readuntil(b"\n")
                except asyncio.LimitOverrunError:
                    writer.write(_error(f"request: longer than {LINE_MAX} bytes"))
                    return
                # why: a client that goes away must not leave its answer to the next one
                writer.write(await asyncio.shield(self._answer(line)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            answer = await self._ask(line)
        except BenchError as error:
            return _error(str(error))
        return answer or _error("the meter has gone off before it answered")


def _error(text: str) -> bytes:
    return json.dumps({"error": text}).encode() + b"\n"
