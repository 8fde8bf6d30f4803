"""A reading as people see it: tables, and the power of the last minutes as a line."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from keiki_host.device_words import jst, kwh
from keiki_host.reading.model import HalfHour, Phase, Reading

NONE = "-"
_BARS = "▁▂▃▄▅▆▇█"
# heading, field, digits after the point
_COLUMNS = (
    ("V", "voltage_v", 2),
    ("A", "current_a", 3),
    ("W", "power_w", 1),
    ("PF", "power_factor", 3),
    ("Hz", "frequency_hz", 2),
)


def view(reading: Reading, powers: Sequence[float] = ()) -> RenderableType:
    """All of one reading; `powers` are the newest ones, the last one newest."""
    power = NONE if reading.power_w is None else f"{reading.power_w:,.1f} W"
    head = Text.assemble(
        (reading.serial or "meter", "bold"), f"  {jst(reading.utc_s)}  ", (power, "bold green"), " "
    )
    head.append(sparkline(powers), "green")
    parts: list[RenderableType] = [head]
    if reading.phases:
        parts.append(_phases(reading.phases))
    parts.append(_registers(reading))
    if reading.half_hours is not None:
        parts.append(_day(reading.half_hours))
    return Group(*parts)


def sparkline(powers: Sequence[float]) -> str:
    """Powers as bars, from the lowest (or 0) to the highest."""
    if not powers:
        return ""
    low, high = min(0.0, *powers), max(0.0, *powers)
    span = high - low or 1.0
    return "".join(_BARS[round((power - low) / span * (len(_BARS) - 1))] for power in powers)


def _phases(phases: Sequence[Phase]) -> Table:
    shown = [row for row in _COLUMNS if any(getattr(phase, row[1]) is not None for phase in phases)]
    table = Table("phase", box=None, pad_edge=False)
    for heading, _, _ in shown:
        table.add_column(heading, justify="right")
    for phase in phases:
        cells = (_number(getattr(phase, name), digits) for _, name, digits in shown)
        table.add_row(phase.name, *cells)
    return table


def _registers(reading: Reading) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_row("import", _energy(reading.import_wh_x1000))
    table.add_row("export", _energy(reading.export_wh_x1000))
    for name, value in reading.identity.items():
        table.add_row(name, value)
    return table


def _day(rows: Sequence[HalfHour]) -> Table:
    table = Table("half hour", box=None, pad_edge=False)
    for heading in ("import", "export"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(jst(row.utc_s)[:16], _energy(row.import_wh_x1000), _energy(row.export_wh_x1000))
    return table


def _number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:,.{digits}f}"


def _energy(wh_x1000: int | None) -> str:
    return NONE if wh_x1000 is None else kwh(wh_x1000)
