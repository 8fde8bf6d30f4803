"""Mains, ADE7953 models and the firmware's own driver in one chain, in virtual time, on this Python."""

from collections.abc import Sequence
from typing import Any

from keiki.drivers import metering_ade7953_transports as transports
from keiki.drivers.metering_ade7953 import Ade7953
from keiki.wire.slots import utc_from_jst
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics.ade7953 import Ade7953Model, Errors, Parts
from keiki_host.bench.waves import Source
from metering_line import finish

START_S = utc_from_jst(2026, 5, 3)
SLOT_S = 1800
BYTE_MS = 2.2
ERRORS = Errors(gain_v=0.008, gain_i=-0.013, delay_mdeg=-247, offset_w=0.4)
"""A divider and a transformer as they are bought."""
CALIBRATION = {
    "v_gain_ppm": round((1 / 1.008 - 1) * 1e6),
    "i_gain_ppm": round((1 / 0.987 - 1) * 1e6),
    "p_gain_ppm": round((1 / 1.008 / 0.987 - 1) * 1e6),
    "p_offset_mw": -400,
    "phase_mdeg": 247,
}
"""What takes that away."""
BOARDS = {30: Parts(burden_ohm=20), 60: Parts(burden_ohm=10), 120: Parts(burden_ohm=5)}


class _Silence(Exception):
    """Nothing more comes."""


class _Time:
    """Stands in for asyncio: a wait moves the clock."""

    TimeoutError = TimeoutError

    def __init__(self, world: "World") -> None:
        self._world = world

    async def sleep_ms(self, ms: int) -> None:
        self._world.pass_ms(ms)

    async def wait_for_ms(self, coroutine: Any, ms: int) -> Any:
        try:
            return await coroutine
        except _Silence:
            self._world.pass_ms(ms)
            raise self.TimeoutError from None


class _Spi:
    def __init__(self, chip: Ade7953Model) -> None:
        self._chip = chip

    def transfer(self, tx: bytes, rx: bytearray) -> None:
        assert len(tx) == len(rx)
        rx[:] = self._chip.transfer(0, bytes(tx))


class _Serial:
    """Both streams of one UART; bytes take their time."""

    def __init__(self, world: "World") -> None:
        self.chip: Ade7953Model
        self._world = world
        self._inbox = b""

    def said(self, data: bytes) -> None:
        self._inbox += data

    def write(self, data: bytes) -> None:
        self._world.pass_ms(BYTE_MS * len(data))
        self.chip.receive(bytes(data))

    async def drain(self) -> None:
        pass

    async def readinto(self, view: memoryview) -> int:
        if not self._inbox:
            raise _Silence
        count = min(len(view), len(self._inbox))
        view[:count], self._inbox = self._inbox[:count], self._inbox[count:]
        self._world.pass_ms(BYTE_MS * count)
        return count


class World:
    """One chip per entry of `wired`, each with the sources of its channels; times are s after START_S."""

    def __init__(
        self,
        wired: Sequence[Sequence[Source]],
        rating_a: int = 60,
        *,
        bus: str = "spi",
        errors: Sequence[Sequence[Errors]] = (),
        faults: Faults | None = None,
        calibration: list[dict[str, int]] | None = None,
        data: dict[str, Any] | None = None,
        seed: int = 0,
        up_ms: int = 1234,
        clears_status: bool = False,
    ) -> None:
        self._now_ms = START_S * 1000.0
        self.parts = parts = BOARDS[rating_a]
        self.chips: list[Ade7953Model] = []
        lines: list[Any] = []
        for n, sources in enumerate(wired):
            serial = _Serial(self)
            chip = Ade7953Model(
                lambda: self.now_ms,
                sources,
                faults or Faults(),
                errors[n] if n < len(errors) else (),
                write=serial.said,
                parts=parts,
                seed=seed + n,
                up_ms=up_ms,
                clears_status=clears_status,
            )
            serial.chip = chip
            self.chips.append(chip)
            spi = transports.Spi(_Spi(chip))
            lines.append(spi if bus == "spi" else transports.Uart(serial, serial))
        transports.asyncio = _Time(self)
        phases = sum(len(sources) for sources in wired)
        self.data: dict[str, Any] = {**parts.board(), **(data or {})}
        self.driver = Ade7953(lines, self.data, rating_a, phases)
        self.told: list[tuple[str, int, int]] = []
        self.driver.on_event = lambda *event: self.told.append(event)
        if calibration:
            self.driver.apply(calibration)
        self.import_wh_x1000 = [0] * phases
        self.export_wh_x1000 = [0] * phases
        self.net_wh_x1000 = 0
        self.flags: list[int] = []
        self.at_s = 0.0
        self.slowest_ms = 0

    @property
    def now_ms(self) -> int:
        return int(self._now_ms)

    def pass_ms(self, ms: float) -> None:
        self._now_ms += ms

    def _to(self, at_s: float) -> int:
        """Be at this time, or later if the last poll has taken longer."""
        self.at_s = at_s
        self._now_ms = max(self._now_ms, (START_S + at_s) * 1000.0)
        return self.now_ms

    def poll(self, at_s: float) -> bool:
        """Poll `at_s` after START_S."""
        return finish(self.driver.poll(self._to(at_s)))

    def snapshot(self, at_s: float) -> Any:
        """Take a snapshot, and book it as the firmware does."""
        now_ms = self._to(at_s)
        snapshot = finish(self.driver.snapshot(now_ms))
        self.slowest_ms = max(self.slowest_ms, self.now_ms - now_ms)
        for phase in range(len(self.import_wh_x1000)):
            self.import_wh_x1000[phase] += snapshot.import_wh_x1000[phase]
            self.export_wh_x1000[phase] += snapshot.export_wh_x1000[phase]
        self.net_wh_x1000 += snapshot.net_wh_x1000
        self.flags.append(snapshot.flags)
        return snapshot

    def begin(self) -> float:
        """Set the chips up and book what they have counted; returns when that was, after START_S."""
        for late_s in (0, 20, 10):
            self.snapshot(self.at_s + late_s)
        self.restart()
        return self.at_s

    def restart(self) -> None:
        """Forget what was booked."""
        self.import_wh_x1000 = [0] * len(self.import_wh_x1000)
        self.export_wh_x1000 = [0] * len(self.export_wh_x1000)
        self.net_wh_x1000 = self.slowest_ms = 0
        self.flags.clear()

    def run(self, seconds: float, step_s: float = 10, snapshots: int = 1) -> float:
        """Go on polling every `step_s`, every so many with a snapshot, the last one too; returns the end."""
        start_s, count = self.at_s, round(seconds / step_s)
        for n in range(1, count + 1):
            if n == count or n % snapshots == 0:
                self.snapshot(start_s + n * step_s)
            else:
                self.poll(start_s + n * step_s)
        return self.at_s
