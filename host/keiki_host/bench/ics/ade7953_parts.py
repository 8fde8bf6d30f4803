"""What surrounds an ADE7953: the board's parts and their errors, and what its channels are wired to."""

from dataclasses import dataclass

from keiki_host.bench.waves import Part, Source, Span

PIN_FULL_V = 0.5 / 2**0.5
"""Full scale of an input without gain: a sine of 500 mV peak, in V rms."""
FULL_RMS = 9_032_007
"""VRMS and IRMS at full scale."""
FULL_POWER = 4_862_401
"""WATT, VAR and VA at full scale of both."""


@dataclass(frozen=True)
class Parts:
    """The board around the chip: voltage divider, current transformer with its burden, gains (PGA).

    A shunt of r ohm is a transformer of 1 turn with that burden.
    """

    divider_top_ohm: float = 1_000_000
    divider_bottom_ohm: float = 1000
    ct_turns: int = 2000
    burden_ohm: float = 10.0
    pga_v: int = 1
    pga_i: int = 1

    @property
    def full_v(self) -> float:
        """Volts rms of the mains that are full scale."""
        return (
            PIN_FULL_V
            / self.pga_v
            * (self.divider_top_ohm + self.divider_bottom_ohm)
            / self.divider_bottom_ohm
        )

    @property
    def full_a(self) -> float:
        """Amperes rms that are full scale."""
        return PIN_FULL_V / self.pga_i * self.ct_turns / self.burden_ohm

    @property
    def lsb_per_w(self) -> float:
        """LSB of WATT."""
        return FULL_POWER / self.full_v / self.full_a

    def board(self) -> dict[str, object]:
        """Return the board data that the firmware needs (keiki/drivers/metering_ade7953.py)."""
        rows = (("v", FULL_RMS / self.full_v), ("a", FULL_RMS / self.full_a), ("w", self.lsb_per_w))
        scale = {f"lsb_per_{name}_x1000": round(value * 1000) for name, value in rows}
        return {"scale": scale, "pga_v": self.pga_v, "pga_i": self.pga_i}


@dataclass(frozen=True)
class Errors:
    """What is wrong with one channel: relative gains, delay of the current, offset and noise.

    `delay_mdeg`: 1/1000 degree at 50 Hz (a transformer makes the current lead: negative). `offset_w`: what
    a coupling between the channels adds to P. `floor_a`: noise of the current channel, in IRMS. `noise_v`,
    `noise_a`, `noise_w`: sigma of readings, relative to full scale. `ripple`: of WATT and VAR at twice the
    mains frequency, relative to VA. Noise and ripple have no mean: energy does not have them.
    """

    gain_v: float = 0.0
    gain_i: float = 0.0
    delay_mdeg: float = 0.0
    offset_w: float = 0.0
    floor_a: float = 0.0
    noise_v: float = 0.0
    noise_a: float = 0.0
    noise_w: float = 0.0
    ripple: float = 0.0

    @property
    def delay_s(self) -> float:
        """The delay of the current in seconds."""
        return self.delay_mdeg / 1000 / 360 / 50


EXAMPLE = Parts()
"""1 Mohm : 1 kohm; 2000 : 1 on 10 ohm, 70.7 A."""
NO_ERRORS = Errors()


class OtherVoltage:
    """The current of one leg with the voltage of another, as a chip with one voltage input has it.

    The voltages of the legs of a 1P3W service are opposite to each other. `turned` is the transformer of the
    current mounted the other way round, so that a load is import again.
    """

    def __init__(self, voltage: Source, current: Source, *, turned: bool = True) -> None:
        self._voltage = voltage
        self._current = current
        self._turn = 0.0 if turned else 3.141592653589793

    @property
    def frequency_hz(self) -> float:
        """That of the voltage."""
        return self._voltage.frequency_hz

    def spans(self, t0_ms: int, t1_ms: int) -> list[Span]:
        """Return t0 to t1."""
        result: list[Span] = []
        volts, amperes = self._voltage.spans(t0_ms, t1_ms), self._current.spans(t0_ms, t1_ms)
        v_left = i_left = 0
        v_at = i_at = -1
        while t0_ms < t1_ms:
            if not v_left:
                v_at += 1
                v_left = volts[v_at].ms
            if not i_left:
                i_at += 1
                i_left = amperes[i_at].ms
            ms = min(v_left, i_left)
            result.append(Span(ms, volts[v_at].frequency_hz, self._merged(volts[v_at], amperes[i_at])))
            v_left, i_left, t0_ms = v_left - ms, i_left - ms, t0_ms + ms
        return result

    def _merged(self, voltage: Span, current: Span) -> tuple[Part, ...]:
        volts = {part.n: part.v for part in voltage.parts}
        amperes = {part.n: (part.i, part.phi) for part in current.parts}
        parts = []
        for n in sorted(volts.keys() | amperes.keys()):
            i, phi = amperes.get(n, (0.0, 0.0))
            parts.append(Part(n, volts.get(n, 0.0), i, phi + self._turn))
        return tuple(parts)
