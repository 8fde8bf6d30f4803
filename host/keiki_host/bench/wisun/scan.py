"""SKSCAN: energy, active with the pairing IE, active without.

Ref: b-route.md E3.8, E4.3, J1, L2.
"""

from keiki.wire.sk.lines import SkError

from keiki_host.bench.clock import Handle
from keiki_host.bench.wisun.air import CHANNELS, Beacon, lqi_from_rssi
from keiki_host.bench.wisun.core import Core

ENERGY, PAIRED, OPEN = 0, 2, 3
_FAST_MS = 200
_STRANGER = bytes.fromhex("001D1291FFFFFFFE")


def dwell_ms(duration: int, channels: int) -> int:
    """Real time of `channels` channels: 9.6 ms x (2^duration + 1) each."""
    return round(9.6 * ((1 << duration) + 1) * channels)


class Scanner:
    """One scan at a time, channel by channel; results are printed as they are found."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._timer: Handle | None = None
        self._energies: list[tuple[int, int]] = []
        self.running = False

    def start(self, mode: int, mask: int, duration: int) -> None:
        """Begin; SkError ER06 for a mode, mask or duration out of range, ER10 while one is running.

        mask: bit 0 = channel 33; duration 0..14.
        """
        channels = [channel for i, channel in enumerate(CHANNELS) if mask >> i & 1]
        if mode not in (ENERGY, PAIRED, OPEN) or duration > 14 or not channels:
            raise SkError("ER06")
        if self.running:
            raise SkError("ER10")
        self.running = True
        self._energies = []
        self._step(mode, channels, duration, 0, self._core.scheduler.now_ms)

    def stop(self) -> None:
        """Give up without a word."""
        self.running = False
        if self._timer is not None:
            self._timer.cancel()

    def _step(self, mode: int, channels: list[int], duration: int, done: int, start_ms: int) -> None:
        if done:
            self._visit(mode, channels[done - 1])
        if done == len(channels):
            self._finish(mode)
            return
        if self._core.options.dwell == "fast":
            due_ms = start_ms + _FAST_MS * (done + 1) // len(CHANNELS)
        else:
            due_ms = start_ms + dwell_ms(duration, done + 1)
        self._timer = self._core.scheduler.call_later(
            max(0, due_ms - self._core.scheduler.now_ms),
            lambda: self._step(mode, channels, duration, done + 1, start_ms),
        )

    def _visit(self, mode: int, channel: int) -> None:
        radio = self._core.radio
        if mode == ENERGY:
            lqi = lqi_from_rssi(radio.energy_dbm(channel))
            self._energies.append((channel, lqi))
            return
        pairing_id = radio.pairing_id if mode == PAIRED else None
        for beacon in radio.beacons(channel, pairing_id):
            for found in self._with_strangers(beacon):
                self._core.notify(self._core.event(0x20) + self._describe(found, mode))

    def _with_strangers(self, beacon: Beacon) -> list[Beacon]:
        """What the faults two_pans and foreign_pan make of a beacon. Of two PANs the meter's comes last."""
        if self._core.hit("foreign_pan"):
            return [Beacon(beacon.channel, 0x1234, _STRANGER, b"0BADCAFE", -80)]
        if self._core.hit("two_pans"):
            return [Beacon(beacon.channel, 0x1234, _STRANGER, beacon.pairing_id, -80), beacon]
        return [beacon]

    def _describe(self, beacon: Beacon, mode: int) -> bytes:
        """The EPANDESC block; the pairing ID is shown when it was asked for."""
        pair_id = beacon.pairing_id.decode("ascii", "replace") if mode == PAIRED else None
        if self._core.hit("epandesc_no_pairid"):
            pair_id = None
        lqi = lqi_from_rssi(beacon.rssi_dbm)
        block = self._core.dialect.epandesc(beacon.mac, beacon.channel, beacon.pan_id, lqi, pair_id)
        return block[: block.index(b"  Addr:")] if self._core.hit("epandesc_truncated") else block

    def _finish(self, mode: int) -> None:
        self.running = False
        if mode != ENERGY:
            self._core.notify(self._core.event(0x22))
            return
        levels = self._core.dialect.eedscan(self._energies)
        self._core.notify(self._core.event(0x1F) + levels)
