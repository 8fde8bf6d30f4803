"""drivers/spinor against a chip that is as strict as a real one (these run on CPython too)."""

from keiki.drivers.spinor import SpiNor


class Chip:
    """A W25Q16 of 16 blocks in use: pages wrap, bits only go to 0, nothing is taken while it is busy."""

    def __init__(self, identity=b"\xef\x40\x15", busy=3):
        self.image = bytearray(b"\x00" * (16 * 4096))
        self.identity, self.busy_for = identity, busy
        self.enabled = False
        self.busy = 0
        self.now_ms = 0

    def ticks_ms(self):
        self.now_ms += 1
        return self.now_ms

    def fetch(self, head, into):
        if head[0] == 0x9F:
            into[:] = self.identity
        elif head[0] == 0x05:
            into[0] = 1 if self.busy else 0
            self.busy = max(0, self.busy - 1)
        else:
            assert head[0] == 0x03 and not self.busy
            at = int.from_bytes(bytes(head[1:]), "big")
            into[:] = self.image[at : at + len(into)]

    def send(self, head, data):
        assert head[0] == 0xAB or not self.busy
        if head[0] == 0x06:
            self.enabled = True
        elif head[0] in (0x02, 0x20):
            assert self.enabled
            self.enabled, self.busy = False, self.busy_for
            at = int.from_bytes(bytes(head[1:]), "big")
            if head[0] == 0x20:
                assert at % 4096 == 0
                self.image[at : at + 4096] = b"\xff" * 4096
            for i, byte in enumerate(data):
                self.image[(at & ~255) + (at + i & 255)] &= byte


def test_what_is_written_across_pages_is_read_back_and_the_rest_stays():
    chip = Chip()
    nor = SpiNor(chip, 16, chip.ticks_ms)
    assert nor.ioctl(4, 0) == 16 and nor.ioctl(5, 0) == 4096 and nor.ioctl(9, 0) is None
    assert nor.ioctl(6, 2) == 0
    data = bytes(range(256)) * 3
    nor.writeblocks(2, data, 200)
    found = bytearray(len(data) + 2)
    nor.readblocks(2, found, 199)
    assert bytes(found) == b"\xff" + data + b"\xff"
    nor.writeblocks(2, b"\x0f", 199)
    nor.readblocks(2, found, 199)
    assert found[0] == 0x0F
    assert chip.image[4096 * 3] == 0 and chip.image[4096 * 2 - 1] == 0


def fails(make, errno):
    try:
        make()
    except OSError as error:
        assert error.args[0] == errno
        return
    raise AssertionError("no error")


def test_no_chip_and_one_that_is_too_small_are_told():
    for identity in (b"\xff\xff\xff", b"\x00\x00\x00", b"\xef\x40\x0f", b"\xef\x40\x10"):
        chip = Chip(identity)
        fails(lambda of=chip: SpiNor(of, 32, of.ticks_ms), 19)


def test_a_chip_that_is_busy_for_ever_is_an_error_and_no_hang():
    chip = Chip(busy=1 << 30)
    nor = SpiNor(chip, 16, chip.ticks_ms)
    fails(lambda: nor.ioctl(6, 0), 5)
    assert 2000 <= chip.now_ms < 2100
