"""CSE7766, and HLW8032 and CSE7759B, which speak alike: one phase, one line, and the chip only ever sends.

Ref: facts of the frame as in HLW8032 descriptions; captured streams (Tasmota #2891, #6302, espurna #867).
A frame of 24 bytes comes every 55 to 105 ms (4800 baud 8E1). It counts energy in pulses modulo 65536, and one
bit turns over at each overflow, so frames may be lost for as long as 131072 pulses last: on a board for 30 A
156 s of the most that the gate lets through. So `poll` has to come every 20 s. The chip tells no direction:
what flows out is booked as import, so it is not for houses with panels.
"""

import asyncio

from keiki.drivers.calibration import MILLION, Correction, checked, scaled
from keiki.drivers.metering import (
    CREEP,
    FAULT_SILENT,
    FAULT_UNCALIBRATED,
    FAULT_VOLTAGE,
    PHASE_NAMES,
    REFUSED,
    RESET,
    STALE,
    Gate,
    Remainder,
    SignedEnergy,
    Snapshot,
)
from keiki.drivers.metering_cse7766_frames import (
    FRAME_LENGTH,
    MODULUS,
    below_start,
    current_ua,
    find_frame,
    power_mw,
    pulses,
    u24,
    usable,
    voltage_mv,
)
from keiki.wire.compat import const

_BUFFER = const(70)  # no multiple of a frame: a short read tells that nothing more is queued
_DRAIN_MS = const(110)
_DRAIN_READS = const(80)  # 5 kB, more than any UART keeps
_LISTEN_MS = const(600)  # a torn frame and two good ones at 105 ms, and some noise
_HUNG_UP_MS = const(20)
_LAG_MS = const(200)  # the power is the mean of about 300 ms
_NOISE_UA = const(50000)  # below it the current register of the 1 mohm board is noise
_LEAST_V = const(10)
_MOST_V = const(300)


class _Chip:
    """One line: its energy, and what is known of the chip."""

    def __init__(self, reader, gate_mw: int) -> None:
        self.reader = reader
        self.gate = Gate(gate_mw)
        self.frame = bytearray(FRAME_LENGTH)  # the last good one
        self.heard = False
        self.unusable = False
        self.coefficients = None
        self.others = None
        self.energy = None
        self.power_mw = 0
        self.correction = Correction()
        self.whole = None
        self.added = Remainder(1, 3600000)  # mW x ms to Wh x 1000
        self.booked_ms = None

    def agrees(self, data, at: int) -> bool:
        """Tell if the frame at `at` can follow the last one: the same chip, and pulses that can be."""
        frame = self.frame
        for start in (2, 8, 14):
            if frame[start : start + 3] != data[at + start : at + start + 3]:
                return False
        gain = (pulses(data, at) - pulses(frame)) % MODULUS
        # one pulse is as many mW x ms as the coefficient of power says
        return (gain - 1) * u24(frame, 14) <= self.gate.energy(_LISTEN_MS)


class Cse7766:
    """Driver of one chip per phase, each on a line of its own.

    `readers`: an asyncio stream for R, and one for T, whose reads return what has come. `scale`: of the
    board, integers ratio_v_x1000000 (1000000 for a divider of 1 Mohm : 1 kohm) and ratio_a_x1000000 (1 mohm
    / shunt). `p_max_w`: the largest power of the whole board; each phase has an equal share of it for its
    plausibility gate. The chip tells neither frequency nor reactive power; calibration acts in software.
    """

    ignored = ("phase_mdeg",)
    assumes_symmetry = False
    poll_ms = 20000

    def __init__(self, readers, scale: "dict[str, int]", p_max_w: int) -> None:
        names = ("polls", "missed", "stale", "refused", "resets", "noise", "uncalibrated", "implausible")
        self.stats = dict.fromkeys(names, 0)
        self.on_event = lambda kind, before, after: None
        self._v = scale["ratio_v_x1000000"]
        self._a = scale["ratio_a_x1000000"]
        gate_mw = p_max_w // len(readers) * 1000 * MILLION * MILLION // (self._v * self._a)
        self._chips = [_Chip(reader, gate_mw) for reader in readers]
        for chip in self._chips:
            chip.whole = Remainder(self._v * self._a * MILLION, 3600000 * MILLION**3)
        self._held_wh_x1000 = [0] * len(readers)
        self._snapshot = Snapshot(len(readers))
        self._snapshot.frequency_hz_x100 = [None] * len(readers)
        self._flags = 0
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)

    def apply(self, calibration: "list[dict[str, int]]") -> None:
        """Correct from the next snapshot on by one dict per phase (see `calibration.KEYS`)."""
        for chip, values in zip(self._chips, checked(calibration, len(self._chips))):
            chip.correction.values = values
            chip.whole.regain(self._v * self._a * chip.correction.energy_ppm)

    def counts(self, number: int) -> int:
        """Return the CF pulses that a phase's chip has counted since the start."""
        energy = self._chips[number].energy
        return energy.total if energy is not None else 0

    async def self_check(self) -> "list[str]":
        """Listen to every chip; returns the names of what is wrong."""
        wrong = []
        await self._drain()
        for name, chip in zip(PHASE_NAMES, self._chips):
            if not await self._hear(chip):
                wrong.append(name + (FAULT_UNCALIBRATED if chip.unusable else FAULT_SILENT))
            elif not _LEAST_V * 1000 <= scaled(voltage_mv(chip.frame), self._v, MILLION) <= _MOST_V * 1000:
                wrong.append(name + FAULT_VOLTAGE)
        return wrong

    async def snapshot(self, now_ms: int) -> Snapshot:
        """Wait for two new frames of every chip and return the snapshot, always the same object.

        If a chip is not heard the snapshot is STALE and brings no energy of any phase: it is held back
        until all chips are heard again, so that the net of the phases is always of the same time.
        """
        snapshot = self._snapshot
        heard = await self._take(now_ms, True)
        snapshot.flags, self._flags = self._flags | (0 if heard else STALE), 0
        for chip in self._chips:
            snapshot.flags |= CREEP if heard and below_start(chip.frame) else 0
        self.stats["stale"] += snapshot.flags & STALE
        snapshot.settle(self._held_wh_x1000)
        return snapshot

    async def poll(self, now_ms: int) -> bool:
        """Wait for new frames and hold what has flowed until the next snapshot; False: not all are heard."""
        return await self._take(now_ms, False)

    async def _take(self, now_ms: int, show: bool) -> bool:
        heard = True
        await self._drain()
        for phase, chip in enumerate(self._chips):
            self.stats["polls"] += 1
            if await self._hear(chip) and self._knows(chip):
                self._book(phase, chip, now_ms, show)
            else:
                heard = False
                self.stats["missed"] += 1
                self.stats["uncalibrated"] += chip.unusable
        return heard

    # -- listening ----------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """Throw away what has queued up: it is old, and torn where the queue was full."""
        for chip in self._chips:
            try:
                await asyncio.wait_for_ms(self._empty(chip), _DRAIN_MS)
            except (asyncio.TimeoutError, OSError):
                pass

    async def _empty(self, chip: _Chip) -> None:
        for _ in range(_DRAIN_READS):
            if await chip.reader.readinto(self._view) != _BUFFER:
                return

    async def _hear(self, chip: _Chip) -> bool:
        """Wait for two frames in a row that agree; False if none come or the chip says they mean nothing."""
        chip.heard = chip.unusable = False
        try:
            await asyncio.wait_for_ms(self._listen(chip), _LISTEN_MS)
        except (asyncio.TimeoutError, OSError):
            return False
        return not chip.unusable

    async def _listen(self, chip: _Chip) -> None:
        buffer = self._buffer
        length = 0
        while True:
            got = await chip.reader.readinto(self._view[length:])
            if not got:
                await asyncio.sleep_ms(_HUNG_UP_MS)  # a line that is hung up is readable and empty
                continue
            length += got
            at = find_frame(buffer, length)
            while at >= 0:
                if at >= FRAME_LENGTH or (at and chip.heard):
                    self.stats["noise"] += 1
                agrees = chip.heard and chip.agrees(buffer, at)
                chip.frame[:] = buffer[at : at + FRAME_LENGTH]
                chip.heard = True
                length = self._cut(at + FRAME_LENGTH, length)
                chip.unusable = agrees and not usable(chip.frame)
                if chip.unusable or (agrees and self._plausible(chip)):
                    return
                at = find_frame(buffer, length)
            if length >= 2 * FRAME_LENGTH:
                self.stats["noise"] += 1
                chip.heard = False
                length = self._cut(length - FRAME_LENGTH + 1, length)
            if length:
                # a byte takes 2.3 ms: so one wakes a few times a frame, not at each byte
                await asyncio.sleep_ms(2 * max(1, FRAME_LENGTH - length))

    def _plausible(self, chip: _Chip) -> bool:
        """At most 300 V and 1.5 times the largest power; else the next frame is waited for."""
        voltage = scaled(voltage_mv(chip.frame), self._v, MILLION)
        if voltage <= _MOST_V * 1000 and power_mw(chip.frame, chip.power_mw) <= chip.gate.power:
            return True
        self.stats["implausible"] += 1
        return False

    def _cut(self, start: int, length: int) -> int:
        """Move what is behind `start` to the front; returns how much that is."""
        self._buffer[0 : length - start] = self._buffer[start:length]
        return length - start

    # -- booking ------------------------------------------------------------------------------------

    def _knows(self, chip: _Chip) -> bool:
        """Tell if these are the chip's own coefficients; others are believed when they come a second time."""
        frame = chip.frame
        coefficients = bytes(frame[2:5]) + bytes(frame[8:11]) + bytes(frame[14:17])
        if coefficients == chip.coefficients:
            chip.others = None
            return True
        if chip.coefficients is not None:
            if coefficients != chip.others:
                chip.others = coefficients
                return False
            self._restarted(u24(chip.coefficients, 6), u24(coefficients, 6))
        chip.coefficients = coefficients
        chip.power_mw = 0
        total = chip.energy.total if chip.energy is not None else 0
        chip.energy = SignedEnergy(u24(frame, 14), MODULUS, chip.gate, _LAG_MS)
        chip.energy.total = total
        return True

    def _restarted(self, before: int, after: int) -> None:
        self._flags |= RESET
        self.stats["resets"] += 1
        self.on_event("ic_reset", before, after)

    def _book(self, phase: int, chip: _Chip, now_ms: int, show: bool) -> None:
        chip.power_mw = power = power_mw(chip.frame, chip.power_mw)
        if show:
            self._show(phase, chip, power)
        energy = chip.energy
        gain = chip.whole.take(energy.update(power, pulses(chip.frame), now_ms))
        if power and chip.booked_ms is not None and now_ms > chip.booked_ms:
            gain += chip.added.take(chip.correction.offset_mw * (now_ms - chip.booked_ms))
        chip.booked_ms = now_ms
        self._held_wh_x1000[phase] += gain
        if energy.refused:
            self._flags |= REFUSED
            self.stats["refused"] += 1
            self.on_event("increment_refused", energy.counter_before, energy.counter)
            if energy.fell:
                self._restarted(energy.counter_before, energy.counter)

    def _show(self, phase: int, chip: _Chip, power: int) -> None:
        frame = chip.frame
        current = current_ua(frame)
        if not power and current < _NOISE_UA:
            current = 0
        chip.correction.fill(
            self._snapshot,
            phase,
            scaled(voltage_mv(frame), self._v, MILLION),
            scaled(current, self._a, MILLION),
            scaled(power, self._v * self._a, MILLION * MILLION),
        )
