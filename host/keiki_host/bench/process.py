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

CALL_WAIT_S = 10.0
UPDATES = "update"
"""Folder of updates in a meter's own folder."""
ANSWER_WAIT_S = 120.0
"""A firmware that says nothing for so long will not: its console may wait for time that nobody grants."""
REPEATABLE = frozenset(("status", "settings", "statistics", "memory", "events", "set"))
"""Operations of the console that change nothing, or nothing more when they are done again."""


class FirmwareEnded(BenchError):
    """A firmware process ended, with this status (negative: by that signal)."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(f"{name}: the firmware ended with status {status}")
        self.status = status


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
    """A firmware, one process after another; what it prints goes to stderr line by line."""

    def __init__(self, name: str, image: FirmwareImage) -> None:
        self.name = name
        self.process: asyncio.subprocess.Process | None = None
        self._killed = False
        self._image = image
        self._sockets: tempfile.TemporaryDirectory[str] | None = None
        self._lock = asyncio.Lock()
        self._console: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._console_server: socket.socket | None = None
        self._connected = asyncio.Event()
        self._logger: asyncio.Task[None] | None = None

    async def start(self, environment: dict[str, str]) -> socket.socket:
        """Start it; returns the connection on which it asks for time. FirmwareEnded if it ends before."""
        image = self._image
        self._killed = False
        self._hang_up()
        if self._sockets is None:
            # why: not in the state folder, because the path of a socket has 107 bytes at most
            self._sockets = tempfile.TemporaryDirectory(prefix="keiki-")
        world_path, console_path = (Path(self._sockets.name) / name for name in ("world", "console"))
        world = listen(world_path)
        self._console_server = listen(console_path)
        env = {
            **os.environ,
            **environment,
            "MICROPYPATH": image.path,
            "KEIKI_WORLD": str(world_path),
            "KEIKI_CONSOLE": str(console_path),
        }
        if image.slots:
            env["KEIKI_UPDATE"] = f"{environment['KEIKI_FOLDER']}/{UPDATES}"
        self.process = await asyncio.create_subprocess_exec(
            micropython(), "-X", f"heapsize={image.heap}", str(image.main),
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the bench, which ends the firmware itself
        )  # fmt: skip
        self._logger = asyncio.create_task(self._log(self.process))
        if self._killed:
            self.process.kill()
        try:
            return await self._accept(world)
        except BaseException:
            self._console_server.close()
            raise

    async def connect(self) -> None:
        """Wait until the firmware, which has time by now, has read its settings and opened its console."""
        assert self._console_server is not None
        sock = await self._accept(self._console_server)
        self._console = await asyncio.open_unix_connection(sock=sock)
        self._connected.set()

    async def _accept(self, server: socket.socket) -> socket.socket:
        accepting = asyncio.ensure_future(asyncio.get_running_loop().sock_accept(server))
        ended = asyncio.ensure_future(self.ended())
        try:
            await asyncio.wait({accepting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not accepting.done():
                raise FirmwareEnded(self.name, ended.result())
            return accepting.result()[0]
        finally:
            accepting.cancel()
            ended.cancel()
            server.close()

    async def _log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            said = self._image.where(line.decode(errors="replace").rstrip())
            print(f"{self.name}: {said}", file=sys.stderr, flush=True)

    async def call(self, op: str, *, wait_s: float | None = CALL_WAIT_S, **arguments: Any) -> Any:
        """Ask the firmware's console; returns its answer. BenchError if it refuses.

        While there is no firmware, wait for the next one, at most `wait_s` (None: as long as it takes), then
        BenchError. An operation that may not be done twice is a BenchError if the firmware ends meanwhile.
        """
        request = json.dumps({"op": op, **arguments}).encode() + b"\n"
        while not (line := await self.relay(request, wait_s)):
            if op not in REPEATABLE:
                raise BenchError(f"{self.name}: the firmware ended while it was asked for {op}")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchError(f"{self.name}: {answer['error']}")
        return answer["ok"]

    async def relay(self, line: bytes, wait_s: float | None = CALL_WAIT_S) -> bytes:
        """Give one line to the firmware's console as it is; returns its answer, nothing if it ends before.

        While there is no firmware, as `call`. BenchError if it does not answer in ANSWER_WAIT_S.
        """
        async with self._lock:
            try:
                await asyncio.wait_for(self._connected.wait(), wait_s)
            except TimeoutError:
                raise BenchError(f"{self.name}: there is no firmware") from None
            assert self._console is not None
            reader, writer = self._console
            writer.write(line)
            try:
                answer = await asyncio.wait_for(reader.readline(), ANSWER_WAIT_S)
            except ConnectionError:
                answer = b""
            except TimeoutError:
                self._hang_up()  # why: an answer that comes late must not be another question's
                raise BenchError(f"{self.name}: the firmware does not answer") from None
            if answer.endswith(b"\n"):
                return answer
            if self._console == (reader, writer):
                self._hang_up()
            return b""

    async def ended(self) -> int:
        """Wait until the firmware ends and all that it said is printed; returns its status."""
        process, logger = self.process, self._logger
        assert process is not None and logger is not None
        status = await process.wait()
        await asyncio.wait({logger})
        return status

    def kill(self) -> None:
        """End it at once, also if it is just about to start."""
        self._killed = True
        self._hang_up()
        if self.running and self.process is not None:
            self.process.kill()

    @property
    def running(self) -> bool:
        """True while there is a process."""
        return self.process is not None and self.process.returncode is None

    def _hang_up(self) -> None:
        self._connected.clear()
        if self._console is not None:
            self._console[1].close()
            self._console = None

    async def stop(self) -> None:
        """End it, and leave nothing behind."""
        if self.running and self.process is not None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 2)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        self._hang_up()
        if self._logger is not None:
            await self._logger
        if self._sockets is not None:
            self._sockets.cleanup()
