"""An emulated ATM90E32AS with a wave on A and one on C, asked frame by frame without the driver."""

from keiki_host.bench.ics.atm90e32 import Atm90e32Model
from keiki_host.bench.waves import Point, Wave


class Wired:
    """A chip with a wave on A and one on C, opened, enabled and with gains for the board."""

    def __init__(self, *, enable: bool = True, **options: object) -> None:
        self.now_ms = 1_000_000
        self.a, self.c = Wave(Point()), Wave(Point())
        self.chip = Atm90e32Model(lambda: self.now_ms, (self.a, None, self.c), **options)  # type: ignore[arg-type]
        if enable:
            self.write(0x7F, 0x55AA)
            for register, value in ((0x00, 1), (0x61, 52801), (0x62, 27962), (0x69, 52801), (0x6A, 27962)):
                self.write(register, value)
            self.write(0x7F, 0)
            # grid of refreshes and of test times begin here
            self.chip.advance()

    def frame(self, word: int) -> int:
        answer = self.chip.transfer(0, word.to_bytes(4, "big"))
        assert len(answer) == 4 and answer[:2] == b"\xff\xff"
        return int.from_bytes(answer[2:], "big")

    def read(self, register: int) -> int:
        return self.frame(0x80000000 | register << 16)

    def signed32(self, high: int, low: int) -> int:
        value = self.read(high) << 16 | self.read(low)
        return value - (1 << 32) if value >> 31 else value

    def write(self, register: int, value: int) -> None:
        self.frame(register << 16 | value)

    def configure(self, register: int, value: int) -> None:
        self.write(0x7F, 0x55AA)
        self.write(register, value)
        self.write(0x7F, 0)

    def load(self, a: Point, seconds: float = 1, c: Point | None = None) -> None:
        self.chip.advance()
        self.a.set(self.now_ms, a)
        self.c.set(self.now_ms, c or Point())
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)
        self.chip.advance()


KILOWATT = Point(current_a=10)


def counts(wh: float, imp_per_kwh: int = 3200) -> float:
    """Energy in units of 0.01 CF."""
    return wh * imp_per_kwh / 1000 * 100
