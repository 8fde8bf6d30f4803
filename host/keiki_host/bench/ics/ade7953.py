"""ADE7953, at the level of its registers, its SPI and its UART.

Document: Analog Devices ADE7953 datasheet Rev. C. Times are UTC ms from a clock that is passed in; what the
mains did since the last access is integrated exactly, span by span, when somebody asks.

Not modelled: I2C, the integrators for Rogowski coils, instantaneous values (216..218), peaks, sag, too much
voltage or current, pulse outputs but for active energy, what filters that are switched off let through.
Assumed, the datasheet being silent: LAST_OP, LAST_ADD and LAST_RWDATA do not see themselves being read; power
offsets are added after the gain; no load is a matter of the power after both; without its required setting a
chip measures 0.4 % too much of each signal; what cannot be read says 0.
"""

import random
from collections.abc import Callable, Sequence

from keiki_host.bench.faults import NO_FAULTS, Faults
from keiki_host.bench.ics import ade7953_registers as r
from keiki_host.bench.ics.ade7953_bus import FLOATING, SpiPort, UartPort, UartWire, Wire
from keiki_host.bench.ics.ade7953_metering import Adjustment, Channel, Measured
from keiki_host.bench.ics.ade7953_parts import EXAMPLE, NO_ERRORS, Errors, OtherVoltage, Parts
from keiki_host.bench.waves import Source

__all__ = ["Ade7953Model", "Errors", "OtherVoltage", "Parts"]

_START_MS = 66
_WINDOW_MS = 200
_PGA = (1, 2, 4, 8, 16, 22)
_UNLOCK_WORD = 0xAD
_READINGS = {0x10: "va", 0x12: "w", 0x14: "var", 0x1A: "i"}


class Ade7953Model:
    """One chip; `sources` are those of channels A and B (B may be missing), the voltage is that of A.

    `write` sends what it says on UART. `wire` and `uart` are its lines, with their noise. It has been on for
    `up_ms` when it is made. `clears_status`: RSTIRQSTATx clear although RSTREAD is 0 (the datasheet is not
    clear about it). Plays ic_reset, ic_silence, ic_garbage, ic_counter_jump.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        sources: Sequence[Source | None],
        faults: Faults = NO_FAULTS,
        errors: Sequence[Errors] = (),
        *,
        write: Callable[[bytes], None] = lambda data: None,
        parts: Parts | Sequence[Parts] = EXAMPLE,
        seed: int = 0,
        up_ms: int = 1000,
        clears_status: bool = False,
    ) -> None:
        self._clock = clock
        self._write = write
        self._faults = faults
        self._dice = random.Random(seed)
        self._clears_status = clears_status
        self.wire = Wire(random.Random(f"{seed}/wire"))
        self.uart = UartWire(random.Random(f"{seed}/uart"))
        self._spi = SpiPort(self)
        self._packets = UartPort(self, clock)
        wired = [*sources, None][:2]
        both = [parts, parts] if isinstance(parts, Parts) else [*parts, EXAMPLE]
        faulty = [*errors, NO_ERRORS, NO_ERRORS]
        self.channels = [Channel(wired[n], both[n], faulty[n]) for n in range(2)]
        for n, channel in enumerate(self.channels):
            channel.on_cycle = lambda kind, n=n: self._cycle_end(n)  # type: ignore[misc]
        self._spikes: dict[int, int] = {}
        self.reset(_START_MS - up_ms)
        faults.on_start("ic_reset", lambda _: self.reset())

    def reset(self, late_ms: int = _START_MS) -> None:
        """Power comes (back), or the chip was told to: it is silent for a while, then all is as at first."""
        self._ready_ms = self._now_ms = self._clock() + late_ms
        self.registers = dict(r.RESET_VALUES)
        self._status = [1 << 20, 0]
        self._locked = self._bus = ""
        self._open = False
        self._last = (0, 0, 0)
        self._crc_watched: int | None = None
        for channel in self.channels:
            channel.restart()
        self._configure()

    # -- measuring ------------------------------------------------------------------------------------

    def _configure(self) -> None:
        """Take over what the registers say about measuring."""
        get = self.registers
        disabled, mode = get[r.DISNOLOAD], get[r.ACCMODE]
        no_load = [None if disabled >> kind & 1 else get[r.NOLOAD + kind] for kind in range(3)]
        for n, channel in enumerate(self.channels):
            base = 0x280 + 0x0C * n
            gains = tuple(get[base + at] for at in (2, 3, 4))
            offsets = tuple(get[base + at] for at in (9, 10, 11))
            pga_v, pga_i = get[r.PGA_V], get[r.PGA_IB if n else r.PGA_IA]
            channel.adjust(
                Adjustment(
                    get[base],
                    get[base + 1],
                    (gains[0], gains[1], gains[2]),
                    (offsets[0], offsets[1], offsets[2]),
                    get[base + 6],
                    get[0x288],
                    get[r.PHCALA + n],
                    _PGA[min(pga_v, 4)],
                    _PGA[min(pga_i, 4 if n else 5)],
                    (no_load[0], no_load[1], no_load[2]),
                    mode >> 2 * n & 3,
                    mode >> 4 + 2 * n & 3,
                    get[r.REQUIRED] == 0x30,
                )
            )
            lines = get[r.LCYCMODE] >> n
            channel.pulse_counts = r.pulse_counts(get, n)
            channel.lines((bool(lines & 1), bool(lines & 4), bool(lines & 16)), get[r.LINECYC])

    def _cycle_end(self, n: int) -> None:
        self._status[0] |= 1 << 18

    def advance(self) -> None:
        """Measure up to now. A clock that stands still or goes back adds nothing."""
        now_ms, since_ms = self._clock(), self._now_ms
        if now_ms <= since_ms:
            return
        self._now_ms = now_ms
        for n, channel in enumerate(self.channels):
            signs = list(channel.negative)
            channel.advance(since_ms, now_ms)
            bits = 0
            for kind, counter in enumerate(channel.counters):
                bits |= counter.half << kind | counter.over << 3 + kind | channel.resting[kind] << 6 + kind
                counter.half = counter.over = False
            for kind in range(2):
                bits |= (signs[kind] != channel.negative[kind]) << 9 + kind
            self._status[n] |= bits
        self._status[0] |= 1 << 17 | 1 << (15 if self._measured(0).v else 14)

    def _measured(self, n: int) -> Measured:
        start_ms = max(self._ready_ms, self._now_ms - _WINDOW_MS)
        return self.channels[n].measure(start_ms, self._now_ms)

    def _reading(self, n: int, name: str) -> float:
        dice = self._dice

        def noise(kind: str) -> float:
            sigma = float(getattr(self.channels[n].errors, kind))
            return dice.gauss(0, sigma) if sigma else 0.0

        return self.channels[n].reading(self._measured(n), self._now_ms, noise)[name]

    # -- registers ------------------------------------------------------------------------------------

    def fetch(self, register: int) -> int:
        """Read a register as the bus does, unsigned; a register that is not there says 0."""
        self.advance()
        self._open = False
        if register & 0xFF == r.LAST_RWDATA & 0xFF and register >> 8 < 4:
            return self._last[2] & (1 << 8 * r.width(register)) - 1
        if register == r.LAST_OP:
            return self._last[0]
        if register == r.LAST_ADD:
            return self._last[1]
        at = r.place(register)
        value = self._spikes.pop(at, None)
        value = self._say(at) if value is None else value
        if register != at and at in r.SIGNED and value & 0x800000:
            value |= 0xFF000000
        self._last = (0x35, register, value)
        return value

    def spike(self, register: int, value: int) -> None:
        """Let the chip say this, truly, when `register` is read the next time."""
        self._spikes[register] = value

    def _say(self, at: int) -> int:
        if at == r.CRC:
            return r.checksum(self.registers) if self.registers[r.CONFIG] & 0x100 else r.CRC_OFF
        if 0x21E <= at <= 0x223:
            return self._take_energy(at)
        if at in (r.IRQSTATA, r.RSTIRQSTATA, r.IRQSTATB, r.RSTIRQSTATB):
            n = int(at >= r.IRQSTATB)
            value = self._status[n]
            if at in (r.RSTIRQSTATA, r.RSTIRQSTATB) and (self._clears or self._clears_status):
                self._status[n] = 0
            return value
        if at == r.ACCMODE:
            return self.registers[at] & 0x3FF | self._signs() << 10
        if at == 0x702:
            return 0x04
        measured = self._measure_register(at)
        return self.registers.get(at, 0) if measured is None else measured

    @property
    def _clears(self) -> bool:
        return bool(self.registers[r.LCYCMODE] & 0x40)

    def _take_energy(self, at: int) -> int:
        kind, n = divmod(at - r.AENERGYA, 2)
        counter = self.channels[n].counters[kind]
        if kind == 0:
            jump = self._faults.hit("ic_counter_jump")
            if jump is not None:
                counter.add(int(jump["counts"]))
        value = counter.value & 0xFFFFFF
        if self._clears:
            counter.value = 0
        return value

    def _signs(self) -> int:
        """ACCMODE from bit 10 on: signs, and what is below no load."""
        a, b = self.channels
        bits = a.negative[0] | b.negative[0] << 1 | a.negative[1] << 2 | b.negative[1] << 3
        for n, channel in enumerate(self.channels):
            for place, kind in enumerate((0, 2, 1)):
                bits |= channel.resting[kind] << 6 + 3 * n + place
        return bits

    def _measure_register(self, at: int) -> int | None:
        if at == 0x21C:
            return max(0, min(0xFFFFFF, round(self._reading(0, "v"))))
        if 0x210 <= at <= 0x21B and at & ~1 & 0xFF in _READINGS:
            value = round(self._reading(at & 1, _READINGS[at & ~1 & 0xFF]))
            return max(-0x800000, min(0xFFFFFF if at >= 0x21A else 0x7FFFFF, value)) & 0xFFFFFF
        if at in (0x10A, 0x10B):
            return max(-0x8000, min(0x7FFF, round(self._reading(at & 1, "pf") * 0x8000))) & 0xFFFF
        if at in (0x10C, 0x10D):
            return round(self._reading(at & 1, "angle_s") * 223_000) & 0xFFFF
        if at == 0x10E:
            frequency_hz = self._measured(0).frequency_hz if self._measured(0).v else 0
            return min(0xFFFF, round(223_750 / frequency_hz - 1)) if frequency_hz else 0
        return None

    def store(self, register: int, value: int) -> None:
        """Write a register as the bus does; what cannot be written, or not now, stays."""
        self.advance()
        opened, self._open = self._open, register == r.UNLOCK and value == _UNLOCK_WORD
        at = r.place(register)
        protected = self.registers[r.WRITE_PROTECT] >> min(2, r.width(at) - 1) & 1
        if (protected and at != r.WRITE_PROTECT) or (at == r.REQUIRED and not opened):
            return
        if at not in self.registers:
            return
        self._last = (0xCA, register, value)
        if at == r.CONFIG and value & 0x80:
            self.reset()
            return
        self._put(at, value & r.MASKS.get(at, (1 << 8 * min(3, r.width(at))) - 1))
        if at == r.CONFIG and not value & 0x8000:
            self._locked = self._bus

    def _put(self, at: int, value: int) -> None:
        before = self._say(r.CRC)
        self.registers[at] = value
        self._configure()
        after = self._say(r.CRC)
        if at == r.IRQENA:
            self._crc_watched = after if value >> 21 & 1 else None
        elif self._crc_watched is not None and after not in (before, self._crc_watched):
            self._status[0] |= 1 << 21

    def corrupt(self, register: int, value: int) -> None:
        """Let a register change by itself, as noise on the supply may do."""
        self.advance()
        self._put(register, value)

    # -- buses ----------------------------------------------------------------------------------------

    def glitch(self) -> None:
        """Noise on the bus pins: a chip whose bus is not locked takes another one, until it is reset."""
        if not self._locked:
            self._locked = "i2c"

    def _hears(self, bus: str) -> bool:
        if self._clock() < self._ready_ms or self._locked not in ("", bus):
            return False
        self._bus = bus
        return self._faults.hit("ic_silence") is None

    def transfer(self, cs: int, data: bytes) -> bytes:
        """One SPI frame with chip select low; `cs` is for parts that have several."""
        if not self._hears("spi"):
            return bytes([FLOATING]) * len(data) if self.wire.stuck is None else self.wire.carry(data, _deaf)
        if len(data) > 3 and self._faults.hit("ic_garbage") is not None:
            self.wire.strike("garbled")
        return self.wire.carry(data, self._spi.frame)

    def receive(self, data: bytes) -> None:
        """Take bytes from the UART, as they come without a pause; answers go out before this returns."""
        if not self._hears("uart"):
            return
        if self._faults.hit("ic_garbage") is not None:
            self.uart.strike(self._dice.choice(("short", "garbled", "garbage")))
        answer = self.uart.carry(data, self._packets.packet)
        if answer:
            self._write(answer)


def _deaf(bits: int, clocks: int) -> int:
    return (1 << clocks) - 1
