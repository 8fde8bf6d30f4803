"""ADE7953: metering chips with one voltage and two currents, on SPI or UART.

Document: Analog Devices ADE7953 datasheet Rev. C. What is booked is what the chip's own energy counters have
counted, signed, each poll split into import or export. They turn over in 81 s at full scale, so `poll` has to
come every 10 s. Line-cycle accumulation is not used: the differences of a counter that runs free add up, so
an unfinished cycle is an error once and not at every poll, and calibration does not interrupt the booking.

One chip per phase measures everything, each on its channel A. With one chip for both legs of a 1P3W service
R is on channel A and T on channel B with the voltage of R: a voltage of T that is d % lower makes its power
d % too high. Then `assumes_symmetry` is true.

What a board says, `data`; what else is in it is for those who make the transports:

`scale`       integers lsb_per_v_x1000, lsb_per_a_x1000, lsb_per_w_x1000 of VRMS, IRMS, WATT, with the
              PGA gains; one dict, or a tuple of one per phase. 9032007 LSB are 0.5 V / sqrt(2) at a pin, and
              4862401 LSB of power those of both
`pga_v`       gain of the voltage input: 1 (default), 2, 4, 8 or 16
`pga_i`       gain of the current inputs: the same, or 22 for channel A alone
`phcal_sign`  1 (default): PHCALx delays the current as the datasheet says; -1: it advances it. Two trial
              values tell
`start_mw`    power of a leg below which nothing is counted: 500 by default, at least 1/91750 of full scale
`inverted`    tuple of one bool per phase: its current transformer is mounted the other way round. The
              T transformer has to be if one chip does both legs, or is inverted here: T is opposite to R
`cf`          where wired, the pins of the pulse outputs: CF1 of each chip, or CF1 and CF2 of one
`line_v`      nominal voltage of a leg, 100 by default; with the rating it makes the largest power
SPI:          for example "spi": 0, "cs": (5,), "baudrate": 1000000, "polarity": 0, "phase": 0
UART:         for example "uart": (1, 2), "baudrate": 4800, with two stop bits (see transports)
"""

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
from keiki.drivers.metering_ade7953_chip import Chip
from keiki.drivers.metering_ade7953_energy import MOST_V_X100, Channel
from keiki.drivers.metering_ade7953_registers import PULSE_COUNTS, Scale, largest_w
from keiki.wire.compat import const

_LEAST_V_X100 = const(1000)
_IMPLAUSIBLE = const(3)


class Ade7953:
    """Driver of one chip, or of one per phase; `phases` is 1 (R) or 2 (R and T).

    `transports`: one per chip (metering_ade7953_transports.Spi, .Uart), R first. `rating_a`: the largest
    current of a leg. ValueError: board data that cannot be. Call `poll`, or `snapshot`, which does it too,
    every `poll_ms` at least. A calibrated gain of V, an offset of I and what PHCALx is too coarse for are
    corrected in software; the chip gets the rest.
    """

    ignored = ()
    poll_ms = 10000

    def __init__(self, transports, data: dict, rating_a: int, phases: int) -> None:
        self.stats = {"polls": 0, "missed": 0, "stale": 0, "refused": 0, "resets": 0}
        self.stats.update({"set_ups": 0, "implausible": 0, "crc_changes": 0})
        self.on_event = lambda kind, before, after: None
        self.assumes_symmetry = len(transports) < phases
        self._flags = 0
        self._implausible = 0
        self._snapshot = Snapshot(phases)
        self._channels = []
        for phase in range(phases):
            index = phase if self.assumes_symmetry else 0
            self._channels.append(Channel(index, Scale(data, phase), largest_w(data, rating_a)))
        # the channels of each chip
        self._groups = [self._channels] if len(transports) == 1 else [[one] for one in self._channels]
        self._chips = [
            Chip(transport, group, data, self.stats, self._tell)
            for transport, group in zip(transports, self._groups)
        ]

    def apply(self, calibration: "list[dict[str, int]]") -> None:
        """Calibrate by one dict per phase (see `calibration.KEYS`): chips get it at the end of the next poll.

        ValueError, and no change, beyond what they reach: 7.7 degrees, 8 kW (at 1000 LSB per W).
        """
        values = checked(calibration, len(self._channels))
        grouped = [values] if len(self._chips) == 1 else [[one] for one in values]
        for chip, mine in zip(self._chips, grouped):
            chip.build(mine)
        for chip, mine in zip(self._chips, grouped):
            chip.apply(mine)

    def counts(self, number: int) -> int:
        """Return the pulses that a phase's CF pin should have made since the start, by its energy counter."""
        return self._channels[number].total // PULSE_COUNTS

    async def self_check(self) -> "list[str]":
        """Compare all settings, and read the voltages; returns the names of what is wrong."""
        found = {}
        for chip in self._chips:
            voltage = await chip.voltage_v_x100()
            faults = []
            if voltage is None:
                faults.append(FAULT_SILENT)
            else:
                if not chip.up or await chip.difference() is not None:
                    faults.append(FAULT_SETTINGS)
                if not _LEAST_V_X100 <= voltage <= MOST_V_X100:
                    faults.append(FAULT_VOLTAGE)
            for channel in chip.channels:
                found[channel] = faults
        return [
            name + fault for name, channel in zip(PHASE_NAMES, self._channels) for fault in found[channel]
        ]

    async def snapshot(self, now_ms: int) -> Snapshot:
        """Poll, read all measurements, and return the snapshot, always the same object.

        What `poll` has collected since the last snapshot that was not STALE is in it. The first are STALE:
        power is a mean between two polls.
        """
        good = await self.poll(now_ms)
        for chip in self._chips:
            good = good and await self._read(chip)
        snapshot = self._snapshot
        good = good and all(channel.power_mw is not None for channel in self._channels)
        snapshot.flags, self._flags = self._flags | (0 if good else STALE), 0
        self.stats["stale"] += 0 if good else 1
        snapshot.net_wh_x1000 = 0
        for phase, channel in enumerate(self._channels):
            gain = channel.held_wh_x1000 if good else 0
            channel.held_wh_x1000 -= gain
            snapshot.import_wh_x1000[phase] = max(0, gain)
            snapshot.export_wh_x1000[phase] = max(0, -gain)
            snapshot.net_wh_x1000 += gain
            if good:
                channel.enter(snapshot, phase)
                snapshot.flags |= CREEP if channel.creeps else 0
        return snapshot

    async def poll(self, now_ms: int) -> bool:
        """Read the energy counters of all chips; False if that did not work out with one of them.

        A chip that is not what it was set up to be is restarted and set up again; what it has counted since
        the last poll is not booked.
        """
        self.stats["polls"] += 1
        good, missed = True, self.stats["missed"]
        for chip in self._chips:
            await chip.count(now_ms, missed)
        for chip in self._chips:
            good = await chip.book(now_ms) and good
        return good

    async def _read(self, chip: Chip) -> bool:
        """Read what a chip measures; what is implausible changes nothing, the third time it is a fault."""
        answer = await chip.read()
        if answer is None:
            self.stats["implausible"] += 1
            self._implausible += 1
            return self._implausible < _IMPLAUSIBLE
        self._implausible = 0
        return answer

    def _tell(self, kind: str, before: int, after: int) -> None:
        self._flags |= RESET if kind == "ic_reset" else REFUSED
        self.on_event(kind, before, after)
