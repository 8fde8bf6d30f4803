"""The load points of a class 1 direct-connected meter (IEC 62053-21 style), for every metering IC.

A point is (percent of the rated current, power factor, kind). The limits for a whole meter are 1 to 1.5 %;
what an IC model without errors and its driver add has to be far below: LIMIT.
"""

from collections.abc import Iterator
from typing import NamedTuple

from keiki_host.bench.waves import Point

LIMIT = 0.0005
SLOT_S = 1800

TABLE = (
    (5, 1.0, "L"), (10, 1.0, "L"), (20, 1.0, "L"), (50, 1.0, "L"), (100, 1.0, "L"),
    (10, 0.5, "L"), (20, 0.5, "L"), (50, 0.5, "L"), (100, 0.5, "L"),
    (10, 0.8, "C"), (20, 0.8, "C"), (50, 0.8, "C"), (100, 0.8, "C"),
)  # fmt: skip

HARMONICS = ((3, 0.10, 0.10, 0.4), (5, 0.05, 0.05, 1.1))
"""10 % third and 5 % fifth in voltage and current, their currents late by 0.4 and 1.1 radians."""

FREQUENCIES = (49.0, 50.0, 51.0, 59.0, 60.0, 61.0)


class Load(NamedTuple):
    """One point of a table and its name."""

    name: str
    point: Point


def loads(rated_a: float, voltage_v: float = 100.0, *, export: bool = False) -> Iterator[Load]:
    """Every point of the table at 50 Hz, then with harmonics, then the corners at every frequency."""
    for percent, factor, kind in TABLE:
        for frequency_hz in FREQUENCIES:
            if frequency_hz != 50 and percent not in (5, 10, 100):
                continue
            for harmonics in ((), HARMONICS) if frequency_hz == 50 else ((),):
                name = f"{rated_a:g} A {percent} % PF {factor:g} {kind} {frequency_hz:g} Hz"
                name += " harmonics" if harmonics else ""
                name += " export" if export else ""
                current_a = rated_a * percent / 100
                yield Load(name, Point(frequency_hz, voltage_v, current_a, factor, kind, export, harmonics))


class Worst:
    """Keeps the largest error and where it was."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.error = 0.0
        self.where = ""

    def take(self, error: float, where: str) -> None:
        """One more error, relative."""
        if abs(error) >= abs(self.error):
            self.error, self.where = error, where

    def __str__(self) -> str:
        return f"{self.name}: worst {self.error * 100:+.5f} % at {self.where}"
