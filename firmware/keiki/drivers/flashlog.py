"""A log of fixed records on raw flash: durable when `append` returns, found again at any power cut.

A power cut may leave bits that read one way now and another way later. So the newest record found at boot is
programmed once more, and the first append after a boot burns the slot where a record may have been begun.
"""

import struct
from array import array
from binascii import crc32

from keiki.drivers import flashlog_header as header
from keiki.drivers.flashlog_pool import ENOSPC, Flash
from keiki.drivers.flashlog_slots import BLANK, BURNT, MASK, Slots
from keiki.wire.compat import const, runs

__all__ = ["Flash", "Log", "blocks_for"]

CHECKPOINT_S = const(1)  # the shortest interval of checkpoints: 3,285 erases a year for each of 64 blocks
_SLOTS_TRIED = const(2)  # slots in a row that may read back wrong before the block is given up
_BLOCKS_TRIED = const(3)
_sift = runs().sift


def blocks_for(records: int, record_size: int, block_size: int = 4096) -> int:
    """Return the `keep` of a log that must always hold `records` records: the newest block may be empty."""
    return -(-records // ((block_size - header.SIZE) // record_size)) + 1


class Log(Slots):
    """Log `kind` (1..254) of records of `record_size` bytes: a payload of `payload_size` and 4 for the sum.

    It holds `keep` blocks (2 at least) of the pool; one more with a record in it and the oldest goes. `wear`
    is "fast" for a log that takes a block many times a day, "slow" for one whose data rests. A record size is
    for ever: records of another size need another kind. Sequences run from `oldest` to `end` - 1, with gaps
    that read as False.
    """

    def __init__(self, flash: Flash, kind: int, record_size: int, keep: int, wear: str = "fast") -> None:
        super().__init__(flash, kind, record_size)
        self.end = 0
        self._slow = wear == "slow"
        self._keep = keep
        self._order = array("H", bytes(2 * (keep + 1)))  # blocks, oldest first
        self._held = 0
        self._left = 0  # slots free in the newest block
        self._sure = False  # False: a record may have been begun in the slot at `end`
        self._failures = 0
        self._boot(flash.adopt(self, kind, record_size, keep))

    @property
    def oldest(self) -> int:
        """Sequence of the oldest slot still held."""
        return self._flash.firsts[self._order[0]] if self._held else self.end

    @property
    def room(self) -> int:
        """Slots that are free in the newest block."""
        return self._left

    def append(self, payload) -> int:
        """Keep a record and return its sequence; it is on flash then. A short payload is filled up with FF.

        OSError: it could not be written, or not be seen to be; the log goes on with the next append.
        """
        if len(payload) > self.payload_size:
            raise ValueError("%d bytes for a record of %d" % (len(payload), self.payload_size))
        if not self._sure:
            self._settle()
        tried = 0
        while True:
            if not self._left:
                if tried == _BLOCKS_TRIED:
                    raise OSError(ENOSPC)
                tried += 1
                self._open()
            if self._write(payload):
                if self._held > self._keep:
                    self._retire()
                return self.end - 1

    def read_into(self, sequence: int, buffer) -> bool:
        """Fill `buffer` (no longer than a payload) from a record; False if that one is torn, corrupt or gone.

        IndexError outside `oldest`..`end`.
        """
        if not self.oldest <= sequence < self.end:
            raise IndexError("record %d is not held" % sequence)
        block = self._order[self._find(sequence)]
        slot = sequence - self._flash.firsts[block]
        if slot >= self.slots:
            return False
        if sequence != self._has and not self._load(block, slot, sequence):
            return False
        buffer[:] = self._payload if len(buffer) == self.payload_size else self._payload[: len(buffer)]
        return True

    def is_lost(self, sequence: int) -> bool:
        """Tell whether a record was kept at a sequence that is held, and cannot be read any more."""
        block = self._order[self._find(sequence)]
        slot = sequence - self._flash.firsts[block]
        if slot >= self.slots or self._load(block, slot, sequence):
            return False
        # burning clears the sum, and leaves of the payload what was there
        return bytes(self._stored[self.payload_size :]) != BURNT or not any(self._payload)

    def read_run(self, sequence: int, view) -> int:
        """Read slots one after the other from `sequence` on, as many as `view` takes and as lie together.

        Returns how many, 1 at least. Each takes `payload_size` + 4 bytes; the sum of what is no record is 0.
        IndexError outside `oldest`..`end`.
        """
        if not self.oldest <= sequence < self.end:
            raise IndexError("record %d is not held" % sequence)
        at = self._find(sequence)
        block, firsts = self._order[at], self._flash.firsts
        slot = sequence - firsts[block]
        end = self.end if at + 1 == self._held else firsts[self._order[at + 1]]
        count = min(len(view) // self._size, end - sequence)
        if slot < self.slots:
            count = min(count, self.slots - slot)
            self._flash.read(block, view[: count * self._size], header.SIZE + slot * self._size)
        else:  # sequences between two blocks that were never used
            count = 1
            for i in range(self._size):
                view[i] = 0
        _sift(view, count, self.payload_size, sequence)
        return count

    def moved(self, block: int, target: int) -> None:
        """Called by the pool: what was in `block` is in `target` now."""
        for i in range(self._held):
            if self._order[i] == block:
                self._order[i] = target

    def _find(self, sequence: int) -> int:
        firsts, order = self._flash.firsts, self._order
        low, high = 0, self._held
        while high - low > 1:
            middle = (low + high) // 2
            if firsts[order[middle]] <= sequence:
                low = middle
            else:
                high = middle
        return low

    def _write(self, payload) -> bool:
        flash, buffer, sequence = self._flash, self._buffer, self.end
        block = self._order[self._held - 1]
        slot = self.slots - self._left
        at = header.SIZE + slot * self._size
        self._has = -1
        if len(payload) == self.payload_size:
            self._payload[:] = payload
        else:
            self._payload[: len(payload)] = payload
            for i in range(len(payload), self.payload_size):
                self._payload[i] = 255
        struct.pack_into("<I", buffer, 0, sequence)
        struct.pack_into("<I", buffer, self._size, crc32(self._summed) & MASK or 1)
        self._sure = False
        try:
            flash.program(block, self._stored, at)
            good = self._load(block, slot, sequence)
        except OSError:
            flash.alive()
            good = False
            self._failures = _SLOTS_TRIED
        if good:
            self._failures = 0
            self._left -= 1
        else:
            flash.counts["burnt"] += 1
            self._failures += 1
            self._burn(block, slot)
            if self._failures >= _SLOTS_TRIED:
                flash.wear_out(block)
                self._left = 0
        self.end = sequence + 1
        self._sure = True
        return good

    def _burn(self, block: int, slot: int) -> None:
        """Make sure that the slot is neither blank nor a record; where that fails the block takes no more."""
        at = header.SIZE + slot * self._size + self.payload_size
        try:
            self._flash.program(block, BURNT, at)
            self._flash.read(block, self._sum, at)
        except OSError:
            self._flash.alive()
            self._sum[:] = BLANK
        if self._sum != BURNT:
            self._failures = _SLOTS_TRIED
        self._left -= 1

    def _open(self) -> None:
        """Begin a block for the record at `end`. The oldest goes only once this one holds a record."""
        gap = False
        if self._held > self._keep:  # nothing could be written into the newest one, so that goes
            self._held -= 1
            self._flash.release(self._order[self._held])
        if self._held:
            gap = self.end > self._flash.firsts[self._order[self._held - 1]] + self.slots
        while True:
            try:
                block = self._flash.take(self.kind, self.end, self._slow, gap)
                break
            except OSError:
                self._flash.alive()
                if self._held < 2:
                    raise
                self._retire()
        self._order[self._held] = block
        self._held += 1
        self._left = self.slots
        self._failures = 0

    def _retire(self) -> None:
        order = self._order
        oldest = order[0]
        self._held -= 1
        for i in range(self._held):
            order[i] = order[i + 1]
        self._flash.release(oldest)

    def _settle(self) -> None:
        """Before the first append after a boot or an error: leave no slot that may have been begun."""
        flash = self._flash
        if self._held:
            block = self._order[self._held - 1]
            if self._left:
                slot = self.slots - self._left
                self._burn(block, slot)
                self.end += 1
                if not self._blank_from(block, slot + 1):
                    self.end += self._left
                    self._left = 0
                elif self._failures >= _SLOTS_TRIED:
                    flash.wear_out(block)
                    self._left = 0
            elif flash.doubt:
                # The block after this one may be the one without header: its sequences are not used again.
                self.end += self.slots
        self._sure = True

    def _boot(self, blocks: "list[int]") -> None:
        flash = self._flash
        kept = []
        for block in blocks:
            if kept and flash.firsts[kept[-1]] == flash.firsts[block]:
                flash.counts["twins"] += 1
                surplus = block
                if self._rank(block) > self._rank(kept[-1]):
                    surplus, kept[-1] = kept[-1], block
                if surplus in flash.gaps:
                    flash.gaps.add(kept[-1])
                flash.firm(kept[-1])
                flash.release(surplus)
            else:
                kept.append(block)
        for block in kept[: -self._keep - 1]:
            flash.release(block)
        kept = kept[-self._keep - 1 :]
        for i, block in enumerate(kept):
            self._order[i] = block
            until = flash.firsts[kept[i - 1]] + self.slots if i else 0
            if i and until < flash.firsts[block] and block not in flash.gaps:
                flash.note("records", self.kind, until, flash.firsts[block])
        self._held = len(kept)
        if kept:
            self._boot_newest(kept[-1])
        if self._held > self._keep and self._holds_any(kept[-1]):
            self._retire()

    def _boot_newest(self, block: int) -> None:
        flash = self._flash
        first = flash.firsts[block]
        slot = self._end_slot(block)
        self.end = first + slot
        if not slot:
            flash.firm(block)
        elif self._load(block, slot - 1, self.end - 1):
            flash.program(block, self._stored, header.SIZE + (slot - 1) * self._size)
        else:
            if bytes(self._stored[self.payload_size :]) != BURNT:
                flash.counts["torn"] += 1
            self._left = 1
            self._burn(block, slot - 1)
        self._left = 0 if block in flash.worn else self.slots - slot
