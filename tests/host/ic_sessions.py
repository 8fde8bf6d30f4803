"""The metering ICs behind one face: firmware driver and IC model on waves, in virtual time, on this Python.

Boards are made for a rating, with errors as parts have them when they are bought, and calibrated: what is
left is what driver and chip add. Times are seconds after START_S and only grow.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from keiki_host.bench.faults import NO_FAULTS, Faults
from keiki_host.bench.ics import bl0942, cse7766
from keiki_host.bench.waves import Plain, Source

from tests.host import ade7953_world, atm90e32_world, bl0942_desk, cse7766_desk
from tests.host.accuracy_points import RATINGS_A

START_S = bl0942_desk.START_S
assert START_S == cse7766_desk.START_S == atm90e32_world.START_S == ade7953_world.START_S


class Session(Protocol):
    """A chip, or one for each phase, on its waves, and the driver."""

    now_ms: int
    """UTC ms."""
    told: list[tuple[str, int, int]]
    """Events."""
    driver: Any

    def snapshot(self, at_s: float) -> Any:
        """Take a snapshot as the firmware does."""

    def poll(self, at_s: float) -> Any:
        """Poll as the firmware does between snapshots."""


GAINS = (0.021, -0.017)
"""Errors of the power of each phase, of the chips that are corrected in software."""
PPM = [{"p_gain_ppm": round((1 / (1 + gain) - 1) * 1e6)} for gain in GAINS]


def _bl0942(legs: Sequence[Source], rating_a: int, faults: Faults, exact: bool) -> Session:
    """Shunts of 0.8, 0.4 and 0.2 mohm."""
    world = bl0942_desk.Meter(
        [Plain(leg) for leg in legs],
        parts=bl0942.Parts(shunt_uohm=24000 // rating_a),
        errors=[bl0942.Errors(gain_w=0 if exact else gain) for gain, _ in zip(GAINS, legs, strict=False)],
        faults=faults,
        p_max_w=rating_a * 100,
    )
    world.driver.apply([{}] * len(legs) if exact else PPM[: len(legs)])
    return world


def _cse7766(legs: Sequence[Source], rating_a: int, faults: Faults, exact: bool) -> Session:
    """Shunts of 1, 0.5 and 0.25 mohm, a line for each chip."""
    world = cse7766_desk.Desk(
        legs,
        parts=cse7766.Parts(shunt_uohm=30000 // rating_a),
        errors=cse7766.Errors(gain_w=0 if exact else GAINS[0]),
        faults=faults,
        backlog=3,
        p_max_w=rating_a * 100,
        up_ms=30_000,
    )
    world.driver.apply([{} if exact else PPM[0]] * len(legs))
    return world


def _atm90e32(line_hz: int) -> Callable[..., Session]:
    def make(legs: Sequence[Source], rating_a: int, faults: Faults, exact: bool) -> Session:
        """One chip; transformers of 120 A, or 180 A for the rating that is measured at half scale."""
        return atm90e32_world.World(
            legs,
            rating_a,
            errors=() if exact else atm90e32_world.ERRORS,
            calibration=None if exact else atm90e32_world.CALIBRATION[: len(legs)],
            faults=faults,
            line_hz=line_hz,
        )

    return make


def _ade7953(bus: str) -> Callable[..., Session]:
    def make(legs: Sequence[Source], rating_a: int, faults: Faults, exact: bool) -> Session:
        """One chip for each phase; transformers of 35, 71 and 141 A."""
        return ade7953_world.World(
            [[leg] for leg in legs],
            rating_a,
            bus=bus,
            errors=() if exact else [[ade7953_world.ERRORS]] * len(legs),
            calibration=None if exact else [ade7953_world.CALIBRATION] * len(legs),
            faults=faults,
        )

    return make


class Kind(NamedTuple):
    """A metering IC: how a session is made, and what it can."""

    make: Callable[..., Session]
    signed: bool = True
    """Knows import from export."""
    ratings_a: tuple[int, ...] = RATINGS_A
    frequencies_hz: tuple[float, ...] = (49.0, 50.0, 60.0, 61.0)
    settle_s: tuple[int, ...] = (10,)
    """Steps in which it is sampled after a change until that is behind."""
    month_step_s: Callable[[int], int] = lambda power_w: 100
    """How rarely it may be polled with a load of so many watts of its rating."""

    def session(
        self, legs: Sequence[Source], rating_a: int, faults: Faults = NO_FAULTS, *, exact: bool = False
    ) -> Session:
        """A driver that has been set up and has delivered what was before; `exact`: parts without errors."""
        session = self.make(legs, rating_a, faults, exact)
        for at_s in (0, 20, 30):
            session.snapshot(at_s)
        return session


KINDS = {
    "bl0942": Kind(
        # it knows the time of a change to one count of energy at first
        _bl0942,
        settle_s=(1,) * 60,
        month_step_s=lambda power_w: 300,
    ),
    "cse7766": Kind(_cse7766, signed=False, month_step_s=lambda power_w: 150),
    "atm90e32, 50 Hz": Kind(
        _atm90e32(50), frequencies_hz=(49.0, 50.0), month_step_s=lambda power_w: 75 if power_w > 100 else 600
    ),
    "atm90e32, 60 Hz": Kind(
        _atm90e32(60), frequencies_hz=(60.0, 61.0), month_step_s=lambda power_w: 75 if power_w > 100 else 600
    ),
    "ade7953, SPI": Kind(_ade7953("spi")),
    "ade7953, UART": Kind(_ade7953("uart"), ratings_a=(120,)),
}
"""Every IC, on every bus."""


_DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "metering-ics.md"


def documented(name: str) -> tuple[float, float]:
    """What docs/metering-ics.md promises of an IC: errors of half an hour and of a month, relative."""
    ic = name.partition(",")[0]
    row = re.search(rf"^\| `{ic}` \| ([\d.]+) % \| ([\d.]+) % \|", _DOCUMENT.read_text(), re.MULTILINE)
    assert row is not None, name
    return float(row[1]) / 100, float(row[2]) / 100


class Books:
    """Adds up what snapshots bring, in Wh: `import_wh` and `export_wh` of each phase, and `net_wh`."""

    def __init__(self, phases: int) -> None:
        self.import_wh = [0.0] * phases
        self.export_wh = [0.0] * phases
        self.net_wh = 0.0
        self.flags = 0

    def take(self, snapshot: Any) -> None:
        """One more snapshot."""
        self.flags |= snapshot.flags
        for phase in range(len(self.import_wh)):
            self.import_wh[phase] += snapshot.import_wh_x1000[phase] / 1000
            self.export_wh[phase] += snapshot.export_wh_x1000[phase] / 1000
        self.net_wh += snapshot.net_wh_x1000 / 1000


def booked(session: Session, phases: int, start_s: float, seconds: float, step_s: float) -> Books:
    """Sample every `step_s` from `start_s` on; returns what came after that."""
    session.snapshot(start_s)
    books = Books(phases)
    for n in range(1, round(seconds / step_s) + 1):
        books.take(session.snapshot(start_s + n * step_s))
    return books
