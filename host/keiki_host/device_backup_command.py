"""`keiki device backup`, `restore` and `logs`."""

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from keiki_host import device_backup
from keiki_host import device_words as words
from keiki_host.bench.options import InputError
from keiki_host.device import TIMEOUT_S
from keiki_host.device_command import AsJson, MeterUrl, Timeout, Yes, confirm, connected, read_events, show

_KEY_FILE = Path("keiki-headend.key")


def backup(
    file: Annotated[Path, typer.Argument(show_default=False, help="Where it goes.")],
    meter: MeterUrl,
    days: Annotated[int, typer.Option(min=0, max=400, help="Of half hours.")] = 100,
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Save what must survive an exchange of the board: registers, settings, calibration, events, history."""
    with connected(meter, timeout, "backup") as device:
        kept = device_backup.read_meter(
            device, days, lambda: [dataclasses.asdict(event) for event in read_events(device)][::-1]
        )
        device_backup.write_file(file, kept)
        status = kept["status"]
        said = {
            "serial": status["serial"],
            "file": str(file),
            "events": len(kept["events"]),
            "half_hours": sum(row is not None for row in kept["half_hours"]["rows"]),
        }
        line = f"{said['serial']}: {said['events']:,} events and {said['half_hours']:,} half hours in {file}"
        show(said, as_json, [line, "its secrets are in its sealed record (keiki provision)"])


def restore(
    file: Annotated[Path, typer.Argument(show_default=False, help="A backup.")],
    meter: MeterUrl,
    record: Annotated[
        Path | None,
        typer.Option(help="Its sealed record; without it the secrets stay as they are.", show_default=False),
    ] = None,
    key_file: Annotated[
        Path, typer.Option(envvar="KEIKI_KEY_FILE", help="What the record is sealed under.")
    ] = _KEY_FILE,
    calibration: Annotated[
        bool, typer.Option("--calibration", help="The calibration too: only if the metering IC came along.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Give a new board what the old one had: settings, secrets, the time, and its registers last."""
    kept = device_backup.read_file(file)
    held_sealed = {} if record is None else _record(record, key_file, kept)
    secrets = device_backup.secrets_of(held_sealed)
    with connected(meter, timeout, "restore") as device:
        registers = device_backup.check_registers(device, kept)
        held = device.ask("status")
        serial = kept["settings"]["serial"]
        told = ", ".join(f"{name} {wh:,} Wh" for name, wh in registers.items())
        confirm(f"{held.get('serial', meter)}: make it {serial} with {told}?", yes)
        network = held_sealed.get("wifi")
        if network is not None and held.get("network") is not None:
            device.ask("wifi", **network)
        device.ask("set_clock", utc_ms=time.time_ns() // 1_000_000)
        unknown = device_backup.give(device, kept, secrets, registers, calibration=calibration)
        device.ask("restart")
        said = {"serial": serial, "registers_wh": registers, "secrets": bool(secrets), "unknown": unknown}
        lines = [f"{serial}: restored, {told}; it starts again now"]
        if not secrets:
            lines.append("secrets: as they were; --record gives it those of the old board")
        if unknown:
            lines.append(f"not known to this firmware: {', '.join(unknown)}")
        show(said, as_json, lines)


def _record(record: Path, key_file: Path, kept: dict[str, Any]) -> dict[str, Any]:
    from keiki_host.provision import sealed  # noqa: PLC0415 - needs extras that a backup does not
    from keiki_host.provision.errors import ProvisionInputError  # noqa: PLC0415

    serial, settings = sealed.read(record, key_file)
    if serial != kept["settings"]["serial"]:
        raise ProvisionInputError(f"{record}: of {serial}, and the backup is of {kept['settings']['serial']}")
    return settings


def logs(
    meter: MeterUrl,
    follow: Annotated[
        bool, typer.Option("--follow", help="Then what it prints on its serial line, until Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Counters of every part since the start, and the heap; `events` has what happened."""
    with connected(meter, timeout, "logs") as device, contextlib.suppress(KeyboardInterrupt):
        counters = device.ask("statistics")
        counters["memory"] = device.ask("memory")
        rows = [
            (part, name, str(value))
            for part, held in sorted(counters.items())
            for name, value in held.items()
        ]
        show(counters, as_json, words.table(rows))
        if follow:
            if not device.prints:
                raise InputError("logs: --follow is for a serial line: nothing is printed on this one")
            for line in device.heard():
                print(line, flush=True)
