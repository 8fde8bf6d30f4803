"""The firmware as a process of the MicroPython unix port, with its lines, its time and its console."""

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from keiki_host.bench.errors import BenchError
from keiki_host.bench.firmware_image import FirmwareImage


def micropython() -> str:
    """Path of the MicroPython unix port: $MICROPYTHON, or the one beside this Python, or on the PATH."""
    beside = str(Path(sys.executable).parent)
    found = (
        os.environ.get("MICROPYTHON")
        or shutil.which("micropython", path=beside)
        or shutil.which("micropython")
    )
    if not found or not shutil.which(found):
        raise BenchError(f"micropython: {found or 'not found'}: set MICROPYTHON to the unix port")
    return found


def listen(path: Path) -> socket.socket:
    """A unix socket that the firmware connects to. BenchError if it cannot be made."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        sock.bind(str(path))
    except OSError as error:
        # why: the text alone for a path of more than 107 bytes, which has no errno
        raise BenchError(f"temporary folder: {path}: {error.strerror or error}") from None
    sock.listen(1)
    sock.setblocking(False)
    return sock


class Firmware:
    """One running firmware; what it prints goes to `log` line by line."""

    def __init__(self, name: str, image: FirmwareImage) -> None:
        self.name = name
        self._image = image
        self.process: asyncio.subprocess.Process | None = None
        self._sockets: tempfile.TemporaryDirectory[str] | None = None
        self._lock = asyncio.Lock()
        self._console: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._logger: asyncio.Task[None] | None = None

    async def start(self, environment: dict[str, str]) -> socket.socket:
        """Start it; returns the connection on which it asks for time. BenchError if it ends before that."""
        image = self._image
        # why: not in the state folder, because the path of a socket has 107 bytes at most
        self._sockets = tempfile.TemporaryDirectory(prefix="keiki-")
        world_path, console_path = (Path(self._sockets.name) / name for name in ("world", "console"))
        world, console = listen(world_path), listen(console_path)
        env = {
            **os.environ,
            **environment,
            "MICROPYPATH": image.path,
            "KEIKI_WORLD": str(world_path),
            "KEIKI_CONSOLE": str(console_path),
        }
        self.process = await asyncio.create_subprocess_exec(
            micropython(), "-X", f"heapsize={image.heap}", str(image.main),
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the bench, which ends the firmware itself
        )  # fmt: skip
        self._logger = asyncio.create_task(self._log())
        self._console_server = console
        return await self._accept(world)

    async def connect(self) -> None:
        """Wait until the firmware, which has time by now, has read its settings and opened its console."""
        sock = await self._accept(self._console_server)
        self._console = await asyncio.open_unix_connection(sock=sock)

    async def _accept(self, server: socket.socket) -> socket.socket:
        accepting = asyncio.ensure_future(asyncio.get_running_loop().sock_accept(server))
        ended = asyncio.ensure_future(self.ended())
        try:
            await asyncio.wait({accepting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not accepting.done():
                raise BenchError(ended.result())
            return accepting.result()[0]
        finally:
            accepting.cancel()
            ended.cancel()
            server.close()

    async def _log(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        async for line in self.process.stdout:
            print(f"{self.name}: {line.decode(errors='replace').rstrip()}", file=sys.stderr, flush=True)

    async def call(self, op: str, **arguments: Any) -> Any:
        """Ask the firmware's console; returns its answer, BenchError if it refuses or is gone."""
        line = await self.relay(json.dumps({"op": op, **arguments}).encode() + b"\n")
        if not line:
            raise BenchError(f"{self.name}: the firmware is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchError(f"{self.name}: {answer['error']}")
        return answer["ok"]

    async def relay(self, line: bytes) -> bytes:
        """Give one line to the firmware's console as it is; returns its answer, nothing if it is gone."""
        async with self._lock:
            if self._console is None:
                raise BenchError(f"{self.name}: the firmware has no console yet")
            reader, writer = self._console
            writer.write(line)
            return await reader.readline()

    async def ended(self) -> str:
        """Wait until the firmware ends; returns one line that says so."""
        assert self.process is not None
        return f"{self.name}: the firmware ended with status {await self.process.wait()}"

    async def stop(self) -> None:
        """End it, and leave nothing behind."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 2)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self._console is not None:
            self._console[1].close()
        if self._logger is not None:
            await self._logger
        if self._sockets is not None:
            self._sockets.cleanup()
