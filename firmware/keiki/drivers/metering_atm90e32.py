"""ATM90E32AS: one metering chip for both legs of a 1P3W service, on SPI.

Document: Atmel M90E32AS datasheet 46003B. Phase R is channel A, T is C; B is not used. Each leg has
an energy register per direction, counted by the chip without a gap and cleared when it is read; what is
booked is what the chip counted. The registers are small, so `poll` has to come every 10 s.

What a board says about it, `data`, all integers:

`line_hz`   50 or 60
`u_gain`    Ugain register with which URMS is in 0.01 V, for the board's divider; one, or one per phase
`i_gain`    Igain register with which IRMS is in 0.001 A, for its current transformer and burden; the same
`pga`       gain of the current inputs: 1 (default), 2 or 4; i_gain is with it
`phi_sign`  1 (default): bit 15 of Phi delays the voltage; -1: the current. Two trial values tell
`start_mw`  active power of a leg below which nothing is counted, 250 by default

Above 60 A everything in the chip is divided by 2, 3, ..: IRMS ends at 65.535 A.
"""

import asyncio

from keiki.drivers.calibration import checked
from keiki.drivers.metering import (
    CREEP,
    FAULT_SETTINGS,
    FAULT_SILENT,
    FAULT_VOLTAGE,
    PHASE_NAMES,
    REFUSED,
    RESET,
    STALE,
    Snapshot,
)
from keiki.drivers.metering_atm90e32_energy import Energies
from keiki.drivers.metering_atm90e32_link import FULL, Link, signed
from keiki.drivers.metering_atm90e32_readings import LEAST_V_X100, MOST_V_X100, Readings
from keiki.drivers.metering_atm90e32_registers import (
    CFG_ACCESS,
    CHANNELS,
    CRC_STATUS,
    IN_WARN_TH,
    LOCK,
    MARKER,
    MMODE0,
    RESET_WORD,
    SOFT_RESET,
    TEMPERATURE,
    UNLOCK,
    URMS_A,
    Scale,
    build_table,
)
from keiki.wire.compat import const

_RESET_MS = const(10)  # the datasheet asks for 6
_SETTLE_MS = const(700)  # the first 16 cycles are measured after 320 ms
_VERIFY_MS = const(60000)
_COUNTS_OF_A_PULSE = const(100)  # registers are in 0.01 CF


class Atm90e32:
    """Driver of one chip; `phases` is 1 (R) or 2 (R and T), `rating_a` the largest current of a leg.

    `spi.transfer(tx, rx)` does one frame with chip select low throughout, in mode 3, at 1 MHz at most.
    ValueError: board data that cannot be. Call `poll`, or `snapshot`, which does it too, every `poll_ms` at
    least. `temperature_c` is that of the chip, None before it is known.
    """

    ignored = ()
    assumes_symmetry = False
    poll_ms = 10000

    def __init__(self, spi, data: dict, rating_a: int, phases: int) -> None:
        self.stats = {"polls": 0, "missed": 0, "stale": 0, "refused": 0, "resets": 0}
        self.stats.update({"set_ups": 0, "recovered": 0, "implausible": 0})
        self.on_event = lambda kind, before, after: None
        self.temperature_c = None
        self._link = Link(spi, self.stats)
        self._data = data
        self._scale = scale = Scale(data, rating_a)
        self._table = build_table(data, scale, checked([{}] * phases, phases))
        self._rewrite = False
        self._phases = phases
        self._energies = Energies(self._link, scale, rating_a, phases, self._refused, self._lost)
        self._snapshot = Snapshot(phases)
        self._readings = Readings(self._link, scale, rating_a, self._snapshot, self.stats)
        self._set_up_ms = None
        self._verify_ms = 0
        self._crc_works = True
        self._flags = 0

    def apply(self, calibration: "list[dict[str, int]]") -> None:
        """Calibrate by one dict per phase (see `calibration.KEYS`): the chip gets it at the next poll.

        ValueError, and no change, beyond what they reach: +-2.2 degrees, +-10 W and +-60 mA (times 2 above
        60 A), a gain register of 65535.
        """
        values = checked(calibration, self._phases)
        self._table = build_table(self._data, self._scale, values)
        self._rewrite = True

    def counts(self, number: int) -> int:
        """Return the pulses of CF1 that the chip has counted since the start: of the sum of the legs."""
        return self._energies.total // _COUNTS_OF_A_PULSE

    async def self_check(self) -> "list[str]":
        """Compare all settings, and read the voltages; returns the names of what is wrong."""
        names = PHASE_NAMES[: self._phases]
        if self._link.peek(MMODE0) in (None, 0, FULL):
            return [name + FAULT_SILENT for name in names]
        if not self._link.marked() or self._difference() is not None:
            return [name + FAULT_SETTINGS for name in names]
        wrong = []
        for name, channel in zip(names, CHANNELS):
            voltage = self._link.read(URMS_A + channel)
            if voltage is None:
                wrong.append(name + FAULT_SILENT)
            elif not LEAST_V_X100 <= voltage <= MOST_V_X100:
                wrong.append(name + FAULT_VOLTAGE)
        return wrong

    async def snapshot(self, now_ms: int) -> Snapshot:
        """Poll, read all measurements, and return the snapshot, always the same object.

        What `poll` has collected since the last snapshot that was not STALE is in it.
        """
        good = await self.poll(now_ms)
        if good and self._set_up_ms is not None and now_ms - self._set_up_ms >= _SETTLE_MS:
            await asyncio.sleep_ms(0)
            good = self._readings.take()
        snapshot = self._snapshot
        good = good and self._readings.known
        snapshot.flags, self._flags = self._flags | (0 if good else STALE), 0
        snapshot.flags |= CREEP if good and self._readings.creeps else 0
        self.stats["stale"] += 0 if good else 1
        snapshot.net_wh_x1000 = 0
        held = self._energies.held_wh_x1000
        for phase in range(self._phases):
            imported, exported = (held[2 * phase], held[2 * phase + 1]) if good else (0, 0)
            held[2 * phase] -= imported
            held[2 * phase + 1] -= exported
            snapshot.import_wh_x1000[phase], snapshot.export_wh_x1000[phase] = imported, exported
            snapshot.net_wh_x1000 += imported - exported
        return snapshot

    async def poll(self, now_ms: int) -> bool:
        """Read the energy registers, which fill in 78 s at full load; False if that did not work out.

        First it is seen to that the chip is what it was set up to be. If it is not, what it has counted since
        the last time is not booked, and it is reset and set up again.
        """
        self.stats["polls"] += 1
        if self._set_up_ms is None:
            return await self._set_up(now_ms)
        fault = self._fault(now_ms)
        if fault is not None and fault[1] is None:
            # why again: a chip that is starting says nothing for 6 ms, and counts nothing until it is set up
            await asyncio.sleep_ms(_RESET_MS)
            fault = self._fault(now_ms)
        if fault is not None:
            if fault[1] is None:
                return False
            self._flags |= RESET
            self.stats["resets"] += 1
            self.on_event("ic_reset", fault[0], fault[1])
            return await self._set_up(now_ms)
        good = not self._rewrite or self._configure()
        return self._energies.read(now_ms) and self._link.marked() and good

    def _refused(self, before: int, after: int) -> None:
        self._flags |= REFUSED
        self.stats["refused"] += 1
        self.on_event("increment_refused", before, after)

    def _lost(self) -> None:
        self.on_event("counts_lost", 0, FULL)

    def _fault(self, now_ms: int) -> "tuple | None":
        """Return None if the chip is as it was set up, else (what a register should be, what it is).

        It "is" None if the chip cannot be understood.
        """
        link = self._link
        if not link.marked():
            mode, marker = link.peek(MMODE0), link.peek(IN_WARN_TH)
            # what says the same of every register is a dead line, and a marker that is there was only missed
            if mode is None or marker is None or mode == marker or mode in (0, FULL) or marker == MARKER:
                return (0, None)
            # the marker was lost; the mode tells a restarted chip, and reads better in a log
            return (self._value_of(MMODE0), mode)
        if self._crc_works:
            status = link.read(CRC_STATUS)
            if status is not None and status & 1:
                status = link.read(CRC_STATUS)  # noise on the way to the chip makes it another register
            if status is None or status & 1:
                return (0, status)
        if now_ms >= self._verify_ms and not self._rewrite:
            fault = self._difference()
            if fault is not None:
                return fault
            self._verify_ms = now_ms + _VERIFY_MS
            temperature = link.read(TEMPERATURE)
            if temperature is not None:
                self.temperature_c = signed(temperature, 16)
        return None

    def _value_of(self, register: int) -> int:
        return next(value for at, value in self._table if at == register)

    def _difference(self) -> "tuple | None":
        """Compare the configuration with what it shall be: None, or the first that differs."""
        for register, value in self._table:
            found = self._link.read(register)
            if found is not None and found != value:
                found = self._link.read(register)  # as above
            if found != value:
                return (value, found)
        return None

    async def _set_up(self, now_ms: int) -> bool:
        """Reset the chip and configure it; counting begins anew."""
        self._set_up_ms = None
        self._link.write(SOFT_RESET, RESET_WORD)
        await asyncio.sleep_ms(_RESET_MS)
        if not self._configure():
            return False
        # why: a chip whose check cannot be satisfied is watched by reading everything once a minute
        status = self._link.read(CRC_STATUS)
        self._crc_works = status is not None and not status & 1
        self.stats["set_ups"] += 1
        self._set_up_ms = now_ms
        self._verify_ms = now_ms + _VERIFY_MS
        self._energies.begin(now_ms)
        return True

    def _configure(self) -> bool:
        """Write the whole configuration and read it back; False if it is not what it shall be."""
        link = self._link
        link.write(CFG_ACCESS, UNLOCK)
        for register, value in self._table:
            link.write(register, value)
        self._rewrite = self._difference() is not None
        link.write(CFG_ACCESS, LOCK)
        link.write(CFG_ACCESS, LOCK)
        return not self._rewrite
