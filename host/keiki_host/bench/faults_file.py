"""The fault file: TOML, one [[fault]] table for each fault to play. See docs/b-route.md.

A mistake ends in one line that names the entry, the field and the reason; nothing is started.
"""

import datetime
import os
import tomllib
from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from keiki_host.bench.faults import Entry
from keiki_host.bench.faults_catalogue import CATALOGUE, FaultKind, Strict, effective_params, params_model


class FaultFileError(Exception):
    """A fault file that cannot be played; `str()` is the one line for the person who wrote it."""


def _instant(value: Any) -> float:
    """UTC seconds of an ISO 8601 time with its offset, written as text or as a TOML date-time."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime.datetime):
        raise PydanticCustomError("instant", "must be a date and time such as 2026-11-23T12:00:00+09:00")
    if value.tzinfo is None:
        raise PydanticCustomError("instant", "must say its offset, such as +09:00")
    return value.timestamp()


class _Entry(Strict):
    """The keys that every [[fault]] may have; the fault's own parameters are added by the catalogue."""

    name: str
    at: Annotated[float | None, BeforeValidator(_instant)] = None
    at_s: float | None = Field(default=None, ge=0)
    for_s: float | None = Field(default=None, gt=0)
    probability: float = Field(default=1.0, ge=0, le=1)
    count: int | None = Field(default=None, ge=1)
    meter: str | None = None


_SHARED = tuple(_Entry.model_fields)


def load_faults(path: str | os.PathLike[str], *, meters: Collection[str] | None = None) -> list[Entry]:
    """Read and check a fault file; `meters` are the names an entry may address. FaultFileError if wrong."""
    try:
        with open(path, "rb") as file:
            text = file.read().decode()
    except UnicodeDecodeError:
        raise FaultFileError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise FaultFileError(f"{path}: {error.strerror}") from None
    return parse_faults(text, source=str(path), meters=meters)


def parse_faults(text: str, *, source: str = "faults", meters: Collection[str] | None = None) -> list[Entry]:
    """As load_faults, from text; `source` begins the line of an error."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultFileError(f"{source}: not TOML: {error}") from None
    for key in document:
        if key != "fault":
            raise FaultFileError(f"{source}: {key}: unknown; faults are written as [[fault]]")
    tables = document.get("fault", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise FaultFileError(f"{source}: fault: must be written as [[fault]]")
    return [_entry(table, f"{source}: fault {n}", meters) for n, table in enumerate(tables, 1)]


def _entry(table: dict[str, Any], where: str, meters: Collection[str] | None) -> Entry:
    name = table.get("name")
    if name is None:
        raise FaultFileError(f"{where}: name: is missing")
    kind = CATALOGUE.get(name) if isinstance(name, str) else None
    if kind is None:
        raise FaultFileError(f"{where}: name: no fault is called {name!r}")
    where = f"{where} ({kind.name})"
    try:
        checked = params_model(kind, _Entry)(**table)
    except ValidationError as error:
        raise FaultFileError(f"{where}: {_reason(error.errors()[0], kind)}") from None
    entry = dict(checked)
    wrong = _contradiction(kind, table, entry, meters)
    if wrong:
        raise FaultFileError(f"{where}: {wrong}")
    params = {param.name: entry[param.name] for param in kind.params if entry[param.name] is not None}
    try:
        effective_params(kind, params)
    except ValueError as error:
        raise FaultFileError(f"{where}: {error}") from None
    return Entry(
        name=kind.name,
        params=params,
        at_s=entry["at_s"] or 0.0,
        at_utc_s=entry["at"],
        for_s=entry["for_s"],
        probability=entry["probability"],
        count=entry["count"],
        meter=entry["meter"],
    )


def _contradiction(
    kind: FaultKind, table: dict[str, Any], entry: dict[str, Any], meters: Collection[str] | None
) -> str | None:
    """Say which keys are each right but cannot be together, as "field: reason"."""
    if kind.act == "start":
        for key in table:
            if key in _SHARED and key != "name":
                return f"{key}: has no meaning here, the fault is the start itself"
    if kind.act != "answer" and entry["count"] is not None:
        return "count: has no meaning here, the fault happens once; use for_s"
    if entry["at"] is not None and entry["at_s"] is not None:
        return "at_s: cannot be together with at"
    if meters is not None and entry["meter"] is not None and entry["meter"] not in meters:
        return f"meter: no meter is called {entry['meter']!r}; there is {', '.join(meters)}"
    return None


_SHARED_TEXT = {
    "at_s": "a number of seconds, 0 or more",
    "for_s": "a number of seconds above 0",
    "probability": "a number 0 to 1",
    "count": "a whole number, 1 or more",
    "meter": "the name of a meter in quotes",
}


def _reason(error: ErrorDetails, kind: FaultKind) -> str:
    """One field and reason in our words: pydantic's own name its classes and cover several lines."""
    field = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        own = ", ".join(param.name for param in kind.params)
        return f"{field}: unknown; {kind.name} takes {own or 'no parameters'}"
    if error["type"] == "instant":
        return f"{field}: {error['msg']}"
    allowed = _SHARED_TEXT.get(field) or next(p.allowed for p in kind.params if p.name == field)
    value = error["input"]
    shown = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return f"{field}: must be {allowed}, not {shown if len(shown) <= 40 else shown[:37] + '...'}"
