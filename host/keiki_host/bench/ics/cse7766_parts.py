"""What surrounds a CSE7766: its coefficients, the board's parts, and their errors."""

from dataclasses import dataclass

LONGEST_US = 0xFEFF01
"""The longest period that its registers can hold."""

_REFERENCE = 1001.0


@dataclass(frozen=True)
class Parts:
    """The chip's own coefficients, and the board: shunt in micro-ohms, voltage divider in ohms.

    Volts = v_coefficient / period in us, at the reference board of 1 mohm and 1 Mohm : 1 kohm; amperes and
    watts alike; one pulse is w_coefficient uJ there.
    """

    v_coefficient: int = 0x02F760
    i_coefficient: int = 0x004010
    w_coefficient: int = 0x51A658
    shunt_uohm: int = 1000
    divider_top_ohm: int = 1_000_000
    divider_bottom_ohm: int = 1000

    @property
    def ratio_v(self) -> float:
        """Volts on the board per volt that the chip says."""
        return (self.divider_top_ohm + self.divider_bottom_ohm) / self.divider_bottom_ohm / _REFERENCE

    @property
    def ratio_a(self) -> float:
        """Amperes on the board per ampere that the chip says."""
        return 1000 / self.shunt_uohm

    @property
    def range_a(self) -> float:
        """Largest current in A rms: 30.9 mV at the pins."""
        return 30.9 * self.ratio_a

    @property
    def pulse_j(self) -> float:
        """Energy of one pulse on this board."""
        return self.w_coefficient * 1e-6 * self.ratio_v * self.ratio_a

    @property
    def no_load_w(self) -> float:
        """Below this there are no pulses: one would take 16.7 s."""
        return self.pulse_j / (LONGEST_US * 1e-6)

    def scale(self) -> dict[str, int]:
        """Return the board data that the firmware needs."""
        return {
            "ratio_v_x1000000": round(self.ratio_v * 1e6),
            "ratio_a_x1000000": round(self.ratio_a * 1e6),
        }


@dataclass(frozen=True)
class Errors:
    """What is wrong with this chip and its board: relative gains, offset in W, delay of the current.

    `noise` is a relative sigma of each reading, `noise_w` one of the power over each frame, in W.
    """

    gain_v: float = 0.0
    gain_i: float = 0.0
    gain_w: float = 0.0
    offset_w: float = 0.0
    delay_s: float = 0.0
    noise: float = 0.0
    noise_w: float = 0.0


EXAMPLE = Parts()
"""1 mohm shunt, 1 Mohm and 1 kohm."""
NO_ERRORS = Errors()
