"""An ADE7953 in a few lines, for tests of its driver: registers, and what it says about the last access."""

RESET = {0x004: 0x40, 0x102: 0x8004, 0x203: 0xE419, 0x204: 0xE419, 0x22D: 1 << 20, 0x37F: 0xFFFFFFFF}
for _gain in (0x280, 0x282, 0x283, 0x284, 0x28C, 0x28E, 0x28F, 0x290):
    RESET[_gain] = 0x400000


def width(register):
    page = register >> 8
    return (1, 2, 3, 4)[page] if page < 4 else 1


class Chip:
    """A transport and the chip at its other end.

    `answers` alter the next reads, one each: a function of the value, or None for silence; "lost" is a write
    that does not arrive, a number is the register where it arrives instead. `counts` is what the energy
    counters and readings say.
    """

    def __init__(self):
        self.now_ms = 0
        self.silent = False
        self.answers = {}
        self.writes = []
        self.reads = 0
        self.strays = []
        self.settled = 0
        self.restart()

    def restart(self):
        self.registers = dict(RESET)
        self.last = (0, 0)
        self.open = False

    def measure(self, volts=100, ma=10000, hz=50, scale=None):
        """Let the rms registers say this."""
        scale = scale or {"lsb_per_v_x1000": 25500000, "lsb_per_a_x1000": 127000000}
        self.registers[0x21C] = volts * scale["lsb_per_v_x1000"] // 1000
        for at in (0x21A, 0x21B):
            self.registers[at] = ma * scale["lsb_per_a_x1000"] // 1000000
        self.registers[0x10E] = 223750 // hz - 1

    def count(self, index, counts):
        """Let an energy counter (0, 1 active, 2, 3 reactive) go on."""
        at = 0x21E + index
        self.registers[at] = (self.registers.get(at, 0) + counts) & 0xFFFFFF

    async def read(self, register):
        self.reads += 1
        if self.silent:
            return None
        self.open = False
        mask = (1 << 8 * width(register)) - 1
        if register == 0x1FE:
            value = self.last[0]
        elif register & 0xFF == 0xFF:
            value = self.last[1] & mask
        else:
            value = self.crc() if register == 0x37F else self.registers.get(register, 0)
            if register == 0x22E:
                value = self.registers[0x22D]
                self.registers[0x22D] = 0
            self.last = (register, value)
        alter = self.answers.pop(self.reads, None)
        return value if alter is None else alter(value)

    async def confirmed(self, register):
        value = await self.read(register)
        if value is None or await self.read(0x0FF + (width(register) - 1 << 8)) != value:
            return None
        return value if await self.read(0x1FE) == register else None

    async def write(self, register, value):
        if self.silent:
            return
        stray = self.strays.pop(0) if self.strays else None
        if stray == "lost":
            return
        register = register if stray is None else stray
        self.writes.append((register, value))
        opened, self.open = self.open, (register, value) == (0x0FE, 0xAD)
        protected = self.registers.get(0x040, 0) >> min(2, width(register) - 1) & 1
        if protected and register != 0x040:
            return
        self.last = (register, value)
        if register == 0x102 and value & 0x80:
            self.restart()
        elif register != 0x120 or opened:
            self.registers[register] = value

    async def settle(self):
        self.settled += 1

    async def wait_ms(self, ms):
        self.now_ms += ms

    def crc(self):
        """Not the real one: it only changes with the configuration."""
        value = 1
        for register in sorted(self.registers):
            if not 0x210 <= register <= 0x22E and register != 0x10E:
                value = (value * 31 + register * 7 + self.registers[register]) & 0xFFFFFFFF
        return value
