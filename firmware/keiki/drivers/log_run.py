"""Slots of a log that were read together: which of them hold the record that belongs there.

A slot is a payload and its sum, see flashlog_slots.py; the same on raw flash and in files.
"""

import struct
from binascii import crc32

from keiki.wire.compat import const

_SUM = const(4)
_MASK = const(0x3FFFFFFF)


def _is_good(view, at: int, payload_size: int, sequence: int, scratch: bytearray) -> bool:
    """Tell whether record `sequence` lies at `at` of `view`; `scratch` has 4 bytes."""
    struct.pack_into("<I", scratch, 0, sequence)
    end = at + payload_size
    total = crc32(view[at:end], crc32(scratch)) & _MASK or 1
    return total == struct.unpack_from("<I", view, end)[0]


def sift(view, count: int, payload_size: int, sequence: int, scratch: bytearray) -> None:
    """Set the sum to 0 of what is no record, of `count` slots from `sequence` on."""
    end = payload_size
    for number in range(sequence, sequence + count):
        if not _is_good(view, end - payload_size, payload_size, number, scratch):
            for i in range(end, end + _SUM):
                view[i] = 0
        end += payload_size + _SUM
