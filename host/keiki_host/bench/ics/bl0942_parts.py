"""What surrounds a BL0942: the phase that it is wired to, the board's parts, and their errors."""

from dataclasses import dataclass
from typing import Protocol

from keiki_host.bench.timeline import Piece

_VREF_V = 1.218
_I_FULL_MV = 42 / 2**0.5


class Phase(Protocol):
    """What the chip is wired to."""

    frequency_hz: float

    def pieces(self, t0_ms: int, t1_ms: int) -> list[Piece]:
        """Return t0 to t1 (UTC ms) as spans of constant (ms, p in W, v in V rms, i in A rms)."""


@dataclass(frozen=True)
class Parts:
    """The board around the chip: shunt in micro-ohms, voltage divider in ohms."""

    shunt_uohm: int = 1000
    divider_top_ohm: int = 5 * 390_000
    divider_bottom_ohm: int = 510

    @property
    def lsb_per_a(self) -> float:
        """I_RMS = 305978 I / Vref, I in mV at the pins."""
        return 305978 * self.shunt_uohm / 1000 / _VREF_V

    @property
    def lsb_per_v(self) -> float:
        """V_RMS = 73989 V / Vref, V in mV at the pins."""
        return 73989 * self._pin_mv_per_v / _VREF_V

    @property
    def lsb_per_w(self) -> float:
        """WATT = 3537 I V / Vref squared."""
        return 3537 * self.shunt_uohm / 1000 * self._pin_mv_per_v / _VREF_V**2

    @property
    def range_a(self) -> float:
        """Largest current in A rms, +-42 mV at the pins: 29.7 A with 1 mohm."""
        return _I_FULL_MV * 1000 / self.shunt_uohm

    @property
    def _pin_mv_per_v(self) -> float:
        return 1000 * self.divider_bottom_ohm / (self.divider_top_ohm + self.divider_bottom_ohm)

    def scale(self) -> dict[str, int]:
        """Return the board data that the firmware needs: LSB x 1000 per V, A and W."""
        rows = (("v", self.lsb_per_v), ("a", self.lsb_per_a), ("w", self.lsb_per_w))
        return {f"lsb_per_{name}_x1000": round(value * 1000) for name, value in rows}


@dataclass(frozen=True)
class Errors:
    """What is wrong with this chip and its board: relative gains, WATT offset and noise (sigma) in LSB."""

    gain_v: float = 0.0
    gain_i: float = 0.0
    gain_w: float = 0.0
    offset_w_lsb: float = 0.0
    noise_w_lsb: float = 0.0


EXAMPLE = Parts()
"""1 mohm shunt, 5 x 390 kohm and 510 ohm."""
NO_ERRORS = Errors()
