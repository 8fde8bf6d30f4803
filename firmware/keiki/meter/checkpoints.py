"""Checkpoints: the registers every few seconds, so that a power cut costs no more than that.

A checkpoint is a register record (wire/record.py) and what the clock has learnt of its crystal: i32, parts
per 1e9.
"""

import struct

from keiki.meter.history_runs import newest
from keiki.wire import record
from keiki.wire.compat import const

SIZE = const(23)


class Checkpoints:
    """Checkpoints on a log; `drift_ppb()` is asked each time. `failed` counts what the flash refused."""

    def __init__(self, log) -> None:
        self.drift_ppb = lambda: 0
        self.failed = 0
        self._log = log
        self._buffer = bytearray(SIZE)

    def keep(self, utc_s: int, status: int, imported: int, exported: int, generation: int) -> None:
        """Write one (Wh x 1000); it is on flash when this returns. OSError if it is not."""
        record.pack_into(self._buffer, utc_s, status, imported, exported, generation)
        struct.pack_into("<i", self._buffer, record.SIZE, self.drift_ppb())
        try:
            self._log.append(self._buffer)
        except OSError:
            self.failed += 1
            raise

    def restored(self) -> "tuple[int, int, int, int, int, int] | None":
        """Return the newest: (utc_s, status, import, export, generation, drift_ppb); None: there is none."""
        if newest(self._log, self._buffer) < 0:
            return None
        return record.unpack(self._buffer) + struct.unpack_from("<i", self._buffer, record.SIZE)


def restore(checkpoints: Checkpoints, history) -> "tuple[int, int, int, int, int] | None":
    """Return (utc_s, import, export, generation, drift_ppb) to go on from, or None for a new meter.

    Registers never go down: of the newest generation, the highest that any of the three logs holds.
    """
    found = checkpoints.restored()
    best = None if found is None else [found[0], found[2], found[3], found[4]]
    for series in (history.half_hours, history.minutes):
        other = series.restored()
        if other is None:
            continue
        utc_s, _, imported, exported, generation = other
        if best is None:
            best = [utc_s, imported, exported, generation]
        elif record.is_newer(generation, best[3]):
            best[1:] = imported, exported, generation
        elif generation == best[3]:
            best[1] = max(best[1], imported)
            best[2] = max(best[2], exported)
        if found is None:
            best[0] = max(best[0], utc_s)
    if best is None:
        return None
    return best[0], best[1], best[2], best[3], 0 if found is None else found[5]
