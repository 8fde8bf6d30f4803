"""BL0942: up to four one-phase metering chips on one UART.

Document: Belling BL0942 datasheet V1.10 (UART protocol, registers, scale formulas).
The packet holds signed WATT and CF_CNT, which counts energy of both directions (MODE b7 = 1): WATT gives
direction and resolution, CF_CNT the amount, so nothing is lost between polls however rare they are.
"""

import asyncio

from keiki.drivers.calibration import MILLION, Correction, checked, scaled
from keiki.drivers.metering import (
    CREEP,
    FAULT_SETTINGS,
    FAULT_SILENT,
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
from keiki.drivers.metering_bl0942_frames import (
    REG_MODE,
    build_write,
    find_mode,
    find_packet,
    parse_packet,
    u24,
)
from keiki.wire.compat import const

MODE_RESET = const(0x87)
# b4 concerns only I_FAST_RMS, which nobody reads here: it tells a chip that was set up from a restarted one
MODE = const(0x97)
CF_MODULUS = const(1 << 24)
CF_LSB_MS = 419430400  # one CF count in WATT LSB x ms: 1638.4 x 256 s

_READ = const(0x58)
_PACKET = const(0xAA)
_REG_PROTECT = const(0x1D)
_UNLOCK = const(0x55)
_STATUS_CREEP = const(0x02)

_BUFFER = const(64)
_REPLY_MS = const(150)  # 25 bytes at 4800 baud take 52 ms
_QUIET_MS = const(20)  # pause before another chip is spoken to; also what ends noise
_ATTEMPTS = const(3)  # missed polls in a row that make a chip stale
_VERIFY_MS = const(60000)
_LEAST_V = const(10)
_MOST_V = const(300)
_LAG_MS = const(500)  # WATT is the mean of 400 ms and up to 400 ms old when it is read


class _Chip:
    """One address on the line: its energy, and what is known of its state."""

    def __init__(self, address: int, lsb_per_w_x1000: int, p_max_w: int) -> None:
        self.address = address
        self.command = _READ | address
        self.ask_packet = bytes((self.command, _PACKET))
        self.ask_mode = bytes((self.command, REG_MODE))
        self.gate = Gate(p_max_w * lsb_per_w_x1000 // 1000)
        self.energy = SignedEnergy(CF_LSB_MS, CF_MODULUS, self.gate, _LAG_MS)
        # LSB x ms to Wh x 1000: x 1000 / lsb_per_w_x1000 gives W ms, / 3600 gives Wh x 1000
        self.whole = Remainder(5 * MILLION, 18 * MILLION * lsb_per_w_x1000)
        self.correction = Correction()
        self.added = Remainder(1, 3600000)  # mW x ms to Wh x 1000
        self.booked_ms = None
        self.missed = False
        self.restarted = False
        self.known = False
        self.verify_ms = None


class Bl0942:
    """Driver of one chip per phase on one line.

    `reader`, `writer`: asyncio streams whose reads return what has come. `phases`: BL0942 address (0..3) of
    R and T. `scale`: integers lsb_per_v_x1000, lsb_per_a_x1000, lsb_per_w_x1000 of the board. `p_max_w`: the
    largest power of the whole board; each phase has an equal share of it for its plausibility gate.
    `mode`: what MODE shall hold; with b7 = 1 as here CF_CNT grows for both directions. The chip has no
    calibration registers: `apply` corrects in software, and without reactive power not for the phase angle.
    """

    ignored = ("phase_mdeg",)
    assumes_symmetry = False

    def __init__(
        self, reader, writer, phases, scale: "dict[str, int]", p_max_w: int, *, mode: int = MODE
    ) -> None:
        names = ("polls", "missed", "stale", "refused", "resets", "mode_writes", "implausible")
        self.stats = dict.fromkeys(names, 0)
        self.on_event = lambda kind, before, after: None
        self._reader = reader
        self._writer = writer
        self._mode = mode
        self._v = scale["lsb_per_v_x1000"]
        self._a = scale["lsb_per_a_x1000"]
        self._w = scale["lsb_per_w_x1000"]
        self._chips = [_Chip(address, self._w, p_max_w // len(phases)) for address in phases]
        self._held_wh_x1000 = [0] * len(phases)
        self._snapshot = Snapshot(len(phases))
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)

    def apply(self, calibration: "list[dict[str, int]]") -> None:
        """Correct from the next snapshot on by one dict per phase (see `calibration.KEYS`)."""
        for chip, values in zip(self._chips, checked(calibration, len(self._chips))):
            chip.correction.values = values
            chip.whole.regain(5 * chip.correction.energy_ppm)

    def counts(self, number: int) -> int:
        """Return the CF pulses that a phase's chip has counted since the start."""
        return self._chips[number].energy.total

    async def self_check(self) -> "list[str]":
        """Ask every chip for its settings and a packet; returns the names of what is wrong."""
        wrong = []
        for name, chip in zip(PHASE_NAMES, self._chips):
            await self._drain()
            mode_at = await self._ask(chip.ask_mode, find_mode, chip.command)
            if mode_at >= 0 and self._mode_at(mode_at) != self._mode:
                wrong.append(name + FAULT_SETTINGS)
            await self._drain()
            at = await self._ask(chip.ask_packet, find_packet, chip.command)
            if mode_at < 0 or at < 0:
                wrong.append(name + FAULT_SILENT)
                continue
            voltage = u24(self._buffer, at + 4)
            if not _LEAST_V <= voltage * 1000 // self._v <= _MOST_V:
                wrong.append(name + FAULT_VOLTAGE)
        return wrong

    async def snapshot(self, now_ms: int) -> Snapshot:
        """Poll every chip and return the snapshot, always the same object.

        If a chip does not answer the snapshot is STALE and brings no energy of any phase: it is held back
        until all chips have answered again, so that the net of the phases is always of the same time.
        """
        snapshot = self._snapshot
        snapshot.flags = 0
        for phase in range(len(self._chips)):
            if phase:
                await asyncio.sleep_ms(_QUIET_MS)
            if not await self._poll(phase, now_ms):
                snapshot.flags |= STALE
        self.stats["stale"] += snapshot.flags & STALE
        snapshot.settle(self._held_wh_x1000)
        return snapshot

    async def _poll(self, phase: int, now_ms: int) -> bool:
        """Poll one chip, up to three times unless it was silent before; False if it does not answer."""
        chip = self._chips[phase]
        chip.restarted = False
        for attempt in range(1 if chip.missed else _ATTEMPTS):
            if attempt:
                await self._drain()
            self.stats["polls"] += 1
            due = chip.verify_ms is None or now_ms >= chip.verify_ms
            if not due or await self._verify(chip, now_ms):
                at = await self._ask(chip.ask_packet, find_packet, chip.command)
                fields = parse_packet(self._buffer, at, chip.command) if at >= 0 else None
                if fields is not None and self._plausible(chip, fields):
                    chip.missed = False
                    self._book(phase, fields, now_ms)
                    if chip.energy.refused:
                        # why: a chip that restarted has lost its MODE too
                        await self._verify(chip, now_ms)
                    return True
            self.stats["missed"] += 1
        chip.missed = True
        await self._drain()
        return False

    def _plausible(self, chip: _Chip, fields) -> bool:
        """At most 300 V and 1.5 times the largest power; else it is asked again: 8 bits of sum are few."""
        if fields[1] * 1000 <= _MOST_V * self._v and abs(fields[3]) <= chip.gate.power:
            return True
        self.stats["implausible"] += 1
        return False

    def _book(self, phase: int, fields, now_ms: int) -> None:
        chip = self._chips[phase]
        snapshot = self._snapshot
        current, voltage, _fast, watt, counter, period, status = fields
        if status & _STATUS_CREEP:
            snapshot.flags |= CREEP
            watt = 0
        chip.correction.fill(
            snapshot,
            phase,
            scaled(voltage, 1000000, self._v),
            scaled(current, 1000000000, self._a),
            scaled(watt, 1000000, self._w),
        )
        snapshot.frequency_hz_x100[phase] = (100000000 + period // 2) // period if period else 0
        energy = chip.energy
        gain = chip.whole.take(energy.update(watt, counter, now_ms))
        if watt and chip.booked_ms is not None and now_ms > chip.booked_ms:
            gain += chip.added.take(chip.correction.offset_mw * (now_ms - chip.booked_ms))
        chip.booked_ms = now_ms
        self._held_wh_x1000[phase] += gain
        if energy.refused:
            snapshot.flags |= REFUSED
            self.stats["refused"] += 1
            self.on_event("increment_refused", energy.counter_before, counter)
            if energy.fell:
                self._restarted(chip, energy.counter_before, counter)

    def _restarted(self, chip: _Chip, before: int, after: int) -> None:
        self._snapshot.flags |= RESET
        if not chip.restarted:
            chip.restarted = True
            self.stats["resets"] += 1
            self.on_event("ic_reset", before, after)

    async def _verify(self, chip: _Chip, now_ms: int) -> bool:
        """Read MODE, and write it only if it is not what it shall be; False if the chip does not answer.

        A chip that was set up and has lost its MODE had restarted; one that refuses it is used as it is.
        """
        at = await self._ask(chip.ask_mode, find_mode, chip.command)
        if at < 0:
            return False
        chip.verify_ms = now_ms + _VERIFY_MS
        if self._mode_at(at) != self._mode:
            if chip.known:
                self._restarted(chip, self._mode, self._mode_at(at))
            self.stats["mode_writes"] += 1
            try:
                for register, value in ((_REG_PROTECT, _UNLOCK), (REG_MODE, self._mode), (_REG_PROTECT, 0)):
                    self._writer.write(build_write(chip.address, register, value))
                    await self._writer.drain()
            except OSError:
                return False
            at = await self._ask(chip.ask_mode, find_mode, chip.command)
        chip.known = at >= 0 and self._mode_at(at) == self._mode
        return True

    def _mode_at(self, at: int) -> int:
        return self._buffer[at] | self._buffer[at + 1] << 8

    async def _ask(self, request: bytes, find, command: int) -> int:
        """Send a request and collect bytes until `find` is content; returns where in the buffer, or < 0."""
        try:
            self._writer.write(request)
            await self._writer.drain()
            return await asyncio.wait_for_ms(self._collect(find, command), _REPLY_MS)
        except (asyncio.TimeoutError, OSError):
            return -1

    async def _collect(self, find, command: int) -> int:
        length = 0
        wanted = -find(self._buffer, 0, command)
        while length + wanted <= _BUFFER:
            got = await self._reader.readinto(self._view[length : length + wanted])
            if not got:
                await asyncio.sleep_ms(_QUIET_MS)  # a line that is hung up is readable and empty
                continue
            length += got
            at = find(self._buffer, length, command)
            if at >= 0:
                return at
            wanted = -at
        return -1

    async def _drain(self) -> None:
        """Throw away what comes until the line is quiet, so that a late answer is not taken for the next."""
        for _ in range(_ATTEMPTS):
            try:
                await asyncio.wait_for_ms(self._reader.readinto(self._view), _QUIET_MS)
            except (asyncio.TimeoutError, OSError):
                return
