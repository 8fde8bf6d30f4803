"""A latching relay in the supply: one coil opens it, one closes it, and its contact is read back.

It needs a pulse to move and nothing to stay: without power it stays where it is. The contact that is read is
the real one (an auxiliary contact, or the voltage behind it), so a relay that is worn or welded shows itself.
"""

import asyncio

from keiki.wire.compat import const

_SETTLE_MS = const(20)  # bounce, and the way of the contact, after the pulse
_TRIES = const(2)


class Relay:
    """`open_coil(on)` and `close_coil(on)` drive the coils, `contact()` is true while current can flow.

    `pulse_ms` is what the maker of the relay says, at its coldest and lowest voltage.
    """

    def __init__(self, open_coil, close_coil, contact, pulse_ms: int) -> None:
        self._coils = (open_coil, close_coil)
        self._contact = contact
        self._pulse_ms = pulse_ms
        for coil in self._coils:
            coil(False)

    @property
    def closed(self) -> bool:
        """Where the contact is now."""
        return bool(self._contact())

    async def move(self, closed: bool) -> bool:
        """Open or close; True if the contact has followed. One caller at a time."""
        coil = self._coils[closed]
        for _ in range(_TRIES):
            try:
                coil(True)
                await asyncio.sleep_ms(self._pulse_ms)
            finally:
                coil(False)  # no coil stands this for long, whatever ends the pulse
            await asyncio.sleep_ms(_SETTLE_MS)
            if self.closed == closed:
                return True
        return False
