"""What a meter shows: the same for every way to it. What one way does not tell is None."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

from keiki_host.device_words import JST


class ReadError(Exception):
    """The meter cannot be read: one line that names it and the reason."""


@dataclass(frozen=True)
class Phase:
    """One phase; power is negative where it exports, and so is the power factor."""

    name: str
    voltage_v: float | None = None
    current_a: float | None = None
    power_w: float | None = None
    power_factor: float | None = None
    frequency_hz: float | None = None


@dataclass(frozen=True)
class HalfHour:
    """Both registers at a boundary hh:00 or hh:30; None: no data (no power then, or not kept)."""

    utc_s: int
    import_wh_x1000: int | None
    export_wh_x1000: int | None


@dataclass(frozen=True)
class Reading:
    """All that was read at once. Energies are the registers, in Wh x 1000; `power_w` is of all phases."""

    serial: str
    utc_s: float
    power_w: float | None
    import_wh_x1000: int | None
    export_wh_x1000: int | None
    phases: tuple[Phase, ...] = ()
    identity: dict[str, str] = field(default_factory=dict)
    half_hours: tuple[HalfHour, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """One object for programs: times in ISO 8601 of Japan, all else as it is here."""
        found = asdict(self)
        found["time"] = iso(found.pop("utc_s"))
        if self.half_hours is None:
            del found["half_hours"]
        for row in found.get("half_hours", ()):
            row["time"] = iso(row.pop("utc_s"))
        return found


def iso(utc_s: float) -> str:
    """A time in Japan."""
    return datetime.fromtimestamp(utc_s, JST).isoformat(timespec="seconds")


class Reader(Protocol):
    """A meter that is reached. ReadError: it does not answer, or with what no meter says."""

    def read(self, day: int | None = None) -> Reading:
        """Read it now; with the half-hours of the day so many days ago (0 = today, in Japan) if asked."""

    def close(self) -> None:
        """Let it go."""
