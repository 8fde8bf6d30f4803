"""The load points of a class 1 direct-connected meter (IEC 62053-21 style), for every metering IC.

A point is (percent of the rated current, power factor, kind). The limits for a whole meter are 1 to 1.5 %;
what an IC model whose parts are calibrated and its driver add has to be far below: LIMIT.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from keiki_host.bench.waves import Point

LIMIT = 0.0005
SLOT_S = 1800
RATINGS_A = (30, 60, 120)

TABLE = (
    (5, 1.0, "L"), (10, 1.0, "L"), (20, 1.0, "L"), (50, 1.0, "L"), (100, 1.0, "L"),
    (10, 0.5, "L"), (20, 0.5, "L"), (50, 0.5, "L"), (100, 0.5, "L"),
    (10, 0.8, "C"), (20, 0.8, "C"), (50, 0.8, "C"), (100, 0.8, "C"),
)  # fmt: skip

HARMONICS = ((3, 0.10, 0.10, 0.4), (5, 0.05, 0.05, 1.1))
"""10 % third and 5 % fifth in voltage and current, their currents late by 0.4 and 1.1 radians."""
DISTORTED_HZ = (49.0, 61.0)
"""At these frequencies the harmonics are there, at the others not."""


_R, _T = Point(voltage_v=103.0), Point(voltage_v=98.0)
SERVICES = {
    "200 V heater": (replace(_R, current_a=20.0), replace(_T, current_a=20.0)),
    "200 V motor": (
        replace(_R, current_a=15.0, power_factor=0.8),
        replace(_T, current_a=15.0, power_factor=0.8),
    ),
    "200 V heater, 7 A on R, 3 A of sun on T": (
        replace(_R, current_a=27.0),
        replace(_T, current_a=17.0),
    ),
    "7 A on R, 12 A of sun on T": (
        replace(_R, current_a=7.0),
        replace(_T, current_a=12.0, export=True),
    ),
    "R alone": (replace(_R, current_a=5.0), replace(_T, current_a=0.0)),
}
"""1P3W, 103 V and 98 V: what flows in R and T."""


class Load(NamedTuple):
    """One point of a table and its name."""

    name: str
    point: Point


def loads(rated_a: float, frequencies_hz: Sequence[float]) -> Iterator[Load]:
    """Every point of the table, in both directions, at every frequency."""
    for percent, factor, kind in TABLE:
        for export in (False, True):
            for frequency_hz in frequencies_hz:
                harmonics = HARMONICS if frequency_hz in DISTORTED_HZ else ()
                name = f"{percent} % PF {factor:g} {kind} {frequency_hz:g} Hz"
                name += " harmonics" if harmonics else ""
                name += " export" if export else ""
                current_a = rated_a * percent / 100
                yield Load(name, Point(frequency_hz, 100.0, current_a, factor, kind, export, harmonics))


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
