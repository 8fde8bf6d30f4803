"""Mains, ATM90E32AS model and the firmware's own driver in one chain, in virtual time, on this Python."""

from collections.abc import Sequence

from keiki.drivers import metering_atm90e32
from keiki.drivers.metering_atm90e32 import Atm90e32
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics.atm90e32 import Atm90e32Model, Errors, Parts
from keiki_host.bench.ics.atm90e32_parts import EXAMPLE
from keiki_host.bench.waves import Source
from metering_line import finish

START_S = 1_777_734_000
SLOT_S = 1800

LARGE = Parts(ct_turns=3000)
"""180 A."""
ERRORS = (
    Errors(gain_v=0.013, gain_i=-0.021, delay_mdeg=-312),
    Errors(),
    Errors(gain_v=-0.008, gain_i=0.017, delay_mdeg=-241),
)
"""Dividers and transformers as they are bought; the angles are half a step of Phi beside one."""

CALIBRATION = [
    {
        "v_gain_ppm": round((1 / (1 + error.gain_v) - 1) * 1e6),
        "i_gain_ppm": round((1 / (1 + error.gain_i) - 1) * 1e6),
        "p_gain_ppm": round((1 / (1 + error.gain_v) / (1 + error.gain_i) - 1) * 1e6),
        "phase_mdeg": round(-error.delay_mdeg),
    }
    for error in (ERRORS[0], ERRORS[2])
]
"""What takes them away."""


class World:
    """One or two legs, the chip on them and its driver; `told` is what the driver told."""

    def __init__(
        self,
        legs: Sequence[Source],
        rating_a: int = 60,
        *,
        errors: Sequence[Errors] = (),
        calibration: list[dict[str, int]] | None = None,
        faults: Faults | None = None,
        parts: Parts | None = None,
        line_hz: int = 50,
        phi_sign: int = 1,
        saturates: bool = True,
        seed: int = 0,
    ) -> None:
        self.now_ms = START_S * 1000
        parts = parts or (EXAMPLE if rating_a <= 60 else LARGE)
        wired = (legs[0], None, *legs[1:])
        self.chip = Atm90e32Model(
            lambda: self.now_ms,
            wired,
            faults or Faults(),
            errors,
            parts=parts,
            saturates=saturates,
            seed=seed,
        )
        self.frames = 0
        metering_atm90e32.asyncio = self
        board = {**parts.board(line_hz), "phi_sign": phi_sign}
        self.driver = Atm90e32(self, board, rating_a, len(legs))
        if calibration is not None:
            self.driver.apply(calibration)
        self.told: list[tuple[str, int, int]] = []
        self.driver.on_event = lambda *event: self.told.append(event)
        self.flags: list[int] = []
        self.import_wh = [0.0] * len(legs)
        self.export_wh = [0.0] * len(legs)
        self.net_wh_x1000 = 0

    def transfer(self, tx: bytearray, rx: bytearray) -> None:
        """The SPI."""
        self.frames += 1
        rx[:] = self.chip.transfer(0, bytes(tx))

    async def sleep_ms(self, ms: int) -> None:
        """Stands in for asyncio."""
        self.now_ms += ms

    def at(self, at_s: float) -> None:
        """Let the clock be `at_s` seconds after the start."""
        self.now_ms = round((START_S + at_s) * 1000)

    def poll(self, at_s: float) -> bool:
        """Poll as the firmware does between snapshots."""
        self.at(at_s)
        return bool(finish(self.driver.poll(round(at_s * 1000))))

    def snapshot(self, at_s: float) -> object:
        """Take a snapshot and book it."""
        self.at(at_s)
        snapshot = finish(self.driver.snapshot(round(at_s * 1000)))
        for phase in range(len(self.import_wh)):
            self.import_wh[phase] += snapshot.import_wh_x1000[phase] / 1000
            self.export_wh[phase] += snapshot.export_wh_x1000[phase] / 1000
        self.net_wh_x1000 += snapshot.net_wh_x1000
        self.flags.append(snapshot.flags)
        return snapshot

    def begin(self) -> float:
        """Set the chip up and take what it has counted; returns when that was, in seconds after the start."""
        self.snapshot(0)
        self.snapshot(1)
        self.import_wh = [0.0] * len(self.import_wh)
        self.export_wh = [0.0] * len(self.export_wh)
        self.net_wh_x1000 = 0
        self.flags.clear()
        return 1.0

    def run(self, start_s: float, seconds: float, step_s: float = 10) -> float:
        """Poll every `step_s`, and take a snapshot at the end; returns when that is."""
        at_s, end_s = start_s + step_s, start_s + seconds
        while at_s < end_s:
            self.poll(at_s)
            at_s += step_s
        self.snapshot(end_s)
        return end_s
