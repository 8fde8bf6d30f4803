"""Readers of the meter's energies: counts, the half-hourly value, days and windows of history.

Document: APPENDIX Detailed requirements for ECHONET device objects, 3.3.25: D0, E0, E2 to E4,
EA to EC, EE. An energy that is not known is FFFFFFFE. A count is wh_x1000 // (unit E1 times
coefficient D3), modulo 10 to the power of D7.
"""

import struct

from keiki.wire import slots
from keiki.wire.echonet.controllers import DAY_NONE
from keiki.wire.echonet.epc import NO_ENERGY, put, put_time, put_u32

UNITS_WH_X1000 = {
    0x00: 1000000,
    0x01: 100000,
    0x02: 10000,
    0x03: 1000,
    0x04: 100,
    0x0A: 10000000,
    0x0B: 100000000,
    0x0C: 1000000000,
    0x0D: 10000000000,
}
"""E1 code -> size of one count."""


def _scale(view) -> int:
    """Return the size of one count in wh_x1000; a coefficient of 0 counts as 1."""
    return UNITS_WH_X1000.get(view.unit, 1000000) * (view.coefficient or 1)


def _put_pair(view, pair, buf: bytearray, at: int) -> int:
    """Write forward and reverse counts of a pair of registers, or of None."""
    forward = reverse = NO_ENERGY
    if pair is not None:
        scale = _scale(view)
        wrap = 10**view.digits
        forward = pair[0] // scale % wrap
        if view.reverse:
            reverse = pair[1] // scale % wrap
    struct.pack_into(">II", buf, at, forward, reverse)
    return at + 8


def _put_count(view, wh_x1000: int, buf: bytearray, at: int) -> int:
    return put_u32(wh_x1000 // _scale(view) % 10**view.digits, buf, at)


def cumulative(direction: int):
    """Return the reader of E0 (0) or E3 (1)."""

    def read(view, controller, buf: bytearray, at: int) -> int:
        pair = view.energy()
        if pair is None:
            return put_u32(NO_ENERGY, buf, at)
        return _put_count(view, pair[direction], buf, at)

    return read


def scheduled(direction: int):
    """Return the reader of EA (0) or EB (1); with no value yet, the latest boundary and no-data."""

    def read(view, controller, buf: bytearray, at: int) -> int:
        row = view.last_half_hour()
        if row is None:
            at = put_time(slots.floor_to(view.now_s(), slots.SLOT_S), buf, at)
            return put_u32(NO_ENERGY, buf, at)
        at = put_time(row[0], buf, at)
        return _put_count(view, row[1 + direction], buf, at)

    return read


def day_history(direction: int):
    """Return the reader of E2 (0) or E4 (1): day, then 48 counts from 00:00 forwards."""

    def read(view, controller, buf: bytearray, at: int) -> int:
        day = controller.day
        buf[at] = 0
        buf[at + 1] = day
        at += 2
        if day == DAY_NONE:
            for i in range(at, at + 192, 4):
                struct.pack_into(">I", buf, i, NO_ENERGY)
            return at + 192
        scale = _scale(view)
        wrap = 10**view.digits
        now_s = view.now_s()
        slot_s = slots.jst_midnight(now_s, day)
        for i in range(at, at + 192, 4):
            pair = view.half_hour(slot_s) if 0 <= slot_s <= now_s else None
            struct.pack_into(">I", buf, i, NO_ENERGY if pair is None else pair[direction] // scale % wrap)
            slot_s += slots.SLOT_S
        return at + 192

    return read


def window_start(edt: bytes, step_s: int, points_max: int) -> "int | None":
    """Return the UTC second that ED or EF names, or None if the 7 bytes are out of range.

    YYYY(2) MM DD hh mm n: mm a multiple of `step_s`, n 1..`points_max`.
    """
    if len(edt) != 7 or not 1 <= edt[6] <= points_max or edt[5] * 60 % step_s:
        return None
    year = edt[0] << 8 | edt[1]
    if not 1 <= year <= 9999:
        return None
    try:
        return slots.utc_from_jst(year, edt[2], edt[3], edt[4], edt[5])
    except ValueError:
        return None


def _put_window(view, edt: bytes, step_s: int, value_at, buf: bytearray, at: int) -> int:
    """Write EC or EE: the choice, then its pairs from the chosen time BACKWARDS."""
    at = put(edt, buf, at)
    slot_s = window_start(edt, step_s, 12)
    now_s = view.now_s()
    for _ in range(edt[6]):
        known = slot_s is not None and 0 <= slot_s <= now_s
        at = _put_pair(view, value_at(slot_s) if known else None, buf, at)
        if slot_s is not None:
            slot_s -= step_s
    return at


def read_half_hours(view, controller, buf: bytearray, at: int) -> int:
    return _put_window(view, controller.half_hours, slots.SLOT_S, view.half_hour, buf, at)


def read_minutes(view, controller, buf: bytearray, at: int) -> int:
    return _put_window(view, controller.minutes, slots.MINUTE_S, view.minute, buf, at)


def read_last_minute(view, controller, buf: bytearray, at: int) -> int:
    row = view.last_minute()
    if row is None:
        at = put_time(slots.floor_to(view.now_s(), slots.MINUTE_S), buf, at)
        return _put_pair(view, None, buf, at)
    return _put_pair(view, (row[1], row[2]), buf, put_time(row[0], buf, at))
