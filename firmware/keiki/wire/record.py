"""The register snapshot: what is kept at each slot boundary and at each checkpoint.

19 bytes, little-endian: UTC seconds u32, status u4, run u4 (meter/history_runs.py), import u48, export u48
(cumulative, Wh x 1000) and generation u16: it goes up by one (modulo 65536) whenever somebody sets a
register, so that a smaller register can be the newer one.
"""

import struct

from keiki.wire.compat import const

SIZE = const(19)

NORMAL = const(0)
CLOCK_UNSURE = const(1)
POWER_WAS_OFF = const(2)
ESTIMATED = const(3)

_FORMAT = const("<IBIHIHH")


def pack_into(
    buffer,
    utc_s: int,
    status: int,
    import_wh_x1000: int,
    export_wh_x1000: int,
    generation: int = 0,
    run: int = 0,
) -> None:
    """Write a record into the first 19 bytes of `buffer`."""
    struct.pack_into(
        _FORMAT, buffer, 0, utc_s, status | run << 4,
        import_wh_x1000 & 0xFFFFFFFF, import_wh_x1000 >> 32,
        export_wh_x1000 & 0xFFFFFFFF, export_wh_x1000 >> 32, generation,
    )  # fmt: skip


def unpack(buffer) -> "tuple[int, int, int, int, int]":
    """Return (utc_s, status, import_wh_x1000, export_wh_x1000, generation) of the record in `buffer`."""
    utc_s, status, low, high, low_x, high_x, generation = struct.unpack_from(_FORMAT, buffer, 0)
    return utc_s, status & 15, low | high << 32, low_x | high_x << 32, generation


def time_of(buffer) -> int:
    """Return the UTC seconds of the record in `buffer`."""
    return buffer[0] | buffer[1] << 8 | buffer[2] << 16 | buffer[3] << 24


def run_of(buffer) -> int:
    """Return the number of the run, 0..15, of the record in `buffer`."""
    return buffer[4] >> 4


def is_newer(generation: int, than: int) -> bool:
    """Tell whether a generation comes after another one, within 32767."""
    return 0 < (generation - than) & 0xFFFF < 0x8000
