"""The person at the terminal: lines that stay, a bar for the present window, questions; on standard error."""

import asyncio
import os
import sys
from types import TracebackType
from typing import IO, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from keiki_host.calibrate.errors import CalibrateError


class Terminal:
    """A screen for a calibration; `with` it, so that its bar is gone afterwards."""

    def __init__(self, answers: IO[str] | None = None) -> None:
        self._answers = answers if answers is not None else sys.stdin
        self._inbox = b""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(24),
            TextColumn("{task.fields[detail]}"),
            console=Console(stderr=True, highlight=False, soft_wrap=True),
            transient=True,
        )
        self._bar = self._progress.add_task("", total=1.0, detail="")
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._shown = False
            self._progress.stop()

    def say(self, text: str) -> None:
        """One line that stays."""
        self._stop()
        self._progress.console.print(text, markup=False)

    def progress(self, title: str, share: float, detail: str) -> None:
        """How far the present window is."""
        self._progress.update(self._bar, description=title, completed=share, detail=detail)
        if not self._shown:
            self._shown = True
            self._progress.start()

    async def ask(self, question: str) -> str:
        """Ask a question and return the line that is typed. CalibrateError: there is nobody."""
        self._stop()
        print(question, end="", file=sys.stderr, flush=True)
        line = await self._line()
        if not line:
            raise CalibrateError("nobody answers: standard input has ended")
        return line.decode(errors="replace").strip()

    async def _line(self) -> bytes:
        """Read a line without holding up anything, so that Ctrl-C works while a person thinks."""
        source = self._answers.fileno()
        while b"\n" not in self._inbox:
            await _readable(source)
            data = os.read(source, 4096)
            if not data:
                break
            self._inbox += data
        line, found, self._inbox = self._inbox.partition(b"\n")
        return line + found


async def _readable(source: int) -> None:
    """Wait until there is something to read; a file always has."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(source, ready.set)
    except PermissionError:
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(source)
