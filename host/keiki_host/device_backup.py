"""What must survive when the board of a meter is exchanged: read from the old one, given to the new one.

A backup is one JSON object with a hash over itself. It has no secrets, because a meter tells none: those come
from the sealed record that `keiki provision` has made. History and events are in it for people; a meter takes
registers, settings and calibration back.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from keiki.wire import settings as table
from keiki.wire.slots import DAY_S, SLOT_S

from keiki_host.bench.options import InputError
from keiki_host.device import Device, DeviceError

FORM = "keiki-backup-1"
_ROWS = 16
_REQUEST_MAX = 1000  # bytes; a line of the console has 1024
_REGISTERS = ("import", "export")


def read_meter(device: Device, days: int, events: Callable[[], list[Any]]) -> dict[str, Any]:
    """Return the backup of a meter, with half hours of the last `days`; `events` reads its log."""
    status = device.ask("status")
    first_s = status["utc_ms"] // 1000 // SLOT_S * SLOT_S - days * DAY_S
    rows: list[Any] = []
    while len(rows) < days * DAY_S // SLOT_S:
        answer = device.ask("half_hours", **{"from": first_s + len(rows) * SLOT_S, "count": _ROWS})
        if not answer["rows"]:
            raise ValueError("no half hours")
        rows += answer["rows"]
    return {
        "form": FORM,
        "settings": device.ask("settings"),
        "calibration": device.ask("calibration")["record"],
        "events": events(),
        "half_hours": {"from_s": first_s, "rows": rows},
        # last: what was measured meanwhile is in it
        "status": device.ask("status"),
    }


def write_file(path: Path, backup: Mapping[str, Any]) -> None:
    """Write a backup, on the disk when this returns. DeviceError: it cannot be written."""
    text = json.dumps({**backup, "sha256": _sum(backup)})
    beside = path.with_name(path.name + ".new")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise DeviceError(f"{path}: {error.strerror}; there is no new backup") from None


def read_file(path: Path) -> dict[str, Any]:
    """Return a backup. InputError: it is none, or not as it was written."""
    try:
        backup = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"backup: {path}: {error.strerror}") from None
    except ValueError:
        raise InputError(f"backup: {path}: not a backup, or not all of it") from None
    if not isinstance(backup, dict) or backup.get("form") != FORM:
        raise InputError(f"backup: {path}: not a backup")
    if backup.pop("sha256", None) != _sum(backup):
        raise InputError(f"backup: {path}: changed since it was made")
    return backup


def check_registers(device: Device, backup: Mapping[str, Any]) -> dict[str, int]:
    """Return the registers to set, in Wh. DeviceError: one of this meter would go down."""
    held = device.ask("status")
    wanted = {}
    for name in _REGISTERS:
        kept, now = backup["status"][f"{name}_wh_x1000"], held[f"{name}_wh_x1000"]
        if now // 1000 > kept // 1000:
            raise DeviceError(
                f"{device.url}: its {name} register is at {now // 1000:,} Wh and would go down to "
                f"{kept // 1000:,} Wh; is this the new board? (keiki device set-register)"
            )
        wanted[name] = kept // 1000
    return wanted


def give(
    device: Device,
    backup: Mapping[str, Any],
    secrets: Mapping[str, Any],
    registers: Mapping[str, int],
    *,
    calibration: bool,
) -> list[str]:
    """Give a meter settings, secrets and, last, registers; return the settings that it does not know."""
    known = device.ask("settings")
    values = {name: of for name, of in backup["settings"].items() if name in known and known[name] != of}
    for part in _requests({**secrets, **values}):
        device.ask("set", values=part)
    now = device.ask("settings")
    wrong = [name for name in values if now.get(name) != values[name]]
    if wrong:
        raise DeviceError(f"{device.url}: it has not kept {', '.join(wrong)}; nothing else was restored")
    if calibration and backup["calibration"] is not None:
        device.ask("store_calibration", record=backup["calibration"])
    for name, wh in registers.items():
        device.ask("set_register", register=name, wh=wh)
    return sorted(set(backup["settings"]) - set(known))


def secrets_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a record's settings that a backup does not have."""
    fields: Any = table.fields()
    return {
        field[0]: settings[field[0]] for field in fields if field[4] == table.SECRET and field[0] in settings
    }


def _requests(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Settings in as many requests as a line holds."""
    part: dict[str, Any] = {}
    for name, value in values.items():
        if part and len(json.dumps({"op": "set", "values": {**part, name: value}})) > _REQUEST_MAX:
            yield part
            part = {}
        part[name] = value
    if part:
        yield part


def _sum(backup: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(backup), sort_keys=True).encode()).hexdigest()
