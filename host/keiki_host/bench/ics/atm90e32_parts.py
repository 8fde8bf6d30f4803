"""What surrounds an ATM90E32AS: the board's parts and their errors, and the SPI wire with its noise."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from keiki_host.bench.ics.wire_noise import WireNoise

PIN_FULL_V = 0.72
"""Largest input of a converter, rms."""

# Assumed, the datasheet being silent about the scale: what unity gain (8000h) makes of one volt at the pins.
# 100 A : 50 mA and 120 A : 40 mA transformers on 12 ohm are used with Igain 27961 and 41880, that is 195.3 A;
# a divider of 7 x 240 kohm : 1 kohm with Ugain CE40h.
PIN_A = 195.3125
PIN_V = 1043.22
UNITY = 0x8000


@dataclass(frozen=True)
class Parts:
    """The board around the chip: voltage divider, current transformer with its burden, current gain (PGA)."""

    divider_top_ohm: int = 7 * 240_000
    divider_bottom_ohm: int = 1000
    ct_turns: int = 2000
    burden_ohm: float = 12
    pga: int = 1

    @property
    def volts_per_v(self) -> float:
        """URMS in volts for one volt of the mains, at unity gain."""
        return PIN_V * self.divider_bottom_ohm / (self.divider_top_ohm + self.divider_bottom_ohm)

    @property
    def amperes_per_a(self) -> float:
        """IRMS in amperes for one ampere, at unity gain and without PGA."""
        return PIN_A * self.burden_ohm / self.ct_turns

    @property
    def range_v(self) -> float:
        """Largest voltage, V rms."""
        return PIN_FULL_V * PIN_V / self.volts_per_v

    @property
    def range_a(self) -> float:
        """Largest current, A rms."""
        return PIN_FULL_V / self.pga * PIN_A / self.amperes_per_a

    def board(self, line_hz: int = 50) -> dict[str, int]:
        """Return the board data that the firmware needs (keiki/drivers/metering_atm90e32.py)."""
        return {
            "line_hz": line_hz,
            "u_gain": round(UNITY / self.volts_per_v),
            "i_gain": round(UNITY / self.amperes_per_a / self.pga),
            "pga": self.pga,
        }


@dataclass(frozen=True)
class Errors:
    """What is wrong with one channel: relative gains, delay of the current, offsets, noise of the readings.

    `delay_mdeg`: 1/1000 degree at 50 Hz (a transformer makes the current lead: negative). `offset_w`: what a
    coupling between the channels adds to P. `floor_a`: noise of the current channel, in IRMS. `noise_w`,
    `noise_v`, `noise_a`: sigma of the readings in the units of the registers, 0.00032 W, 0.01 V, 0.001 A.
    Noise has no mean: the energy does not have it.
    """

    gain_v: float = 0.0
    gain_i: float = 0.0
    delay_mdeg: float = 0.0
    offset_w: float = 0.0
    floor_a: float = 0.0
    noise_w: float = 0.0
    noise_v: float = 0.0
    noise_a: float = 0.0

    @property
    def delay_s(self) -> float:
        """The delay of the current in seconds."""
        return self.delay_mdeg / 1000 / 360 / 50


EXAMPLE = Parts()
"""7 x 240 kohm : 1 kohm; 2000 : 1 on 12 ohm, 120 A."""
NO_ERRORS = Errors()

KINDS = ("lost", "slipped", "garbled", "misheard")


class Wire(WireNoise):
    """SPI between master and chip. If MISO is stuck the chip hears nevertheless.

    Kinds of noise: "lost", the chip sees no chip select and the line floats; "slipped", a clock edge too
    many, so the chip sees 33 clocks; "garbled", a bit of the answer turned over; "misheard", a bit of what
    the chip gets.
    """

    def __init__(self, dice: random.Random) -> None:
        super().__init__(KINDS, dice)

    def carry(self, data: bytes, chip: Callable[[bytes, int], bytes]) -> bytes:
        """Carry one frame; `chip(data, clocks)` answers it."""
        kind, clocks = self.draw(), 8 * len(data)
        if kind == "lost":
            said = b"\xff" * len(data)
        elif kind == "slipped":
            said = chip(data, clocks + 1)
            said = ((int.from_bytes(said, "big") >> 1) | 1 << (clocks - 1)).to_bytes(len(data), "big")
        elif kind == "misheard":
            said = chip(self.turn(data), clocks)
        else:
            said = chip(data, clocks)
            if kind == "garbled":
                said = said[:2] + self.turn(said[2:])
        return said if self.stuck is None else bytes([0xFF * self.stuck]) * len(data)
