"""The supply of the house: relay, switch and limiter put together, for boards that have a relay."""

from keiki.drivers.relay import Relay
from keiki.meter.limiter import Limiter
from keiki.meter.switch import Switch


class Supply:
    """`plan` is the board's RELAY: pins "open", "close" and "contact", "pulse_ms", and perhaps "button".

    `state` is a kept_state.KeptState.
    """

    def __init__(self, plan: dict, hal, state, settings, clock, events) -> None:
        relay = Relay(
            hal.output(plan["open"]), hal.output(plan["close"]), hal.input(plan["contact"]), plan["pulse_ms"]
        )
        self.switch = Switch(relay, state, settings, events, hal.ticks_ms)
        self.limiter = Limiter(self.switch, settings, clock, events, hal.ticks_ms)
        self._button = hal.input(plan["button"]) if "button" in plan else None

    def add_services(self, add, statistics: dict) -> None:
        """Start what moves the relay (`add`: see the supervisor), and tell of it."""
        switch = self.switch
        statistics["switch"] = lambda: switch.stats
        add("switch", lambda _beat: switch.run())

    def look(self, snapshot) -> None:
        """With each reading of the metering IC (None: no answer): is it too much, is the button pressed?"""
        if snapshot is not None:
            current_ma = 0
            for phase_ma in snapshot.current_ma:
                current_ma += phase_ma
            self.limiter.look(current_ma)
        self.switch.look(self._button is not None and bool(self._button()))
