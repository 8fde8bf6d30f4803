"""ATM90E32AS, at the level of its registers and its SPI frames.

Document: Atmel M90E32AS datasheet 46003B, application note 46103A. Times are UTC ms from a clock that is
passed in; what the mains did since the last call is integrated exactly, span by span, when somebody asks.

Not modelled: interrupts, states and peaks (they read 0, their enables hold what was written), harmonic and
fundamental registers, neutral current, angles between voltages, 3P3W, Rogowski coils, compensation by
temperature and segment (20..2F), modes other than Normal but that they measure nothing.
Assumed, the datasheet being silent: a full energy register stays full (`saturates`); the start thresholds of
all phases act on the sums alone, those of a phase on its own registers and on the sums; offsets come after
gains; reading LastSPIData does not change it; a locked chip lets its configuration be read; the reset value
of 0A; the CRC starts from 0; bit 15 of Phi delays the voltage; MISO is high while it gets the address.
"""

import random
from collections.abc import Callable, Sequence

from keiki_host.bench.faults import NO_FAULTS, Faults
from keiki_host.bench.ics.atm90e32_metering import (
    W_LSB,
    Accumulator,
    Adjustment,
    Channel,
    Readout,
    changes,
    counts_per_wms,
    crc16,
)
from keiki_host.bench.ics.atm90e32_parts import EXAMPLE, NO_ERRORS, Errors, Parts, Wire
from keiki_host.bench.waves import Source, Span

__all__ = ["Atm90e32Model", "Errors", "Parts"]

CONFIG = range(0x70)
RESET_VALUES = {
    0x05: 0x143F, 0x06: 0xC000, 0x07: 0x0001, 0x08: 0x1000, 0x09: 0x0400, 0x0A: 0xFFFF, 0x0B: 0xC000,
    0x0C: 0x1324, 0x0D: 0x13EC, 0x31: 0x0861, 0x32: 0xC468, 0x33: 0x0087,
    0x61: 0x8000, 0x62: 0x8000, 0x65: 0x8000, 0x66: 0x8000, 0x69: 0x8000, 0x6A: 0x8000,
}  # fmt: skip
"""Registers that are not 0 after a reset."""
NORMAL = 3
"""PM1 and PM0 both high."""

_UNLOCK, _RESET_WORD, _FORCE_CRC_ERROR = 0x55AA, 0x789A, 0xAA55
_RESET_MS, _CYCLES = 6, 16
_PGA = (1, 2, 4, 4)
_READ = 0x80000000


class Atm90e32Model:
    """One chip; `sources` are what channels A, B, C are wired to (None: nothing), `clock` tells UTC ms.

    Plays ic_reset, ic_silence, ic_garbage, ic_counter_jump; finer noise is in `wire`. `pm` are the PM pins.
    `pulses` counts those of CF1, total active energy, over all resets.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        sources: Sequence[Source | None],
        faults: Faults = NO_FAULTS,
        errors: Sequence[Errors] = (),
        *,
        parts: Parts = EXAMPLE,
        saturates: bool = True,
        temperature_c: float = 25,
        seed: int = 0,
    ) -> None:
        faulty = [*errors, *[NO_ERRORS] * (3 - len(errors))]
        wired = [*sources, *[None] * (3 - len(sources))]
        self._clock = clock
        self._channels = [Channel(source, parts, faulty[n]) for n, source in enumerate(wired)]
        self._faults = faults
        self._saturates = saturates
        self._dice = random.Random(f"{seed}/atm90e32")
        self._spikes: dict[int, int] = {}
        self.wire = Wire(self._dice)
        self.temperature_c = temperature_c
        self.pm = NORMAL
        self.pulses = 0
        self.reset()
        self._ready_ms = clock()
        faults.on_start("ic_reset", lambda _: self.reset())

    def reset(self) -> None:
        """Power comes (back), or the software asked for it: registers as in the datasheet, energy zero."""
        self._now_ms = self._start_ms = self._measured_ms = self._clock()
        self._ready_ms = self._now_ms + _RESET_MS
        self._registers = [RESET_VALUES.get(register, 0) for register in CONFIG]
        self._others = dict.fromkeys((0x75, 0x76, 0x7F), 0)
        self._last = 0
        self._forced = False
        self._active = [Accumulator(self._saturates) for _ in range(4)]
        self._reactive = [Accumulator(self._saturates) for _ in range(4)]
        self._apparent = [Accumulator(self._saturates) for _ in range(4)]
        self._readout = Readout(self._channels)
        self._pulse_counts = 0
        self._configure()
        self._golden = self._digest

    def spike(self, register: int, value: int) -> None:
        """Let the chip say this, truly, when `register` is read the next time."""
        self._spikes[register] = value

    def corrupt(self, register: int, value: int) -> None:
        """Turn a configuration register into something else, as a surge on the supply would."""
        self.advance()
        self._registers[register] = value
        self._configure()

    def _configure(self) -> None:
        """Take over what the registers say about measuring."""
        registers = self._registers
        for n, channel in enumerate(self._channels):
            four, two = registers[0x61 + 4 * n : 0x65 + 4 * n], registers[0x41 + 2 * n : 0x43 + 2 * n]
            adjustment = Adjustment(*four, *two, *registers[0x47 + 2 * n : 0x49 + 2 * n])
            channel.adjust(adjustment, _PGA[registers[0x34] >> 2 * n & 3])
        self._per_wms = counts_per_wms(registers[0x31] << 16 | registers[0x32])
        self._digest = crc16(b"".join([value.to_bytes(2, "big") for value in registers]))

    # -- measuring --------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Measure up to now. A clock that stands still or goes back adds nothing."""
        now_ms, since_ms = self._clock(), self._now_ms
        if now_ms <= since_ms:
            return
        self._now_ms = now_ms
        if self.pm != NORMAL or not self._registers[0x00]:
            return
        rows = [channel.spans(since_ms, now_ms) for channel in self._channels]
        changes(rows, self._count)
        window_ms = round(_CYCLES * 1000 / (self._readout.frequency_hz or 50.0))
        end_ms = now_ms - (now_ms - self._start_ms) % window_ms
        if end_ms > self._measured_ms:
            self._measured_ms = end_ms
            self._readout.refresh(end_ms - window_ms, end_ms)

    def _count(self, ms: int, spans: list[Span]) -> None:
        """Accumulate a stretch in which nothing changes."""
        registers = self._registers
        mode, per_ms = registers[0x33], self._per_wms * ms
        sums = [0.0, 0.0, 0.0]
        kinds = (self._active, self._reactive, self._apparent)
        for n, channel in enumerate(self._channels):
            for kind, power in enumerate(channel.powers(spans[n])):
                if abs(power) >= registers[0x38 + kind] * W_LSB:
                    kinds[kind][n + 1].add(power * per_ms)
                    if mode >> 2 - n & 1:
                        absolute = kind < 2 and mode >> 3 + kind & 1
                        sums[kind] += abs(power) if absolute else power
        for kind, power in enumerate(sums):
            if abs(power) >= registers[0x35 + kind] * W_LSB:
                counts = kinds[kind][0].add(power * per_ms)
                if not kind:
                    pulses, self._pulse_counts = divmod(self._pulse_counts + counts, 100)
                    self.pulses += pulses

    # -- SPI --------------------------------------------------------------------------------------------

    def transfer(self, cs: int, data: bytes) -> bytes:
        """One frame with chip select low: what the chip sends while it gets `data`, as many bytes."""
        if self._faults.hit("ic_silence") is not None:
            return b"\xff" * len(data)
        if self._faults.hit("ic_garbage") is not None:
            self.wire.strike()
        return self.wire.carry(data, self._frame)

    def _frame(self, data: bytes, clocks: int) -> bytes:
        """A frame as it reaches the chip; only one of 32 clocks is an access."""
        self.advance()
        if self.pm == 0 or self._clock() < self._ready_ms or len(data) < 4:
            return b"\xff" * len(data)
        word = int.from_bytes(data[:4], "big")
        register, value = word >> 16 & 0x3FF, word & 0xFFFF
        if word & _READ and clocks == 32 and register == 0x81:
            self._jump()
        read = self._spikes.get(register, self.value(register)) if word & _READ else 0
        said = b"\xff\xff" + read.to_bytes(2, "big") + bytes(len(data) - 4)
        if clocks != 32:
            return said
        if word & _READ:
            self._after_read(register, read)
        else:
            self._last = value
            self._store(register, value)
        return said

    def _after_read(self, register: int, value: int) -> None:
        """What a read does: LastSPIData, then clear an energy register."""
        if register == 0x78:
            return
        self._last = value
        self._spikes.pop(register, None)
        energy = self._energy(register)
        if energy is not None:
            accumulator, direction = energy
            setattr(accumulator, direction, 0)

    def _energy(self, register: int) -> tuple[Accumulator, str] | None:
        n = register & 3
        groups = (self._active, self._active, self._reactive, self._reactive, self._apparent)
        if not 0x80 <= register <= 0x93:
            return None
        group = register - 0x80 >> 2
        return groups[group][n], "reverse" if group in (1, 3) else "forward"

    def _store(self, register: int, value: int) -> None:
        """Write a register; the configuration takes a value only while it is open."""
        if register in CONFIG:
            if self._others[0x7F] == _UNLOCK:
                self._registers[register] = value
                self._configure()
        elif register == 0x70:
            if value == _RESET_WORD:
                self.reset()
        elif register == 0x79:
            self._forced = value == _FORCE_CRC_ERROR
        elif register in self._others:
            self._others[register] = value
            if register == 0x7F and value != _UNLOCK:
                self._golden, self._forced = self._digest, False

    def _jump(self) -> None:
        """Fault ic_counter_jump: the forward register of channel A."""
        jump = self._faults.hit("ic_counter_jump")
        if jump is not None:
            self._active[1].forward = min(0xFFFF, self._active[1].forward + int(jump["counts"]))

    # -- registers --------------------------------------------------------------------------------------

    def value(self, register: int) -> int:
        """Return what a read of a register would say, without doing what it does; what is not there is 0."""
        if register in CONFIG:
            return self._registers[register]
        if register == 0x78:
            return self._last
        if register == 0x79:
            open_ = self._others[0x7F] == _UNLOCK
            return int(self._forced or (not open_ and self._digest != self._golden))
        if register == 0x7A:
            return self._digest
        energy = self._energy(register)
        if energy is not None:
            return int(getattr(*energy))
        if register == 0xFC:
            return round(self.temperature_c) & 0xFFFF
        if 0xB0 <= register < 0xFC:
            return self._readout.value(register, self._registers[0x33])
        return self._others.get(register, 0)
