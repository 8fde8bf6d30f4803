"""Commands to meters, for operators; the trail, for auditors."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from keiki_host.headend import commands, jst, registry, trail
from keiki_host.headend.access import Action
from keiki_host.headend.api.caller import Asked
from keiki_host.headend.commands import Command

router = APIRouter(tags=["commands"])
Most = Annotated[int, Query(ge=1, le=1000)]


class Order(BaseModel):
    """A command that is asked for."""

    model_config = ConfigDict(extra="forbid")

    meter: str = Field(max_length=64, description="Serial number or system title.")
    kind: str = Field(max_length=20, description="switch, limit, clock, push, keys or read.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="Of this kind of command.")


@router.post("/commands", status_code=202)
def ask(order: Order, asked: Asked) -> dict[str, Any]:
    """Queue a command; it is tried until it is done or out of time."""
    asked.allow(Action.COMMAND, f"{order.kind} meter {order.meter}")
    found = registry.find_meter(asked.store, order.meter)
    command_id = commands.enqueue(
        asked.store, found.meter_id, order.kind, order.arguments, who=asked.who.who, now_s=asked.now_s
    )
    return _shown(commands.find(asked.store, command_id), found.serial)


@router.get("/commands")
def list_(
    asked: Asked, meter: str | None = None, before: int | None = None, most: Most = 100
) -> dict[str, Any]:
    """The newest commands first, of one meter or of all."""
    asked.allow(Action.COMMAND, "commands")
    number = None if meter is None else registry.find_meter(asked.store, meter).meter_id
    found = commands.commands(asked.store, meter_id=number, before=before, most=most)
    return {"commands": [_shown(row, meter) for row in found]}  # fmt: skip


@router.get("/commands/{command_id}")
def one(command_id: int, asked: Asked) -> dict[str, Any]:
    """What became of a command."""
    asked.allow(Action.COMMAND, f"command {command_id}")
    return _shown(commands.find(asked.store, command_id), None)


@router.delete("/commands/{command_id}")
def cancel(command_id: int, asked: Asked) -> dict[str, Any]:
    """Take back a command that is still queued."""
    asked.allow(Action.COMMAND, f"command {command_id}")
    commands.cancel(asked.store, command_id, who=asked.who.who, now_s=asked.now_s)
    return _shown(commands.find(asked.store, command_id), None)


@router.get("/trail")
def trail_of(asked: Asked, before: int | None = None, most: Most = 100) -> dict[str, Any]:
    """Who did what, the newest first; denials too."""
    asked.allow(Action.TRAIL, "trail")
    found = trail.entries(asked.store, before=before, most=most)
    return {"entries": [{**row._asdict(), "at": jst.iso(row.at_s)} for row in found]}


def _shown(row: Command, serial: str | None) -> dict[str, Any]:
    shown = {
        "id": row.command_id,
        "kind": row.kind,
        "arguments": row.arguments,
        "state": row.state,
        "who": row.who,
        "asked": jst.iso(row.asked_s),
        "ended": None if row.ended_s is None else jst.iso(row.ended_s),
        "attempts": row.attempts,
        "result": row.result,
        "read_back": row.read_back,
    }
    if serial is not None:
        shown["meter"] = serial
    return shown
