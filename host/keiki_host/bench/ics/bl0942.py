"""BL0942, at the level of its registers and its UART; and several of them on one line.

Document: Belling BL0942 datasheet V1.10 (UART protocol, registers, scale formulas), and captured packets
where they differ from it (byte 20 holds STATUS b9:8). Times are UTC ms from a clock that is passed in;
what the house did since the last call is integrated exactly, step by step, when somebody asks.

Not modelled: wave-form registers (00), the effect of I_RMSOS, the over-current pin, baud rates.
Assumed, the datasheet being silent: STATUS b8, b9 mean less than 1/256 of the 24-bit range;
I_FAST_RMS has the scale of I_RMS; in algebraic mode CF_CNT counts down.
"""

import random
from collections.abc import Callable, Sequence

from keiki_host.bench.faults import NO_FAULTS, Faults
from keiki_host.bench.ics.bl0942_parts import EXAMPLE, NO_ERRORS, Errors, Parts, Phase
from keiki_host.bench.ics.line_noise import GARBAGE_8N1, Damage

__all__ = ["Bl0942Bus", "Bl0942Model", "Errors", "Parts"]

PACKET = 0xAA
CF_LSB_MS = 1638.4 * 256 * 1000
"""WATT LSB x ms of one energy pulse."""

RESET_VALUES = {
    0x12: 0x00, 0x14: 0x0B, 0x15: 0xFFFF, 0x16: 0x01, 0x17: 0x03, 0x18: 0x24, 0x19: 0x87, 0x1A: 0x02,
    0x1D: 0x00,
}  # fmt: skip
"""Registers that can be written, and what they hold after a reset."""

_WIDTH = {
    0x12: 0xFF,
    0x14: 0xFF,
    0x15: 0xFFFF,
    0x16: 0x07,
    0x17: 0x03,
    0x18: 0x3F,
    0x19: 0x3FF,
    0x1A: 0x03,
    0x1D: 0xFF,
}
_SOFT_RESET, _PROTECT = 0x1C, 0x1D
_RESET_WORD, _UNLOCK = 0x5A5A5A, 0x55
_GAIN = (1, 4, 16, 24)
_BYTE_GAP_MS = 16
_ZX_LOW_LSB = 1 << 16
_MAX_24 = (1 << 24) - 1
_PACKET_REGISTERS = (0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09)


class Bl0942Model:
    """One chip at `address` (0..3) on one phase; `write` sends its answers, `clock` tells UTC ms.

    One whole answer is one call of `write`. `damage` is what the line does to every answer.
    Plays ic_reset, ic_silence, ic_garbage, ic_counter_jump.
    """

    def __init__(
        self,
        address: int,
        clock: Callable[[], int],
        house_phase: Phase,
        write: Callable[[bytes], None],
        faults: Faults = NO_FAULTS,
        errors: Errors = NO_ERRORS,
        *,
        parts: Parts = EXAMPLE,
        seed: int = 0,
    ) -> None:
        self._address = address
        self._clock = clock
        self._phase = house_phase
        self._write = write
        self._faults = faults
        self._errors = errors
        self._parts = parts
        self._dice = random.Random(f"{seed}/{address}")
        self._limit_a = parts.range_a
        self._scale_v = parts.lsb_per_v * (1 + errors.gain_v)
        self._partial_ms = 0
        self.pulses = 0
        self._spikes: dict[int, int] = {}
        self.damage: Damage | None = None
        self.reset()
        faults.on_start("ic_reset", lambda _: self.reset())

    def reset(self) -> None:
        """Power comes (back): registers as in the datasheet, counter and measurements zero."""
        self._now_ms = self._start_ms = self._clock()
        self._partial = b""
        self._registers = dict(RESET_VALUES)
        self._configure()
        self._residue = 0.0
        self._reverse = False
        self._creeping = False
        self.cf_cnt = 0
        self._i_rms = self._v_rms = self._watt = self._freq = 0
        self._measured_ms = self._start_ms

    def _configure(self) -> None:
        """Take over what the registers say about measuring."""
        mode = self._registers[0x19]
        gain = _GAIN[self._registers[0x1A]] / 16
        self._counting = bool(mode & 0x04)
        self._refresh_ms = 800 if mode & 0x08 else 400
        self._clear_on_read = bool(mode & 0x40)
        self._absolute = bool(mode & 0x80)
        self._scale_i = self._parts.lsb_per_a * gain * (1 + self._errors.gain_i)
        self._scale_w = self._parts.lsb_per_w * gain * (1 + self._errors.gain_w)
        self._creep_lsb = self._registers[0x14] * 3125 / 256

    # -- measuring ----------------------------------------------------------------------------------

    def _lsb(self, power_w: float, current_a: float) -> float:
        """WATT of a constant power, before rounding; 0 below creep."""
        if current_a > self._limit_a:
            power_w *= self._limit_a / current_a
        watt = power_w * self._scale_w + self._errors.offset_w_lsb
        return watt if abs(watt) >= self._creep_lsb else 0.0

    def advance(self) -> None:
        """Measure up to now. A clock that stands still or goes back adds nothing."""
        now_ms, since_ms = self._clock(), self._now_ms
        if now_ms <= since_ms:
            return
        self._now_ms = now_ms
        if self._counting:
            residue = self._residue
            for ms, power_w, _, current_a in self._phase.pieces(since_ms, now_ms):
                watt = self._lsb(power_w, current_a)
                residue += (abs(watt) if self._absolute else watt) * ms
                if watt:
                    self._reverse = watt < 0
            counts, self._residue = divmod(residue, CF_LSB_MS)
            self.cf_cnt = (self.cf_cnt + int(counts)) & _MAX_24
            self.pulses += int(counts)
        end_ms = now_ms - (now_ms - self._start_ms) % self._refresh_ms
        if end_ms > self._measured_ms:
            self._measured_ms = end_ms
            self._refresh(end_ms)

    def _refresh(self, end_ms: int) -> None:
        """Registers as at the end of the newest whole window, over that window."""
        start_ms = max(self._start_ms, end_ms - self._refresh_ms)
        watt = volts2 = amperes2 = 0.0
        for ms, power_w, voltage_v, current_a in self._phase.pieces(start_ms, end_ms):
            clipped = min(1.0, self._limit_a / current_a) if current_a else 1.0
            watt += power_w * clipped * ms
            volts2 += voltage_v * voltage_v * ms
            amperes2 += (current_a * clipped) ** 2 * ms
        span_ms = end_ms - start_ms
        watt = watt / span_ms * self._scale_w + self._errors.offset_w_lsb
        if self._errors.noise_w_lsb:
            watt += self._dice.gauss(0, self._errors.noise_w_lsb)
        self._creeping = abs(watt) < self._creep_lsb
        self._watt = 0 if self._creeping else max(-0x800000, min(0x7FFFFF, round(watt)))
        i_rms = 0.0 if self._creeping else (amperes2 / span_ms) ** 0.5 * self._scale_i
        self._i_rms = min(_MAX_24, round(i_rms))
        self._v_rms = min(_MAX_24, round((volts2 / span_ms) ** 0.5 * self._scale_v))
        self._freq = min(0xFFFF, round(1e6 / self._phase.frequency_hz))

    @property
    def _status(self) -> int:
        low = (self._i_rms < _ZX_LOW_LSB) << 8 | (self._v_rms < _ZX_LOW_LSB) << 9
        return int(self._reverse) | self._creeping << 1 | low

    # -- the UART -----------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the line; answers go out through `write` before this returns."""
        now_ms = self._clock()
        if self._partial and now_ms - self._partial_ms > _BYTE_GAP_MS:
            self._partial = b""
        self._partial_ms = now_ms
        data = self._partial + data
        while data:
            command = data[0] & 0xFC
            length = 2 if command == 0x58 else 6 if command == 0xA8 else 0
            if not length:
                data = data[1:]
            elif data[1:6] == b"\0\0\0\0\0":
                data = data[6:]  # more than 32 bits of zero: the UART begins anew
            elif len(data) < length:
                break
            else:
                if data[0] & 3 == self._address:
                    self._obey(data[:length])
                data = data[length:]
        self._partial = data

    def _obey(self, frame: bytes) -> None:
        self.advance()
        register = frame[1]
        if len(frame) == 6:
            if ~sum(frame[:5]) & 0xFF == frame[5]:
                self._store(register, int.from_bytes(frame[2:5], "little"))
        elif register == PACKET:
            self._answer(self._packet(), frame[0])
        else:
            self._answer(self.read(register).to_bytes(3, "little"), frame[0] + register)

    def _packet(self) -> bytes:
        jump = self._faults.hit("ic_counter_jump")
        if jump is not None:
            self.cf_cnt = (self.cf_cnt + int(jump["counts"])) & _MAX_24
        body = b"".join([self.read(register).to_bytes(3, "little") for register in _PACKET_REGISTERS])
        return b"\x55" + body

    def _answer(self, body: bytes, asked: int) -> None:
        if self._faults.hit("ic_silence") is not None:
            return
        answer = body + bytes((~(asked + sum(body)) & 0xFF,))
        if self._faults.hit("ic_garbage") is not None:
            answer = self._dice.choice(GARBAGE_8N1)(answer, self._dice)
        if self.damage is not None:
            answer = self.damage(answer, self._dice)
        if answer:
            self._write(answer)

    # -- registers ----------------------------------------------------------------------------------

    def spike(self, register: int, value: int) -> None:
        """Let the chip say this, truly, when `register` is read the next time."""
        self._spikes[register] = value

    def read(self, register: int) -> int:
        """Return a register as the UART would (24 bits, WATT two's complement); what is not there reads 0."""
        if register in self._spikes:
            return self._spikes.pop(register)
        if register == 0x07:
            count = self.cf_cnt
            if self._clear_on_read:
                self.cf_cnt = 0
            return count
        if register == 0x09:
            return self._status
        measured = {
            0x03: self._i_rms,
            0x04: self._v_rms,
            0x05: self._i_rms,
            0x06: self._watt & _MAX_24,
            0x08: self._freq,
        }
        return measured.get(register, self._registers.get(register, 0))

    def _store(self, register: int, value: int) -> None:
        """Write a register; only USR_WRPROT takes a value while the others are protected."""
        if register != _PROTECT and self._registers[_PROTECT] != _UNLOCK:
            return
        if register == _SOFT_RESET:
            if value == _RESET_WORD:
                self.reset()
        elif register in _WIDTH:
            self._registers[register] = value & _WIDTH[register]
            self._configure()


class Bl0942Bus:
    """Chips on one UART: chip n has address n and is wired to `phases[n]`. All hear everything."""

    def __init__(
        self,
        clock: Callable[[], int],
        phases: Sequence[Phase],
        write: Callable[[bytes], None],
        faults: Faults = NO_FAULTS,
        errors: Sequence[Errors] = (),
        *,
        parts: Parts = EXAMPLE,
        seed: int = 0,
    ) -> None:
        faulty = [*errors, *[NO_ERRORS] * (len(phases) - len(errors))]
        self.chips = [
            Bl0942Model(n, clock, phase, write, faults, faulty[n], parts=parts, seed=seed)
            for n, phase in enumerate(phases)
        ]

    def power_cycle(self) -> None:
        """Power was away: every chip begins anew."""
        for chip in self.chips:
            chip.reset()

    def receive(self, data: bytes) -> None:
        """Take bytes from the line."""
        for chip in self.chips:
            chip.receive(data)
