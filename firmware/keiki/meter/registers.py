"""The cumulative registers: import and export energy, integers that never go down and never jump.

R and T phases are netted for each reading of the IC (the accounting period): what is positive goes to
import, what is negative to export. Boundaries that fall between two readings get the registers of that
instant, in proportion of time; if the readings lie further apart than `gap_s` the boundary is missing.
"""

from keiki.wire import record
from keiki.wire.slots import floor_to


class Registers:
    """Import and export in Wh x 1000, and the closing of slots as time passes."""

    def __init__(
        self, history, *, import_wh_x1000: int = 0, export_wh_x1000: int = 0, gap_s: int = 30
    ) -> None:
        self.import_wh_x1000 = import_wh_x1000
        self.export_wh_x1000 = export_wh_x1000
        self.gap_s = gap_s
        self.on_half_hour = None
        self._history = history
        self._last_ms = None

    def advance(self, utc_ms: int, net_wh_x1000: int, status: int = record.NORMAL) -> None:
        """Book the net energy since the last call (positive: import), and close what boundaries lie between.

        The first call only says from when on there is power; it closes a boundary if it stands on it.
        Time that did not move on books, and closes nothing.
        """
        start_ms = utc_ms - 1 if self._last_ms is None else self._last_ms
        gain_import, gain_export = max(0, net_wh_x1000), max(0, -net_wh_x1000)
        closed = False
        if utc_ms > start_ms:
            self._close(self._history.minutes, start_ms, utc_ms, gain_import, gain_export, status)
            closed = self._close(self._history.half_hours, start_ms, utc_ms, gain_import, gain_export, status)
        self._last_ms = utc_ms
        self.import_wh_x1000 += gain_import
        self.export_wh_x1000 += gain_export
        if closed and self.on_half_hour is not None:
            self.on_half_hour()

    def interrupt(self) -> None:
        """Forget when the last reading was: boundaries until the next one are missing."""
        self._last_ms = None

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
                    status,
                    self.import_wh_x1000 + gain_import * into_ms // span_ms,
                    self.export_wh_x1000 + gain_export * into_ms // span_ms,
                )
                or closed
            )
            boundary_s += step_s
        return closed
