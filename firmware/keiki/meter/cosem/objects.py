"""The list of COSEM objects of this meter, as one table; each object is made when somebody asks for it.

Names are OBIS codes of the Blue Book (IEC 62056-6-1), as in companion lists of DSMR and IDIS where they have
one. Codes 128 and above in group C are of this maker.
"""

from keiki.meter.cosem import event_rows, views
from keiki.meter.cosem.billing_rows import PERIODS, BillingRows
from keiki.meter.cosem.limiter_view import LimiterView
from keiki.meter.cosem.push_view import PushView
from keiki.meter.cosem.series_rows import SeriesRows
from keiki.wire.compat import const
from keiki.wire.cosem import objects_device
from keiki.wire.cosem.axdr import U32
from keiki.wire.cosem.objects_association import AssociationLn, SapAssignment
from keiki.wire.cosem.objects_basic import Data, Register
from keiki.wire.cosem.objects_fields import FieldObject
from keiki.wire.cosem.objects_profile import CLOCK_COLUMN, ProfileGeneric
from keiki.wire.cosem.values import parse_shape, write_shape

MANAGEMENT = const(1)
READER = const(2)
PUBLIC = const(16)

_READ = const(0xFFE)  # all attributes

# OBIS, where and for whom (p: the public reads it too, a: it also acts, s: only with a switch, t: only with a
# second phase, u: only where updates have a place), what attributes the management writes, what methods it
# invokes, how it is made, and of what.
# Texts: what lies in ROM costs no heap. One for each first digit: short ones seldom lie in two blocks.
_TABLES = (
    """
0.0.1.0.0 p 2 6 clock
0.0.10.0.106 s - 1 scripts
0.0.17.0.0 s 4,5,6,7,8,9 - limiter
0.0.25.0.0 - 6 - network tcp
0.0.25.1.0 - - - network ipv4
0.0.25.9.0 - 3,5 1 push 0
0.0.40.0.0 a - - association
0.0.41.0.0 p - - saps
0.0.42.0.0 p - - value octets device
0.0.43.0.0 - - 1,2 keys dlms_ek dlms_ak
0.0.43.0.2 - - 1,2 keys dlms_read_ek dlms_read_ak
0.0.43.1.0 p - - value u32 counters.last_rx 1
0.0.43.1.1 p - - value u32 counters.tx
0.0.43.1.2 p - - value u32 counters.last_rx 2
0.0.44.0.0 u - 1,2,3,4 image
0.0.96.1.0 - - - value octets serial
0.0.96.3.10 s 4 1,2 switch
0.0.96.7.21 - - - value u32 events.count 2
0.0.96.10.1 - - - value u8 profile_status
0.0.96.11.0 - - - value u8 newest_event 1
0.0.97.97.0 - - - value u32 errors
0.0.97.98.0 - 2 - alarms
0.0.97.98.10 - - - value u32 alarms.filter
0.0.98.1.0 - - - billing 0 month 13
0.0.99.98.0 - - - events -
0.0.99.98.1 - - - events security
0.0.99.98.4 - - - events communication
0.0.128.11.2 - - - value u8 newest_event 2
0.0.128.11.3 - - - value u16 newest_event 3
0.0.128.11.4 - - - value i64 newest_event 4
0.0.128.11.5 - - - value i64 newest_event 5
0.1.25.9.0 - 3 1 push 1
0.3.25.9.0 - 3 - push 3
""",
    """
1.0.0.2.0 - - - value octets version
1.0.1.7.0 - - - register u32 0 27 live.import_w
1.0.1.8.0 - - - register u32 0 30 live.import_wh
1.0.2.7.0 - - - register u32 0 27 live.export_w
1.0.2.8.0 - - - register u32 0 30 live.export_wh
1.0.14.7.0 - - - register u16 -2 44 live.frequency
1.0.31.7.0 - - - register u32 -3 33 live.current 0
1.0.32.7.0 - - - register u16 -1 35 live.voltage 0
1.0.51.7.0 t - - register u32 -3 33 live.current 1
1.0.52.7.0 t - - register u16 -1 35 live.voltage 1
1.0.90.7.0 - - - register u32 -3 33 live.current_ma
1.0.99.1.0 - - - series 1800 half_hours
1.0.99.1.2 - - - series 60 minutes
1.0.99.2.0 - - - billing 86400 day 62
""",
)


def obis(text: str) -> bytes:
    """Return the six bytes of "a.b.c.d.e", with f = 255."""
    return bytes([int(part) for part in text.split(".")] + [255])


def _mask(text: str) -> int:
    bits = 0
    for member in text.split(",") if text != "-" else ():
        bits |= 1 << int(member)
    return bits


def _column(class_id: int, text: str) -> "tuple[int, bytes, int, int]":
    return class_id, obis(text), 2, 0


class Catalogue:
    """Objects by name, as a server wants them (wire/cosem/objects.py, Objects).

    `meter` (cosem.server.CosemMeter) has what the table names. Objects are made anew each time, but for the
    profiles of history, which remember what they have looked at.
    """

    def __init__(self, meter) -> None:
        self._meter = meter
        self._series = {}
        self._last = None

    def visible(self, sap: int):
        """Yield the names of the objects that a client may see, in order; nothing long is made for it."""
        for table in _TABLES:
            at = 1
            while at < len(table):
                end = table.find("\n", at)
                name, where, _ = table[at:end].split(" ", 2)
                if self._has(where) and (sap != PUBLIC or where in ("p", "a")):
                    yield obis(name)
                at = end + 1

    def get(self, name: bytes):
        """Return the object of this name; None: there is none."""
        if self._last is not None and self._last.name == name:
            return self._last
        if name[0] >= len(_TABLES) or name[5] != 255:
            return None
        table = _TABLES[name[0]]
        key = "\n%d.%d.%d.%d.%d " % tuple(name[:5])
        at = table.find(key)
        if at < 0:
            return None
        row = table[at + len(key) : table.find("\n", at + 1)].split()
        if not self._has(row[0]):
            return None
        self._last = found = getattr(self, "_make_" + row[3])(bytes(name), self._access(row), *row[4:])
        return found

    def _has(self, where: str) -> bool:
        meter = self._meter
        return not (
            (where == "s" and meter.supply is None)
            or (where == "t" and meter.phases < 2)
            or (where == "u" and meter.updated is None)
        )

    def _access(self, row) -> "dict[int, tuple[int, int, int]]":
        where = row[0]
        acts = 2 if where == "a" else 0
        rights = {MANAGEMENT: (_READ, _mask(row[1]), _mask(row[2]) | acts), READER: (_READ, 0, acts)}
        if where in ("p", "a"):
            rights[PUBLIC] = (_READ, 0, acts)
        return rights

    def _value(self, path: str, argument: "str | None"):
        """Return a function that gives what a dotted name means in the meter."""
        found = self._meter
        for part in path.split("."):
            found = getattr(found, part)
        if argument is not None:
            return lambda: found(int(argument))
        return found if callable(found) else lambda: found

    # -- how each kind is made: (name, access, the rest of the row) ------------------------------------

    def _make_value(self, name, access, shape, path, argument=None):
        value, tag = self._value(path, argument), parse_shape(shape)
        return Data(name, access, lambda writer: write_shape(writer, tag, value()))

    def _make_register(self, name, access, shape, scaler, unit, path, argument=None):
        value = self._value(path, argument)
        tag: int = parse_shape(shape)  # pyright: ignore[reportAssignmentType]
        return Register(name, access, value, tag, int(scaler), int(unit))

    def _make_clock(self, name, access):
        view = views.ClockView(self._meter.clock, self._meter.ticks_ms)
        return FieldObject(name, access, view, objects_device.CLOCK)

    def _make_scripts(self, name, access):
        view = views.DisconnectScripts(self._switch_view())
        return FieldObject(name, access, view, objects_device.SCRIPT_TABLE)

    def _make_switch(self, name, access):
        return FieldObject(name, access, self._switch_view(), objects_device.DISCONNECT)

    def _switch_view(self):
        return views.SwitchView(self._meter.supply.switch, self._meter.settings)

    def _make_limiter(self, name, access):
        supply = self._meter.supply
        view = LimiterView(supply.limiter, supply.switch.state, self._meter.settings)
        return FieldObject(name, access, view, objects_device.LIMITER)

    def _make_network(self, name, access, kind):
        table = objects_device.IPV4 if kind == "ipv4" else objects_device.TCP_UDP
        return FieldObject(name, access, self._meter.network, table)

    def _make_association(self, name, access):
        return AssociationLn(name, access, obis("0.0.43.0.0"))

    def _make_saps(self, name, access):
        return SapAssignment(name, access, self._meter.device)

    def _make_push(self, name, access, kind):
        meter = self._meter
        view = PushView(int(kind), meter.settings, meter.push)
        return FieldObject(name, access, view, objects_device.PUSH_SETUP)

    def _make_keys(self, name, access, ek, ak):
        meter = self._meter
        view = views.SecurityView(meter.settings, (ek, ak), meter.title, meter.events)
        return FieldObject(name, access, view, objects_device.SECURITY_SETUP)

    def _make_image(self, name, access):
        from keiki.meter.cosem.image_view import ImageView

        view = ImageView(self._meter.updated)
        return objects_device.ImageTransfer(name, access, view, objects_device.IMAGE_TRANSFER)

    def _make_alarms(self, name, access):
        alarms = self._meter.alarms
        return Data(
            name,
            access,
            lambda writer: writer.number(U32, alarms.register),
            lambda reader: alarms.keep_only(reader.number(U32)),
        )

    def _make_series(self, name, access, period_s, log):
        found = self._series.get(log)
        if found is None:
            store = self._meter.store
            columns = (
                CLOCK_COLUMN,
                _column(1, "0.0.96.10.1"),
                _column(3, "1.0.1.8.0"),
                _column(3, "1.0.2.8.0"),
            )
            entries = store.days * 48 if log == "half_hours" else store.minute_days * 1440
            found = self._series[log] = ProfileGeneric(
                name,
                access,
                SeriesRows(getattr(self._meter, log).in_order),
                columns,
                period_s=int(period_s),
                entries=entries,
                choices=self._meter.settings,
            )
        return found

    def _make_billing(self, name, access, period_s, period, keep):
        meter = self._meter
        rows = BillingRows(meter.half_hours, meter.clock.utc_s, *PERIODS[period], int(keep))
        columns = (CLOCK_COLUMN, _column(3, "1.0.1.8.0"), _column(3, "1.0.2.8.0"))
        return ProfileGeneric(
            name, access, rows, columns, period_s=int(period_s), entries=int(keep), choices=meter.settings
        )

    def _make_events(self, name, access, kinds):
        rows = event_rows.EventRows(self._meter.events, event_rows.KINDS[kinds])
        columns: list = [CLOCK_COLUMN, _column(1, "0.0.96.11.0")]
        for field in range(2, 6):
            columns.append(_column(1, "0.0.128.11.%d" % field))
        settings = self._meter.settings
        return ProfileGeneric(
            name, access, rows, columns, period_s=0, entries=event_rows.KEPT, choices=settings
        )
