"""The blocks of a raw flash region, lent to several logs so that all of them wear alike.

Layout of a block: header (flashlog_header.py) in bytes 0..39, then records of one size, oldest first.
A log that changes slowly takes the most worn free block, a fast one the least worn; data that rests for
long in a block that is hardly worn is moved out of it.
"""

from array import array

from keiki.drivers import flashlog_header as header
from keiki.drivers.flashlog_blocks import Blocks
from keiki.wire.compat import const

FREE = const(0)
BAD = const(255)
ENOSPC = const(28)

_MARGIN = const(64)  # erases by which a resting block may lag before its data is moved to a worn one
_NOTES_MAX = const(16)


class Flash(Blocks):
    """A pool of erase blocks on `device` (see Blocks).

    `counts` has what was met since start, by name; `lost` up to 16 notes of what boot could not read:
    ("records", kind, first, end) for records that are gone, at each boot until their time is over, and once
    ("block", block, 0, 0) for a block that cannot be read: half erased by a power cut, or lost.
    """

    def __init__(self, device, page: int = 1) -> None:
        super().__init__(device, page)
        self.lost = []
        self.counts = {
            "headers": 0,  # neither valid, blank nor released
            "copies": 0,  # read from the second copy
            "twins": 0,  # blocks that claimed the sequences of another
            "torn": 0,  # last records found incomplete at boot
            "burnt": 0,  # slots given up because they read back wrong
            "moved": 0,  # blocks of resting data moved to even out wear
            "bad": 0,  # blocks given up for good
        }
        self.doubt = False  # a block with data but no header was found: it may have been a log's newest
        self.kinds = bytearray(self.blocks)
        self.firsts = array("I", bytes(4 * self.blocks))
        self.erases = array("I", bytes(4 * self.blocks))
        self.worn = set()  # blocks that take no more records
        self.gaps = set()  # blocks whose first sequence does not follow on the block before
        self._sizes = {}
        self._logs = {}
        self._keeps = 0
        self._scan()

    def adopt(self, log, kind: int, record_size: int, keep: int) -> "list[int]":
        """Register a log and return its blocks in order of their first sequence; twins stand side by side."""
        if not 0 < kind < 255 or keep < 2 or kind in self._logs:
            raise ValueError("log %d: kinds are 1..254, each once, and keep is 2 at least" % kind)
        if self._sizes.get(kind, record_size) != record_size:
            raise ValueError("log %d was kept with records of %d bytes" % (kind, self._sizes[kind]))
        if self._keeps + keep >= self.blocks:
            raise ValueError("log %d: %d blocks and one spare are more than the region has" % (kind, keep))
        self._keeps += keep
        self._sizes[kind] = record_size
        self._logs[kind] = log
        mine = [block for block in range(self.blocks) if self.kinds[block] == kind]
        return sorted(mine, key=lambda block: self.firsts[block])

    def drop(self, kind: int) -> None:
        """Release every block of a kind that no log has adopted."""
        if kind in self._logs:
            raise ValueError("log %d is in use" % kind)
        for block in range(self.blocks):
            if self.kinds[block] == kind:
                self.release(block)
        self._sizes.pop(kind, None)

    def take(self, kind: int, first: int, slow: bool, gap: bool) -> int:
        """Erase a free block and begin it for log `kind`; OSError(28) if no block is left that works."""
        while True:
            block = self._choose(slow)
            if block < 0:
                raise OSError(ENOSPC)
            if self._fresh(block) and self._begin(block, kind, first, gap):
                return block

    def release(self, block: int) -> None:
        """Give a block back; it is erased when it is taken again."""
        self.gaps.discard(block)
        if block in self.worn:
            self._spoil(block)
            return
        head = self._head
        try:
            self.program(block, header.RELEASE, header.RELEASE_AT)
            self.read(block, head, 0)
        except OSError:
            self.alive()
            head[header.RELEASE_AT] = 255
        if header.state_of(head) == header.RELEASED:
            self.kinds[block] = FREE
        else:
            self._spoil(block)

    def wear_out(self, block: int) -> None:
        """Take no more records into a block and give it up for good once its records are due to go."""
        self.worn.add(block)
        try:
            self.program(block, header.WORN, header.WORN_AT)
        except OSError:
            self.alive()

    def firm(self, block: int) -> None:
        """Program a header again: a power cut may have left its bits half programmed."""
        kind = self.kinds[block]
        size, first, erases = self._sizes[kind], self.firsts[block], self.erases[block]
        header.pack_into(self._head, kind, size, first, erases, block in self.gaps)
        self.program(block, self._head, 0)

    def note(self, what: str, number: int, first: int, end: int) -> None:
        """Remember something lost; the first 16 are kept."""
        if len(self.lost) < _NOTES_MAX:
            self.lost.append((what, number, first, end))

    def _scan(self) -> None:
        unknown = []
        for block in range(self.blocks):
            found = self._read_header(block)
            if found and self._sizes.setdefault(found[0], found[1]) == found[1]:
                self.kinds[block] = found[0]
                self.firsts[block] = found[2]
                self.erases[block] = found[3]
                if found[4]:
                    self.worn.add(block)
                if found[5]:
                    self.gaps.add(block)
                continue
            state = header.BROKEN if found else header.state_of(self._head)
            if state == header.BAD:
                self.kinds[block] = BAD
                continue
            erases = found[3] if found else header.erases_of(self._head)
            if erases >= 0:
                self.erases[block] = erases
            else:
                unknown.append(block)
            if state == header.BROKEN:
                self._mend(block)
        # A count that was lost is taken to be below all others: most of these blocks were never used yet, and
        # a higher guess at every boot would keep them so.
        known = [count for count in self.erases if count]
        for block in unknown:
            self.erases[block] = min(known) - 1 if known else 0
        if all(kind == BAD for kind in self.kinds):  # a region that was filled with zeros, not all bad
            for block in range(self.blocks):
                self.kinds[block] = FREE

    def _read_header(self, block: int):
        head = self._head
        view = memoryview(head)
        self.read(block, view[: header.COPY], 0)
        found = header.parse_copy(head, 0)
        if not found:
            self.read(block, view[header.COPY :], header.COPY)
            found = header.parse_copy(head, header.COPY)
            if found:
                self.counts["copies"] += 1
        return found

    def _mend(self, block: int) -> None:
        """Release a block without a valid header for certain, so that the next boot sees it alike."""
        self.counts["headers"] += 1
        released = header.half_released(self._head)
        self.read(block, self._head, header.SIZE)
        if not released and bytes(self._head) != self._blank[: header.SIZE]:
            self.doubt = True
            self.note("block", block, 0, 0)
        self.release(block)

    def _choose(self, slow: bool) -> int:
        kinds, erases = self.kinds, self.erases
        while True:
            low = high = cold = -1
            for block in range(self.blocks):
                count = erases[block]
                if kinds[block] == FREE:
                    if low < 0 or count < erases[low]:
                        low = block
                    if high < 0 or count > erases[high]:
                        high = block
                elif kinds[block] != BAD and (cold < 0 or count < erases[cold]) and block not in self.worn:
                    cold = block
            if low < 0:
                return low
            if slow and erases[high] <= erases[low] + _MARGIN:
                return high
            if slow or cold < 0 or erases[cold] + _MARGIN >= erases[low]:
                return low
            if self._move(cold, high):
                return cold

    def _fresh(self, block: int) -> bool:
        self.erases[block] += 1
        if self.erase(block):
            return True
        self._spoil(block)
        return False

    def _begin(self, block: int, kind: int, first: int, gap: bool) -> bool:
        head = self._head
        header.pack_into(head, kind, self._sizes[kind], first, self.erases[block], gap)
        want = bytes(head)
        try:
            self.program(block, head, 0)
            self.read(block, head, 0)
        except OSError:
            self.alive()
            head[0] = want[0] ^ 255
        if head != want:
            self._spoil(block)
            return False
        self.kinds[block] = kind
        self.firsts[block] = first
        if gap:
            self.gaps.add(block)
        return True

    def _spoil(self, block: int) -> None:
        self.counts["bad"] += 1
        self.kinds[block] = BAD
        self.worn.discard(block)
        try:
            self.program(block, header.SPOIL, 0)
        except OSError:
            self.alive()

    def _move(self, cold: int, target: int) -> bool:
        """Copy a block to a free one, its header last, and release it; False if the target turned out bad."""
        if not self._fresh(target):
            return False
        if not self.copy(cold, target):
            self._spoil(target)
            return False
        if not self._begin(target, self.kinds[cold], self.firsts[cold], cold in self.gaps):
            return False
        self.counts["moved"] += 1
        log = self._logs.get(self.kinds[cold])
        if log:
            log.moved(cold, target)
        self.release(cold)
        return self.kinds[cold] == FREE
