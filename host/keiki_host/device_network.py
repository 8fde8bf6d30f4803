"""A meter's console as far as the A-route has it: `keiki device` over a network, with DLMS security.

Its answers are those of the console (docs/device.md). What the A-route has no object for, or gives nobody,
stays with the console: one line says so.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from keiki.wire.cosem import datetime12, results, selection, values
from keiki.wire.cosem.axdr import OCTETS
from keiki.wire.cosem.results import AccessError

from keiki_host.bench.options import InputError
from keiki_host.cosem import address
from keiki_host.cosem.link import GoneError as LinkGoneError
from keiki_host.cosem.link import LinkError, MeterLink
from keiki_host.device import DeviceError, GoneError
from keiki_host.device_settings import SETTINGS, Setting

EVENT_NAMES = (
    "", "power_up", "power_down", "clock_set", "clock_refused", "clock_unsure", "ic_reset",
    "increment_refused",
    "setting_changed", "register_set", "session_ended", "authentication_failed", "tamper", "watchdog",
    "task_failed", "safe_mode", "flash_lost", "factory_reset", "stable", "clock_slewed", "calibrated",
    "route_a_session", "route_a_refused", "key_changed", "disconnected", "connected", "switch_refused",
    "relay_fault", "limit_exceeded", "push_failed", "cf_mismatch", "ic_silent", "update",
)  # fmt: skip
"""Kinds of events by the firmware's numbers (keiki.meter.eventlog.NAMES)."""

_CLOCK = (8, b"\0\0\1\0\0\xff", 2)
_EVENTS, _EVENTS_COUNT = (7, b"\0\0\x63\x62\0\xff", 2), (7, b"\0\0\x63\x62\0\xff", 7)
# what `status` asks for at once
_STATUS = (
    _CLOCK,
    (1, b"\0\0\x60\1\0\xff", 2),
    (1, b"\1\0\0\2\0\xff", 2),
    (3, b"\1\0\1\x08\0\xff", 2),
    (3, b"\1\0\2\x08\0\xff", 2),
    (1, b"\0\0\x61\x61\0\xff", 2),
)
_CLOCK_UNSURE, _IC_SILENT, _FLASH_LOST, _RELAY_FAULT = 1, 2, 4, 8
_REFUSALS = {
    results.HARDWARE_FAULT: "its flash or a part of it refuses",
    results.TEMPORARY_FAILURE: "not now: try again",
    results.DENIED: "these keys have no right to it (the management client's may)",
    results.UNDEFINED: "this meter has no such object",
    results.UNAVAILABLE: "this meter has no such object",
    results.SCOPE_VIOLATED: "no such value here",
}
_encode: Any = values.encode
_by_entry: Any = selection.by_entry


class NetworkDevice:
    """A meter at tcp://HOST[:PORT][?keys=FILE or ?record=FILE]; see Device. InputError: see cosem/address.py.

    `wait(s)` lets time pass: a clock is set when a second begins.
    """

    prints = False

    def __init__(self, url: str, timeout_s: float, wait: Callable[[float], None] = time.sleep) -> None:
        self.url = url.partition("?")[0]
        self._wait = wait
        where = address.parse(url)
        self._link = self._try(lambda: MeterLink(where.host, where.port, where.keys, timeout_s))
        self._gone = 0  # events that have left the log since the first look
        self._newest: tuple[int, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()

    def ask(self, op: str, **arguments: Any) -> Any:
        """Return what the console would answer. InputError: that is not for the A-route; DeviceError."""
        check(op)
        return _OPERATIONS[op](self, **arguments)

    # -- operations ------------------------------------------------------------------------------------

    def _status(self) -> dict[str, Any]:
        clock, serial, firmware, imported, exported, errors = self._several(_STATUS)
        return {
            "serial": serial.decode("ascii", "replace"),
            "system_title": bytes(self._link.client.session.peer).hex(),
            "firmware": firmware.decode("ascii", "replace"),
            "utc_ms": 1000 * self._instant(clock),
            "clock_unsure": bool(errors & _CLOCK_UNSURE),
            "import_wh_x1000": imported * 1000,
            "export_wh_x1000": exported * 1000,
            "ic_answers": not errors & _IC_SILENT,
            "relay_follows": not errors & _RELAY_FAULT,
            "lost": ["something: its console says what"] if errors & _FLASH_LOST else [],
        }

    def _events(self, before: int | None = None, most: int = 16) -> dict[str, Any]:
        count = self._get(_EVENTS_COUNT)
        last = count if before is None else before - 1 - self._gone
        first = max(1, last - most + 1)
        rows = self._get(_EVENTS, _by_entry(first, last)) if last >= first else []
        if before is None and rows:
            self._number(rows, first)
        events = []
        for entry, (clock, kind, *rest) in reversed(list(enumerate(rows, first))):
            name = EVENT_NAMES[kind] if kind < len(EVENT_NAMES) else str(kind)
            events.append([entry + self._gone, self._instant(clock), name, *rest])
        return {"events": events, "oldest": 1 + self._gone}

    def _number(self, rows: list[Any], first: int) -> None:
        """Find out how many events have left the log: those that stay keep their numbers."""
        if self._newest is not None:
            number, row = self._newest
            if row in rows:
                self._gone = number - (first + rows.index(row))
            else:
                self._gone = max(self._gone, number + 1 - first)
        self._newest = (first + len(rows) - 1 + self._gone, rows[-1])

    def _settings(self) -> dict[str, Any]:
        found = self._link_list([setting.descriptor for setting in SETTINGS.values()])
        return {
            name: setting.value_of(raw)
            for (name, setting), raw in zip(SETTINGS.items(), found, strict=True)
            if not isinstance(raw, AccessError)
        }

    def _set(self, values: Mapping[str, Any]) -> dict[str, bool]:
        for name in values:
            if name not in SETTINGS or not SETTINGS[name].may_be_set:
                may = ", ".join(of for of, setting in SETTINGS.items() if setting.may_be_set)
                raise InputError(f"config: {name}: over the A-route one may set {may}; else ask its console")
        for name, value in values.items():
            setting = SETTINGS[name]
            held = self._get(setting.descriptor) if setting.needs_held else None
            self._give(setting, setting.raw_of(value, held))
        return dict.fromkeys(values, True)

    def _set_clock(self, utc_ms: int) -> dict[str, Any]:
        # the object takes whole seconds: it is told one that begins just then
        rest_ms = -utc_ms % 1000
        self._wait(rest_ms / 1000)
        wanted_s = (utc_ms + rest_ms) // 1000
        before_s = self._instant(self._get(_CLOCK))
        try:
            self._link_set(_CLOCK, _encode(OCTETS, datetime12.pack(wanted_s)))
        except AccessError as error:
            if error.code != results.OTHER:
                raise self._refused(error) from None
            return {"result": "refused", "offset_ms": 1000 * (wanted_s - before_s)}
        after_s = self._instant(self._get(_CLOCK))
        result = "set" if abs(after_s - wanted_s) <= 1 else "slew"
        return {"result": result, "offset_ms": 1000 * (wanted_s - before_s)}

    # -- the link --------------------------------------------------------------------------------------

    def _instant(self, clock: bytes) -> int:
        utc_s = datetime12.instant(clock)
        if utc_s is None:
            raise ValueError("no time")
        return int(utc_s)

    def _get(self, descriptor: tuple[int, bytes, int], chosen: bytes | None = None) -> Any:
        return self._try(lambda: self._link.get(descriptor, chosen))

    def _link_list(self, wanted: list[tuple[int, bytes, int]]) -> list[Any]:
        found: list[Any] = self._try(lambda: self._link.get_list([(what, None) for what in wanted]))
        return found

    def _several(self, wanted: tuple[tuple[int, bytes, int], ...]) -> list[Any]:
        found = self._link_list(list(wanted))
        for value in found:
            if isinstance(value, AccessError):
                raise self._refused(value)
        return found

    def _link_set(self, descriptor: tuple[int, bytes, int], value: bytes) -> None:
        self._try(lambda: self._link.set(descriptor, value), refusals=False)

    def _give(self, setting: Setting, raw: Any) -> None:
        self._try(lambda: self._link.set(setting.descriptor, _encode(setting.shape, raw)))

    def _try(self, what: Callable[[], Any], *, refusals: bool = True) -> Any:
        try:
            return what()
        except AccessError as error:
            if not refusals:
                raise
            raise self._refused(error) from None
        except LinkGoneError as error:
            raise GoneError(str(error)) from None
        except LinkError as error:
            raise DeviceError(str(error)) from None

    def _refused(self, error: AccessError) -> DeviceError:
        reason = _REFUSALS.get(error.code, f"the meter refuses it (result {error.code})")
        return DeviceError(f"{self.url}: {reason}")


def check(op: str) -> None:
    """InputError unless an operation can be asked for over the A-route."""
    if op not in _OPERATIONS:
        raise InputError(
            f"{op.replace('_', '-')}: not over the A-route; ask the meter's console (unix:// or serial://)"
        )


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "status": NetworkDevice._status,
    "events": NetworkDevice._events,
    "settings": NetworkDevice._settings,
    "set": NetworkDevice._set,
    "set_clock": NetworkDevice._set_clock,
}
