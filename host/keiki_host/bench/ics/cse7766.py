"""CSE7766 (HLW8032 and CSE7759B alike), at the level of the frames that it sends by itself.

A frame of 24 bytes begins every `period_ms` and shows what the chip has measured up to then; 4800 baud 8E1,
so it takes 55 ms. Times are UTC ms from a clock that is passed in; energy is integrated span by span.

From captured streams (Tasmota #2891, #6302, #11389, espurna #867): frames come every 105 ms; bit 4 of byte 20
is set for about 1.05 s after a period of the power pulse was complete, then it is clear and the register runs
with the time of the present period; at 0xFEFF01 (16.7 s) it is over range, which the first byte says until a
period is complete again, while the register runs anew. Without current the current's register is 0.
Assumed: below one pulse in 16.7 s the chip counts nothing; the power register takes the mean of the pulses of
316 ms; after power-up the first frame comes 200 ms later; b20 bits 3:0 are 1.
"""

import random
from collections.abc import Callable

from keiki_host.bench.faults import NO_FAULTS, Faults
from keiki_host.bench.ics.cse7766_parts import EXAMPLE, LONGEST_US, NO_ERRORS, Errors, Parts
from keiki_host.bench.ics.line_noise import GARBAGE, Damage
from keiki_host.bench.waves import Source, Span

__all__ = ["Cse7766Model", "Errors", "Parts"]

_FRESH_MS = 1050
_WINDOW_MS = 316
_START_MS = 200
_SKIP_MS = 1000  # of what is skipped, this much is measured as usual
_CARRY = 1 << 17


class _Pulses:
    """Pulses of energy and their mean period; times are ms since the chip started.

    A period lies between two pulses: after a pause that was too long, and at the start, the first pulse only
    begins it. `complete` tells if there was a period since then.
    """

    def __init__(self, quantum: float) -> None:
        self._quantum = quantum
        self._residue = 0.0
        self.edge_ms = 0.0
        self.period_ms = 0.0
        self.complete = False
        self._begun = False
        self._last_ms = 0.0
        self._window_edge_ms = 0.0
        self._window_pulses = 0
        self._shown_ms = -float(_WINDOW_MS)

    def add(self, at_ms: float, ms: float, power_w: float) -> int:
        """A constant power from `at_ms` on for `ms`; returns how many pulses it makes."""
        energy = self._residue + power_w * ms
        count = int(energy // self._quantum)
        if count:
            period_ms = self._quantum / power_w
            edge_ms = at_ms + (count * self._quantum - self._residue) / power_w
            periods = count
            if not self._begun:
                periods -= 1
                self._window_edge_ms = edge_ms - periods * period_ms
                self._begun = True
            if periods:
                self._last_ms = (
                    period_ms if periods > 1 else edge_ms - max(self.edge_ms, self._window_edge_ms)
                )
                self._window_pulses += periods
                self.complete = True
            self.edge_ms = edge_ms
        self._residue = energy - count * self._quantum
        return count

    def time_out(self) -> None:
        """No pulse came for too long."""
        self.complete = self._begun = False
        self._window_pulses = 0

    def skip(self) -> None:
        """Show the period of the last pulse, and begin the next mean with it."""
        if self.complete:
            self.period_ms = self._last_ms
            self._begin(self._shown_ms)

    def show(self, now_ms: float) -> None:
        """Show the mean period of the pulses since the last time, if it is time and there were any."""
        if self._window_pulses and now_ms - self._shown_ms >= _WINDOW_MS:
            self.period_ms = (self.edge_ms - self._window_edge_ms) / self._window_pulses
            self._begin(now_ms)

    def _begin(self, now_ms: float) -> None:
        self._shown_ms = now_ms
        self._window_edge_ms = self.edge_ms
        self._window_pulses = 0


class Cse7766Model:
    """One chip on one source; `write` gets each whole frame at the ms when its first bit leaves.

    Nothing happens but in `advance`. `backlog`: if more frames are due than that, only the newest are made,
    as when a receiver with a small buffer looks rarely; energy is exact nevertheless. `damage` is what the
    line does to every frame; `uncalibrated` and `store_bad` are what the chip says of itself.
    Plays ic_reset, ic_silence, ic_garbage, ic_counter_jump.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        source: Source,
        write: Callable[[bytes], None],
        faults: Faults = NO_FAULTS,
        errors: Errors = NO_ERRORS,
        *,
        parts: Parts = EXAMPLE,
        period_ms: int = 105,
        backlog: int | None = None,
        seed: int = 0,
    ) -> None:
        self._clock = clock
        self._source = source
        self._write = write
        self._faults = faults
        self._errors = errors
        self._parts = parts
        self._period_ms = period_ms
        self._backlog = backlog
        self._dice = random.Random(seed)
        self._limit_a = parts.range_a
        self._quantum = parts.pulse_j * 1000
        self._spikes: list[dict[str, int]] = []
        self.damage: Damage | None = None
        self.uncalibrated = False
        self.store_bad = False
        self.pulses = 0
        self.reset()
        faults.on_start("ic_reset", lambda _: self.reset())

    def reset(self) -> None:
        """Power comes (back): the counter is 0 and nothing has been measured."""
        self._start_ms = self._at_ms = self._clock()
        self.next_ms = self._start_ms + _START_MS
        self.counter = 0
        self._pulses = _Pulses(self._quantum)
        self._running_ms = 0.0
        self._over_range = True
        self._v = self._i = 0.0

    # -- measuring ----------------------------------------------------------------------------------

    def advance(self) -> None:
        """Send every frame that is due. A clock that stands still or goes back sends nothing."""
        now_ms = self._clock()
        due = (now_ms - self.next_ms) // self._period_ms + 1
        if self._backlog is not None and due > self._backlog + _SKIP_MS // self._period_ms:
            self.next_ms += (due - self._backlog) * self._period_ms
            self._measure(self.next_ms - _SKIP_MS)
            self._pulses.skip()
            self._measure(self.next_ms)
        while self.next_ms <= now_ms:
            self._measure(self.next_ms)
            self._send(self._frame())
            self.next_ms += self._period_ms

    def _power_w(self, span: Span) -> float:
        """What the chip makes of a span: unsigned, clipped, nothing below its start."""
        errors = self._errors
        power_w = span.power(errors.delay_s)[0]
        current_a = span.i_rms
        if current_a > self._limit_a:
            power_w *= self._limit_a / current_a
        power_w = power_w * (1 + errors.gain_w) + errors.offset_w
        if errors.noise_w:
            power_w += self._dice.gauss(0, errors.noise_w)
        return abs(power_w)

    def _measure(self, to_ms: int) -> None:
        volts2 = amperes2 = 0.0
        span_ms = to_ms - self._at_ms
        at_ms = float(self._at_ms - self._start_ms)
        pulses = 0
        for span in self._source.spans(self._at_ms, to_ms):
            power_w = self._power_w(span)
            if power_w >= self._parts.no_load_w:
                pulses += self._pulses.add(at_ms, span.ms, power_w)
            volts2 += span.v_rms**2 * span.ms
            amperes2 += min(span.i_rms, self._limit_a) ** 2 * span.ms
            at_ms += span.ms
        self.counter = (self.counter + pulses) % _CARRY
        self.pulses += pulses
        self._at_ms = to_ms
        self._pulses.show(at_ms)
        if pulses:
            self._over_range = not self._pulses.complete
            self._running_ms = self._pulses.edge_ms
        if at_ms - self._running_ms > LONGEST_US / 1000:
            self._over_range = True
            self._running_ms = at_ms
            self._pulses.time_out()
        if span_ms:
            self._v = (volts2 / span_ms) ** 0.5 * (1 + self._errors.gain_v)
            self._i = (amperes2 / span_ms) ** 0.5 * (1 + self._errors.gain_i)

    def spike(self, frames: int = 1, **periods_us: int) -> None:
        """Let the chip say these periods ("v", "i", "w"), truly, in the next frames."""
        self._spikes = [periods_us] * frames

    # -- the frame ----------------------------------------------------------------------------------

    def _period_us(self, coefficient: int, value: float) -> int:
        """The period that stands for a value, 0 if it does not fit into the register."""
        if value * LONGEST_US <= coefficient:
            return 0
        if self._errors.noise:
            value *= 1 + self._dice.gauss(0, self._errors.noise)
        return round(coefficient / value)

    def _frame(self) -> bytes:
        jump = self._faults.hit("ic_counter_jump")
        if jump is not None:
            self.counter = (self.counter + int(jump["counts"])) % _CARRY
        parts = self._parts
        now_ms = self._at_ms - self._start_ms
        v_us = self._period_us(parts.v_coefficient, self._v / parts.ratio_v)
        i_us = self._period_us(parts.i_coefficient, self._i / parts.ratio_a)
        fresh = not self._over_range and now_ms - self._running_ms <= _FRESH_MS
        w_us = min(LONGEST_US, round((now_ms - self._running_ms) * 1000))
        if fresh:
            noise = self._dice.gauss(0, self._errors.noise) if self._errors.noise else 0.0
            w_us = round(self._pulses.period_ms * 1000 * (1 + noise))
        if self._spikes:
            spike = self._spikes.pop()
            v_us, i_us, w_us = spike.get("v", v_us), spike.get("i", i_us), spike.get("w", w_us)
        flags = 0x08 * (not v_us) | 0x02 * self._over_range | self.store_bad
        measured = 0x40 * (v_us > 0) | 0x20 * (i_us > 0) | 0x10 * fresh
        values = (
            (parts.v_coefficient, 3), (v_us or LONGEST_US, 3), (parts.i_coefficient, 3), (i_us, 3),
            (parts.w_coefficient, 3), (w_us, 3),
            ((self.counter >> 9 & 0x80) | measured | 0x01, 1), (self.counter & 0xFFFF, 2),
        )  # fmt: skip
        body = b"".join([value.to_bytes(width, "big") for value, width in values])
        head = 0xAA if self.uncalibrated else 0xF0 | flags if flags else 0x55
        return bytes((head, 0x5A)) + body + bytes((sum(body) & 0xFF,))

    def _send(self, frame: bytes) -> None:
        if self._faults.hit("ic_silence") is not None:
            return
        if self._faults.hit("ic_garbage") is not None:
            frame = self._dice.choice(GARBAGE)(frame, self._dice)
        if self.damage is not None:
            frame = self.damage(frame, self._dice)
        if frame:
            self._write(frame)
