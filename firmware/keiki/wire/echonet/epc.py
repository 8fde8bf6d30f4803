"""Tables of properties: who may read, write or hear what, and the maps that say so.

A row is (epc, access, read, write).

- `access`: a sum of CAN_GET, CAN_SET and CAN_INF, or a function view -> that sum, 0 meaning
  that this meter does not have the property.
- `read`: the value itself (bytes), or a function (view, controller, buf, at) -> end that
  writes the value into `buf` from `at` on and returns where it ends. `buf` always has room
  for 255 bytes after `at`.
- `write`: None, or a function (view, controller, edt) -> bool, False meaning refused with
  nothing changed.

Document: ECHONET Lite specification part 2, 4.2 (services), Appendix annex 1 (property maps).
"""

import struct

from keiki.wire import slots
from keiki.wire.compat import const

CAN_GET = const(1)
CAN_SET = const(2)
CAN_INF = const(4)

NO_ENERGY = 0xFFFFFFFE
"""An energy that is not known (u32)."""
NO_POWER = 0x7FFFFFFE
"""A power that is not known (s32)."""
NO_CURRENT = const(0x7FFE)
"""A current that is not known, or a phase that does not exist (s16)."""

_MAPS = {0x9D: CAN_INF, 0x9E: CAN_SET, 0x9F: CAN_GET}


class Table:
    """The properties of one object, looked up by EPC. The three property maps are added."""

    def __init__(self, rows: "tuple | list") -> None:
        self._rows = {}
        for row in rows:
            self._rows[row[0]] = row
        for epc in _MAPS:
            self._rows[epc] = (epc, CAN_GET, None, None)
        self._order = sorted(self._rows)

    def access(self, view, epc: int) -> int:
        """Return the sum of CAN_GET, CAN_SET, CAN_INF that holds now, 0 for no such property."""
        row = self._rows.get(epc)
        if row is None:
            return 0
        access = row[1]
        return access if isinstance(access, int) else access(view)

    def epcs(self, view, bit: int) -> "list[int]":
        """Return, ascending, the EPCs whose access has `bit` now."""
        return [epc for epc in self._order if self.access(view, epc) & bit]

    def read(self, view, controller, epc: int, buf: bytearray, at: int) -> int:
        """Write the value of `epc` into `buf` at `at` and return its end, or -1 if it is not readable."""
        row = self._rows.get(epc)
        if row is None:
            return -1
        access = row[1]
        if not isinstance(access, int):
            access = access(view)
        if not access & (CAN_GET | CAN_INF):
            return -1
        read = row[2]
        if read is None:
            return put_map(self.epcs(view, _MAPS[epc]), buf, at)
        if isinstance(read, bytes):
            return put(read, buf, at)
        return read(view, controller, buf, at)

    def write(self, view, controller, epc: int, edt: bytes) -> bool:
        """Carry out a set; return False, with nothing changed, if it is refused."""
        row = self._rows.get(epc)
        if row is None or row[3] is None or not self.access(view, epc) & CAN_SET:
            return False
        return row[3](view, controller, edt)


def put(value: bytes, buf: bytearray, at: int) -> int:
    """Copy `value` into `buf` at `at` and return its end."""
    end = at + len(value)
    buf[at:end] = value
    return end


def put_u32(value: int, buf: bytearray, at: int) -> int:
    """Write an unsigned 32-bit number and return its end."""
    struct.pack_into(">I", buf, at, value)
    return at + 4


def put_time(utc_s: int, buf: bytearray, at: int) -> int:
    """Write YYYY(2) MM DD hh mm ss of JST, 7 bytes, and return their end."""
    struct.pack_into(">HBBBBB", buf, at, *slots.jst(utc_s))
    return at + 7


def put_map(epcs: "list[int]", buf: bytearray, at: int) -> int:
    """Write a property map: count and list for fewer than 16 EPCs, else count and 16-byte bitmap.

    Bit j of bitmap byte k stands for EPC 0x80 + 16 * j + k (Appendix annex 1).
    """
    buf[at] = len(epcs)
    at += 1
    if len(epcs) < 16:
        for epc in epcs:
            buf[at] = epc
            at += 1
        return at
    for k in range(16):
        buf[at + k] = 0
    for epc in epcs:
        buf[at + (epc & 0x0F)] |= 1 << (epc >> 4) - 8
    return at + 16
