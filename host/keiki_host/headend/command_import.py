"""`keiki headend meter import`: a file of meters into the registry, all of them or none.

JSON: {"meters": [{...}]}. Each has `serial` and `title` (16 hex digits), and may have `rating_a` (60),
`address` (host:port) and `keys` ({"ek": HEX, ..}). With `point` it is put in there, at
`installed_s` (UTC seconds; now) with `registers_wh` ([import, export]); a point that is new needs an `area`.
`retailer` supplies it from then on.
"""

import json
import stat
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keiki_host.headend import parties, registry
from keiki_host.headend.command_options import (
    DATABASE,
    KEY_FILE,
    AsJson,
    Database,
    KeyFile,
    connected,
    print_json,
    who,
)
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.keys import Safe


class Entry(BaseModel):
    """One meter of a file."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    serial: str
    title: str
    rating_a: int = 60
    address: str | None = None
    point: str | None = None
    area: str | None = None
    retailer: str | None = None
    installed_s: int | None = None
    registers_wh: tuple[int, int] | None = None
    keys: dict[str, str] = Field(default_factory=dict, repr=False)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    meters: list[Entry]


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON; see docs/fleet.md.", show_default=False)
    ],
    database: Database = DATABASE,
    key_file: KeyFile = KEY_FILE,
    as_json: AsJson = False,
) -> None:
    """Register all meters of a file, with their keys, points, areas and retailers; all of them or none."""
    entries = read(file)
    with connected(database) as store, store.write():
        register(store, Safe(store, key_file), entries, who=who(), now_s=int(time.time()))
    if as_json:
        print_json({"meters": len(entries)})
    else:
        print(f"{len(entries)} meters registered")


def read(file: Path) -> list[Entry]:
    """The meters of a file. HeadendInputError: it is not as it must be, or others may read it."""
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise HeadendInputError(f"meters {file}: others may read it (chmod 600)")
        return _File.model_validate(json.loads(file.read_text())).meters
    except OSError as error:
        raise HeadendInputError(f"meters {file}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HeadendInputError(f"meters {file}: {where}: {first['msg']}") from None
    except ValueError:  # what is in it is not repeated: it may be a key
        raise HeadendInputError(f"meters {file}: not JSON") from None


def register(store: Store, safe: Safe, entries: list[Entry], *, who: str, now_s: int) -> None:
    """Register meters; call it in a transaction. HeadendInputError names the first that cannot be."""
    me: dict[str, Any] = {"who": who, "now_s": now_s}
    areas = set(registry.areas(store))
    retailers = {party.code: party.party_id for party in parties.parties(store, "retailer")}
    for meter in entries:
        meter_id = registry.add_meter(
            store, meter.serial, meter.title, meter.rating_a, address=meter.address, **me
        )
        if meter.keys:
            safe.put(meter_id, _keys(meter), **me)
        if meter.point is None:
            continue
        if meter.area is not None and meter.area not in areas:
            registry.add_area(store, meter.area, meter.area, **me)
            areas.add(meter.area)
        point_id = _point(store, meter, me)
        at_s = now_s if meter.installed_s is None else meter.installed_s
        wh = meter.registers_wh or (None, None)
        registry.install(store, meter_id, point_id, at_s, import_wh=wh[0], export_wh=wh[1], **me)
        if meter.retailer is not None:
            if meter.retailer not in retailers:
                code = meter.retailer
                retailers[code] = parties.add_party(store, code, code, "retailer", **me)
            parties.switch_supplier(store, point_id, retailers[meter.retailer], at_s, **me)


def _point(store: Store, meter: Entry, me: dict[str, Any]) -> int:
    """The point of a meter, registered now with its area if it is new."""
    assert meter.point is not None
    if meter.area is None:
        return parties.find_point(store, meter.point)
    try:
        return parties.find_point(store, meter.point)
    except HeadendInputError:
        return registry.add_point(store, meter.point, meter.area, **me)


def _keys(meter: Entry) -> dict[str, bytes]:
    try:
        return {name: bytes.fromhex(text) for name, text in meter.keys.items()}
    except ValueError:
        raise HeadendInputError(f"meter {meter.serial}: a key is not hex") from None
