"""The registers of the ATM90E32AS, and what the board, the rating and the calibration put into them.

Document: Atmel M90E32AS datasheet 46003B (registers, scales), application note 46103A (calibration).
"""

from keiki.drivers.calibration import I_GAIN, I_OFFSET, MILLION, P_GAIN, P_OFFSET, PHASE, V_GAIN, scaled
from keiki.wire.compat import const

# configuration: locked, and watched by a CRC (00..6F)
METER_EN = const(0x00)
IN_WARN_TH = const(0x0A)
PL_CONST_H = const(0x31)
PL_CONST_L = const(0x32)
MMODE0 = const(0x33)
MMODE1 = const(0x34)
P_START_TH = const(0x35)
Q_START_TH = const(0x36)
S_START_TH = const(0x37)
P_PHASE_TH = const(0x38)
Q_PHASE_TH = const(0x39)
S_PHASE_TH = const(0x3A)
P_OFFSET_A = const(0x41)  # + 2 x channel
PQ_GAIN_A = const(0x47)  # + 2 x channel
PHI_A = const(0x48)  # + 2 x channel
U_GAIN_A = const(0x61)  # + 4 x channel, and so the three below
I_GAIN_A = const(0x62)
U_OFFSET_A = const(0x63)
I_OFFSET_A = const(0x64)

SOFT_RESET = const(0x70)
LAST_SPI_DATA = const(0x78)
CRC_STATUS = const(0x79)
CFG_ACCESS = const(0x7F)
RESET_WORD = const(0x789A)
UNLOCK = const(0x55AA)
LOCK = const(0)

# one per channel: + channel; energy is cleared when it is read
FORWARD_SUM = const(0x80)
FORWARD_A = const(0x81)
REVERSE_SUM = const(0x84)
REVERSE_A = const(0x85)
P_A = const(0xB1)
Q_A = const(0xB5)
PF_A = const(0xBD)
P_LOW_A = const(0xC1)
Q_LOW_A = const(0xC5)
URMS_A = const(0xD9)
IRMS_A = const(0xDD)
IRMS_LOW_A = const(0xED)
FREQUENCY = const(0xF8)
TEMPERATURE = const(0xFC)

MARKER = const(0xA5C3)
"""What IN_WARN_TH holds here: its purpose, a warning about neutral current, is not used. A line that says it
works, and the chip was set up; it is more than any energy register may hold."""

CHANNELS = (0, 2)  # R is A, T is C; B is never used
_MMODE0 = const(0x0080)  # CF2 counts reactive energy; four wires; sums are algebraic
_MMODE0_60_HZ = const(0x1000)
_MMODE0_CHANNEL_A = const(0x04)  # shifted right by the channel: its phase is in the totals
_PGA = {1: 0b000000, 2: 0b010101, 4: 0b101010}

_IRMS_MOST_A = const(60)  # IRMS ends at 65.535 A
_PL_PER_A = const(1500000)  # 10,000 imp/kWh at 30 A: an energy register fills in 78 s at 30 A and 100 V
_PL_WH = const(45000000)  # 0.01 CF is PL_constant / 45e6 Wh x 1000
_START_MW = const(250)


def pl_constant(imp_per_kwh: int) -> int:
    """Return PL_constant = 450e9 / imp_per_kwh."""
    return 450000000000 // imp_per_kwh


def pq_gain(numerator: int, denominator: int) -> int:
    """Return the PQ gain register that multiplies power by numerator / denominator (in steps of 1/32768).

    A power measured wrong by e is to be multiplied by 1 / (1 + e). ValueError: not between 0 and 2.
    """
    value = scaled(numerator - denominator, 1 << 15, denominator)
    if not -0x8000 <= value <= 0x7FFF:
        raise ValueError("calibration: p_gain_ppm")
    return value & 0xFFFF


def phi(mdeg: int, sign: int) -> int:
    """Return the Phi register that delays the current by `mdeg` at 50 Hz (negative: the voltage).

    Steps of 1/2.048 MHz, 8.8 mdeg; `sign` -1 if the chip takes bit 15 the other way round.
    ValueError: beyond +-2.24 degrees.
    """
    steps = scaled(mdeg, 128, 1125)
    if not -0xFF <= steps <= 0xFF:
        raise ValueError("calibration: phase_mdeg %d" % mdeg)
    return abs(steps) | (0x8000 if steps * sign < 0 else 0)


def _offset(value: int, key: str) -> int:
    if not -0x8000 <= value <= 0x7FFF:
        raise ValueError("calibration: %s" % key)
    return value & 0xFFFF


class Scale:
    """How the chip is scaled for a rating: `current` (it measures 1/current of the current), energy, start.

    `wh_x1000` and `wh_divisor`: one count of an energy register is wh_x1000 / wh_divisor Wh x 1000.
    """

    def __init__(self, data: dict, rating_a: int) -> None:
        self.current = -(-rating_a // _IRMS_MOST_A)
        self.pl = _PL_PER_A * rating_a // self.current
        self.wh_x1000 = self.pl * self.current
        self.wh_divisor = _PL_WH
        self.start_mw = data.get("start_mw", _START_MW)


def build_table(data: dict, scale: Scale, calibration: "list[list[int]]") -> "list[tuple[int, int]]":
    """Return (register, value) of the whole configuration, the marker first.

    `data` is that of the board (see Atm90e32), `calibration` a list by KEYS for each phase.
    ValueError: a value that its register cannot hold.
    """
    phases, pga = len(calibration), data.get("pga", 1)
    if pga not in _PGA:
        raise ValueError("pga %s" % pga)
    mode = _MMODE0 | (_MMODE0_60_HZ if data["line_hz"] == 60 else 0)
    for channel in CHANNELS[:phases]:
        mode |= _MMODE0_CHANNEL_A >> channel
    start = scale.start_mw * 100 // (32 * scale.current)
    table = [
        (IN_WARN_TH, MARKER),
        (METER_EN, 1),
        (PL_CONST_H, scale.pl >> 16),
        (PL_CONST_L, scale.pl & 0xFFFF),
        (MMODE0, mode),
        (MMODE1, _PGA[pga]),
        # why 0: the phases of a 1P3W service may cancel in the sum, and still flow
        (P_START_TH, 0),
        (Q_START_TH, 0),
        (S_START_TH, 0),
        (P_PHASE_TH, start),
        (Q_PHASE_TH, start),
        (S_PHASE_TH, start),
    ]
    for phase in range(phases):
        table += _phase_table(data, scale, phase, calibration[phase])
    return table


def _of_phase(value, phase: int) -> int:
    return value if isinstance(value, int) else value[phase]


def _phase_table(data: dict, scale: Scale, phase: int, values: "list[int]") -> "list[tuple[int, int]]":
    channel, current = CHANNELS[phase], scale.current
    u_base, i_base = _of_phase(data["u_gain"], phase), _of_phase(data["i_gain"], phase)
    u_gain = scaled(u_base, MILLION + values[V_GAIN], MILLION)
    i_gain = scaled(i_base, MILLION + values[I_GAIN], MILLION * current)
    for gain, key in ((u_gain, "v_gain_ppm"), (i_gain, "i_gain_ppm")):
        if not 0 < gain <= 0xFFFF:
            raise ValueError("calibration: %s makes a gain of %d" % (key, gain))
    # power has both gains in it: what they have changed is taken back, rounding included
    power = pq_gain(u_base * i_base * (MILLION + values[P_GAIN]), u_gain * i_gain * current * MILLION)
    return [
        (U_GAIN_A + 4 * channel, u_gain),
        (I_GAIN_A + 4 * channel, i_gain),
        (U_OFFSET_A + 4 * channel, 0),
        # 1/512 mA and 0.32 mW
        (I_OFFSET_A + 4 * channel, _offset(scaled(values[I_OFFSET], 512, 1000 * current), "i_offset_ua")),
        (P_OFFSET_A + 2 * channel, _offset(scaled(values[P_OFFSET], 100, 32 * current), "p_offset_mw")),
        (PQ_GAIN_A + 2 * channel, power),
        (PHI_A + 2 * channel, phi(values[PHASE], data.get("phi_sign", 1))),
    ]
