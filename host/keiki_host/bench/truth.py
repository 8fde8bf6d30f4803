"""`--truth`: what the house really used, written by the house model alone."""

import datetime as dt
from pathlib import Path
from typing import TextIO

from keiki.wire.slots import SLOT_S, jst

from keiki_host.bench.house import House

HEADER = "time,import_wh,export_wh"


class TruthWriter:
    """Appends one row per slot boundary to a CSV file: JST time, cumulative import and export in Wh.

    The sums begin at `start_utc_ms` with `import_wh` and `export_wh` (what the meter's registers began with).
    The file is begun anew; OSError if it cannot be. Rows are complete in the file when `write_until` returns.
    """

    def __init__(
        self, path: Path, house: House, start_utc_ms: int, import_wh: float = 0.0, export_wh: float = 0.0
    ) -> None:
        self._house = house
        self._done_s = start_utc_ms / 1000
        self._next_s: int = -(-start_utc_ms // (SLOT_S * 1000)) * SLOT_S
        self._import_wh = import_wh
        self._export_wh = export_wh
        self._file: TextIO = path.open("w", encoding="ascii", newline="\n")
        self._file.write(HEADER + "\n")
        self._file.flush()

    def write_until(self, now_utc_ms: int) -> int:
        """Write the boundaries up to and at `now_utc_ms`; returns the UTC ms of the next one."""
        while self._next_s * 1000 <= now_utc_ms:
            gain = self._house.energy_wh(self._done_s, self._next_s)
            self._import_wh += gain[0]
            self._export_wh += gain[1]
            self._done_s = self._next_s
            time = iso_jst(self._next_s)
            self._file.write(f"{time},{self._import_wh:.4f},{self._export_wh:.4f}\n")
            self._next_s += SLOT_S
        self._file.flush()
        return self._next_s * 1000

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def iso_jst(utc_s: int) -> str:
    """Return ISO 8601 in Japan's time: 2026-11-22T09:30:00+09:00."""
    year, month, day, hour, minute, second = jst(utc_s)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+09:00"


def read_truth(path: Path) -> dict[int, tuple[float, float]]:
    """Return {UTC s of the boundary: (import, export) in Wh, cumulative} of a file written here."""
    result = {}
    for line in path.read_text(encoding="ascii").splitlines()[1:]:
        time, imported, exported = line.split(",")
        moment = dt.datetime.fromisoformat(time)
        result[int(moment.timestamp())] = (float(imported), float(exported))
    return result
