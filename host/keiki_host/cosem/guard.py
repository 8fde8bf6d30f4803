"""This host's side of the protection of an association: its title, its counters, its challenges."""

import os

from keiki.wire.cosem.security import Cipher
from keiki.wire.cosem.session import Guard

from keiki_host.cosem.keys import Keys

TITLE = b"KEIKHOST"
"""System title of the host tools."""


class HostGuard(Guard):
    """Counters begin at `counter`, which must be above all that were used with these keys and this title."""

    def __init__(self, keys: Keys, counter: int, title: bytes = TITLE) -> None:
        super().__init__(Cipher(keys.ek, keys.ak), title)
        self._next = counter
        self._last = 0

    def next_counter(self) -> int:
        """See Guard."""
        self._next += 1
        return self._next - 1

    def accept(self, counter: int) -> bool:
        """See Guard."""
        if counter <= self._last:
            return False
        self._last = counter
        return True

    def expected(self) -> int:
        """See Guard."""
        return self._last + 1

    def challenge(self) -> bytes:
        """See Guard."""
        return os.urandom(16)
