"""Emulated NOR flash: the extended block device of MicroPython, as strict and as unlucky as a real chip.

Programming clears bits and never sets one (asking for it is an AssertionError; a byte of FF asks for
nothing), erasing sets a whole block. The power can go at any operation: before it, inside it or right after
it. A program or an erase that was cut leaves each bit done, not done, or weak: it reads at random until it is
programmed or erased again.
A device whose power is gone keeps raising; `reboot` gives a new one over a copy of the image.
"""

BEFORE = 0
INSIDE = 1
AFTER = 2

ERASE_FAILS = "erase fails"
PROGRAM_FAILS = "program fails"
STUCK_AT_1 = "bit stuck at 1"
STUCK_AT_0 = "bit stuck at 0"


class Nor:
    """`blocks` of `size` bytes; `page` 1 (any byte) or 256 (aligned pages). `ops` counts programs and erases.

    `cut_at` is the operation (from 0) at which the power goes, `cut_how` BEFORE, INSIDE or AFTER it.
    `bad` maps blocks to what is wrong with them. `on_op(kind, block, offset, data)` is called before each
    operation.
    """

    def __init__(self, blocks=64, size=4096, page=1, seed=1, image=None):
        self.blocks = blocks
        self.size = size
        self.page = page
        self.image = bytearray(blocks * size) if image is None else image
        self.erases = [0] * blocks
        self.ops = 0
        self.programmed = 0
        self.cut_at = -1
        self.cut_how = BEFORE
        self.dead = False
        self.weak = {}
        self.bad = {}
        self.on_op = None
        self._view = memoryview(self.image)
        if image is None:
            for block in range(blocks):
                self._view[block * size : (block + 1) * size] = b"\xff" * size
        self._seed = seed * 2654435761 + 12345 & 0x7FFFFFFF

    def reboot(self, move=False):
        """Return a living device with a copy of the image, or the image itself: then this one is dead."""
        self.dead = self.dead or move
        image = self.image if move else bytearray(self.image)
        other = Nor(self.blocks, self.size, self.page, self._random(1 << 30), image)
        other.erases = list(self.erases)
        other.weak = dict(self.weak)
        other.bad = dict(self.bad)
        return other

    def readblocks(self, block, buffer, offset=0):
        """Fill `buffer`; bits that a cut left weak read at random."""
        if self.dead:
            raise OSError(5)
        at = block * self.size + offset
        assert offset >= 0 and offset + len(buffer) <= self.size and 0 <= block < self.blocks, (block, offset)
        buffer[:] = self._view[at : at + len(buffer)]
        if self.weak:
            for address, mask in self.weak.items():
                if at <= address < at + len(buffer):
                    buffer[address - at] ^= self._random(256) & mask

    def writeblocks(self, block, data, offset=0):
        """Program `data`: clears bits, never sets one."""
        size = len(data)
        assert offset >= 0 and offset + size <= self.size and 0 <= block < self.blocks, (block, offset)
        assert not offset % self.page and not size % self.page, (offset, size)
        if self.dead:
            raise OSError(5)
        at = block * self.size + offset
        if self.on_op:
            self.on_op("program", block, offset, data)
        if self.ops == self.cut_at:
            self._cut_program(at, data)
        self.ops += 1
        self.programmed += size
        if self.bad and self.bad.get(block) == PROGRAM_FAILS:
            raise OSError(5)
        if self.weak:
            self._program_slowly(at, data)
        else:
            old = int.from_bytes(self._view[at : at + size], "little")
            new = int.from_bytes(data, "little")
            if new & ~old:
                self._check(at, data)
                new &= old
            self._view[at : at + size] = new.to_bytes(size, "little")
        if self.bad and self.bad.get(block) == STUCK_AT_1:
            for i in range(at, at + size):
                self.image[i] |= 0x10

    def ioctl(self, op, arg):
        """4: number of blocks; 5: size of a block; 6: erase block `arg`; the rest does nothing."""
        if op == 4:
            return self.blocks
        if op == 5:
            return self.size
        if op != 6:
            return 0
        if self.dead:
            raise OSError(5)
        assert 0 <= arg < self.blocks, arg
        if self.on_op:
            self.on_op("erase", arg, 0, None)
        if self.ops == self.cut_at:
            self._cut_erase(arg)
        self.ops += 1
        self.erases[arg] += 1
        if self.bad and self.bad.get(arg) == ERASE_FAILS:
            raise OSError(5)
        self._erase(arg)
        return 0

    def flip(self, address, mask):
        """Flip bits of one byte."""
        self.image[address] ^= mask

    def spray(self, address, size):
        """Overwrite a range with random bytes."""
        for i in range(address, address + size):
            self.image[i] = self._random(256)

    def tear(self, kind, block, offset, data):
        """Do an operation as far as it gets when the power goes inside it."""
        at = block * self.size + offset
        if kind == "erase":
            self._half_erase(block)
        else:
            self._half_program(at, data)

    def finish(self, kind, block, offset, data):
        """Do an operation whole."""
        if kind == "erase":
            self.erases[block] += 1
            self._erase(block)
        else:
            self._program_slowly(block * self.size + offset, data)

    def _random(self, below):
        self._seed = (self._seed * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._seed >> 8) * below >> 23

    def _check(self, at, data):
        for i in range(len(data)):
            if data[i] != 255:
                old = self.image[at + i] | self.weak.get(at + i, 0)
                assert not data[i] & ~old, "0 to 1 at %d of block %d" % (at % self.size + i, at // self.size)

    def _program_slowly(self, at, data):
        self._check(at, data)
        for i in range(len(data)):
            self.image[at + i] &= data[i]
            mask = self.weak.pop(at + i, 0) & data[i]
            if mask:
                self.weak[at + i] = mask

    def _erase(self, block):
        at = block * self.size
        self._view[at : at + self.size] = b"\xff" * self.size
        if self.weak:
            for address in [a for a in self.weak if at <= a < at + self.size]:
                del self.weak[address]
        if self.bad.get(block) == STUCK_AT_0:
            self.image[at + 77] = 0xFE

    def _cut_program(self, at, data):
        self.dead = True
        if self.cut_how == INSIDE:
            self._half_program(at, data)
        elif self.cut_how == AFTER:
            self._program_slowly(at, data)
        raise OSError(5)

    def _cut_erase(self, block):
        self.dead = True
        if self.cut_how == INSIDE:
            self._half_erase(block)
        elif self.cut_how == AFTER:
            self.erases[block] += 1
            self._erase(block)
        raise OSError(5)

    def _half_program(self, at, data):
        """In order up to a byte, or all at once, or all but a byte; the bits done, not done or weak."""
        self._check(at, data)
        how = self._random(3)
        done = self._random(len(data) + 1) if how else 0
        for i in range(len(data)):
            if i == done or not how:
                wanted = ~data[i] & self.image[at + i] & 255
                self.image[at + i] &= ~(wanted & self._random(256)) & 255
                self._weaken(at + i, wanted & self._random(256))
            elif i < done or how == 2:
                self.image[at + i] &= data[i]
                self.weak.pop(at + i, 0)

    def _half_erase(self, block):
        """A part is erased; or all was cleared first, as chips do; or bits rose here and there."""
        at = block * self.size
        start, end = at, at + self.size
        how = self._random(4)
        if how == 1:
            start += self._random(self.size)
        elif how == 2:
            end = start + self._random(self.size)
        elif how == 3:
            self._view[at : at + self.size] = b"\0" * self.size
        if how in (1, 2):
            self._view[start:end] = b"\xff" * (end - start)
        else:
            for i in range(start, end):
                raised = self._random(256)
                self.image[i] |= raised
        self.weak = {a: m for a, m in self.weak.items() if not at <= a < at + self.size}
        for i in range(at, at + 64):  # where headers are: some bits stay undecided
            if not self._random(8):
                self._weaken(i, self._random(256))

    def _weaken(self, address, mask):
        if mask:
            self.weak[address] = self.weak.get(address, 0) | mask
