"""Who each meter of a fleet is, and the file by which a head-end gets to know them.

Everything follows from the seed, the keys too: a fleet is for trying a head-end out, never for secrets.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keiki_host.fleet.errors import FleetError

NUMBERS_MAX = 1_000_000
KEY_NAMES = ("kek", "ek", "ak", "read_ek", "read_ak")
_AREAS = ("east", "north", "south", "west")
_RETAILERS = 3


@dataclass(frozen=True)
class Identity:
    """One meter, by its number in the fleet, from 1 on."""

    number: int
    serial: str
    unique_id: bytes
    """Of its chip; the system title is made of it as the firmware does it."""
    point: str
    area: str
    retailer: str
    rating_a: int
    start_wh: int
    """Import register at the beginning."""
    keys: dict[str, bytes] = field(repr=False)

    @property
    def title(self) -> bytes:
        """System title, 8 bytes."""
        return b"KEI" + self.unique_id


def identity(seed: int, number: int) -> Identity:
    """Meter `number` of the fleet of a seed."""

    def derived(what: str) -> bytes:
        return hashlib.sha256(f"{seed} {number} {what}".encode()).digest()

    chance = derived("chance")
    return Identity(
        number=number,
        serial=f"FLEET{number:07}",
        unique_id=b"F" + number.to_bytes(4, "big"),
        point=f"09{number:020}",
        area=_AREAS[number % len(_AREAS)],
        retailer=f"retailer{number % _RETAILERS + 1}",
        rating_a=(30, 60, 60, 120)[chance[0] % 4],
        start_wh=int.from_bytes(chance[1:4], "big"),
        keys={name: derived(name)[:16] for name in KEY_NAMES},
    )


def entry(meter: Identity, address: str | None, from_s: int) -> dict[str, Any]:
    """What a head-end must know of a meter; see `keiki headend meter import`."""
    return {
        "serial": meter.serial,
        "title": meter.title.hex(),
        "rating_a": meter.rating_a,
        "address": address,
        "point": meter.point,
        "area": meter.area,
        "retailer": meter.retailer,
        "installed_s": from_s,
        "registers_wh": [meter.start_wh, 0],
        "keys": {name: key.hex() for name, key in meter.keys.items()},
    }


def write_registration(path: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Write the file of meters, for its owner's eyes only. FleetError: that cannot be."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w") as file:
            json.dump({"meters": list(entries)}, file, separators=(",", ":"))
        part.replace(path)
    except OSError as error:
        raise FleetError(f"{path}: {error.strerror}") from None
