"""The registers of the ADE7953, and what the board, the rating and the calibration put into them.

Document: Analog Devices ADE7953 datasheet Rev. C (registers, full-scale values), application note AN-1118.
"""

from keiki.drivers.calibration import I_GAIN, MILLION, P_GAIN, P_OFFSET, PHASE, scaled
from keiki.wire.compat import const

DISNOLOAD = const(0x001)
LCYCMODE = const(0x004)
PGA_V = const(0x007)
PGA_IA = const(0x008)
PGA_IB = const(0x009)
WRITE_PROTECT = const(0x040)
UNLOCK = const(0x0FE)
CONFIG = const(0x102)
CF1_DEN = const(0x103)
CF2_DEN = const(0x104)
CF_MODE = const(0x107)
PHCAL_A = const(0x108)  # + 1 for B
PERIOD = const(0x10E)
REQUIRED = const(0x120)
AP_NOLOAD = const(0x203)
VAR_NOLOAD = const(0x204)
IRMS_A = const(0x21A)  # + 1 for B
VRMS = const(0x21C)
AENERGY_A = const(0x21E)  # + 1 for B
RENERGY_A = const(0x220)  # + 1 for B
IRQSTATA = const(0x22D)
RSTIRQSTATA = const(0x22E)
CRC = const(0x37F)
# + 0Ch for B
IGAIN_A = const(0x280)
WGAIN_A = const(0x282)
VARGAIN_A = const(0x283)
VAGAIN_A = const(0x284)
WATTOS_A = const(0x289)
CHANNEL_B = const(0x0C)

UNLOCK_WORD = const(0xAD)
REQUIRED_VALUE = const(0x30)
CONFIG_RESET = const(0x8084)  # high-pass filters on; start again
CONFIG_VALUE = const(0x0104)  # high-pass filters on; CRC on; the bus stays the one that it is
PROTECT_ALL = const(0x07)
CF_MODE_VALUE = const(0x0040)  # CF1 is active energy of A, CF2 of B; both on
PULSE_COUNTS = const(16384)
"""Counts of energy in one pulse: 12.6 pulses in a second at full scale."""
IRQ_RESET = const(1 << 20)

UNITY = const(0x400000)
FULL_RMS = const(9032007)
FULL_POWER = const(4862401)
FULL_ENERGY_PER_S = const(206900)
_PHCAL_MOST = const(383)
_PGA = {1: 0, 2: 1, 4: 2, 8: 3, 16: 4, 22: 5}
_LINE_V = const(100)
_START_MW = const(500)


class Scale:
    """What the chip's counts are on the mains, for one phase of a board (see Ade7953).

    One count of an energy register is wh_x1000 / wh_divisor Wh x 1000, and mwms / mwms_divisor mW ms.
    `sign` is -1 if the current is measured the other way round.
    """

    def __init__(self, data: dict, phase: int) -> None:
        scale = data["scale"]
        if not isinstance(scale, dict):
            scale = scale[phase]
        self.v = scale["lsb_per_v_x1000"]
        self.a = scale["lsb_per_a_x1000"]
        self.w = scale["lsb_per_w_x1000"]
        inverted = data.get("inverted")
        self.sign = -1 if inverted and inverted[phase] else 1
        # counts per s and LSB of power have the ratio of their full scales; 1 Wh is 3.6e9 mW ms
        self.mwms = 10 * FULL_POWER * MILLION
        self.mwms_divisor = FULL_ENERGY_PER_S // 100 * self.w
        self.wh_x1000 = self.mwms // 1000
        self.wh_divisor = 3600 * self.mwms_divisor


def no_load(start_mw: int, lsb_per_w_x1000: int) -> int:
    """Return xP_NOLOAD = 65536 - Y / 1.4 for a power that is 1 / Y of full scale; at least 1 / 91750."""
    start = max(1, start_mw * lsb_per_w_x1000 // 1000)  # in 1/1000 LSB of power
    return max(0, 65536 + -FULL_POWER * 1000 * 5 // (7 * start))


def phase_steps(mdeg: int) -> "tuple[int, int]":
    """Return (steps, rest in ns) of a delay of `mdeg` at 50 Hz: steps of 4 clocks of 3.58 MHz, 1.117 us.

    ValueError: beyond 383 steps, 7.7 degrees.
    """
    steps = scaled(mdeg, 179, 3600)
    if abs(steps) > _PHCAL_MOST:
        raise ValueError("calibration: phase_mdeg %d" % mdeg)
    return steps, scaled(mdeg * 179 - steps * 3600, 500, 9 * 179)


def sign_magnitude(steps: int) -> int:
    """Return PHCALx of so many steps of delay: 10 bits, the highest is the sign."""
    return -steps | 0x200 if steps < 0 else steps


def build_table(data: dict, scales, calibration: "list[list[int]]") -> "list[tuple[int, int]]":
    """Return (register, value) of the whole configuration of one chip, in the order in which it is written.

    `scales` and `calibration` (lists by KEYS) are those of its current channels A and B, or of A alone.
    ValueError: a value that its register cannot hold.
    """
    gain_v, gain_i = data.get("pga_v", 1), data.get("pga_i", 1)
    if gain_v not in _PGA or gain_v == 22 or gain_i not in _PGA or (gain_i == 22 and len(scales) > 1):
        raise ValueError("pga %s %s" % (gain_v, gain_i))
    level = no_load(data.get("start_mw", _START_MW), scales[0].w)
    table = [
        (CONFIG, CONFIG_VALUE),
        (PGA_V, _PGA[gain_v]),
        (PGA_IA, _PGA[gain_i]),
        (PGA_IB, _PGA[gain_i] if len(scales) > 1 else 0),
        (AP_NOLOAD, level),
        (VAR_NOLOAD, level),
        (DISNOLOAD, 0),
    ]
    if data.get("cf"):
        # why twice: the datasheet asks for it
        table += [(CF1_DEN, PULSE_COUNTS), (CF2_DEN, PULSE_COUNTS)] * 2 + [(CF_MODE, CF_MODE_VALUE)]
    for channel, scale in enumerate(scales):
        table += _channel_table(channel, scale, calibration[channel], data.get("phcal_sign", 1))
    # why last: from here on energy counters are no longer cleared when they are read
    return table + [(LCYCMODE, 0), (WRITE_PROTECT, PROTECT_ALL)]


def _channel_table(channel: int, scale: Scale, values: "list[int]", sign: int) -> "list[tuple[int, int]]":
    base = channel * CHANNEL_B
    current = scaled(UNITY, MILLION + values[I_GAIN], MILLION)
    # power has the gain of the current in it: that is taken back, rounding included
    power = scaled(UNITY * UNITY, MILLION + values[P_GAIN], MILLION * current)
    offset = scaled(values[P_OFFSET] * scale.w * scale.sign, 512, MILLION)
    if not -0x800000 <= offset <= 0x7FFFFF:
        raise ValueError("calibration: p_offset_mw %d" % values[P_OFFSET])
    steps, _ = phase_steps(values[PHASE])
    return [
        (PHCAL_A + channel, sign_magnitude(steps * sign)),
        (IGAIN_A + base, current),
        (WGAIN_A + base, power),
        (VARGAIN_A + base, power),
        (VAGAIN_A + base, power),
        (WATTOS_A + base, offset & 0xFFFFFF),
    ]


def largest_w(data: dict, rating_a: int) -> int:
    """Return the largest power of a leg in W."""
    return rating_a * data.get("line_v", _LINE_V)
