"""An emulated ADE7953 on its waves and buses, asked without the driver."""

from collections.abc import Sequence
from typing import Any

from keiki_host.bench.ics.ade7953 import Ade7953Model, Errors, Parts
from keiki_host.bench.waves import Point, Source, Wave

PARTS = Parts()
FULL_V, FULL_A = PARTS.full_v, PARTS.full_a
FULL = Point(voltage_v=FULL_V, current_a=FULL_A)


class Wired:
    """A chip on one or two waves, and its buses."""

    def __init__(
        self,
        *points: Point,
        sources: Sequence[Source] | None = None,
        unlocked: bool = True,
        errors: Sequence[Errors] = (),
        **options: Any,
    ) -> None:
        self.now_ms = 1_000_000
        self.waves = [Wave(point) for point in points or (FULL,)]
        self.said: list[bytes] = []
        self.chip = Ade7953Model(
            lambda: self.now_ms, sources or self.waves, errors=errors, write=self.said.append, **options
        )
        if unlocked:
            self.write(0x0FE, 0xAD)
            self.write(0x120, 0x30)
            self.read(0x21E)
            self.read(0x21F)

    def wait(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)

    def be(self, point: Point) -> None:
        """Change what the first channel is wired to."""
        self.chip.advance()
        self.waves[0].set(self.now_ms, point)

    @staticmethod
    def width(register: int) -> int:
        return {0: 1, 1: 2, 2: 3, 3: 4, 7: 1, 8: 1}[register >> 8]

    def read(self, register: int) -> int:
        count = self.width(register)
        said = self.chip.transfer(0, register.to_bytes(2, "big") + b"\x80" + bytes(count))
        assert len(said) == 3 + count
        return int.from_bytes(said[3:], "big")

    def signed(self, register: int) -> int:
        value = self.read(register)
        bits = 8 * self.width(register)
        return value - (1 << bits) if value >> (bits - 1) else value

    def write(self, register: int, value: int) -> None:
        data = register.to_bytes(2, "big") + b"\0" + value.to_bytes(self.width(register), "big")
        self.chip.transfer(0, data)

    def say(self, data: bytes, gap_ms: int = 7) -> bytes:
        self.now_ms += gap_ms
        self.said.clear()
        self.chip.receive(data)
        return b"".join(self.said)
