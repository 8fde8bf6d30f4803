"""The register snapshot: what is kept at each slot boundary.

17 bytes, little-endian: UTC seconds u32, status u8, import u48, export u48 (cumulative, Wh x 1000).
"""

import struct

from keiki.wire.compat import const

SIZE = const(17)

NORMAL = const(0)
CLOCK_UNSURE = const(1)
POWER_WAS_OFF = const(2)
ESTIMATED = const(3)

_FORMAT = "<IBIHIH"


def pack_into(buffer, utc_s: int, status: int, import_wh_x1000: int, export_wh_x1000: int) -> None:
    """Write a record into the first 17 bytes of `buffer`."""
    struct.pack_into(
        _FORMAT, buffer, 0, utc_s, status,
        import_wh_x1000 & 0xFFFFFFFF, import_wh_x1000 >> 32,
        export_wh_x1000 & 0xFFFFFFFF, export_wh_x1000 >> 32,
    )  # fmt: skip


def unpack(buffer) -> "tuple[int, int, int, int]":
    """Return (utc_s, status, import_wh_x1000, export_wh_x1000) of the record in `buffer`."""
    utc_s, status, low, high, low_x, high_x = struct.unpack_from(_FORMAT, buffer, 0)
    return utc_s, status, low | high << 32, low_x | high_x << 32


def time_of(buffer) -> int:
    """Return the UTC seconds of the record in `buffer`."""
    return buffer[0] | buffer[1] << 8 | buffer[2] << 16 | buffer[3] << 24
