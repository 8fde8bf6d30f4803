"""`--load` specifications other than the household: a constant power, or a table of powers in a CSV file."""

import csv
import datetime as dt
import re
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

from keiki_host.bench.timeline import DAY_MS, PhaseSeries, Timeline, day_start_ms

POWER_LIMIT_W = 100_000
_VOLTAGE_V = 100.0
_JST = dt.timezone(dt.timedelta(hours=9))
_CONSTANT = re.compile(r"constant:(?P<power>[^@]*?)W(?:@pf(?P<pf>.*))?", re.DOTALL)

Row = tuple[int, float, float]
"""(ms, power in W, power factor)."""


class LoadError(ValueError):
    """A load that cannot be: `str()` is one line that names the field and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"load: {field}: {reason}")
        self.field = field
        self.reason = reason


def parse_constant(spec: str) -> tuple[float, float]:
    """Parse `constant:1000W` or `constant:-500W@pf0.5` (lagging) into (W, power factor)."""
    match = _CONSTANT.fullmatch(spec)
    if match is None:
        raise LoadError("power", f"{spec!r} is not constant:<number>W, constant:<number>W@pf<number>")
    pf = match["pf"]
    return _number("power", match["power"]), 1.0 if pf is None else _factor("pf", pf)


def _number(field: str, text: str, low: float = -POWER_LIMIT_W, high: float = POWER_LIMIT_W) -> float:
    try:
        value = float(text)
    except ValueError:
        raise LoadError(field, f"not a number: {text!r}") from None
    if not low <= value <= high:
        raise LoadError(field, f"{text} is not within {low:g} to {high:g}")
    return value


def _factor(field: str, text: str) -> float:
    return _number(field, text, 0.01, 1)


def constant_day(day: int, phases: int, power_w: float, pf: float) -> Timeline:
    """Return a JST day of constant power at 100 V, an equal share on each phase."""
    return steps_day(day, phases, [(day_start_ms(day), power_w, pf)])


def steps_day(day: int, phases: int, rows: list[Row]) -> Timeline:
    """Return a JST day of given steps at 100 V; the first row begins with the day."""
    p = [power_w / phases for _, power_w, _ in rows]
    i = [abs(power_w) / phases / pf / _VOLTAGE_V for _, power_w, pf in rows]
    series = tuple(PhaseSeries(p, [_VOLTAGE_V] * len(rows), i) for _ in range(phases))
    return Timeline([at for at, _, _ in rows], day_start_ms(day) + DAY_MS, series)


class Table:
    """A CSV file `time,power_w[,pf]`, rows in order of time; a power holds until the next row.

    A time is ISO 8601 (no offset: JST), or HH:MM[:SS] for a table that repeats every day (JST). Before the
    first row its power holds, in a daily table that of the last row; after the last row its power holds.
    """

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise LoadError("file", f"{path}: {reason}") from None
        self.daily, self.rows = _parse_table(text)
        self._times = [row[0] for row in self.rows]

    def day(self, day: int, phases: int) -> Timeline:
        """Return one JST day of the table."""
        start_ms = day_start_ms(day)
        offset_ms = start_ms if self.daily else 0
        begin = bisect_right(self._times, start_ms - offset_ms)
        end = bisect_right(self._times, start_ms + DAY_MS - 1 - offset_ms)
        held = self.rows[begin - 1] if begin or self.daily else self.rows[0]
        rows = [(start_ms, held[1], held[2])]
        rows += [(at + offset_ms, power_w, pf) for at, power_w, pf in self.rows[begin:end]]
        return steps_day(day, phases, rows)


def _parse_table(text: str) -> tuple[bool, list[Row]]:
    try:
        lines = list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise LoadError("file", f"not CSV: {error}") from None
    header = [name.strip() for name in lines[0]] if lines else []
    if header not in (["time", "power_w"], ["time", "power_w", "pf"]):
        raise LoadError("line 1", "the header is not time,power_w or time,power_w,pf")
    daily: bool | None = None
    rows: list[Row] = []
    for number, line in enumerate(lines[1:], 2):
        if not line:
            continue
        if len(line) != len(header):
            raise LoadError(f"line {number}", f"{len(line)} fields instead of {len(header)}")
        is_daily, at_ms = _time(f"line {number}: time", line[0].strip())
        if daily not in (None, is_daily):
            raise LoadError(f"line {number}: time", "times of the day and dates in one table")
        daily = is_daily
        if rows and at_ms <= rows[-1][0]:
            raise LoadError(f"line {number}: time", "not after the line before")
        power_w = _number(f"line {number}: power_w", line[1])
        rows.append((at_ms, power_w, _factor(f"line {number}: pf", line[2]) if len(line) == 3 else 1.0))
    if not rows or daily is None:
        raise LoadError("line 2", "no rows")
    return daily, rows


def _time(field: str, text: str) -> tuple[bool, int]:
    """Return (daily, ms of the day or UTC ms)."""
    parsers: tuple[tuple[bool, Callable[[str], int]], ...] = ((True, _daily_ms), (False, _utc_ms))
    for daily, parse in parsers:
        try:
            return daily, parse(text)
        except ValueError:
            continue
    raise LoadError(field, f"{text!r} is neither ISO 8601 nor HH:MM[:SS]")


def _daily_ms(text: str) -> int:
    if not re.fullmatch(r"\d\d:\d\d(:\d\d)?", text):
        raise ValueError(text)
    clock = dt.time.fromisoformat(text)
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1000


def _utc_ms(text: str) -> int:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_JST)
    return round(moment.timestamp() * 1000)
