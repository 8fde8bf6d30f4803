"""Calibration values of one phase in physical units, the same for every metering IC.

Document: keiki.drivers.calibration, which holds the firmware's side of it. A reading is what the meter
measured times 1 + gain / 1e6, plus the offset; the angle delays the current, in 1/1000 degree at 50 Hz.
"""

from collections.abc import Mapping

V_GAIN, I_GAIN, P_GAIN = "v_gain_ppm", "i_gain_ppm", "p_gain_ppm"
I_OFFSET, P_OFFSET = "i_offset_ua", "p_offset_mw"
PHASE = "phase_mdeg"

MOST = {
    V_GAIN: 200_000,
    I_GAIN: 200_000,
    P_GAIN: 200_000,
    I_OFFSET: 1_000_000,
    P_OFFSET: 10_000_000,
    PHASE: 10_000,
}
"""How far each value reaches to both sides."""

WORDS = {
    V_GAIN: "gain of the voltage",
    I_GAIN: "gain of the current",
    P_GAIN: "gain of the power",
    I_OFFSET: "offset of the current",
    P_OFFSET: "offset of the power",
    PHASE: "phase angle",
}
UNITS = {V_GAIN: "ppm", I_GAIN: "ppm", P_GAIN: "ppm", I_OFFSET: "µA", P_OFFSET: "mW", PHASE: "m°"}

Values = Mapping[str, int]


def beyond(values: Values) -> list[str]:
    """Return a sentence for each value that the meter would refuse."""
    return [
        f"{WORDS[key]} {values[key]:+d} {UNITS[key]} is beyond ±{most} {UNITS[key]}"
        for key, most in MOST.items()
        if not -most <= values.get(key, 0) <= most
    ]


def measured(reading: float, values: Values, gain: str, offset: str | None = None) -> float:
    """Return what the meter measured before it corrected it to `reading`, in the same unit (V, A or W)."""
    # micro-amperes and milliwatts
    shift = 0.0 if offset is None else values.get(offset, 0) / (1e6 if offset == I_OFFSET else 1e3)
    return (reading - shift) / (1 + values.get(gain, 0) / 1e6)
