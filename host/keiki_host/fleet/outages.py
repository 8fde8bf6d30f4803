"""Scripted outages: a TOML file of [[outage]] tables, and who they hit.

share   how many of all meters, 0 to 1 (0.05 are 5 %)
at_h    when it begins, hours after the fleet's start
for_h   how long it lasts, hours
"""

import random
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keiki_host.fleet.errors import FleetInputError

_HOUR_S = 3600


class Outage(BaseModel):
    """A share of the fleet that cannot be reached and cannot send; it measures all the same."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    share: float = Field(gt=0, le=1)
    at_h: float = Field(ge=0)
    for_h: float = Field(gt=0)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    outage: list[Outage] = []


def load_outages(path: Path) -> tuple[Outage, ...]:
    """Read a file; FleetInputError names what is wrong in one line."""
    try:
        return tuple(_File.model_validate(tomllib.loads(path.read_text())).outage)
    except OSError as error:
        raise FleetInputError(f"outages: {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FleetInputError(f"outages: {path}: not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FleetInputError(f"outages: {path}: {where}: {first['msg']}") from None


def cuts(
    outages: tuple[Outage, ...], seed: int, meters: int, from_s: float
) -> dict[int, list[tuple[float, float]]]:
    """When each meter (by number, from 1 on) is cut off: (from, to), UTC seconds."""
    found: dict[int, list[tuple[float, float]]] = {}
    for index, outage in enumerate(outages):
        count = max(1, round(outage.share * meters))
        begin_s = from_s + outage.at_h * _HOUR_S
        window = begin_s, begin_s + outage.for_h * _HOUR_S
        for number in random.Random(f"{seed} outage {index}").sample(range(1, meters + 1), count):
            found.setdefault(number, []).append(window)
    return found
