"""The fleet's own log: what was the truth, and what left the meters. Made to be counted by somebody else.

CSV, one line for each fact, the kind first. Times are UTC seconds of the emulated world.

| kind | then |
|---|---|
| `slot` | serial, slot, import Wh, export Wh, status: the registers at a boundary |
| `sent` | serial, slot, from, to, confirmed (0, 1): a push that arrived between these times, if it did |
| `read` | serial, first slot, last slot, when: rows that somebody asked for |
| `session` | serial, when: somebody proved that he has the keys |
| `cut` | serial, from, to: it could not be reached |
"""

from io import TextIOBase
from pathlib import Path

from keiki_host.fleet.errors import FleetError


class FleetLog:
    """Appends to one file; `close` at the end, `flush` now and then. FleetError: disk full, no folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file: TextIOBase = path.open("w", buffering=1 << 16)
        except OSError as error:
            raise FleetError(f"{path}: {error.strerror}") from None

    def slot(self, serial: str, slot_s: int, import_wh: int, export_wh: int, status: int) -> None:
        """Registers at a boundary."""
        self._write(f"slot,{serial},{slot_s},{import_wh},{export_wh},{status}\n")

    def sent(self, serial: str, slot_s: int, from_s: float, to_s: float, confirmed: bool) -> None:
        """A push."""
        self._write(f"sent,{serial},{slot_s},{from_s:.3f},{to_s:.3f},{int(confirmed)}\n")

    def read(self, serial: str, first_s: int, last_s: int, at_s: float) -> None:
        """Rows that were served."""
        self._write(f"read,{serial},{first_s},{last_s},{at_s:.3f}\n")

    def session(self, serial: str, at_s: float) -> None:
        """An association with keys."""
        self._write(f"session,{serial},{at_s:.3f}\n")

    def cut(self, serial: str, from_s: float, to_s: float) -> None:
        """An outage that is planned."""
        self._write(f"cut,{serial},{from_s:.3f},{to_s:.3f}\n")

    def flush(self) -> None:
        """Let others see it."""
        try:
            self._file.flush()
        except OSError as error:
            raise FleetError(f"{self._path}: {error.strerror}") from None

    def close(self) -> None:
        """Write the rest."""
        try:
            self._file.close()
        except OSError as error:
            raise FleetError(f"{self._path}: {error.strerror}") from None

    def _write(self, line: str) -> None:
        try:
            self._file.write(line)
        except OSError as error:
            raise FleetError(f"{self._path}: {error.strerror}") from None
