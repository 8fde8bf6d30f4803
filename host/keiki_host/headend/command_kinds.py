"""The kinds of command that a meter can be given, and what each must be told."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keiki_host.headend.errors import HeadendInputError


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Switch(_Arguments):
    """Open or close the main switch."""

    closed: bool


class Limit(_Arguments):
    """The contract current at which the limiter opens the switch; 0: no limit."""

    limit_a: int = Field(ge=0, le=120)


class Clock(_Arguments):
    """Set the clock to the time at which the command is carried out."""


class Push(_Arguments):
    """When the meter pushes: how long after the slot, at random up to a window."""

    enabled: bool = True
    delay_s: int = Field(default=0, ge=0, le=1799)
    window_s: int = Field(default=300, ge=0, le=1799)


class Keys(_Arguments):
    """Give the meter pending keys (keys.Safe.pend), by their numbers; no key is in a command."""

    key_ids: list[int] = Field(min_length=1, max_length=5)


class Read(_Arguments):
    """Read the registers now."""

    what: Literal["registers"] = "registers"


KINDS: dict[str, type[_Arguments]] = {
    "switch": Switch,
    "limit": Limit,
    "clock": Clock,
    "push": Push,
    "keys": Keys,
    "read": Read,
}
SETTINGS = ("switch", "limit", "clock", "push", "keys")
"""Kinds that set something: the KPI of remote settings counts these."""


def checked(kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A command's arguments with those that were left out; HeadendInputError: no such kind, or wrong ones."""
    if kind not in KINDS:
        raise HeadendInputError(f"command: {kind} is none of {', '.join(KINDS)}")
    try:
        return KINDS[kind].model_validate(arguments).model_dump()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "arguments"
        raise HeadendInputError(f"command {kind}: {where}: {first['msg']}") from None
