"""The mains of a meter: power cuts that its supply bears for a moment, and the relay in front of the house.

The numbers of the wires are those of boards/unix.
"""

from pathlib import Path
from typing import Any

from keiki_host.bench.clock import Handle
from keiki_host.bench.faults import Faults
from keiki_host.bench.house import House
from keiki_host.bench.keeper import Keeper
from keiki_host.bench.pins import Button, FilePin, LatchingRelay, Pin, PulseOutput
from keiki_host.bench.pty import PtyLine
from keiki_host.bench.world import WorldClock

TAMPER_PIN, OPEN_PIN, CLOSE_PIN, CONTACT_PIN, BUTTON_PIN, BROWN_OUT_PIN, PULSE_PIN = range(7)
CF_PINS = (7, 8)


class Supply:
    """Relay, button and brown-out input of one meter, and what fault `power_cut` does to it.

    When the mains go the brown-out input rises; the meter goes `hold_up_ms` later, if they are not back.
    """

    def __init__(self, clock: WorldClock, house: House, faults: Faults, folder: Path, keeper: Keeper) -> None:
        self._clock = clock
        self._house = house
        self._faults = faults
        self._keeper = keeper
        self._going: Handle | None = None
        self.relay = LatchingRelay(clock, folder / "relay_open", self._moved, faults)
        if not self.relay.closed:
            house.disconnect(clock.utc_ms())
        self.pulse_output = PulseOutput(clock)
        self.pins: dict[int, Pin] = {
            TAMPER_PIN: FilePin(folder / "pin0"),
            OPEN_PIN: self.relay.open_coil,
            CLOSE_PIN: self.relay.close_coil,
            CONTACT_PIN: self.relay.contact,
            BUTTON_PIN: Button(faults),
            PULSE_PIN: self.pulse_output,
        }
        self.brown_out = PtyLine(lambda _: None, clock.poke)
        faults.on_start("power_cut", self._begin_cut)
        faults.on_end("power_cut", self._end_cut)

    def _moved(self, closed: bool) -> None:
        if closed:
            self._house.connect(self._clock.utc_ms())
        else:
            self._house.disconnect(self._clock.utc_ms())

    def _begin_cut(self, params: dict[str, Any]) -> None:
        if self._going is not None or not self._keeper.powered:
            return
        self._house.cut(self._clock.utc_ms())
        if not params["hold_up_ms"]:
            self._keeper.cut()
            return
        self.brown_out.write(b"\1")
        self._going = self._clock.call_later(params["hold_up_ms"], self._go)

    def _go(self) -> None:
        self._going = None
        self._keeper.cut()

    def _end_cut(self, _: dict[str, Any]) -> None:
        """The mains come back when the last of windows that overlap is over."""
        if self._faults.active("power_cut"):
            return
        self._house.restore(self._clock.utc_ms())
        if self._going is not None:
            self._going.cancel()
            self._going = None
        elif not self._keeper.powered:
            self._keeper.restore()
