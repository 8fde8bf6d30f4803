"""A meter for tests of the ECHONET node: every value can be set, history is a formula."""

from keiki.wire import slots

START = slots.utc_from_jst(2026, 3, 1, 12, 0)
"""The instant from which a fake meter has history."""


class FakeView:
    """The view that meter/broute.py gives to the node, with plain attributes behind it.

    Registers grow by 1 Wh import each second since START and 1 Wh export each four seconds;
    rows in `missing` (UTC seconds) were never recorded.
    """

    def __init__(self, profile="gen2", **settings):
        self.profile = profile
        self.inf_mode = "inf"
        self.push_ea = True
        self.push_eb = True
        self.reverse = True
        self.phases = 2
        self.coefficient = 1
        self.digits = 8
        self.unit = 0x03
        self.maker = b"\x00\x00\x77"
        self.serial = "KK00000001"
        self.route_b_id = bytes(range(16))
        self.production = None
        self.unique = b"keiki-0000001"
        self.release = None
        self.time_s = START
        self.power = 504
        self.current = (21, -12)
        self.fault_status = 0x42
        self.place = b"\x00"
        self.limit = 0
        self.answer_d5 = True
        self.delay_s = 0
        self.has_energy = True
        self.missing = ()
        for name, value in settings.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def location(self):
        return self.place

    def set_location(self, edt):
        self.place = edt

    def fault(self):
        return self.fault_status

    def opc_max(self):
        return self.limit

    def push_delay_s(self):
        return self.delay_s

    def now_s(self):
        return self.time_s

    def power_w(self):
        return self.power

    def current_a_x10(self):
        return self.current

    def registers(self, utc_s):
        """Return (import, export) in wh_x1000 at an instant."""
        return (utc_s - START) * 1000, (utc_s - START) * 250

    def energy(self):
        return self.registers(self.time_s) if self.has_energy else None

    def half_hour(self, utc_s):
        if utc_s < START or utc_s in self.missing:
            return None
        return self.registers(utc_s)

    minute = half_hour

    def _last(self, step_s):
        utc_s = slots.floor_to(self.time_s, step_s)
        row = self.half_hour(utc_s)
        return None if row is None else (utc_s, row[0], row[1])

    def last_half_hour(self):
        return self._last(slots.SLOT_S)

    def last_minute(self):
        return self._last(slots.MINUTE_S)
