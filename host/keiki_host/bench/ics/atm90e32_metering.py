"""The measuring part of an ATM90E32AS: what its channels make of the mains, and its energy accumulators.

Document: Atmel M90E32AS datasheet 46003B, application note 46103A. Everything is in the chip's own units:
U in volts, I in amperes, P, Q and S in watts, as its gain registers make them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import atan2, degrees, sqrt

from keiki_host.bench.ics.atm90e32_parts import UNITY, Errors, Parts
from keiki_host.bench.waves import Source, Span

W_LSB = 0.00032
"""P, Q, S, their offsets and start thresholds."""
PHI_STEP_S = 1 / 2.048e6
PL_IMPULSES = 450e9
"""PL_constant x imp/kWh."""
OFFSET_U_V = 0.01 / 512
OFFSET_I_A = 0.001 / 512

_KWH_WMS = 3.6e9
_LEAST_V = 10.0


def s16(value: int) -> int:
    """Two's complement of 16 bits."""
    return value - 0x10000 if value & 0x8000 else value


@dataclass(frozen=True)
class Adjustment:
    """What the registers of one channel say. Gains 8000h = 1; offsets and PQ gain two's complement."""

    u_gain: int = UNITY
    i_gain: int = UNITY
    u_offset: int = 0
    i_offset: int = 0
    p_offset: int = 0
    q_offset: int = 0
    pq_gain: int = 0
    phi: int = 0

    @property
    def delay_s(self) -> float:
        """Delay of the current; negative if bit 15 has the voltage delayed."""
        steps = self.phi & 0xFF
        return (-steps if self.phi & 0x8000 else steps) * PHI_STEP_S


@dataclass(frozen=True)
class Measured:
    """One channel over a window."""

    u: float = 0.0
    i: float = 0.0
    p: float = 0.0
    q: float = 0.0
    frequency_hz: float = 0.0

    @property
    def s(self) -> float:
        """Apparent power."""
        return self.u * self.i


class Channel:
    """One phase: its source (None: nothing connected), and how the board and the registers bend it."""

    def __init__(self, source: Source | None, parts: Parts, errors: Errors) -> None:
        self._source = source
        self._parts = parts
        self._errors = errors
        self.errors = errors
        self.adjust(Adjustment(), 1)

    def adjust(self, adjustment: Adjustment, pga: int) -> None:
        """Take over the registers, and the gain of the current input."""
        parts, errors = self._parts, self._errors
        self._range_a = parts.range_a * parts.pga / pga
        self._k_u = parts.volts_per_v * (1 + errors.gain_v) * adjustment.u_gain / UNITY
        self._k_i = parts.amperes_per_a * pga * (1 + errors.gain_i) * adjustment.i_gain / UNITY
        self._k_p = self._k_u * self._k_i * (1 + s16(adjustment.pq_gain) / UNITY)
        self._delay_s = errors.delay_s + adjustment.delay_s
        self._u_offset = s16(adjustment.u_offset) * OFFSET_U_V
        self._i_offset = s16(adjustment.i_offset) * OFFSET_I_A
        self._p_offset = s16(adjustment.p_offset) * W_LSB + errors.offset_w * self._k_p
        self._q_offset = s16(adjustment.q_offset) * W_LSB

    def spans(self, t0_ms: int, t1_ms: int) -> list[Span]:
        """What the mains were."""
        return self._source.spans(t0_ms, t1_ms) if self._source is not None else [Span(t1_ms - t0_ms, 0, ())]

    def powers(self, span: Span) -> tuple[float, float, float]:
        """Return P, Q, S of a span as the chip makes them."""
        v, i = span.v_rms, span.i_rms
        clipped = self._clipped(v, self._parts.range_v) * self._clipped(i, self._range_a)
        p, q = span.power(self._delay_s)
        return (
            p * clipped * self._k_p + self._p_offset,
            q * clipped * self._k_p + self._q_offset,
            v * i * clipped * self._k_p,
        )

    @staticmethod
    def _clipped(value: float, limit: float) -> float:
        return limit / value if value > limit else 1.0

    def measure(self, t0_ms: int, t1_ms: int) -> Measured:
        """Means of a window."""
        u2 = i2 = p = q = 0.0
        for span in self.spans(t0_ms, t1_ms):
            v = min(span.v_rms, self._parts.range_v)
            i = min(span.i_rms, self._range_a)
            powers = self.powers(span)
            u2 += v * v * span.ms
            i2 += (i * i + self._errors.floor_a**2) * span.ms
            p += powers[0] * span.ms
            q += powers[1] * span.ms
        ms = t1_ms - t0_ms
        return Measured(
            max(0.0, sqrt(u2 / ms) * self._k_u + self._u_offset),
            max(0.0, sqrt(i2 / ms) * self._k_i + self._i_offset),
            p / ms,
            q / ms,
            self._source.frequency_hz if self._source is not None and u2 else 0.0,
        )


class Accumulator:
    """Energy in 0.01 CF, one register per direction.

    What is less than one count stays inside, and there the directions cancel. `saturates`: a full register
    stays full, else it begins anew (the datasheet does not say which).
    """

    def __init__(self, saturates: bool) -> None:
        self.forward = self.reverse = 0
        self._saturates = saturates
        self._residue = 0.0

    def add(self, counts: float) -> int:
        """Add energy, negative is reverse; returns how many whole counts went into the registers."""
        total = self._residue + counts
        whole = int(total)
        self._residue = total - whole
        if whole > 0:
            self.forward = self._kept(self.forward + whole)
        elif whole < 0:
            self.reverse = self._kept(self.reverse - whole)
        return abs(whole)

    def _kept(self, value: int) -> int:
        return min(value, 0xFFFF) if self._saturates else value & 0xFFFF


def counts_per_wms(pl_constant: int) -> float:
    """0.01 CF of one W ms."""
    return 100 * PL_IMPULSES / max(1, pl_constant) / _KWH_WMS


def changes(rows: list[list[Span]], act: Callable[[int, list[Span]], None]) -> None:
    """Call `act(ms, the span of each channel)` for each stretch in which no channel changes."""
    at = [0] * len(rows)
    left = [row[0].ms for row in rows]
    while True:
        ms = min(left)
        act(ms, [row[index] for row, index in zip(rows, at, strict=True)])
        for channel, row in enumerate(rows):
            left[channel] -= ms
            if not left[channel]:
                at[channel] += 1
                if at[channel] == len(row):
                    return
                left[channel] = row[at[channel]].ms


class Readout:
    """The measurement registers (B0..FB) of the newest window, and the noise of their readings."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels
        self._legs = [Measured() for _ in channels]
        self._window_ms = 0

    def refresh(self, t0_ms: int, t1_ms: int) -> None:
        """Measure a window."""
        self._window_ms = t1_ms
        self._legs = [channel.measure(t0_ms, t1_ms) for channel in self._channels]

    @property
    def frequency_hz(self) -> float:
        """Of A, else of C, else of B, whichever has voltage."""
        for n in (0, 2, 1):
            if self._legs[n].u >= _LEAST_V:
                return self._legs[n].frequency_hz
        return 0.0

    def value(self, register: int, mode: int) -> int:
        """Return a register; `mode` is MMode0, which says how the sums are made."""
        group, n = register & ~3, register & 3
        low = group in (0xC0, 0xC4, 0xC8)
        if low or group in (0xB0, 0xB4, 0xB8):
            word = round(self._power((group - (0xC0 if low else 0xB0)) // 4, n, mode) / W_LSB)
            word = max(-0x80000000, min(0x7FFFFFFF, word))
            return word & 0xFFFF if low else word >> 16 & 0xFFFF
        if group == 0xBC:
            s = self._power(2, n, mode)
            return round(max(-1.0, min(1.0, self._power(0, n, mode) / s)) * 1000) & 0xFFFF if s else 0
        if register == 0xF8:
            return round(self.frequency_hz * 100)
        if 0xF9 <= register <= 0xFB:
            leg = self._legs[register - 0xF9]
            return round(degrees(atan2(leg.q, leg.p)) * 10) & 0xFFFF
        return self._rms(register)

    def _power(self, kind: int, n: int, mode: int) -> float:
        """P, Q or S (kind 0, 1, 2) of the sum (n 0) or a channel, in W."""
        if n:
            leg = self._legs[n - 1]
            if kind == 0:
                return leg.p + self._noise(n - 1, "noise_w") * W_LSB
            return leg.q if kind == 1 else leg.s
        legs = [self._power(kind, n + 1, mode) for n in range(3) if mode >> 2 - n & 1]
        return sum(abs(leg) if kind < 2 and mode >> 3 + kind & 1 else leg for leg in legs)

    def _noise(self, n: int, name: str) -> float:
        """Noise of a reading: the same until the next window."""
        sigma = float(getattr(self._channels[n].errors, name))
        if not sigma:
            return 0.0
        return random.Random(f"{self._window_ms}/{n}/{name}").gauss(0, sigma)

    def _rms(self, register: int) -> int:
        """URMS and IRMS: 16 bits, and 8 more in the upper half of a register of their own."""
        n = (register & 0x0F) - 0x09
        if not 0xD0 <= register <= 0xEF or not 0 <= n < 7 or n == 3:
            return 0
        leg = self._legs[n & 3]
        if n < 3:
            value = leg.u * 100 + self._noise(n, "noise_v")
        else:
            value = leg.i * 1000 + self._noise(n - 4, "noise_a")
        word = max(0, min(0xFFFFFF, round(value * 256)))
        return word >> 8 if register < 0xE0 else (word & 0xFF) << 8


def crc16(data: bytes) -> int:
    """CRC-16 with the polynomial x16 + x12 + x5 + 1, from 0."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = value << 1 ^ (0x11021 if value & 0x8000 else 0)
    return value
