"""`keiki provision`: everything that makes a board a meter of its own, over its console.

The order is that of what cannot be made good: what is wrong with the input is found first; the sealed record
is on the disk before the meter has its keys; the head-end's transaction ends when the meter has taken them.
"""

import contextlib
import json
import os
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from keiki_host import wifi as networks
from keiki_host.device import Device, UrlError
from keiki_host.device_command import AsJson, MeterUrl, Yes, confirm
from keiki_host.headend import registry
from keiki_host.headend.command_options import DATABASE, KEY_FILE, Database, KeyFile, connected, who
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.keys import Safe, read_key_file
from keiki_host.provision import identity, label, sealed
from keiki_host.provision.errors import ProvisionError, ProvisionInputError

LINE_MAX = 1024  # of the console (docs/device.md)
UNNAMED = "KEIKI0000001"
"""The serial number of a board that nobody has provisioned."""
RECORDS = Path("keiki-meters")

app = typer.Typer()
label_app = typer.Typer()

LabelFile = Annotated[
    str | None,
    typer.Option(
        "--label",
        metavar="FILE",
        help="PDF; - for a printer (| lp), with the B-route credentials.",
        show_default=False,
    ),
]


@label_app.command("label")
def make_label(
    record: Annotated[Path, typer.Argument(help="A sealed record.", show_default=False)],
    label_file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="PDF; - for a printer, with the B-route credentials."),
    ] = "-",
    key_file: KeyFile = KEY_FILE,
) -> None:
    """Make the label of a meter again from its sealed record."""
    _to_printer(label_file)
    _, held = sealed.read(record, key_file)
    _label(label_file, held, held["system_title"])


@app.command()
def provision(
    meter: MeterUrl,
    serial: Annotated[
        str | None, typer.Option(help="Serial number. [default: made]", show_default=False)
    ] = None,
    rating: Annotated[int, typer.Option(help="30, 60 or 120 A.")] = 60,
    given: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML of settings that are given, not made.", show_default=False),
    ] = None,
    wifi: Annotated[
        str | None,
        typer.Option(metavar="SSID", help="Wi-Fi to join; its password is asked for.", show_default=False),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where the head-end asks the meter.", show_default=False),
    ] = None,
    label_file: LabelFile = None,
    no_headend: Annotated[
        bool, typer.Option("--no-headend", help="Register it nowhere; keep the sealed record only.")
    ] = False,
    records: Annotated[Path, typer.Option(help="Folder of sealed records.")] = RECORDS,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a record that is there.")] = False,
    database: Database = DATABASE,
    key_file: KeyFile = KEY_FILE,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give a meter its serial number, credentials, keys, rating and the time, and register it."""
    to_printer = _to_printer(label_file)
    asked = _given(given)
    network = _network(asked, wifi)
    chosen = _settings(asked, serial, rating)
    read_key_file(key_file)
    path = sealed.path_of(records, chosen["serial"])
    with _connected(meter) as device, contextlib.ExitStack() as transaction:
        status = device.ask("status")
        title = status.get("system_title")
        if not isinstance(title, str):
            raise ProvisionError(f"{meter}: its firmware does not say its system title; flash it first")
        if network is not None:
            networks.check_radio(device, status)
        if status["serial"] not in (UNNAMED, chosen["serial"]):
            confirm(f"This meter is {status['serial']} already. Make it {chosen['serial']}?", yes)
        if not no_headend:
            store = transaction.enter_context(connected(database))
            transaction.enter_context(store.write())
            me: dict[str, Any] = {"who": who(), "now_s": int(time.time())}
            safe = Safe(store, key_file)
            _check_new(title, store)
            number = registry.add_meter(store, chosen["serial"], title, rating, address=address, **me)
            safe.put(number, identity.keys(chosen), **me)
        record = {**chosen, "system_title": title, **({} if network is None else {"wifi": network})}
        sealed.write(path, key_file, chosen["serial"], record, new=not replace)
        if network is not None:
            device.ask("wifi", **network)
        _give(device, chosen, path)
    _label(label_file, chosen, title)
    result = {
        "serial": chosen["serial"],
        "system_title": title,
        "rating_a": rating,
        "record": str(path),
        "registered": not no_headend,
        "wifi": None if network is None else network["ssid"],
    }
    shown = json.dumps(result) if as_json else _said(result)
    print(shown, file=sys.stderr if to_printer else sys.stdout)


def _to_printer(name: str | None) -> bool:
    """Whether the label goes to a printer; ProvisionInputError: there is none behind standard output."""
    if name == "-" and sys.stdout.isatty():
        raise ProvisionInputError("label: - is for a printer, as in `keiki provision ... --label - | lp`")
    return name == "-"


def _given(given: Path | None) -> dict[str, Any]:
    if given is None:
        return {}
    try:
        asked = tomllib.loads(given.read_text())
    except OSError as error:
        raise ProvisionInputError(f"given: {given}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # why: what a TOML parser says may quote the line, and a secret stands in it
        raise ProvisionInputError(f"given: {given}: not TOML") from None
    return {name: str(value) if name == "production" else value for name, value in asked.items()}


def _network(asked: dict[str, Any], ssid: str | None) -> dict[str, str] | None:
    """The network that is given or named, None: none is; it is no setting, so it is taken out of `asked`."""
    ssid, password = ssid or asked.pop(networks.NAME, None), asked.pop(networks.PASSWORD, None)
    if ssid is None and password is None:
        return None
    if not isinstance(ssid, str) or not isinstance(password, str | None):
        raise ProvisionInputError("given: wifi_ssid and wifi_password are texts")
    return networks.network(ssid, password)


def _settings(asked: dict[str, Any], serial: str | None, rating: int) -> dict[str, Any]:
    asked["rating_a"] = rating
    if serial is not None:
        asked["serial"] = serial
    if rating not in registry.RATINGS_A:
        raise ProvisionInputError(f"rating: {rating} A is none of 30, 60, 120")
    settings = identity.settings(asked, time.time(), os.urandom)
    registry.check_code("serial", settings["serial"])
    if len(_request(settings)) > LINE_MAX:
        raise ProvisionInputError(
            "given: more than one request to a meter holds; set the rest with keiki device"
        )
    return settings


@contextlib.contextmanager
def _connected(url: str) -> Iterator[Device]:
    try:
        with Device(url) as device:
            yield device
    except UrlError as error:
        raise ProvisionInputError(str(error)) from None


def _check_new(title: str, store: Any) -> None:
    """HeadendInputError if the head-end knows a meter of this title: its keys would be lost."""
    try:
        known = registry.find_meter(store, title)
    except HeadendInputError:
        return
    raise HeadendInputError(
        f"meter {title}: the head-end has it as {known.serial}; new keys: keiki headend meter keys"
    )


def _request(settings: dict[str, Any]) -> bytes:
    return json.dumps({"op": "set", "values": settings}).encode() + b"\n"


def _give(device: Device, settings: dict[str, Any], path: Path) -> None:
    """Set everything at once and the time, and have the meter start with it."""
    device.ask("set", values=settings)
    held = device.ask("settings")
    if any(held.get(name) != settings[name] for name in ("serial", "rating_a", "production")):
        raise ProvisionError(f"{device.url}: the meter has not kept what it was given; {path} has it")
    device.ask("set_clock", utc_ms=time.time_ns() // 1_000_000)
    device.ask("restart")


def _label(name: str | None, settings: dict[str, Any], title: str) -> None:
    if name is None:
        return
    try:
        if name == "-":
            label.write_pdf(settings, title, sys.stdout.buffer, secrets=True)
            sys.stdout.flush()
        else:
            with open(name, "wb") as file:
                label.write_pdf(settings, title, file, secrets=False)
    except OSError as error:
        raise ProvisionError(
            f"label: {name}: {error.strerror}; all else is done, and `keiki label` makes another"
        ) from None


def _said(result: dict[str, Any]) -> str:
    where = "registered in the head-end" if result["registered"] else "registered nowhere"
    wifi = "" if result["wifi"] is None else f", joins {result['wifi']} (keiki device status)"
    return (
        f"{result['serial']} (system title {result['system_title']}, {result['rating_a']} A): provisioned, "
        f"{where}{wifi}\n"
        f"what it was given is sealed in {result['record']}"
    )
