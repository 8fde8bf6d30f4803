"""Records that lie one behind the other, in plain code: which are whole, and as rows of a load profile.

For ports without viper; the same functions as in runs_viper.
"""

import struct
from binascii import crc32

from keiki.wire.compat import const

ROW = const(28)
_SUM = const(4)
_MASK = const(0x3FFFFFFF)
_STRIDE = const(23)
_RECORD = "<IBIHIHHI"
_JST_S = const(32400)


def sift(view, count: int, payload_size: int, sequence: int) -> None:
    """Set the sum to 0 of what is no record, of `count` slots from `sequence` on.

    A slot is a payload and its sum, see drivers/flashlog_slots.py.
    """
    start, numbered = 0, bytearray(4)
    for number in range(sequence, sequence + count):
        struct.pack_into("<I", numbered, 0, number)
        end = start + payload_size
        total = crc32(view[start:end], crc32(numbered)) & _MASK or 1
        if total != struct.unpack_from("<I", view, end)[0]:
            for i in range(end, end + _SUM):
                view[i] = 0
        start = end + _SUM


def day_of(run, index: int) -> int:
    """Return the day, since 1970 in Japan, of the register record (wire/record.py) at `index` of a run."""
    at = _STRIDE * index
    return ((run[at] | run[at + 1] << 8 | run[at + 2] << 16 | run[at + 3] << 24) + _JST_S) // 86400


def fill(buffer, at: int, run, index: int, count: int, head, statuses, day: int) -> int:
    """Write records from `index` on as rows, up to `count` or to one of another day than `day`.

    A record whose sum is 0 is left out. A row is what `head` (ROW bytes) is, with time, status by `statuses`
    (its first byte that of status 0; four bits of it count) and energies put in.
    Returns the next index + 256 * rows written.
    """
    first = at
    while index < count:
        utc_s, status, low, high, low_x, high_x, _, total = struct.unpack_from(_RECORD, run, _STRIDE * index)
        if total:
            if (utc_s + _JST_S) // 86400 != day:
                break
            buffer[at : at + ROW] = head
            status &= 15
            rest_s = (utc_s + _JST_S) % 86400
            buffer[at + 9], buffer[at + 10], buffer[at + 11] = rest_s // 3600, rest_s // 60 % 60, rest_s % 60
            buffer[at + 15] = 2 if status == 1 else 0
            buffer[at + 17] = statuses[status if status < len(statuses) else -1]
            struct.pack_into(">I", buffer, at + 19, (low | high << 32) // 1000 & 0xFFFFFFFF)
            struct.pack_into(">I", buffer, at + 24, (low_x | high_x << 32) // 1000 & 0xFFFFFFFF)
            at += ROW
        index += 1
    return index + ((at - first) // ROW << 8)
