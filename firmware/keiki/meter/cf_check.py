"""Watches a metering IC by its own pulses: what its pin has shown must be what its register has counted.

A register that is read wrongly, or not at all for a while, and a chip that counts wrongly show themselves so.
It only tells: registers of the meter are never changed by it.
"""

from keiki.wire.compat import const

WINDOW = const(100)  # counts after which the two are compared
_SLACK = const(3)  # reading and pulse are not of the same instant


class CfCheck:
    """One phase. `pulses()` counts the pin's pulses (modulo 2^32), `counts()` what the register has counted.

    Both are compared whenever one of them has gone on by 100; they may differ by 3 and one in 100. `wrong` is
    true from a comparison that failed to the next one that does not; `on_wrong(pulses, counts)` hears of it.
    """

    def __init__(self, pulses, counts, on_wrong) -> None:
        self.wrong = False
        self._pulses = pulses
        self._counts = counts
        self._on_wrong = on_wrong
        self.begin()

    def begin(self) -> None:
        """Count anew from here: the chip restarted, or an increment was refused."""
        self._from = self._pulses(), self._counts()

    def look(self) -> None:
        """Compare, if it is time. To be called after each reading that was no failure."""
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
