"""How each kind of command is carried out in a session, and the state that is read back afterwards.

Each may be done twice. AccessError: the meter refuses; SessionError: it may be tried again.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from keiki.wire.cosem import datetime12
from keiki.wire.cosem.axdr import ENUM, I8, OCTETS, STRUCTURE, U16, U32
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.values import encode

from keiki_host.headend import observations
from keiki_host.headend.collect import visit
from keiki_host.headend.collect.session import Session, SessionError
from keiki_host.headend.jst import iso

CLOCK_S = 60
"""Below this an offset is made good by and by (docs/data.md): a clock that is nearer has been set."""
_NO_LIMIT = 0xFFFFFFFF
_SWITCH = b"\x00\x00\x60\x03\x0a\xff"
_LIMITER = b"\x00\x00\x11\x00\x00\xff"
_PUSH = b"\x00\x00\x19\x09\x00\xff"
_IMPORT = (3, b"\x01\x00\x01\x08\x00\xff", 2)
_EXPORT = (3, b"\x01\x00\x02\x08\x00\xff", 2)
_CLOCK = (8, b"\x00\x00\x01\x00\x00\xff", 2)
_STATES = ("disconnected", "connected", "ready for reconnection")


class Outcome(NamedTuple):
    """How a command ended."""

    done: bool
    result: str
    """One line."""
    read_back: dict[str, Any]
    """The state that the meter says it has now."""
    clock: observations.Clock | None = None
    register: observations.Register | None = None


class Around(NamedTuple):
    """What a command may have to know: the time, and where meters send to."""

    now: Callable[[], float]
    push_to: str


Carry = Callable[[Session, dict[str, Any], Around], Awaitable[Outcome]]


async def switch(session: Session, arguments: dict[str, Any], _around: Around) -> Outcome:
    """Open or close; the meter answers when its contact has moved."""
    closed = bool(arguments["closed"])
    await session.act((70, _SWITCH, 2 if closed else 1), encode(I8, 0))
    output, state = await _read(session, (70, _SWITCH, 2), (70, _SWITCH, 3))
    named = _STATES[state] if state in range(len(_STATES)) else str(state)
    read_back = {"closed": bool(output), "state": named}
    if bool(output) == closed:
        return Outcome(True, "closed" if closed else "open", read_back)
    if closed and state == 2:
        return Outcome(True, "ready: whoever is there closes it", read_back)
    return Outcome(False, f"it is still {'open' if closed else 'closed'}", read_back)


async def limit(session: Session, arguments: dict[str, Any], _around: Around) -> Outcome:
    """Set the contract current."""
    limit_a = int(arguments["limit_a"])
    wanted_ma = limit_a * 1000 or _NO_LIMIT
    await session.set((71, _LIMITER, 4), encode(U32, wanted_ma))
    normal_ma, active_ma = await _read(session, (71, _LIMITER, 4), (71, _LIMITER, 3))
    read_back = {"limit_a": _amperes(normal_ma), "active_a": _amperes(active_ma)}
    words = f"{limit_a} A" if limit_a else "no limit"
    return Outcome(
        normal_ma == wanted_ma, words if normal_ma == wanted_ma else "it has another one", read_back
    )


async def clock(session: Session, _arguments: dict[str, Any], around: Around) -> Outcome:
    """Set the clock to the time at which this is done."""
    before = await visit.clock(session, int(around.now()))
    await session.set(_CLOCK, encode(OCTETS, datetime12.pack(int(around.now()))))
    after = await visit.clock(session, int(around.now()))
    read_back = {"offset_s": after.offset_s, "before_s": before.offset_s}
    done = abs(after.offset_s) <= CLOCK_S
    words = f"was {before.offset_s} s ahead, is {after.offset_s} s"
    return Outcome(done, words, read_back, clock=after)


async def push(session: Session, arguments: dict[str, Any], around: Around) -> Outcome:
    """Say whether and when it pushes; it pushes to this head-end."""
    if arguments["delay_s"]:
        return Outcome(False, "this meter has no delay before its window", {})
    if arguments["enabled"] and not around.push_to:
        return Outcome(False, "where meters reach this head-end is not known (serve --reached-at)", {})
    wanted = around.push_to if arguments["enabled"] else ""
    name = (40, _PUSH, 3)
    transport, _, form = await session.get(name)
    await session.set(name, encode((STRUCTURE, ENUM, OCTETS, ENUM), (transport, wanted.encode(), form)))
    await session.set((40, _PUSH, 5), encode(U16, arguments["window_s"]))
    (_, to, _), window_s = await _read(session, name, (40, _PUSH, 5))
    read_back = {"to": to.decode("ascii", "replace"), "window_s": window_s}
    done = read_back == {"to": wanted, "window_s": arguments["window_s"]}
    return Outcome(done, f"to {wanted or 'nobody'}" if done else "it has other settings", read_back)


async def read(session: Session, _arguments: dict[str, Any], around: Around) -> Outcome:
    """Read the registers now."""
    imported, exported = await _read(session, _IMPORT, _EXPORT)
    now_s = int(around.now())
    after = await visit.clock(session, now_s)
    read_back = {"at": iso(now_s), "import_wh": int(imported), "export_wh": int(exported)}
    register = observations.Register(now_s, int(imported), int(exported), "now")
    words = f"{imported} Wh import, {exported} Wh export"
    return Outcome(True, words, {**read_back, "offset_s": after.offset_s}, after, register)


CARRY: dict[str, Carry] = {"switch": switch, "limit": limit, "clock": clock, "push": push, "read": read}
"""By kind; `keys` is a thing of its own (rekey.py)."""


async def _read(session: Session, *wanted: tuple[int, bytes, int]) -> list[Any]:
    """Values of attributes; AccessError if one is refused."""
    found = await session.get_list(wanted)
    for value in found:
        if isinstance(value, AccessError):
            raise value
        if value is None:
            raise SessionError(f"meter {session.meter.serial}: a value is missing")
    return found


def _amperes(limit_ma: int) -> int | None:
    return None if limit_ma == _NO_LIMIT else limit_ma // 1000
