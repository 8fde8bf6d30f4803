"""Register snapshots at slot boundaries, found by time.

A log keeps the records (drivers/flashlog.py or drivers/filelog.py): `append(record) -> sequence` is durable
when it returns, `read_into(sequence, buffer)` is False for what is torn or lost, and sequences run from
`oldest` to `end` - 1.
"""

from keiki.meter.history_runs import InOrder, Runs, newest
from keiki.wire import record
from keiki.wire.compat import const

_NEWS = const(48)


class Series:
    """Snapshots every `step_s` seconds (60 or 1800), each boundary once; one may be missing.

    A snapshot is served only once it is on flash, and only if the clock was sure. `last` is the newest one
    of these: (UTC s, import, export in Wh x 1000), None if 48 unsure ones have come since: then it is no
    news. `refused` counts boundaries that the flash did not take. `in_order` is the log for who reads it
    from one time to another.
    """

    def __init__(self, log, step_s: int) -> None:
        self.step_s = step_s
        self.last = None
        self.refused = 0
        self._log = log
        self._buffer = bytearray(record.SIZE)
        self._runs = Runs(log, step_s, self._buffer)
        self.in_order = InOrder(self._runs)
        self._unsure = 0  # closed since `last`
        sequence = -1
        while self._unsure < _NEWS and (sequence := newest(log, self._buffer, sequence)) >= 0:
            found = record.unpack(self._buffer)
            if found[1] != record.CLOCK_UNSURE:
                self.last = found[0], found[2], found[3]
                break
            self._unsure += 1

    def restored(self) -> "tuple[int, int, int, int, int] | None":
        """Return the newest record on flash: (utc_s, status, import, export, generation), or None."""
        return record.unpack(self._buffer) if newest(self._log, self._buffer) >= 0 else None

    def close(
        self, utc_s: int, status: int, import_wh_x1000: int, export_wh_x1000: int, generation: int = 0
    ) -> bool:
        """Keep the snapshot of boundary `utc_s`; False if that, or one up to a day later, is closed.

        False also if the flash refuses: then the boundary is missing.
        """
        run = self._runs.number_for(utc_s)
        if run < 0:
            return False
        record.pack_into(self._buffer, utc_s, status, import_wh_x1000, export_wh_x1000, generation, run)
        try:
            sequence = self._log.append(self._buffer)
        except OSError:
            self.refused += 1
            return False
        self._runs.closed(sequence, run, utc_s)
        if status != record.CLOCK_UNSURE:
            self.last = (utc_s, import_wh_x1000, export_wh_x1000)
            self._unsure = 0
        else:
            self._unsure += 1
            if self._unsure >= _NEWS:
                self.last = None
        return True

    def find(self, utc_s: int) -> "tuple[int, int] | None":
        """Return (import, export) in Wh x 1000 at boundary `utc_s`.

        None: no power then, not kept, or the clock was unsure.
        """
        if not self._runs.find(utc_s):
            return None
        _, status, imported, exported, _ = record.unpack(self._buffer)
        return None if status == record.CLOCK_UNSURE else (imported, exported)


class History:
    """30-minute and 1-minute snapshots on their two logs."""

    def __init__(self, half_hours, minutes) -> None:
        self.half_hours = Series(half_hours, 1800)
        self.minutes = Series(minutes, 60)
