"""An ATM90E32AS in a few lines, on an SPI that can go wrong; for tests of its driver."""

from keiki.drivers import metering_atm90e32
from keiki.drivers.metering import STALE
from metering_line import finish

RESET = {0x0A: 0xFFFF, 0x31: 0x0861, 0x32: 0xC468, 0x33: 0x0087}
for _gain in (0x61, 0x62, 0x65, 0x66, 0x69, 0x6A):
    RESET[_gain] = 0x8000


class Chip:
    """Registers, and an SPI to them.

    `answers` are functions that alter the next answers, one each; "lost" is a frame that does not arrive.
    `frames` is a log of what was sent, if it is wanted.
    """

    def __init__(self, log=False):
        self.log = log
        self.frames = []
        self.count = 0
        self.waited_ms = 0
        self.stuck = None
        self.deaf = False
        self.crc = 0
        self.answers = []
        self.values = {}
        self.resets = 0
        self.restart()
        metering_atm90e32.asyncio = self

    async def sleep_ms(self, ms):
        """Stands in for asyncio."""
        self.waited_ms += ms

    def restart(self):
        self.config = dict(RESET)
        self.energy = dict.fromkeys(range(0x80, 0x94), 0)
        self.open = False
        self.last = 0

    def transfer(self, tx, rx):
        assert len(tx) == len(rx) == 4
        if self.log:
            self.frames.append(bytes(tx))
        self.count += 1
        answer = self.answers.pop(0) if self.answers else None
        value = None if answer == "lost" or self.deaf else self.access(bytes(tx))
        if value is None:
            value = 0xFFFF
        elif answer is not None:
            value = answer(value)
        if self.stuck is not None:
            value = self.stuck
        rx[:] = b"\xff\xff" + bytes((value >> 8, value & 0xFF))

    def access(self, tx):
        register, value = (tx[0] & 3) << 8 | tx[1], tx[2] << 8 | tx[3]
        if tx[0] & 0x80:
            value = self.say(register)
            if register != 0x78:
                self.last = value
            if register in self.energy:
                self.energy[register] = 0
            return value
        self.last = value
        if register == 0x70 and value == 0x789A:
            self.resets += 1
            self.restart()
        elif register == 0x7F:
            self.open = value == 0x55AA
        elif register < 0x70 and self.open:
            self.config[register] = value
        return 0

    def say(self, register):
        if register == 0x78:
            return self.last
        if register == 0x79:
            return self.crc
        if register in self.energy:
            return self.energy[register]
        if register < 0x70:
            return self.config.get(register, 0)
        return self.values.get(register, 0)

    def measure(self, channel, volts=100, ma=10000, watts=1000, var=0, factor=1000):
        """Let channel 0 (A) or 2 (C) measure this."""
        self.put(0xD9 + channel, volts * 100)
        self.put(0xDD + channel, ma)
        self.put32(0xB1 + channel, 0xC1 + channel, watts * 3125)
        self.put32(0xB5 + channel, 0xC5 + channel, var * 3125)
        self.put(0xBD + channel, factor & 0xFFFF)
        self.put(0xF8, 5000)

    def put(self, register, value):
        self.values[register] = value

    def put32(self, high, low, value):
        self.values[high], self.values[low] = value >> 16 & 0xFFFF, value & 0xFFFF


BOARD = {"line_hz": 50, "u_gain": 52801, "i_gain": 27962}


def meter(phases=2, rating_a=60, log=False, **data):
    """A driver whose chip is set up and has measured 1 kW in each leg."""
    chip = Chip(log)
    board = dict(BOARD)
    board.update(data)
    driver = metering_atm90e32.Atm90e32(chip, board, rating_a, phases)
    for channel in (0, 2)[:phases]:
        chip.measure(channel)
    assert finish(driver.snapshot(0)).flags == STALE
    assert finish(driver.snapshot(1000)).flags == 0
    told = []
    driver.on_event = lambda kind, before, after: told.append((kind, before, after))
    return chip, driver, told
