"""The contract ampere: opens the switch above it, and closes it again where the mode allows that.

Document: DLMS UA Blue Book (IEC 62056-6-2), class 71 version 0. In Japan the limit holds for the sum of the
currents of R and T, and the supply comes back by itself after 10 seconds or so.
"""

from keiki.meter import eventlog
from keiki.meter.switch import LOCAL_DISCONNECT, LOCAL_RECONNECT


class Limiter:
    """Watches the current, and asks the switch. `look` is called with each reading of the metering IC.

    `settings`: `contract_a` (None: no limit; never more than `rating_a`), `limit_over_s`, `reclose_s`. An
    emergency profile of `switch.state` replaces the limit while it lasts, by a clock that is sure.
    """

    def __init__(self, switch, settings, clock, events, ticks_ms) -> None:
        self.current_ma = 0
        self._switch = switch
        self._settings = settings
        self._clock = clock
        self._events = events
        self._ticks_ms = ticks_ms
        self._over_ms = None
        self._under_ms = None

    def normal_ma(self) -> "int | None":
        """The limit by contract; None: there is none."""
        contract_a = self._settings.contract_a
        return None if contract_a is None else 1000 * min(contract_a, self._settings.rating_a)

    @property
    def in_emergency(self) -> bool:
        """Whether an emergency profile holds now."""
        group, start_s, duration_s, _ = self._switch.state.emergency
        if not duration_s or self._clock.unsure or group not in self._switch.state.groups:
            return False
        return start_s <= self._clock.utc_s() < start_s + duration_s

    def limit_ma(self) -> "int | None":
        """The limit in force; None: there is none."""
        return self._switch.state.emergency[3] if self.in_emergency else self.normal_ma()

    def look(self, current_ma: int) -> None:
        """Take note of the current of all phases together."""
        self.current_ma = current_ma
        now_ms = self._ticks_ms()
        limit_ma = self.limit_ma()
        if limit_ma is not None and current_ma > limit_ma:
            self._under_ms = None
            if self._over_ms is None:
                self._over_ms = now_ms
            if now_ms - self._over_ms >= 1000 * self._settings.limit_over_s:
                self._over_ms = now_ms  # again after as long, if the relay does not follow
                self._events.add(eventlog.LIMIT_EXCEEDED, 0, current_ma)
                self._switch.ask(LOCAL_DISCONNECT)
            return
        self._over_ms = None
        if not self._switch.state.tripped:
            self._under_ms = None
        elif self._under_ms is None:
            self._under_ms = now_ms
        elif now_ms - self._under_ms >= 1000 * self._settings.reclose_s:
            self._under_ms = now_ms
            self._switch.ask(LOCAL_RECONNECT)
