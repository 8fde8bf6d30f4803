"""The REPL of an emulated board: programs that tests run on it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tests.ontarget.emulated import EmulatedBoard


class ReplBoard(EmulatedBoard):
    """A board that waits at its REPL for what `run` gives it."""

    def __init__(self, kind: str, uf2: Path, files: Mapping[str, bytes]) -> None:
        super().__init__(kind, uf2, files)
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self.device.astart())

    def run(self, text: str, timeout_s: float = 1500) -> str:
        """Run a program and return what it prints. AssertionError: it ended with an exception."""
        out, error = self._loop.run_until_complete(self.device.aexec(text, timeout=timeout_s))
        assert not error, error.decode()
        return str(out.decode())

    def close(self) -> None:
        """Switch it off."""
        self.device.stop()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
