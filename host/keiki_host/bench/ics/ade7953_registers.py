"""The registers of an ADE7953: what there is, how wide, and what it holds after a reset; and its checksum.

Document: Analog Devices ADE7953 datasheet Rev. C, "Register list", "Checksum register". Addresses of 24-bit
registers are those of their 24-bit access; 100h more is the same in 32 bits.
"""

from collections.abc import Mapping

DISNOLOAD, LCYCMODE, PGA_V, PGA_IA, PGA_IB, WRITE_PROTECT = 0x001, 0x004, 0x007, 0x008, 0x009, 0x040
LAST_OP, UNLOCK, LAST_RWDATA, LAST_ADD = 0x0FD, 0x0FE, 0x0FF, 0x1FE
LINECYC, CONFIG, PHCALA, REQUIRED = 0x101, 0x102, 0x108, 0x120
CF1DEN, CFMODE = 0x103, 0x107
ACCMODE, NOLOAD, AENERGYA = 0x201, 0x203, 0x21E
IRQENA, IRQSTATA, RSTIRQSTATA, IRQENB, IRQSTATB, RSTIRQSTATB = 0x22C, 0x22D, 0x22E, 0x22F, 0x230, 0x231
CRC = 0x37F
CRC_OFF = 0xFFFFFFFF

RESET_VALUES = {
    0x000: 0, 0x001: 0, 0x004: 0x40, 0x007: 0, 0x008: 0, 0x009: 0, 0x040: 0, 0x800: 0,
    0x100: 0xFFFF, 0x101: 0, 0x102: 0x8004, 0x103: 0x3F, 0x104: 0x3F, 0x107: 0x300, 0x108: 0, 0x109: 0,
    0x110: 0, 0x120: 0,
    0x200: 0, 0x201: 0, 0x203: 0xE419, 0x204: 0xE419, 0x205: 0, 0x224: 0xFFFFFF, 0x225: 0xFFFFFF,
    0x22C: 0x100000, 0x22F: 0,
    0x280: 0x400000, 0x281: 0x400000, 0x282: 0x400000, 0x283: 0x400000, 0x284: 0x400000, 0x285: 0, 0x286: 0,
    0x287: 0, 0x288: 0, 0x289: 0, 0x28A: 0, 0x28B: 0,
    0x28C: 0x400000, 0x28D: 0x400000, 0x28E: 0x400000, 0x28F: 0x400000, 0x290: 0x400000, 0x291: 0, 0x292: 0,
    0x293: 0, 0x294: 0, 0x295: 0, 0x296: 0, 0x297: 0,
}  # fmt: skip
"""Registers that can be written, and what they hold after a reset."""

MASKS = {
    0x001: 0x07,
    0x004: 0x7F,
    0x007: 0x07,
    0x008: 0x07,
    0x009: 0x07,
    0x040: 0x07,
    0x108: 0x3FF,
    0x109: 0x3FF,
    0x201: 0x3FF,
}
"""Of registers that have fewer bits than bytes."""

SIGNED = frozenset(
    (*range(0x210, 0x219), *range(0x21E, 0x224), 0x285, 0x286, *range(0x287, 0x28C), *range(0x291, 0x298))
)
"""Sign-extended in 32 bits."""

CHECKED = (
    0x004, 0x007, 0x008, 0x009, 0x040, 0x102, 0x103, 0x104, 0x107, 0x108, 0x109, 0x110, 0x201, 0x22C, 0x22F,
    *range(0x280, 0x298),
)  # fmt: skip
"""In the checksum, besides reserved ones that nobody can read."""

_POLYNOMIAL = 0x04C11DB7
_CRC_DEFAULT = 0x48739163


def pulse_counts(registers: Mapping[int, int], n: int) -> int:
    """Counts of active energy of channel A (n 0) or B in a pulse on CF1 or CF2; 0: that pin shows none."""
    mode = registers[CFMODE]
    shows = not mode >> 8 + n & 1 and mode >> 4 * n & 0x0F == 4 * n
    return registers[CF1DEN + n] if shows else 0


def width(register: int) -> int:
    """Bytes of an access."""
    page = register >> 8
    return page + 1 if page < 4 else 1


def place(register: int) -> int:
    """The one address of a register that has two."""
    return register - 0x100 if 0x300 <= register < 0x3FF and register != CRC else register


def _lfsr(registers: Mapping[int, int]) -> int:
    """Shift all bits in, the least significant bit of the first register first."""
    state = 0xFFFFFFFF
    for register in CHECKED:
        value = registers[register]
        for _ in range(8 * (4 if register >= 0x200 else width(register))):
            feedback = (value ^ state >> 31) & 1
            state = state << 1 & 0xFFFFFFFF
            if feedback:
                state ^= _POLYNOMIAL
            value >>= 1
    return state


_ENABLED = {**RESET_VALUES, CONFIG: 0x8104}
# The datasheet tells neither the order of the registers nor what is in the reserved ones, and no order
# that was tried gives its value for default settings: what is missing is taken from that value.
_RESERVED = _lfsr(_ENABLED) ^ _CRC_DEFAULT


def checksum(registers: Mapping[int, int]) -> int:
    """CRC of the configuration: any change of it changes this."""
    return _lfsr(registers) ^ _RESERVED
