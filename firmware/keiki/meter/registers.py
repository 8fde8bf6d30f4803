"""The cumulative registers: import and export energy, integers that never go down and never jump.

R and T phases are netted for each reading of the IC (the accounting period): what is positive goes to
import, what is negative to export. Boundaries that fall between two readings get the registers of that
instant, in proportion of time; if the readings lie further apart than `gap_s` the boundary is missing.
"""

from keiki.wire import record
from keiki.wire.slots import SLOT_S, floor_to


class Registers:
    """Import and export in Wh x 1000, and the closing of slots as time passes.

    `checkpoints.keep(utc_s, status, import, export, generation)` is called with the first reading and then
    every `checkpoint_s` seconds.
    """

    def __init__(
        self,
        history,
        checkpoints=None,
        *,
        import_wh_x1000: int = 0,
        export_wh_x1000: int = 0,
        generation: int = 0,
        gap_s: int = 30,
        checkpoint_s: int = 10,
    ) -> None:
        self.import_wh_x1000 = import_wh_x1000
        self.export_wh_x1000 = export_wh_x1000
        self.generation = generation
        self.gap_s = gap_s
        self.checkpoint_s = checkpoint_s
        self.on_half_hour = None
        self._history = history
        self._checkpoints = checkpoints
        self._last_ms = None
        self._kept_ms = None
        self._broken = False  # power came back in this slot

    def advance(self, utc_ms: int, net_wh_x1000: int, status: int = record.NORMAL) -> None:
        """Book the net energy since the last call (positive: import), and close what boundaries lie between.

        The first call only says from when on there is power; it closes a boundary if it stands on it. If it
        comes in the middle of a slot, the boundary at the end of that slot has status POWER_WAS_OFF.
        Time that did not move on books, and closes nothing.
        """
        start_ms = utc_ms - 1 if self._last_ms is None else self._last_ms
        if self._last_ms is None:
            self._broken = utc_ms % (SLOT_S * 1000) != 0
        gain_import, gain_export = max(0, net_wh_x1000), max(0, -net_wh_x1000)
        closed = False
        if utc_ms > start_ms:
            self._close(self._history.minutes, start_ms, utc_ms, gain_import, gain_export, status)
            closed = self._close(self._history.half_hours, start_ms, utc_ms, gain_import, gain_export, status)
        self._last_ms = utc_ms
        self.import_wh_x1000 += gain_import
        self.export_wh_x1000 += gain_export
        if self._kept_ms is None or abs(utc_ms - self._kept_ms) >= self.checkpoint_s * 1000:
            self.checkpoint(utc_ms, status)
        if closed and self.on_half_hour is not None:
            self.on_half_hour()

    def interrupt(self) -> None:
        """Forget when the last reading was: boundaries until the next one are missing."""
        self._last_ms = None

    def set(self, exported: bool, wh_x1000: int, utc_ms: int, status: int = record.NORMAL) -> int:
        """Set one register, as when a meter is exchanged; returns what it was. OSError: not kept, not set.

        The other one, and what history says, stay.
        """
        before = self.export_wh_x1000 if exported else self.import_wh_x1000
        generation = (self.generation + 1) & 0xFFFF
        self._keep(
            utc_ms,
            status,
            self.import_wh_x1000 if exported else wh_x1000,
            wh_x1000 if exported else self.export_wh_x1000,
            generation,
        )
        if exported:
            self.export_wh_x1000 = wh_x1000
        else:
            self.import_wh_x1000 = wh_x1000
        self.generation = generation
        return before

    def checkpoint(self, utc_ms: int, status: int = record.NORMAL) -> bool:
        """Keep the registers now; False if the flash refuses."""
        try:
            self._keep(utc_ms, status, self.import_wh_x1000, self.export_wh_x1000, self.generation)
        except OSError:
            return False
        return True

    def _keep(self, utc_ms: int, status: int, imported: int, exported: int, generation: int) -> None:
        self._kept_ms = utc_ms
        if self._checkpoints is not None:
            self._checkpoints.keep(utc_ms // 1000, status, imported, exported, generation)

    def _close(
        self, series, start_ms: int, end_ms: int, gain_import: int, gain_export: int, status: int
    ) -> bool:
        step_s = series.step_s
        boundary_s = floor_to(end_ms // 1000, step_s)
        if boundary_s * 1000 <= start_ms:
            return False
        span_ms = end_ms - start_ms
        if span_ms > self.gap_s * 1000:
            # only a reading that stands on the boundary itself can tell it
            if end_ms != boundary_s * 1000:
                return False
        else:
            while (boundary_s - step_s) * 1000 > start_ms:
                boundary_s -= step_s
        closed = False
        while boundary_s * 1000 <= end_ms:
            into_ms = boundary_s * 1000 - start_ms
            closed = (
                series.close(
                    boundary_s,
                    self._status(step_s, status),
                    self.import_wh_x1000 + gain_import * into_ms // span_ms,
                    self.export_wh_x1000 + gain_export * into_ms // span_ms,
                    self.generation,
                )
                or closed
            )
            boundary_s += step_s
        return closed

    def _status(self, step_s: int, status: int) -> int:
        """Return what to say of a boundary; the first half hour after power came back is told by no time.

        The clock may be set before it: the boundary then has another name than it seemed to have.
        """
        if step_s != SLOT_S:
            return status
        broken, self._broken = self._broken, False
        return record.POWER_WAS_OFF if broken and status == record.NORMAL else status
