"""The frames of the CSE7766, HLW8032 and CSE7759B: finding one in what comes, and what it says.

b0 0x55, or 0xAA if the chip has no coefficients, or 0xF0 + what is over range; b1 0x5A; then coefficient and
period, 3 bytes each, the greatest first, of voltage (b2), current (b8) and power (b14); b20 what is measured,
and b7 turns over when the pulse counter b21-22 overflows; b23 the sum of b2 to b22. A value is coefficient /
period in us; values are those of the reference board, 1 mohm and 1 Mohm : 1 kohm.
"""

from keiki.wire.compat import const

FRAME_LENGTH = const(24)
MODULUS = const(1 << 17)

_CALIBRATED = const(0x55)
_UNCALIBRATED = const(0xAA)
_OVER_RANGE = const(0xF0)  # b3 voltage, b2 current, b1 power, b0 coefficients lost
_SECOND = const(0x5A)
_OVER_V = const(0x08)
_OVER_I = const(0x04)
_OVER_W = const(0x02)
_STORE_BAD = const(0x01)
_HAS_POWER = const(0x10)


def find_frame(data, length: int) -> int:
    """Return where the first whole frame starts in data[:length], or -1.

    A frame is a first byte that there is, 0x5A, and the sum of bytes 2 to 22 at the end.
    """
    for at in range(length - FRAME_LENGTH + 1):
        if data[at + 1] != _SECOND:
            continue
        head = data[at]
        if head not in (_CALIBRATED, _UNCALIBRATED) and head < _OVER_RANGE:
            continue
        total = 0
        for index in range(at + 2, at + FRAME_LENGTH - 1):
            total += data[index]
        if total & 0xFF == data[at + FRAME_LENGTH - 1]:
            return at
    return -1


def u24(data, at: int) -> int:
    """Return three bytes, the greatest first."""
    return data[at] << 16 | data[at + 1] << 8 | data[at + 2]


def usable(frame) -> bool:
    """Tell if the chip has its coefficients; else its values mean nothing."""
    head = frame[0]
    return head != _UNCALIBRATED and not (head >= _OVER_RANGE and head & _STORE_BAD)


def below_start(frame) -> bool:
    """Tell if the power is too small for the chip: no pulse came for as long as its register can tell."""
    return frame[0] >= _OVER_RANGE and bool(frame[0] & _OVER_W)


def pulses(frame, at: int = 0) -> int:
    """Return the pulses modulo 131072: 16 bits, and the bit that turns over when they overflow."""
    return (frame[at + 20] & 0x80) << 9 | frame[at + 21] << 8 | frame[at + 22]


def _value(frame, at: int, over: int, unit: int) -> int:
    """Coefficient / period in 1 / unit, 0 if it is over range or there is no period yet."""
    period = u24(frame, at + 3)
    if not period or (frame[0] >= _OVER_RANGE and frame[0] & over):
        return 0
    return (u24(frame, at) * unit + period // 2) // period


def voltage_mv(frame) -> int:
    """Return the voltage at the reference board, 1 Mohm : 1 kohm."""
    return _value(frame, 2, _OVER_V, 1000)


def current_ua(frame) -> int:
    """Return the current at the reference board, 1 mohm."""
    return _value(frame, 8, _OVER_I, 1000000)


def power_mw(frame, before_mw: int) -> int:
    """Return the power at the reference board; `before_mw` is what it was before.

    While a period is not complete the register runs with its time, and tells only how large the power can
    still be: a load that went off fades away, and is 0 when the chip says that the period is over range.
    """
    power = _value(frame, 14, _OVER_W, 1000)
    return power if frame[20] & _HAS_POWER else min(power, before_mw)
