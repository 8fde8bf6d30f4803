"""`keiki headend meter`: the registry from a console."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from keiki_host.headend import jst, key_change, parties, registry
from keiki_host.headend.command_options import (
    DATABASE,
    KEY_FILE,
    AsJson,
    Database,
    KeyFile,
    connected,
    print_json,
    print_table,
    who,
)
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.keys import Safe
from keiki_host.headend.registry import Meter

app = typer.Typer(help="The registry: meters, where they are, whose they are.", no_args_is_help=True)

Serial = Annotated[str, typer.Argument(help="Serial or system title.", show_default=False)]
At = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="When. [default: now]", show_default=False)
]
Registers = Annotated[
    str | None,
    typer.Option(metavar="WH,WH", help="Import and export register at that moment.", show_default=False),
]


def number(store: Store, name: str) -> int:
    """This database's number of the meter with a serial or title."""
    return registry.find_meter(store, name).meter_id


@app.command()
def add(
    serial: Annotated[str, typer.Argument(show_default=False)],
    title: Annotated[str, typer.Option(help="System title, 16 hex digits.", show_default=False)],
    rating: Annotated[int, typer.Option(help="30, 60 or 120 A.")] = 60,
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where it is asked.", show_default=False)
    ] = None,
    verified: Annotated[
        str | None, typer.Option(metavar="DAY", help="Day of its verification.", show_default=False)
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Last day of it. [default: ten years on]", show_default=False),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='Its keys, JSON: {"ek": HEX, "ak": HEX}.', show_default=False),
    ] = None,
    point: Annotated[
        str | None, typer.Option(help="Put it in at this supply point.", show_default=False)
    ] = None,
    area: Annotated[
        str | None, typer.Option(help="Of the point, if it is new here.", show_default=False)
    ] = None,
    at: At = None,
    registers: Registers = None,
    key_file: KeyFile = KEY_FILE,
    database: Database = DATABASE,
) -> None:
    """Register a meter; with --point, put it in there."""
    now_s = int(time.time())
    me: dict[str, Any] = {"who": who(), "now_s": now_s}
    found = _keys(keys)
    days = [None if day is None else registry.jst_day(jst.parse(day)) for day in (verified, expires)]
    at_s = now_s if at is None else jst.parse(at)
    wh = _registers(registers)
    with connected(database) as store, store.write():
        safe = Safe(store, key_file) if found else None
        meter_id = registry.add_meter(
            store, serial, title, rating, address=address, verified_day=days[0], expires_day=days[1], **me
        )
        if safe is not None:
            safe.put(meter_id, found, **me)
        if point is not None:
            point_id = _point(store, point, area, me)
            registry.install(store, meter_id, point_id, at_s, import_wh=wh[0], export_wh=wh[1], **me)


@app.command()
def exchange(
    old: Serial,
    new: Annotated[str, typer.Argument(help="Serial of the one that comes.", show_default=False)],
    last: Annotated[str, typer.Option(metavar="WH,WH", help="Registers of the old one.", show_default=False)],
    first: Annotated[
        str, typer.Option(metavar="WH,WH", help="Registers of the new one.", show_default=False)
    ],
    at: At = None,
    database: Database = DATABASE,
) -> None:
    """Put a meter in where another one was; the series of the point goes on."""
    now_s = int(time.time())
    ends = _whole(last), _whole(first)
    with connected(database) as store:
        registry.exchange(
            store,
            number(store, old),
            number(store, new),
            now_s if at is None else jst.parse(at),
            last_wh=ends[0],
            first_wh=ends[1],
            who=who(),
            now_s=now_s,
        )


@app.command()
def remove(serial: Serial, at: At = None, registers: Registers = None, database: Database = DATABASE) -> None:
    """Take a meter out; what it measured stays."""
    now_s = int(time.time())
    wh = _registers(registers)
    at_s = now_s if at is None else jst.parse(at)
    with connected(database) as store:
        meter_id = number(store, serial)
        registry.remove(store, meter_id, at_s, import_wh=wh[0], export_wh=wh[1], who=who(), now_s=now_s)


@app.command()
def party(
    code: Annotated[str, typer.Argument(show_default=False)],
    name: Annotated[str, typer.Argument(show_default=False)],
    kind: Annotated[str, typer.Option(help="utility, third, retailer or customer.", show_default=False)],
    database: Database = DATABASE,
) -> None:
    """Register a utility, third party, retailer or customer."""
    with connected(database) as store:
        parties.add_party(store, code, name, kind, who=who(), now_s=int(time.time()))


@app.command()
def assign(
    serial: Serial,
    code: Annotated[str, typer.Argument(help="Code of a retailer or customer; - for nobody any more.")],
    kind: Annotated[str, typer.Option(help="Needed for -: retailer or customer.")] = "",
    at: At = None,
    database: Database = DATABASE,
) -> None:
    """From a time on, a retailer supplies, or a customer uses, the point at which a meter is."""
    now_s = int(time.time())
    at_s = now_s if at is None else jst.parse(at)
    with connected(database) as store:
        there = registry.find_meter(store, serial)
        if there.point_id is None:
            raise HeadendInputError(f"meter {serial}: it is not installed")
        found = None if code == "-" else parties.find_party(store, code)
        change = _ASSIGN.get(kind if found is None else found.kind)
        if change is None:
            raise HeadendInputError(f"party {code}: it is no retailer or customer")
        change(store, there.point_id, found and found.party_id, at_s, who=who(), now_s=now_s)


_ASSIGN = {"retailer": parties.switch_supplier, "customer": parties.move}


@app.command()
def rekey(
    serial: Serial,
    client: Annotated[str, typer.Option(help="management, reader or master.")] = "management",
    database: Database = DATABASE,
    key_file: KeyFile = KEY_FILE,
) -> None:
    """Give a meter new keys: `serve` brings them to it."""
    with connected(database) as store:
        meter_id, safe = number(store, serial), Safe(store, key_file)
        me: dict[str, Any] = {"who": who(), "now_s": int(time.time())}
        print(f"command {key_change.ask(store, safe, meter_id, client, **me)}: new keys of {client}")


@app.command()
def address(
    serial: Serial,
    where: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where it is asked; -: nowhere.")],
    database: Database = DATABASE,
) -> None:
    """Say where a meter is asked."""
    with connected(database) as store:
        place = None if where == "-" else where
        registry.readdress(store, number(store, serial), place, who=who(), now_s=int(time.time()))


@app.command("list")
def list_(
    area: Annotated[str | None, typer.Option(help="Only of this area.", show_default=False)] = None,
    database: Database = DATABASE,
    as_json: AsJson = False,
) -> None:
    """All meters."""
    with connected(database) as store:
        _show(registry.meters(store, area_code=area), as_json)


@app.command()
def due(
    until: Annotated[str, typer.Option(metavar="DAY", help="Up to this day.", show_default=False)],
    database: Database = DATABASE,
    as_json: AsJson = False,
) -> None:
    """Installed meters whose verification ends by a day."""
    with connected(database) as store:
        _show(registry.due_for_verification(store, registry.jst_day(jst.parse(until))), as_json)


def _show(found: list[Meter], as_json: bool) -> None:
    if as_json:
        print_json({"meters": [meter._asdict() for meter in found]})
        return
    rows = [("serial", "title", "rating", "point", "area", "verified to")]
    for meter in found:
        ends = "-" if meter.expires_day is None else jst.iso(meter.expires_day * 86400)[:10]
        rating = f"{meter.rating_a} A"
        rows.append((meter.serial, meter.system_title, rating, meter.point or "-", meter.area or "-", ends))
    print_table(rows)


def _point(store: Store, point: str, area: str | None, me: dict[str, Any]) -> int:
    """The point, registered now with its area if it is new."""
    try:
        return parties.find_point(store, point)
    except HeadendInputError:
        if area is None:
            raise
    if area not in registry.areas(store):
        registry.add_area(store, area, area, **me)
    return registry.add_point(store, point, area, **me)


def _keys(path: Path | None) -> dict[str, bytes]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text())
        return {str(name): bytes.fromhex(text) for name, text in found.items()}
    except OSError as error:
        raise HeadendInputError(f"keys {path}: {error.strerror}") from None
    except (ValueError, TypeError, AttributeError):  # what is in it is not repeated: it may be a key
        raise HeadendInputError(f'keys {path}: not JSON like {{"ek": HEX, "ak": HEX}}') from None


def _whole(text: str) -> tuple[int, int]:
    try:
        import_wh, export_wh = (int(part) for part in text.split(","))
    except ValueError:
        raise HeadendInputError(f"registers: {text}: not two whole numbers of Wh like 12345,0") from None
    return import_wh, export_wh


def _registers(text: str | None) -> tuple[int | None, int | None]:
    return (None, None) if text is None else _whole(text)
