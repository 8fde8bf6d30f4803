"""The low-voltage smart electric energy meter, class 0x0288, as a table over a view of the meter.

Document: APPENDIX Detailed requirements for ECHONET device objects, 3.3.25, release R; the
application interface specification for B-route fixes the instance at 1. Profile "gen1" is
the class at release F, "gen2" at release R (one-minute values and identification number).
"""

import struct

from keiki.wire import slots
from keiki.wire.compat import const
from keiki.wire.echonet import energy
from keiki.wire.echonet.controllers import Controller
from keiki.wire.echonet.epc import (
    CAN_GET,
    CAN_INF,
    CAN_SET,
    NO_CURRENT,
    NO_POWER,
    Table,
    put,
    put_u32,
)
from keiki.wire.echonet.superclass import ROWS, read_identification

EOJ = const(0x028801)

_DAY_MAX = const(99)

RELEASES = {"gen1": b"\x00\x00F\x00", "gen2": b"\x00\x00R\x04"}
"""Profile -> value of 82 when the view has no `release` of its own."""


def _write_day(view, controller: Controller, edt: bytes) -> bool:
    if len(edt) != 1 or edt[0] > _DAY_MAX:
        return False
    controller.day = edt[0]
    return True


def _write_half_hours(view, controller: Controller, edt: bytes) -> bool:
    if energy.window_start(edt, slots.SLOT_S, 12) is None:
        return False
    controller.half_hours = edt
    return True


def _write_minutes(view, controller: Controller, edt: bytes) -> bool:
    if energy.window_start(edt, slots.MINUTE_S, 10) is None:
        return False
    controller.minutes = edt
    return True


def _write_location(view, controller, edt: bytes) -> bool:
    """Accept 00, 08..FF, or 01 and 16 bytes of position."""
    if len(edt) == 1:
        if 1 <= edt[0] < 8:
            return False
    elif len(edt) != 17 or edt[0] != 1:
        return False
    return view.set_location(edt) is not False


def _read_power(view, controller, buf: bytearray, at: int) -> int:
    power_w = view.power_w()
    power_w = NO_POWER if power_w is None else min(max(power_w, -2147483647), 2147483645)
    struct.pack_into(">i", buf, at, power_w)
    return at + 4


def _read_current(view, controller, buf: bytearray, at: int) -> int:
    r, t = view.current_a_x10()
    r = NO_CURRENT if r is None else min(max(r, -32767), 32765)
    t = NO_CURRENT if t is None or view.phases == 1 else min(max(t, -32767), 32765)
    struct.pack_into(">hh", buf, at, r, t)
    return at + 4


def _read_release(view, controller, buf: bytearray, at: int) -> int:
    return put(view.release or RELEASES[view.profile], buf, at)


def _read_location(view, controller, buf: bytearray, at: int) -> int:
    return put(view.location(), buf, at)


def _read_time(view, controller, buf: bytearray, at: int) -> int:
    _, _, _, buf[at], buf[at + 1], _ = slots.jst(view.now_s())
    return at + 2


def _read_date(view, controller, buf: bytearray, at: int) -> int:
    struct.pack_into(">HBB", buf, at, *slots.jst(view.now_s())[:3])
    return at + 4


def _read_route_b_id(view, controller, buf: bytearray, at: int) -> int:
    buf[at] = 0
    return put(view.route_b_id[4:], buf, put(view.maker, buf, at + 1))


def _gen2(view) -> int:
    return CAN_GET if view.profile == "gen2" else 0


def _reverse(view) -> int:
    return CAN_GET if view.reverse else 0


TABLE = Table(ROWS + (
    # EPC, access, read, write
    (0x81, CAN_GET | CAN_SET | CAN_INF, _read_location, _write_location),
    (0x82, CAN_GET, _read_release, None),
    (0x83, lambda view: CAN_GET if getattr(view, "meter_83", False) else 0, read_identification, None),
    (0x97, CAN_GET, _read_time, None),
    (0x98, CAN_GET, _read_date, None),
    (0xC0, lambda view: _gen2(view) if view.route_b_id else 0, _read_route_b_id, None),
    (0xD0, _gen2, energy.read_last_minute, None),
    (0xD3, lambda view: 0 if view.coefficient is None else CAN_GET,
     lambda view, controller, buf, at: put_u32(view.coefficient, buf, at), None),
    (0xD7, CAN_GET, lambda view, controller, buf, at: put(bytes((view.digits,)), buf, at), None),
    (0xE0, CAN_GET, energy.cumulative(0), None),
    (0xE1, CAN_GET, lambda view, controller, buf, at: put(bytes((view.unit,)), buf, at), None),
    (0xE2, CAN_GET, energy.day_history(0), None),
    (0xE3, _reverse, energy.cumulative(1), None),
    (0xE4, _reverse, energy.day_history(1), None),
    (0xE5, CAN_GET | CAN_SET, lambda view, controller, buf, at: put(bytes((controller.day,)), buf, at),
     _write_day),
    (0xE7, CAN_GET, _read_power, None),
    (0xE8, CAN_GET, _read_current, None),
    (0xEA, lambda view: CAN_GET | CAN_INF if view.push_ea else CAN_GET, energy.scheduled(0), None),
    (0xEB, lambda view: _reverse(view) and (CAN_GET | CAN_INF if view.push_eb else CAN_GET),
     energy.scheduled(1), None),
    (0xEC, CAN_GET, energy.read_half_hours, None),
    (0xED, CAN_GET | CAN_SET, lambda view, controller, buf, at: put(controller.half_hours, buf, at),
     _write_half_hours),
    (0xEE, _gen2, energy.read_minutes, None),
    (0xEF, lambda view: CAN_GET | CAN_SET if view.profile == "gen2" else 0,
     lambda view, controller, buf, at: put(controller.minutes, buf, at), _write_minutes),
))  # fmt: skip
