"""Calibration of one phase in physical units, the same for all metering ICs, and how software applies it.

A reading is multiplied by 1 + ppm / 1e6, then the offset is added. The gain of P corrects power and energy
and knows nothing of the gains of V and I.
"""

from keiki.wire.compat import const

# phase_mdeg: 1/1000 degree at 50 Hz, that is 55.6 ns; positive delays the current
KEYS = ("v_gain_ppm", "i_gain_ppm", "p_gain_ppm", "i_offset_ua", "p_offset_mw", "phase_mdeg")
MOST = (200000, 200000, 200000, 1000000, 10000000, 10000)
V_GAIN, I_GAIN, P_GAIN, I_OFFSET, P_OFFSET, PHASE = range(6)

MILLION = const(1000000)


def checked(calibration, phases: int) -> "list[list[int]]":
    """Return the values of each phase in the order of KEYS; ValueError names what cannot be.

    Gains reach to +-20 %, offsets to 1 A and 10 kW, the angle to 10 degrees.
    """
    if len(calibration) != phases:
        raise ValueError("calibration: %d phases, not %d" % (len(calibration), phases))
    result = []
    for phase in calibration:
        for key in phase:
            if key not in KEYS:
                raise ValueError("calibration: no %s" % key)
        values = [phase.get(key, 0) for key in KEYS]
        for key, value, most in zip(KEYS, values, MOST):
            if not isinstance(value, int) or not -most <= value <= most:
                raise ValueError("calibration: %s %s" % (key, value))
        result.append(values)
    return result


def scaled(value: int, numerator: int, divisor: int) -> int:
    """Return value x numerator / divisor (> 0), to the nearest, alike for both signs."""
    size = (abs(value) * numerator + divisor // 2) // divisor
    return -size if value < 0 else size


class Correction:
    """What `apply` keeps for one phase of a chip that has no calibration registers."""

    def __init__(self) -> None:
        self.values = [0] * len(KEYS)

    @property
    def energy_ppm(self) -> int:
        """What a million units of energy shall count."""
        return MILLION + self.values[P_GAIN]

    @property
    def offset_mw(self) -> int:
        """What is added to the power while the chip measures one."""
        return self.values[P_OFFSET]

    def fill(self, snapshot, phase: int, voltage_mv: int, current_ua: int, power_mw: int) -> None:
        """Correct what the chip measured and enter it, power factor included.

        What is 0 stays 0: below its creep threshold a chip measures nothing, so there is nothing to correct.
        """
        values = self.values
        voltage_mv = scaled(voltage_mv, MILLION + values[V_GAIN], MILLION)
        if current_ua:
            current_ua = max(0, scaled(current_ua, MILLION + values[I_GAIN], MILLION) + values[I_OFFSET])
        if power_mw:
            power_mw = scaled(power_mw, MILLION + values[P_GAIN], MILLION) + values[P_OFFSET]
        snapshot.voltage_v_x100[phase] = scaled(voltage_mv, 1, 10)
        snapshot.current_ma[phase] = scaled(current_ua, 1, 1000)
        snapshot.power_w_x10[phase] = scaled(power_mw, 1, 100)
        factor = None
        if voltage_mv and current_ua:
            factor = max(-1000, min(1000, scaled(power_mw, MILLION * 1000, voltage_mv * current_ua)))
        snapshot.power_factor_x1000[phase] = factor
