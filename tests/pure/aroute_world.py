"""The A-route's server over the parts of a meter, on logs in the heap; and clients that are open to it."""

from cosem_guards import head_end
from cosem_world import Connection
from keiki.meter import counters, eventlog
from keiki.meter.alarms import Alarms
from keiki.meter.clock import Clock
from keiki.meter.config import Settings
from keiki.meter.cosem.objects import MANAGEMENT, PUBLIC, READER
from keiki.meter.cosem.server import CosemMeter
from keiki.meter.eventlog import EventLog
from keiki.meter.history import Series
from keiki.meter.settings_store import SettingsStore
from keiki.wire import record
from keiki.wire.cosem.client import Client
from relay_world import Desk
from ring import RingLog

NOW_S = 1_767_236_400  # 2026-01-01 12:00 in Japan
SLOT_S = 1800
KEK, EK, AK = "0f" * 16, "1e" * 16, "2d" * 16
READ_EK, READ_AK = "3c" * 16, "4b" * 16
KEYS = {"dlms_kek": KEK, "dlms_ek": EK, "dlms_ak": AK, "dlms_read_ek": READ_EK, "dlms_read_ak": READ_AK}
SERIAL = "TEST00000001"


class Snapshot:
    """What the metering IC measured last."""

    power_w_x10 = (12345, -2340)
    current_ma = (12001, 3002)
    voltage_v_x100 = (10049, 10151)
    frequency_hz_x100 = (5003, 5003)


class Metering:
    """A metering IC that answers."""

    stale = False
    snapshot = Snapshot()


class Registers:
    """Energy so far."""

    import_wh_x1000 = 123_456_789_999
    export_wh_x1000 = 5_000_001


class Flash:
    """A flash that lost nothing."""

    doubt = False
    lost = ()


class Store:
    """The logs that the A-route reads, and how much they hold by the plan."""

    days = 100
    minute_days = 2

    def __init__(self, slots):
        self.flash = Flash()
        self.counters = RingLog(counters.SIZE, 8)
        self.half_hours = RingLog(record.SIZE, slots)
        self.minutes = RingLog(record.SIZE, 50)


class History:
    """History as everybody else reads it."""

    def __init__(self, store):
        self.half_hours = Series(store.half_hours, SLOT_S)
        self.minutes = Series(store.minutes, 60)


class Push:
    """Pushes nothing; `asked` counts who wanted it."""

    asked = 0

    def now(self):
        self.asked += 1


class Hal:
    """What the A-route needs of the hardware."""

    def __init__(self):
        self.seed = 1

    def ticks_ms(self):
        return 5000

    def random_below(self, most):
        self.seed = (self.seed * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.seed >> 8) % most

    def unique_id(self):
        return b"unique01"


class Meter:
    """A meter with `slots` half-hours, those at `missing` places never recorded; no switch if not `supply`.

    `cosem` is its server; `settings` are provisioned, and may be changed.
    """

    def __init__(self, slots=100, missing=(), supply=True, **settings):
        self.hal = Hal()
        self.store = Store(slots)
        row = bytearray(record.SIZE)
        for place in range(slots):
            utc_s = NOW_S - (slots - 1 - place) * SLOT_S
            record.pack_into(row, utc_s, 0, 1000 * self.import_wh(place), 1000 * place)
            sequence = self.store.half_hours.append(row)
            if place in missing:
                self.store.half_hours.torn.add(sequence)
        self.history = History(self.store)
        self.metering = Metering()
        self.registers = Registers()
        self.clock = Clock(self.hal.ticks_ms, NOW_S * 1000 + 60_000, True)
        self.events = EventLog(RingLog(eventlog.SIZE, 64), self.clock.utc_s)
        values = {"serial": SERIAL, "contract_a": 30}
        values.update(KEYS)
        values.update(settings)
        self.settings = Settings(SettingsStore(RingLog(1344, 2)), values)
        self.supply = None
        if supply:
            self.supply = Desk()
            self.supply.settings = self.settings
            self.supply.restart()
        self.alarms = Alarms()
        self.events.on_event = self.alarms.hear
        self.cosem = CosemMeter(self, self.alarms, "127.0.0.2", 4059, 3)
        self.cosem.push = Push()
        self.settings.on_changed = lambda _live: self.cosem.rekey()

    def import_wh(self, place):
        """The import register in Wh at a half-hour: more than 32 bits in Wh x 1000."""
        return 4_000_000_000 + 500 * place

    def connect(self, sap, **keys):
        """Return (connection, client), open."""
        connection = Connection(self.cosem, sap)
        if sap == PUBLIC:
            client = Client()
        else:
            ek, ak = (EK, AK) if sap == MANAGEMENT else (READ_EK, READ_AK)
            guard = head_end(bytes.fromhex(keys.get("ek", ek)), bytes.fromhex(keys.get("ak", ak)))
            guard.counter = self.cosem.counters.last_rx(sap)
            client = Client(guard)
        connection.do(client.open())
        return connection, client


CLIENTS = (MANAGEMENT, READER, PUBLIC)
