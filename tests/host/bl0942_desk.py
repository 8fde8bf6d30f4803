"""BL0942 models on their phases, and the firmware's driver on this Python, in virtual time."""

from collections.abc import Sequence

from keiki.drivers.metering import Snapshot
from keiki.drivers.metering_bl0942 import Bl0942
from keiki.wire.slots import utc_from_jst
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics.bl0942 import Bl0942Bus, Errors, Parts
from keiki_host.bench.ics.bl0942_parts import EXAMPLE, Phase
from metering_line import Line, finish

PACKET_MS = 26
START_S = utc_from_jst(2026, 5, 3)


class Meter:
    """Driver and chips on a line at 9600 baud; the chips have been on for `up_ms` when the world begins."""

    def __init__(
        self,
        phases: Sequence[Phase],
        *,
        parts: Parts = EXAMPLE,
        errors: Sequence[Errors] = (),
        faults: Faults | None = None,
        up_ms: int = 3137,
        p_max_w: int = 6000,
    ) -> None:
        self.now_ms = START_S * 1000 - up_ms
        self.out: list[bytes] = []
        self.bus = Bl0942Bus(
            lambda: self.now_ms, phases, self.out.append, faults or Faults(), errors, parts=parts
        )
        meter = self

        class TimedLine(Line):
            async def sleep_ms(self, ms: int) -> None:
                meter.now_ms += ms

            async def wait_for_ms(self, coroutine: object, ms: int) -> object:
                waited = self.waited_ms
                try:
                    return await super().wait_for_ms(coroutine, ms)
                finally:
                    meter.now_ms += self.waited_ms - waited or PACKET_MS

        line = TimedLine(self._respond)
        self.driver = Bl0942(line, line, tuple(range(len(phases))), parts.scale(), p_max_w * len(phases))
        self.told: list[tuple[str, int, int]] = []
        self.driver.on_event = lambda *event: self.told.append(event)
        self.import_wh = self.export_wh = 0.0
        self.flags: list[int] = []

    def _respond(self, data: bytes) -> bytes:
        self.out.clear()
        self.bus.receive(data)
        return b"".join(self.out)

    def read(self, at_s: float) -> Snapshot:
        """Take a snapshot as the firmware does, and book the net of the phases as it does."""
        self.now_ms = round(at_s * 1000)
        snapshot = finish(self.driver.snapshot(self.now_ms))
        self.import_wh += max(0, snapshot.net_wh_x1000) / 1000
        self.export_wh += max(0, -snapshot.net_wh_x1000) / 1000
        self.flags.append(snapshot.flags)
        return snapshot

    def snapshot(self, at_s: float) -> Snapshot:
        """The same, `at_s` after START_S."""
        return self.read(START_S + at_s)

    def poll(self, at_s: float) -> None:
        """The driver needs none between snapshots."""
