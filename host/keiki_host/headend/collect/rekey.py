"""Gives a meter new keys: wrapped under its master key, current when it answers under them.

A meter that went silent in the middle has either the old keys or all of the new ones: the next try finds out.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from keiki.wire.cosem.axdr import ARRAY, ENUM, OCTETS, STRUCTURE
from keiki.wire.cosem.keywrap import wrap
from keiki.wire.cosem.results import OTHER, AccessError
from keiki.wire.cosem.values import encode

from keiki_host.headend.collect.carry_out import Outcome
from keiki_host.headend.collect.roster import Meter
from keiki_host.headend.collect.session import MANAGEMENT, Session, SessionError, Sessions
from keiki_host.headend.keys import Safe

# name: security setup, and the number of the key in it
_PLACES = {
    "ek": (b"\x00\x00\x2b\x00\x00\xff", 0),
    "ak": (b"\x00\x00\x2b\x00\x00\xff", 2),
    "kek": (b"\x00\x00\x2b\x00\x00\xff", 3),
    "read_ek": (b"\x00\x00\x2b\x00\x02\xff", 0),
    "read_ak": (b"\x00\x00\x2b\x00\x02\xff", 2),
}
_SHAPE = (ARRAY, (STRUCTURE, ENUM, OCTETS))
_CLOCK = (8, b"\x00\x00\x01\x00\x00\xff", 2)


async def rekey(
    meter: Meter, key_ids: list[int], sessions: Sessions, safe: Safe, who: str, now: Callable[[], float]
) -> Outcome:
    """Transfer pending keys, prove that the meter has them, make them current.

    SessionError: it may be tried again; the keys are still pending then.
    """
    known = await asyncio.to_thread(safe.states, meter.meter_id)
    names = {key_id: known[key_id][0] for key_id in key_ids if key_id in known}
    done = Outcome(True, "it answers under its new keys", {"keys": sorted(names.values())})
    states = {known[key_id][1] for key_id in names}
    if states == {"current"}:
        return done  # it has spoken under them by itself
    if states != {"pending"} or len(names) < len(key_ids):
        return Outcome(False, "these keys are not pending for it", {})
    setups = {_PLACES[name][0] for name in names.values()}
    if len(setups) > 1:
        return Outcome(False, "keys of two clients: give them one after the other", {})
    if "kek" not in meter.keys:
        return Outcome(False, "its master key is not known", {})
    changes_ours = bool({"ek", "ak"} & set(names.values()))
    if not (changes_ours and await _answers(meter, sessions)):
        async with sessions.open(meter, MANAGEMENT) as session:
            try:
                await _transfer(session, setups.pop(), meter, set(names.values()), meter.keys["kek"])
            except AccessError as error:
                if error.code != OTHER or "kek" not in names.values():
                    raise
                # it may have the new master key already: it takes that one only
                setup = _PLACES["kek"][0]
                await _transfer(session, setup, meter, set(names.values()), meter.pending["kek"])
        if changes_ours and not await _answers(meter, sessions):
            raise SessionError(f"meter {meter.serial}: it took the keys and does not answer under them")
    for key_id in names:
        await asyncio.to_thread(safe.confirm, key_id, who=who, now_s=int(now()))
    return done


async def _transfer(session: Session, setup: bytes, meter: Meter, names: set[str], kek: bytes) -> None:
    pairs: list[Any] = [(_PLACES[name][1], wrap(kek, meter.pending[name])) for name in sorted(names)]
    await session.act((64, setup, 2), encode(_SHAPE, pairs))


async def _answers(meter: Meter, sessions: Sessions) -> bool:
    """Whether the meter has the pending keys of the management."""
    try:
        async with sessions.open_pending(meter) as session:
            await session.get(_CLOCK)
    except SessionError:
        return False
    return True
