"""How flashing goes, for a person on standard error: what is being done, and a bar while it is written."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


class Shown:
    """Steps and a bar; nothing of the bar where standard error is no terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
            console=Console(stderr=True), disable=not sys.stderr.isatty(),
        )  # fmt: skip

    def step(self, text: str) -> None:
        """Something begins."""
        self._progress.stop()
        print(f"{text} ...", file=sys.stderr, flush=True)

    def writing(self, names: list[str], total_bytes: int) -> Callable[[int], None]:
        """Writing begins; the result is called with the bytes done of all."""
        self.step("writing " + ", ".join(names))
        task = self._progress.add_task("writing", total=total_bytes)
        self._progress.start()
        return lambda done: self._progress.update(task, completed=done)

    def end(self) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()


@contextlib.contextmanager
def shown() -> Iterator[Shown]:
    """Show it as long as it lasts."""
    showing = Shown()
    try:
        yield showing
    finally:
        showing.end()
