"""The COSEM server of this meter: its clients with their keys, and every object it has."""

from keiki.meter import eventlog
from keiki.meter.cosem.event_rows import EventRows
from keiki.meter.cosem.live import LiveValues
from keiki.meter.cosem.objects import MANAGEMENT, PUBLIC, READER, Catalogue
from keiki.meter.cosem.series_rows import CLOCK_INVALID
from keiki.meter.cosem.views import NetworkView
from keiki.meter.counters import Counters
from keiki.meter.guards import ClientGuard
from keiki.meter.push_message import RECEIVER
from keiki.meter.title import title_of
from keiki.meter.version import VERSION
from keiki.wire.compat import const
from keiki.wire.cosem.security import REASONS
from keiki.wire.cosem.server import Client, Server

_KEYS = {MANAGEMENT: ("dlms_ek", "dlms_ak"), READER: ("dlms_read_ek", "dlms_read_ak")}
_CLOCK_UNSURE = const(1)
_IC_SILENT = const(2)
_FLASH_LOST = const(4)
_RELAY_FAULT = const(8)


class CosemMeter:
    """Server, guards and counters over the parts of `meter` (the composition root).

    `alarms` is an alarms.Alarms; `address` (IPv4), `port` and `connections` say where the meter is reached.
    Other attributes are what objects.py names.
    """

    def __init__(self, meter, alarms, address: "str | None", port: int, connections: int) -> None:
        hal = meter.hal
        self.settings = settings = meter.settings
        self.store = store = meter.store
        self.clock, self.events, self.supply = meter.clock, meter.events, meter.supply
        self.half_hours = meter.history.half_hours
        self.minutes = meter.history.minutes
        self.alarms = alarms
        self.push = self.updated = None
        self.phases = settings.phases
        self.ticks_ms = hal.ticks_ms
        self._metering = meter.metering
        self.live = LiveValues(meter.metering, meter.registers)
        self.network = NetworkView(settings, address, port, connections)
        self.title = title_of(hal.unique_id())
        self.counters = Counters(store.counters, hal.random_below, getattr(store.flash, "doubt", False))
        self.guards = {
            sap: ClientGuard(sap, self.title, self.counters, hal.random_below, self._failure)
            for sap in (MANAGEMENT, READER, RECEIVER)
        }
        self._keys = {}
        self.rekey()
        clients = [
            Client(PUBLIC, "public"),
            Client(MANAGEMENT, "management", self.guards[MANAGEMENT]),
            Client(READER, "reader", self.guards[READER]),
        ]
        self.server = Server(Catalogue(self), clients, pdu_max=settings.dlms_pdu)

    def rekey(self) -> None:
        """Take the keys that are in the settings now, if they are others."""
        for sap, names in _KEYS.items():
            found = [getattr(self.settings, name) for name in names]
            if self._keys.get(sap) != found:
                self._keys[sap] = found
                self.guards[sap].rekey(bytes.fromhex(found[0]), bytes.fromhex(found[1]))
        self.guards[RECEIVER].cipher = self.guards[MANAGEMENT].cipher

    def _failure(self, sap: int, reason: str) -> None:
        self.events.add(eventlog.ROUTE_A_REFUSED, sap, REASONS.index(reason))

    def device(self) -> bytes:
        """Return the name of the logical device."""
        return ("KEI" + self.settings.serial).encode()

    def serial(self) -> bytes:
        """Return the serial number."""
        return self.settings.serial.encode()

    def version(self) -> bytes:
        """Return the release of the firmware."""
        return VERSION.encode()

    def profile_status(self) -> int:
        """Return what a row of now would say."""
        return CLOCK_INVALID if self.clock.unsure else 0

    def newest_event(self, field: int) -> int:
        """Return a field of the newest event."""
        return EventRows(self.events).newest()[field]

    def errors(self) -> int:
        """Return what is wrong now, as bits."""
        return (
            (_CLOCK_UNSURE if self.clock.unsure else 0)
            | (_IC_SILENT if self._metering.stale else 0)
            | (_FLASH_LOST if self.store.flash.lost else 0)
            | (_RELAY_FAULT if self.supply is not None and not self.supply.switch.followed else 0)
        )
