"""What stands between the wire and the meter's keys: one guard for each client that has some.

Who fails is noted and slowed. Three tries in a row are answered as the standard says. From the fourth on
there is a pause, 1 s at first and twice as long each time, up to a minute: in it a wrong APDU gets no answer,
ends its association, and only four tries a second are looked at. Whoever has the keys and a fresh counter is
let in at any time: nobody can lock the head-end out by failing in its name. A replay is noted and refused.
"""

import struct

from keiki.wire.compat import const
from keiki.wire.cosem.security import COUNTER, Cipher
from keiki.wire.cosem.session import Guard

_FREE = const(3)
_PAUSE_MS = const(1000)
_DOUBLED = const(6)  # times at most
_TRY_MS = const(250)


class ClientGuard(Guard):
    """Keys, counters and patience for the client at SAP `sap`.

    `title` is the meter's. `random_below(n)` is unpredictable. `on_failure(sap, reason)` is called for each
    APDU that is not protected as it must be; `reason` is one of security.REASONS.
    """

    def __init__(self, sap: int, title: bytes, counters, random_below, on_failure) -> None:
        super().__init__(None, title)
        self.sap = sap
        self._counters = counters
        self._random_below = random_below
        self._on_failure = on_failure
        self._failures = 0  # in a row
        self._quiet_ms = 0  # end of the pause
        self._tried_ms = -_TRY_MS

    def rekey(self, ek: bytes, ak: bytes) -> None:
        """Take other keys (16 bytes each); all zeros: none, then nobody is let in."""
        self.cipher = Cipher(ek, ak) if any(ek) and any(ak) else None

    def next_counter(self) -> int:
        """Return an invocation counter that was never used. OSError: there is none to be had."""
        return self._counters.next_tx()

    def accept(self, counter: int) -> bool:
        """Take a counter of the client if it is greater than all before. OSError: it cannot be kept."""
        if not self._counters.accept_rx(self.sap, counter):
            return False
        self._failures = 0
        return True

    def expected(self) -> int:
        """Return the least counter that `accept` would take."""
        return self._counters.last_rx(self.sap) + 1

    def challenge(self) -> bytes:
        """Return 16 bytes that nobody can foresee."""
        return struct.pack("<4I", *[self._random_below(1 << 32) for _ in range(4)])

    def may_try(self, now_ms: int) -> bool:
        """Tell whether an association may be tried now: there are keys, and not too many tries in a pause."""
        if self.cipher is None or (now_ms < self._quiet_ms and now_ms - self._tried_ms < _TRY_MS):
            return False
        self._tried_ms = now_ms
        return True

    def failed(self, now_ms: int, reason: str) -> bool:
        """Take note of a failure; True if the peer is to hear nothing, and its association is over."""
        self._on_failure(self.sap, reason)
        if reason == COUNTER:  # made with the keys: a replay, or a client that has to ask for its counter
            return False
        self._failures += 1
        over = self._failures - _FREE
        if over <= 0:
            return False
        quiet = now_ms < self._quiet_ms
        self._quiet_ms = now_ms + (_PAUSE_MS << min(over - 1, _DOUBLED))
        return quiet
