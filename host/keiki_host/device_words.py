"""What a meter's console says, in words: its state, and its event log as a table in Japan's time."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from keiki.wire import settings as settings_table

JST = datetime.timezone(datetime.timedelta(hours=9))

CAUSES = ("power came", "watchdog", "crash", "restart as asked")
CLOCK_SOURCES = ("", "clock chip", "SNTP", "head-end", "host tool")
CF_PINS = ("first pin", "second pin")
REGISTERS = ("import", "export")
SESSION_ENDS = ("", "replaced", "peer ended", "ended", "end not acknowledged", "expired", "module lost")
_SETTINGS = tuple(field[0] for field in settings_table.fields())
LOGS = (
    "block", "checkpoints", "half-hours", "minutes", "events", "settings", "calibration", "counters", "state",
)  # fmt: skip
CLIENTS = {1: "management", 2: "read-only", 16: "public"}
KEYS = ("encryption key", "broadcast key", "authentication key", "key of keys")
SWITCHERS = ("", "head-end", "button", "limiter", "meter")
RELAY_FAULTS = ("did not open", "did not close", "moved by itself")
PUSHES = ("values", "alarms")
UPDATES = ("begun", "installed", "found good", "given up, back to the version before", "refused")


@dataclass(frozen=True)
class Event:
    """One event as the console gives it; `count` is how often its kind has happened (modulo 65536)."""

    sequence: int
    utc_s: int
    kind: str
    source: int
    count: int
    before: int
    after: int


def jst(utc_s: float) -> str:
    """Date and time in Japan; a number of seconds that is no such time stays one."""
    try:
        return f"{datetime.datetime.fromtimestamp(utc_s, JST):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{utc_s:g} s"


def jst_ms(utc_ms: int) -> str:
    """As jst, with milliseconds."""
    return f"{jst(utc_ms // 1000)}.{utc_ms % 1000:03d}"


def seconds(ms: int) -> str:
    """A signed offset."""
    return f"{ms / 1000:+,.3f} s"


def kwh(wh_x1000: int) -> str:
    """An energy, exactly as it is held."""
    sign, rest = "-" if wh_x1000 < 0 else "", abs(wh_x1000)
    return f"{sign}{rest // 1_000_000}.{rest % 1_000_000:06d} kWh"


def _of(words: Sequence[str]) -> Callable[[Event], str]:
    """The source of an event is a place in `words`."""
    return lambda event: words[event.source] if event.source < len(words) else f"source {event.source}"


def _client(event: Event) -> str:
    return CLIENTS.get(event.source, f"client {event.source}")


def _waiting(event: Event) -> str:
    return f"{event.before:,} wait" + (f"; {_storm(event)}" if event.after else "")


def _limit(event: Event) -> str:
    return f"{event.before / 1000:.1f} A" + (f"; {_storm(event)}" if event.after else "")


def _nothing(_event: Event) -> str:
    return ""


def _setting(event: Event) -> str:
    return _SETTINGS[event.source] if event.source < len(_SETTINGS) else f"setting {event.source}"


def _service(event: Event) -> str:
    return f"service {event.source}"


def _newest(event: Event) -> str:
    return f"newest on flash: {jst(event.before)}" if event.before else "nothing on flash"


def _clock(event: Event) -> str:
    return f"{jst_ms(event.before)} -> {jst_ms(event.after)} ({seconds(event.after - event.before)})"


def _refused(event: Event) -> str:
    # of refusals held back, the log keeps how many there were in place of the time
    return _storm(event) if 0 < event.after < 1 << 20 else _clock(event)


def _register(event: Event) -> str:
    return f"{event.before / 1000:,.3f} Wh -> {event.after / 1000:,.3f} Wh"


def _counter(event: Event) -> str:
    return f"counter {event.before} -> {event.after}" if event.before or event.after else ""


def _pulses(event: Event) -> str:
    return f"{event.before} pulses, {event.after} counts"


def _storm(event: Event) -> str:
    return f"{event.after} times since the event before" if event.after else ""


def _version(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def _versions(event: Event) -> str:
    found = [_version(number) for number in (event.before, event.after) if number]
    return " -> ".join(found[:1] if found[:1] == found[1:] else found)


def _silence(event: Event) -> str:
    if 0 < event.after < 1 << 20:
        return _storm(event)
    if event.source:
        return f"for {(event.after - event.before) / 1000:,.0f} s"
    return f"last reading: {jst_ms(event.before)}"


def _lost(event: Event) -> str:
    if event.source == 0:
        return f"block {event.before}"
    return f"{event.after} from number {event.before} on"


class _Kind(NamedTuple):
    line: str
    source: Callable[[Event], str] = _nothing
    change: Callable[[Event], str] = _nothing


KINDS = {
    "power_up": _Kind("meter started", _of(CAUSES), _newest),
    "power_down": _Kind("power went"),
    "clock_set": _Kind("clock set", _of(CLOCK_SOURCES), _clock),
    "clock_slewed": _Kind("clock corrected little by little", _of(CLOCK_SOURCES), _clock),
    "clock_refused": _Kind("time refused", _of(CLOCK_SOURCES), _refused),
    "clock_unsure": _Kind("clock unsure", _nothing, lambda event: f"assumes {jst_ms(event.before)}"),
    "ic_reset": _Kind("metering IC restarted", _nothing, _counter),
    "increment_refused": _Kind("energy refused as impossible", _nothing, _counter),
    "setting_changed": _Kind("setting changed", _setting),
    "register_set": _Kind("register set", _of(REGISTERS), _register),
    "session_ended": _Kind("B-route session ended", _of(SESSION_ENDS), _storm),
    "authentication_failed": _Kind("B-route authentication failed", _nothing, _storm),
    "tamper": _Kind("tamper", _nothing, _storm),
    "watchdog": _Kind("a service hangs", _service),
    "task_failed": _Kind("a service failed", _service, _storm),
    "safe_mode": _Kind("safe mode after crashes"),
    "flash_lost": _Kind("flash lost", _of(LOGS), _lost),
    "factory_reset": _Kind("settings back to their defaults"),
    "calibrated": _Kind("calibration stored"),
    "stable": _Kind("ran well after a crash"),
    "route_a_session": _Kind("A-route session", _client, _storm),
    "route_a_refused": _Kind("A-route: client refused", _client, _storm),
    "key_changed": _Kind("A-route: key changed", _of(KEYS), _storm),
    "disconnected": _Kind("supply disconnected", _of(SWITCHERS), _storm),
    "connected": _Kind("supply connected", _of(SWITCHERS), _storm),
    "switch_refused": _Kind("remote switching refused: too often", _nothing, _storm),
    "relay_fault": _Kind("relay does not follow", _of(RELAY_FAULTS), _storm),
    "limit_exceeded": _Kind("contract ampere exceeded", _nothing, _limit),
    "cf_mismatch": _Kind("metering IC counts other than its pulses", _of(CF_PINS), _pulses),
    "ic_silent": _Kind("metering IC does not answer", _of(("begins", "ends")), _silence),
    "update": _Kind("firmware update", _of(UPDATES), _versions),
    "push_failed": _Kind("A-route: not delivered", _of(PUSHES), _waiting),
}  # fmt: skip
"""Every kind of event, by the firmware's name (keiki.meter.eventlog): what it is, by whom, what changed."""


def event_row(event: Event) -> tuple[str, str, str, str, str]:
    """Time, what happened, by or to what, how often so far, and what it changed."""
    kind = KINDS.get(event.kind)
    if kind is None:
        known = f"{event.before} -> {event.after}" if event.before or event.after else ""
        return (jst(event.utc_s), event.kind, str(event.source or ""), str(event.count), known)
    return (jst(event.utc_s), kind.line, kind.source(event), str(event.count), kind.change(event))


EVENT_HEAD = ("time (JST)", "event", "source", "n", "change")


def status_rows(status: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each thing a meter says about itself; what is not known here is shown as it is."""
    rows, rest = [], dict(status)
    for name, label, words in _STATUS:
        if name in rest:
            rows.append((label, words(rest.pop(name))))
    return rows + [(name, str(value)) for name, value in rest.items()]


def _age(age_s: int | None) -> str:
    if age_s is None:
        return "not since it started"
    return f"{age_s:,} s ago"


IC_FAULTS = {
    "silent": "says nothing",
    "settings": "does not hold its settings",
    "voltage": "no voltage, or one that cannot be",
    "uncalibrated": "has lost the maker's calibration",
}
"""What the self-check of a driver names (keiki.drivers.metering), after the phase."""


def _ic_faults(faults: list[str] | None) -> str:
    if faults is None:
        return "not yet"
    told = []
    for fault in faults:
        phase, _, kind = fault.partition("_")
        told.append(f"{phase.upper()}: {IC_FAULTS.get(kind, kind)}")
    return "; ".join(told) or "found nothing"


def _agrees(agrees: bool | None) -> str:
    if agrees is None:
        return "not wired"
    return "are what it counts" if agrees else "ARE NOT WHAT IT COUNTS"


_STATUS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("serial", "serial number", str),
    ("system_title", "system title", str),
    ("firmware", "firmware", str),
    ("utc_ms", "clock (JST)", jst_ms),
    ("clock_unsure", "clock is", lambda unsure: "unsure" if unsure else "sure"),
    ("clock_age_s", "clock was confirmed", _age),
    ("import_wh_x1000", "import", kwh),
    ("export_wh_x1000", "export", kwh),
    ("ic_answers", "metering IC", lambda answers: "answers" if answers else "DOES NOT ANSWER"),
    ("ic_faults", "its self-check", _ic_faults),
    (
        "t_assumed",
        "voltage of T",
        lambda assumed: "NOT MEASURED: that of R is taken" if assumed else "measured",
    ),
    ("relay_follows", "relay", lambda follows: "follows" if follows else "DOES NOT FOLLOW"),
    ("cf_agrees", "its pulses", _agrees),
    ("safe_mode", "safe mode", lambda safe: "ON after crashes: nothing is measured" if safe else "off"),
    ("network", "Wi-Fi", lambda at: "no radio for it" if at is None else at or "NOT JOINED"),
    ("lost", "lost on flash", lambda lost: "; ".join(lost) or "nothing"),
)


EVENT_WIDTHS = (19, max(len(kind.line) for kind in KINDS.values()), max(map(len, SESSION_ENDS)), 1, 0)
"""So that events that come later stand under those that were there."""


def table(rows: Iterable[Sequence[str]], least: Sequence[int] = ()) -> list[str]:
    """Rows as lines with columns under each other, each at least as wide as `least` says."""
    cells = [list(row) for row in rows]
    columns = range(len(cells[0]) if cells else 0)
    widths = [max([len(row[n]) for row in cells] + list(least[n : n + 1])) for n in columns]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
