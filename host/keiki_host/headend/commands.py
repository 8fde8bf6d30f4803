"""The queue of commands to meters: asked for, tried until they are done or out of time, and on the trail.

A worker claims a command for a while (its lease). If it never says what became of it, the command is tried
again: so each command must be one that may be done twice. Commands of one meter run one after the other, in
the order in which they were asked for. A result counts only with the number of the try that it is of.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, exists, insert, select, update

from keiki_host.headend import command_kinds, trail
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.schema_registry import command, meter

LEASE_S = 120
KEPT_S = 24 * 3600
"""How long a command is tried, unless it is asked for otherwise."""
WAIT_MAX_S = 900


class Command(NamedTuple):
    """A command, and what became of it."""

    command_id: int
    meter_id: int
    kind: str
    arguments: dict[str, Any]
    state: str
    """queued, running, done, failed, expired or cancelled."""
    who: str
    asked_s: int
    due_s: int
    """Queued: when it is tried next. Running: when its lease ends."""
    expires_s: int
    attempts: int
    ended_s: int | None
    result: str | None
    """One line."""
    read_back: dict[str, Any] | None
    """The state read from the meter afterwards."""


def enqueue(
    store: Store,
    meter_id: int,
    kind: str,
    arguments: dict[str, Any],
    *,
    who: str,
    now_s: int,
    not_before_s: int | None = None,
    expires_s: int | None = None,
) -> int:
    """Ask for a command; return its number. HeadendInputError: no such kind or meter, or wrong arguments."""
    whole = command_kinds.checked(kind, arguments)
    due_s = now_s if not_before_s is None else not_before_s
    end_s = due_s + KEPT_S if expires_s is None else expires_s
    if end_s <= due_s:
        raise HeadendInputError(f"command {kind}: it would be out of time before it is tried")
    with store.write() as connection:
        serial = connection.execute(select(meter.c.serial).where(meter.c.meter_id == meter_id)).scalar()
        if serial is None:
            raise HeadendInputError(f"meter: there is no number {meter_id}")
        command_id: int = connection.execute(
            insert(command)
            .values(
                meter_id=meter_id,
                kind=kind,
                arguments=json.dumps(whole),
                state="queued",
                who=who,
                asked_s=now_s,
                due_s=due_s,
                expires_s=end_s,
                attempts=0,
            )
            .returning(command.c.command_id)
        ).scalar_one()
        _note(connection, now_s, who, "asked", command_id, meter_id, kind, arguments=whole)
    return command_id


def claim(store: Store, *, now_s: int, most: int = 10, lease_s: int = LEASE_S) -> list[Command]:
    """Take commands that are due, at most one of a meter; they are this worker's until now_s + lease_s."""
    _give_up(store, now_s)
    other = command.alias()
    earlier = exists().where(
        other.c.meter_id == command.c.meter_id,
        other.c.command_id != command.c.command_id,
        (other.c.state == "running")
        | and_(other.c.state == "queued", other.c.command_id < command.c.command_id),
    )
    due = (
        select(command.c.command_id)
        .where(command.c.state == "queued", command.c.due_s <= now_s, ~earlier)
        .order_by(command.c.due_s, command.c.command_id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    with store.write() as connection:
        numbers = [row.command_id for row in connection.execute(due)]
        taken = connection.execute(
            update(command)
            .where(command.c.command_id.in_(numbers), command.c.state == "queued")
            .values(state="running", due_s=now_s + lease_s, attempts=command.c.attempts + 1)
            .returning(command)
        )
        return sorted(_command(row) for row in taken)


def take_over(store: Store, *, now_s: int) -> int:
    """Queue again what a worker that is gone was at, if no other can be there; return how many."""
    with store.write() as connection:
        changed = connection.execute(
            update(command)
            .where(command.c.state == "running")
            .values(state="queued", due_s=now_s, result="its worker ended")
        )
    return changed.rowcount


def finish(
    store: Store,
    claimed: Command,
    *,
    done: bool,
    result: str,
    now_s: int,
    read_back: dict[str, Any] | None = None,
) -> bool:
    """Say how a claimed command ended, with the state read back; False: it was not this worker's any more."""
    return _end(store, claimed, "done" if done else "failed", result, now_s, read_back)


def retry(store: Store, claimed: Command, *, result: str, now_s: int, rand: Callable[[], float]) -> bool:
    """A try came to nothing: put the command back, to be tried after a wait that grows with the tries.

    `rand` gives 0 <= x < 1: the wait is between half and all of 10 s x 2^tries, at most `WAIT_MAX_S`.
    False: it was not this worker's any more. A command whose time is up ends as expired.
    """
    longest_s = min(WAIT_MAX_S, 10 * 2 ** min(claimed.attempts, 10))
    due_s = now_s + int(longest_s * (1 + rand()) / 2)
    if due_s >= claimed.expires_s:
        return _end(store, claimed, "expired", result, now_s, None)
    with store.write() as connection:
        return _change(connection, claimed, state="queued", due_s=due_s, result=result)


def cancel(store: Store, command_id: int, *, who: str, now_s: int) -> None:
    """Take back a command that is still queued; HeadendInputError if it is not."""
    with store.write() as connection:
        row = connection.execute(
            update(command)
            .where(command.c.command_id == command_id, command.c.state == "queued")
            .values(state="cancelled", ended_s=now_s, result=f"cancelled by {who}")
            .returning(command.c.meter_id, command.c.kind)
        ).first()
        if row is None:
            raise HeadendInputError(f"command {command_id}: it is not waiting")
        _note(connection, now_s, who, "cancelled", command_id, row.meter_id, row.kind)


def find(store: Store, command_id: int) -> Command:
    """One command; HeadendInputError if there is none."""
    with store.read() as connection:
        row = connection.execute(select(command).where(command.c.command_id == command_id)).first()
    if row is None:
        raise HeadendInputError(f"command: there is no number {command_id}")
    return _command(row)


def commands(
    store: Store, *, meter_id: int | None = None, before: int | None = None, most: int = 100
) -> list[Command]:
    """The newest commands first, of one meter or of all, numbers below `before`, at most `most`."""
    query = select(command).order_by(command.c.command_id.desc()).limit(most)
    if meter_id is not None:
        query = query.where(command.c.meter_id == meter_id)
    if before is not None:
        query = query.where(command.c.command_id < before)
    with store.read() as connection:
        return [_command(row) for row in connection.execute(query)]


def _give_up(store: Store, now_s: int) -> None:
    """Queue again what went silent; end what is out of time."""
    with store.read() as connection:
        rows = connection.execute(
            select(command).where(
                and_(command.c.state == "running", command.c.due_s <= now_s)
                | and_(command.c.state == "queued", command.c.expires_s <= now_s)
            )
        ).all()
    for found in map(_command, rows):
        if found.expires_s <= now_s:
            _end(store, found, "expired", found.result or "never tried", now_s, None)
        else:
            with store.write() as connection:
                _change(connection, found, state="queued", due_s=now_s, result="its worker went silent")


def _end(
    store: Store, found: Command, state: str, result: str, now_s: int, read_back: dict[str, Any] | None
) -> bool:
    text = " ".join(result.split())[:300]
    answer = None if read_back is None else json.dumps(read_back)
    with store.write() as connection:
        changed = _change(connection, found, state=state, ended_s=now_s, result=text, read_back=answer)
        outcome = state if changed else "late"
        _note(
            connection,
            now_s,
            found.who,
            outcome,
            found.command_id,
            found.meter_id,
            found.kind,
            result=text,
            tries=found.attempts,
            read_back=read_back,
        )
    return changed


def _change(connection: Connection, found: Command, **values: object) -> bool:
    """Change a command, if it is still in the state and try that it was found in."""
    return bool(
        connection.execute(
            update(command)
            .where(
                command.c.command_id == found.command_id,
                command.c.state == found.state,
                command.c.attempts == found.attempts,
            )
            .values(values)
        ).rowcount
    )


def _note(
    connection: Connection,
    now_s: int,
    who: str,
    outcome: str,
    command_id: int,
    meter_id: int,
    kind: str,
    **detail: object,
) -> None:
    subject = f"meter {meter_id}"
    trail.note(
        connection, now_s, who, f"command.{kind}", subject, outcome=outcome, command=command_id, **detail
    )


def _command(row: Row[Any]) -> Command:
    found = Command(*tuple(row))
    return found._replace(
        arguments=json.loads(row.arguments),
        read_back=None if row.read_back is None else json.loads(row.read_back),
    )
