"""The radio of an emulated Pico W, joined to a network that lives in this process (wifi_lan.py).

rp2040py's own network dials real addresses; it is never put behind this radio.
"""

from typing import Any

from rp2040py.external.cyw43 import Cyw43439
from rp2040py.external.cyw43.bus import CYW43_EV_LINK, CYW43_EV_SET_SSID, GSPIBus

from tests.ontarget.wifi_lan import Lan

_NO_NETWORK = 3
_BEACONS_LOST = 1


class _Bus(GSPIBus):
    """The radio's side of its bus. `there`: an access point answers to whoever joins."""

    there = True

    def _queue_join_events(self) -> None:
        if self.there:
            super()._queue_join_events()
        else:
            self.queue_rx_packet(self._build_async_event(CYW43_EV_SET_SSID, _NO_NETWORK))

    def lose_link(self) -> None:
        """Tell the driver that nothing is heard of the access point any more."""
        self.queue_rx_packet(self._build_async_event(CYW43_EV_LINK, 0, reason=_BEACONS_LOST))

    def _build_data_frame(self, ethernet_frame: bytes, *, interface: int = 0) -> bytes:
        # a credit is for a frame of the driver's: with one for each that comes in it is stuck after 256
        self._bus_data_credit = self._bus_data_credit - 1 & 0xFF
        return super()._build_data_frame(ethernet_frame, interface=interface)

    def _build_async_event(self, *args: Any, **more: Any) -> bytes:
        self._bus_data_credit = self._bus_data_credit - 1 & 0xFF
        return super()._build_async_event(*args, **more)


class Radio(Cyw43439):
    """A CYW43439 whose frames go to `lan`."""

    def __init__(self) -> None:
        super().__init__()
        self.bus = _Bus()
        self.lan = Lan()

    def attach(self, rp2040: Any) -> None:
        """Wire it to the chip."""
        super().attach(rp2040)
        self.lan.attach(rp2040.clock, self.bus.queue_rx_ethernet_frame)
        self.bus.nat_bridge = self.lan  # type: ignore[assignment]

    def vanish(self) -> None:
        """Have the access point gone: with it goes the link, and no join finds it."""
        self.bus.there = self.lan.up = False
        self.bus.lose_link()

    def return_(self) -> None:
        """Have the access point back: it waits to be joined."""
        self.bus.there = self.lan.up = True
