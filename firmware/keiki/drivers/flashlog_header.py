"""The first 40 bytes of a block of the log region: whose it is, from which sequence on, how often erased.

Two equal copies of 20 bytes, little-endian, so that one flipped bit does not cost the block:
erases u32, magic u16, version u8, kind u8, first sequence u32, record size u16, CRC-32 of these 14 bytes u32,
worn u8 (FF; 00 once the block has failed to take a record), gap u8 (FF; 00 if the sequences that would come
before the first were left out on purpose).

A block is released by programming all but the two erase counts to zero, before it is ever erased: a
half-done erase would have to bring back 16 bytes exactly to pass for a live block. All zero means bad.
"""

import struct
from binascii import crc32

from keiki.wire.compat import const

SIZE = const(40)
COPY = const(20)

LIVE = const(0)
BLANK = const(1)
RELEASED = const(2)
BAD = const(3)
BROKEN = const(4)

# Programmed at these offsets; a byte of FF leaves what is there.
RELEASE_AT = const(4)
RELEASE = b"\0" * 16 + b"\xff" * 4 + b"\0" * 16
SPOIL = b"\0" * SIZE
WORN_AT = const(18)
WORN = b"\0" + b"\xff" * (COPY - 1) + b"\0"

_FORMAT = const("<IHBBIHIBB")
_SUMMED = const(14)
_MAGIC = const(0x4C6B)
_VERSION = const(1)
_ERASES_MAX = const(0xFFFFFF)  # a hundred times what any NOR flash stands


def pack_into(buffer, kind: int, record_size: int, first: int, erases: int, gap: bool = False) -> None:
    """Write both copies into the first 40 bytes of `buffer`."""
    for at in (0, COPY):
        struct.pack_into(
            _FORMAT, buffer, at, erases, _MAGIC, _VERSION, kind, first, record_size, 0, 255, 0 if gap else 255
        )
        total = crc32(memoryview(buffer)[at : at + _SUMMED]) & 0xFFFFFFFF
        struct.pack_into("<I", buffer, at + _SUMMED, total)


def parse_copy(buffer, at: int) -> "tuple[int, int, int, int, bool, bool] | None":
    """Return (kind, record_size, first, erases, worn, gap) of the copy at `at`, or None if invalid."""
    erases, magic, version, kind, first, size, total, worn, gap = struct.unpack_from(_FORMAT, buffer, at)
    if magic != _MAGIC or version != _VERSION or not 0 < kind < 255 or not size:
        return None
    if total != crc32(memoryview(buffer)[at : at + _SUMMED]) & 0xFFFFFFFF:
        return None
    return kind, size, first, erases, worn != 255, gap != 255


def state_of(buffer) -> int:
    """Tell what 40 bytes without a valid copy are: BLANK, RELEASED, BAD or BROKEN."""
    head = bytes(memoryview(buffer)[:SIZE])
    if head == SPOIL:
        return BAD
    if head == b"\xff" * SIZE:
        return BLANK
    if head[RELEASE_AT:COPY] == SPOIL[:16] and head[COPY + RELEASE_AT :] == SPOIL[:16]:
        return RELEASED
    return BROKEN


def half_released(buffer) -> bool:
    """Tell whether a BROKEN header looks like one whose release was cut: bits cleared, counts untouched."""
    for at in (RELEASE_AT, COPY + RELEASE_AT):
        magic, version = struct.unpack_from("<HB", buffer, at)
        if magic & ~_MAGIC or version & ~_VERSION:
            return False
    return erases_of(buffer) > 0


def erases_of(buffer) -> int:
    """Return the erase count of a header that is not valid if its copies agree on a likely one, else -1."""
    first, second = struct.unpack_from("<I", buffer, 0)[0], struct.unpack_from("<I", buffer, COPY)[0]
    return first if first == second and 0 < first <= _ERASES_MAX else -1
