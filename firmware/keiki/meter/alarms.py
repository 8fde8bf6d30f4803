"""Alarms: events that somebody should hear of at once; bit n of the register is kind n of eventlog.py."""

from keiki.meter import eventlog

FILTER = 0
for _kind in (
    eventlog.IC_RESET, eventlog.REGISTER_SET, eventlog.AUTHENTICATION_FAILED, eventlog.TAMPER,
    eventlog.WATCHDOG, eventlog.SAFE_MODE, eventlog.FLASH_LOST, eventlog.FACTORY_RESET,
    eventlog.ROUTE_A_REFUSED, eventlog.KEY_CHANGED, eventlog.DISCONNECTED, eventlog.CONNECTED,
    eventlog.RELAY_FAULT, eventlog.LIMIT_EXCEEDED, eventlog.POWER_UP,
):  # fmt: skip
    FILTER |= 1 << _kind


class Alarms:
    """`register` holds what has happened until somebody clears it; `on_alarm()` hears of each new bit.

    `happened`: bits of this start so far, see eventlog.EventLog.
    """

    filter = FILTER

    def __init__(self, happened: int = 0) -> None:
        self.register = happened & FILTER
        self.on_alarm = lambda: None

    def hear(self, kind: int) -> None:
        """Take note of an event."""
        bit = 1 << kind & FILTER
        if bit & ~self.register:
            self.register |= bit
            self.on_alarm()

    def keep_only(self, bits: int) -> None:
        """Clear all but these bits."""
        self.register &= bits
