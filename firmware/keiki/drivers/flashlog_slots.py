"""The slots of a log in one block of raw flash: reading them, and telling what is in them.

Record n of a log lies at slot n - first of the block whose header names `first`. A slot is the payload and
its sum: CRC-32 over sequence (u32) and payload, the low 30 bits, never 0; so neither a blank slot (FF) nor a
burnt one (sum 0) passes for a record. Slots are written in order: the first blank sum is the end of the log.
"""

import struct
from binascii import crc32

from keiki.drivers import flashlog_header as header
from keiki.wire.compat import const

_SUM = const(4)
MASK = const(0x3FFFFFFF)  # small integers on 32-bit boards
BURNT = b"\0\0\0\0"
BLANK = b"\xff\xff\xff\xff"


class Slots:
    """Slots of `record_size` bytes for records of log `kind`: a payload of `payload_size` and 4 for the sum.

    The buffer holds a sequence and what was last read or is to be written; `_has` is the sequence if that is
    a record, else -1.
    """

    def __init__(self, flash, kind: int, record_size: int) -> None:
        self.kind = kind
        self.payload_size = record_size - _SUM
        self.slots = (flash.size - header.SIZE) // record_size
        if self.payload_size < 1 or not self.slots:
            raise ValueError("log %d: no record of %d bytes fits" % (kind, record_size))
        self._flash = flash
        self._size = record_size
        self._buffer = bytearray(4 + record_size)
        view = memoryview(self._buffer)
        self._stored = view[4:]
        self._summed = view[: 4 + self.payload_size]
        self._payload = view[4 : 4 + self.payload_size]
        self._sum = bytearray(_SUM)
        self._has = -1

    def _load(self, block: int, slot: int, sequence: int) -> bool:
        """Read a slot into the buffer; True if it holds record `sequence`."""
        self._has = -1
        self._flash.read(block, self._stored, header.SIZE + slot * self._size)
        struct.pack_into("<I", self._buffer, 0, sequence)
        total = crc32(self._summed) & MASK or 1
        good = total == struct.unpack_from("<I", self._buffer, self._size)[0]
        self._has = sequence if good else -1
        return good

    def _sum_is_blank(self, block: int, slot: int) -> bool:
        self._flash.read(block, self._sum, header.SIZE + slot * self._size + self.payload_size)
        return self._sum == BLANK

    def _blank_from(self, block: int, slot: int) -> bool:
        """Tell whether no record begins at `slot` or after it."""
        return all(self._sum_is_blank(block, i) for i in range(slot, self.slots))

    def _end_slot(self, block: int) -> int:
        """Return the slot after the last one whose sum is not blank."""
        low, high = 0, self.slots
        while low < high:
            middle = (low + high) // 2
            if self._sum_is_blank(block, middle):
                high = middle
            else:
                low = middle + 1
        return low

    def _holds_any(self, block: int) -> bool:
        """Tell whether there is a record in a block."""
        first = self._flash.firsts[block]
        return any(self._load(block, slot, first + slot) for slot in range(self._end_slot(block)))

    def _rank(self, block: int) -> "tuple[int, int]":
        """Tell which of two twins stays: the fuller one, else the copy, which lies in the more worn block.

        A header that was not quite written can be made whole, one that was half released cannot.
        """
        return self._end_slot(block), self._flash.erases[block]
