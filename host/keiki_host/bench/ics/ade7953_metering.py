"""The measuring part of an ADE7953: what its channels make of the mains, and its energy counters.

Document: Analog Devices ADE7953 datasheet Rev. C. Everything is in the chip's own LSB. Nothing is sampled:
the counters get the exact integral of power, readings are means of the last 200 ms.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, pi, sqrt

from keiki_host.bench.ics.ade7953_parts import FULL_POWER, FULL_RMS, Errors, Parts
from keiki_host.bench.waves import Source, Span

UNITY = 0x400000
COUNTS_PER_MS = 206_900 / FULL_POWER / 1000
"""Counts of energy in one ms at a power of one LSB."""
PHCAL_S = 4 / 3.58e6
ACTIVE, REACTIVE, APPARENT = range(3)

_NOT_REQUIRED = 1.004  # assumed: what a chip that was not given its optimum setting makes of a signal
_WRAP = 1 << 24
_HALF = 1 << 22


def s24(value: int) -> int:
    """Two's complement of 24 bits."""
    return value - _WRAP if value & 0x800000 else value


@dataclass(frozen=True)
class Adjustment:
    """What the registers say about one current channel, as they hold it."""

    gain_i: int = UNITY
    gain_v: int = UNITY
    gains_p: tuple[int, int, int] = (UNITY, UNITY, UNITY)
    offsets_p: tuple[int, int, int] = (0, 0, 0)
    irms_offset: int = 0
    vrms_offset: int = 0
    phcal: int = 0
    pga_v: int = 1
    pga_i: int = 1
    no_load: tuple[int | None, int | None, int | None] = (0xE419, 0xE419, 0)
    mode_w: int = 0
    mode_var: int = 0
    required: bool = False

    @property
    def delay_s(self) -> float:
        """Delay of the current by PHCALx: sign and magnitude, the sign advances."""
        steps = self.phcal & 0x1FF
        return (-steps if self.phcal & 0x200 else steps) * PHCAL_S


class Counter:
    """A 24-bit energy register and what is inside the chip before it.

    `flags`: b0 more than half full, b1 rolled over, since they were taken.
    """

    def __init__(self) -> None:
        self.value = 0
        self.half = self.over = False
        self.window = 0.0
        self._residue = 0.0

    def add(self, counts: float) -> None:
        """Add energy; both stages are signed."""
        total = self._residue + counts
        whole = int(total)
        self._residue = total - whole
        value = self.value + whole
        self.over = self.over or not -(_WRAP >> 1) <= value < _WRAP >> 1
        self.value = s24(value % _WRAP)
        self.half = self.half or self.over or abs(value) >= _HALF

    def latch(self) -> None:
        """End of a line-cycle window: what was added to `window` is the new value."""
        total = self._residue + self.window
        whole = int(total)
        self._residue, self.window = total - whole, 0.0
        self.value = s24(whole % _WRAP)


@dataclass(frozen=True)
class Measured:
    """One channel over a window, in LSB before offsets of rms; the phase is that of the fundamental."""

    v: float = 0.0
    i: float = 0.0
    powers: tuple[float, float, float] = (0.0, 0.0, 0.0)
    phi: float = 0.0
    frequency_hz: float = 0.0


class Channel:
    """A current channel with the voltage channel: its source, and how the board and the registers bend it.

    `on_cycle(kind)` is called at the end of a line-cycle window of `kind`. `pulses` counts what its pulse pin
    has shown, over all resets: one for each `pulse_counts` of active energy in either direction (0: none).
    """

    def __init__(self, source: Source | None, parts: Parts, errors: Errors) -> None:
        self.errors = errors
        self.counters = (Counter(), Counter(), Counter())
        self.on_cycle: Callable[[int], None] = lambda kind: None
        self.resting = [False, False, False]
        self.negative = [False, False]
        self._source = source
        self._parts = parts
        self._half_cycles = 0.0
        self._ends = [0, 0, 0]
        self._lines = (False, False, False)
        self._length = 0
        self.pulse_counts = 0
        self.pulses = 0
        self._pulse_residue = 0.0
        self.adjust(Adjustment())

    def restart(self) -> None:
        """The chip has been reset."""
        self.counters = (Counter(), Counter(), Counter())
        self._half_cycles = self._pulse_residue = 0.0
        self._lines = (False, False, False)

    def adjust(self, adjustment: Adjustment) -> None:
        """Take over the registers."""
        parts, errors = self._parts, self.errors
        extra = 1.0 if adjustment.required else _NOT_REQUIRED
        self._a = adjustment
        self._delay_s = adjustment.delay_s + errors.delay_s
        self._range_v = parts.full_v * parts.pga_v / adjustment.pga_v
        self._range_a = parts.full_a * parts.pga_i / adjustment.pga_i
        gain_i = (1 + errors.gain_i) * adjustment.gain_i / UNITY
        self._k_v = FULL_RMS / self._range_v * (1 + errors.gain_v) * adjustment.gain_v / UNITY * extra
        self._k_i = FULL_RMS / self._range_a * gain_i * extra
        base = FULL_POWER / FULL_RMS**2 * self._k_v * self._k_i
        self._k_p = [base * gain / UNITY for gain in adjustment.gains_p]
        self._offsets = [s24(offset) / 512 for offset in adjustment.offsets_p]
        self._offsets[0] += errors.offset_w * self._k_p[0]
        self._levels = [
            0.0 if level is None else FULL_POWER / max(1.0, (65536 - level) * 1.4)
            for level in adjustment.no_load
        ]

    def lines(self, enabled: tuple[bool, bool, bool], length: int) -> None:
        """Line-cycle accumulation by kind, over `length` half cycles; a new length holds from the next on."""
        for kind in range(3):
            if enabled[kind] and not self._lines[kind]:
                self._ends[kind] = int(self._half_cycles) + max(1, length)
                self.counters[kind].window = 0.0
        self._lines, self._length = enabled, max(1, length)

    # -- energy ---------------------------------------------------------------------------------------

    def _spans(self, t0_ms: int, t1_ms: int) -> list[Span]:
        if self._source is None or t1_ms <= t0_ms:
            return []
        return self._source.spans(t0_ms, t1_ms)

    def _powers(self, span: Span) -> tuple[float, float, float]:
        """W, VAR, VA of a span before the chip's offsets."""
        v, i = span.v_rms, span.i_rms
        clipped = (self._range_v / v if v > self._range_v else 1.0) * (
            self._range_a / i if i > self._range_a else 1.0
        )
        p, q = span.power(self._delay_s)
        k = self._k_p
        return p * clipped * k[0], q * clipped * k[1], v * i * clipped * k[2]

    def _counted(self, kind: int, power: float) -> float:
        """What of a power is counted: nothing below no load, and only what the mode wants."""
        self.resting[kind] = self._levels[kind] > 0 and abs(power) < self._levels[kind]
        if self.resting[kind]:
            return 0.0
        if kind < APPARENT:
            self.negative[kind] = power < 0
        mode = (self._a.mode_w, self._a.mode_var, 0)[kind]
        if mode == 2:
            return abs(power)
        return max(0.0, power) if mode == 1 and kind == ACTIVE else power

    def advance(self, t0_ms: int, t1_ms: int) -> None:
        """Count the energy of t0 to t1."""
        for span in self._spans(t0_ms, t1_ms):
            powers = self._powers(span)
            rates = [
                self._counted(kind, powers[kind] + self._offsets[kind]) * COUNTS_PER_MS for kind in range(3)
            ]
            if self.pulse_counts:
                energy = self._pulse_residue + abs(rates[ACTIVE]) * span.ms
                pulses, self._pulse_residue = divmod(energy, self.pulse_counts)
                self.pulses += int(pulses)
            for kind in range(3):
                if self._lines[kind]:
                    self._cycles(kind, rates[kind], span)
                else:
                    self.counters[kind].add(rates[kind] * span.ms)
            self._half_cycles += 2 * span.frequency_hz * span.ms / 1000

    def _cycles(self, kind: int, rate: float, span: Span) -> None:
        """A span in line-cycle accumulation: windows end at zero crossings."""
        at, per_ms = self._half_cycles, 2 * span.frequency_hz / 1000
        end = at + per_ms * span.ms
        while self._ends[kind] <= end:
            self.counters[kind].window += rate * (self._ends[kind] - at) / per_ms
            at = self._ends[kind]
            self.counters[kind].latch()
            self._ends[kind] += self._length
            self.on_cycle(kind)
        self.counters[kind].window += rate * (end - at) / per_ms

    # -- readings -------------------------------------------------------------------------------------

    def measure(self, t0_ms: int, t1_ms: int) -> Measured:
        """Means of a window."""
        ms = t1_ms - t0_ms
        if ms <= 0 or self._source is None:
            return Measured()
        v2 = i2 = p = q = s = 0.0
        phi = frequency_hz = 0.0
        for span in self._spans(t0_ms, t1_ms):
            v2 += min(span.v_rms, self._range_v) ** 2 * span.ms
            i2 += min(span.i_rms, self._range_a) ** 2 * span.ms
            powers = self._powers(span)
            p, q, s = p + powers[0] * span.ms, q + powers[1] * span.ms, s + powers[2] * span.ms
            frequency_hz = span.frequency_hz
            for part in span.parts:
                if part.n == 1:
                    phi = part.phi + 2 * pi * frequency_hz * self._delay_s
        i2 = i2 / ms + self.errors.floor_a**2
        offsets = self._offsets
        powers = (p / ms + offsets[0], q / ms + offsets[1], s / ms + offsets[2])
        return Measured(sqrt(v2 / ms) * self._k_v, sqrt(i2) * self._k_i, powers, phi, frequency_hz)

    def rms(self, value: float, offset: int) -> float:
        """An rms reading with its offset register."""
        return sqrt(max(0.0, value * value + 4096 * s24(offset)))

    def reading(self, measured: Measured, now_ms: int, noise: Callable[[str], float]) -> Mapping[str, float]:
        """Return readings by name: v, i, w, var, va in LSB, pf from -1 to 1, angle_s."""
        errors, a = self.errors, self._a
        v = self.rms(measured.v, a.vrms_offset) + noise("noise_v") * FULL_RMS
        i = self.rms(measured.i, a.irms_offset) + noise("noise_a") * FULL_RMS
        w, var, va = measured.powers
        ripple = errors.ripple * va * cos(4 * pi * measured.frequency_hz * now_ms / 1000)
        w, var = w + ripple + noise("noise_w") * FULL_POWER, var + ripple
        factor = min(1.0, abs(w) / va) if va > 0 else 0.0
        angle = measured.phi % (2 * pi)
        angle = angle - 2 * pi if angle > pi else angle
        return {
            "v": v,
            "i": i,
            "w": w,
            "var": var,
            "va": va,
            "pf": -factor if var < 0 else factor,
            "angle_s": angle / (2 * pi * measured.frequency_hz) if measured.frequency_hz else 0.0,
        }
