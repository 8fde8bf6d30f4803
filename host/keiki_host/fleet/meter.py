"""A light meter: the firmware's COSEM server and push messages over the parts of parts.py."""

from collections.abc import Callable
from typing import Any

from keiki.meter import eventlog
from keiki.meter.alarms import Alarms
from keiki.meter.clock import Clock as MeterClock
from keiki.meter.config import Settings
from keiki.meter.cosem.server import CosemMeter
from keiki.meter.eventlog import EventLog
from keiki.meter.settings_store import SettingsStore
from keiki.meter.store import SETTINGS_SIZE
from keiki.wire import record
from keiki.wire.slots import SLOT_S

from keiki_host.fleet.identity import Identity
from keiki_host.fleet.load import House
from keiki_host.fleet.log import FleetLog
from keiki_host.fleet.memory_log import MemoryLog
from keiki_host.fleet.parts import Consumption, Hal, History, Store, Supply

CONNECTIONS = 3
_EVENTS = 100


class LightMeter:
    """Meter `who`, whose first slot is `from_s`; `now()` is UTC seconds.

    `changed()` is called when settings have changed, `closed()` when a half hour has been kept. Nothing runs
    by itself: see push.py and serving.py.
    """

    def __init__(
        self,
        who: Identity,
        house: House,
        log: FleetLog,
        now: Callable[[], float],
        from_s: int,
        *,
        counter: int,
        port: int,
        settings: dict[str, Any],
    ) -> None:
        def ticks_ms() -> int:
            return max(0, int(1000 * (now() - from_s)))

        self.who = who
        self.log = log
        self.now = now
        self.changed: Callable[[], None] = lambda: None
        self.closed: Callable[[], None] = lambda: None
        self._next_s = from_s
        self.hal = Hal(ticks_ms, who.unique_id)
        self.store = Store(counter)
        self.history = History(self.store)
        self.clock: Any = MeterClock(ticks_ms, 1000 * from_s, True)
        self.events: Any = EventLog(MemoryLog(eventlog.SIZE, _EVENTS), self.clock.utc_s)
        keys = {f"dlms_{name}": key.hex() for name, key in who.keys.items()}
        provisioned = {"serial": who.serial, "rating_a": who.rating_a, **keys, **settings}
        self.settings: Any = Settings(SettingsStore(MemoryLog(SETTINGS_SIZE, 2)), provisioned)
        self.consumption = Consumption(house, who.start_wh, self.clock.utc_s, from_s)
        self.metering = self.registers = self.consumption
        self.supply = Supply(self.settings, self.clock, self.events, ticks_ms)
        self.consumption.connected = lambda: bool(self.supply.switch.connected)
        self.alarms: Any = Alarms()
        self.events.on_event = self.alarms.hear
        self.cosem: Any = CosemMeter(self, self.alarms, "127.0.0.1", port, CONNECTIONS)
        self.settings.on_changed = lambda _live: self._settings_changed()
        self.store.half_hours.on_run = self._served

    def catch_up(self) -> int:
        """Keep the registers of every boundary that has come; return how many.

        To be called before it is asked, and now and then: so it is never late, however busy the computer is.
        """
        count, now_s = 0, self.now()
        while self._next_s <= now_s:
            self._close(self._next_s)
            self._next_s += SLOT_S
            count += 1
        if count:
            self.closed()
        return count

    def _close(self, slot_s: int) -> None:
        house = self.consumption
        house.close(slot_s)
        status = record.CLOCK_UNSURE if self.clock.unsure else record.NORMAL
        if self.history.half_hours.close(slot_s, status, 1000 * house.import_wh, 1000 * house.export_wh):
            self.log.slot(self.who.serial, slot_s, house.import_wh, house.export_wh, status)

    def slot_of(self, sequence: int) -> int:
        """The boundary of a record."""
        buffer = bytearray(record.SIZE)
        self.store.half_hours.read_into(sequence, buffer)
        return int(record.time_of(buffer))

    def _served(self, first: int, count: int) -> None:
        if count:
            ends = self.slot_of(first), self.slot_of(first + count - 1)
            self.log.read(self.who.serial, *ends, self.now())

    def _settings_changed(self) -> None:
        self.cosem.rekey()
        self.changed()
