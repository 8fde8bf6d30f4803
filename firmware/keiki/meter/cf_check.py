"""Watches a metering IC by its own pulses: what its pin has shown must be what its register has counted.

A register that is read wrongly, or not at all for a while, and a chip that counts wrongly show themselves so.
It only tells: registers of the meter are never changed by it.
"""

from keiki.wire.compat import const

WINDOW = const(100)  # counts after which the two are compared ..
WINDOW_MS = const(600_000)  # .. at the earliest, as pin and register are not read at the same instant
_SLACK = const(3)


class CfCheck:
    """One pin. `pulses()` counts its pulses (modulo 2^32), `counts()` those that the register has counted.

    Both are compared after 10 minutes, when one of them has gone on by 100; they may differ by 3 and one in
    100. `wrong` is true from a comparison that failed to the next one that does not, and then
    `on_wrong(pulses, counts)` is called.
    """

    def __init__(self, pulses, counts, on_wrong) -> None:
        self.wrong = False
        self._pulses = pulses
        self._counts = counts
        self._on_wrong = on_wrong
        self.begin()

    def begin(self) -> None:
        """Count anew from here: some of what was counted is not known."""
        self._from = self._pulses(), self._counts()
        self._ms = 0

    def look(self, passed_ms: int) -> None:
        """Compare, if it is time. After each reading that was no failure; `passed_ms` is since the last."""
        self._ms += passed_ms
        if self._ms < WINDOW_MS:
            return
        pulses = (self._pulses() - self._from[0]) & 0xFFFFFFFF
        counts = self._counts() - self._from[1]
        most = max(pulses, counts)
        if most < WINDOW:
            return
        self.begin()
        wrong = abs(pulses - counts) > _SLACK + most // 100
        if wrong and not self.wrong:
            self._on_wrong(pulses, counts)
        self.wrong = wrong
