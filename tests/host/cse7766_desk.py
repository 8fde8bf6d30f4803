"""CSE7766 models on their sources, and the firmware's driver on this Python, in virtual time."""

from collections.abc import Sequence

from free_lines import FreeLines, Reader
from keiki.drivers import metering_cse7766
from keiki.drivers.metering import Snapshot
from keiki.drivers.metering_cse7766 import Cse7766
from keiki.wire.slots import utc_from_jst
from keiki_host.bench.faults import NO_FAULTS, Faults
from keiki_host.bench.ics.cse7766 import Cse7766Model, Errors, Parts
from keiki_host.bench.ics.cse7766_parts import EXAMPLE, NO_ERRORS
from keiki_host.bench.waves import Source, energy_wh
from metering_line import finish

START_S = utc_from_jst(2026, 5, 3)


class Desk:
    """Chips that have been on for `up_ms` when the world begins at START_S; `booked_wh` adds up."""

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        parts: Parts = EXAMPLE,
        errors: Errors = NO_ERRORS,
        faults: Faults = NO_FAULTS,
        period_ms: int = 105,
        backlog: int | None = None,
        p_max_w: int = 6000,
        up_ms: int = 7137,
    ) -> None:
        self.sources = sources
        self.lines = FreeLines(metering_cse7766, START_S * 1000 - up_ms)
        self.chips: list[Cse7766Model] = []
        readers = []
        for number, source in enumerate(sources):
            reader = Reader(self.lines, self._fill(number), self._next_ms(number))
            readers.append(reader)
            chip = Cse7766Model(
                lambda: self.lines.now_ms,
                source,
                self._write(number, reader),
                faults,
                errors,
                parts=parts,
                period_ms=period_ms,
                backlog=backlog,
                seed=number,
            )
            self.lines.now_ms += 31  # nothing keeps the chips in step
            self.chips.append(chip)
        self.driver = Cse7766(readers, parts.scale(), p_max_w * len(sources))
        self.told: list[tuple[str, int, int]] = []
        self.driver.on_event = lambda kind, before, after: self.told.append((kind, before, after))
        self.booked_wh = 0.0
        self.flags: list[int] = []
        self.newest: Snapshot | None = None

    def _fill(self, number: int):
        return lambda now_ms: self.chips[number].advance()

    def _next_ms(self, number: int):
        return lambda: self.chips[number].next_ms

    def _write(self, number: int, reader: Reader):
        return lambda frame: reader.put(frame, self.chips[number].next_ms)

    @property
    def now_ms(self) -> int:
        """UTC ms."""
        return self.lines.now_ms

    def read(self, at_s: float) -> Snapshot:
        """Take a snapshot as the firmware does, and book it."""
        now_ms = self._to(at_s)
        self.newest = snapshot = finish(self.driver.snapshot(now_ms))
        self.booked_wh += snapshot.net_wh_x1000 / 1000
        self.flags.append(snapshot.flags)
        return snapshot

    def _to(self, at_s: float) -> int:
        at_ms = round(at_s * 1000)
        self.lines.now_ms = max(self.lines.now_ms, at_ms)
        return at_ms

    def snapshot(self, at_s: float) -> Snapshot:
        """The same, `at_s` after START_S."""
        return self.read(START_S + at_s)

    def poll(self, at_s: float) -> bool:
        """Poll `at_s` after START_S."""
        return bool(finish(self.driver.poll(self._to(START_S + at_s))))

    def run(self, seconds: int, step_s: int) -> float:
        """Poll from START_S on; returns the error of what was booked, relative to the truth."""
        for at_s in range(START_S, START_S + seconds + 1, step_s):
            self.read(at_s)
        return self.booked_wh / self.true_wh(seconds) - 1

    def true_wh(self, seconds: int) -> float:
        """What was really imported in the first `seconds`."""
        return energy_wh(self.sources, START_S * 1000, (START_S + seconds) * 1000)[0]
