"""Meters by system title: keys, counters and addresses, as the registry has them, in memory.

The trail says when something of it has changed: only then it is read anew. Counters in memory are ahead of
those in the store, never behind.
"""

import asyncio
import hashlib
from typing import Any

from sqlalchemy import func, or_, select

from keiki_host.headend import counters, registry
from keiki_host.headend.collect.message import cipher_of
from keiki_host.headend.collect.numbers import Numbers
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store
from keiki_host.headend.keys import Safe
from keiki_host.headend.schema_registry import key_check, trail

Keys = dict[str, bytes]


class Meter:
    """One meter, as the collector knows it.

    `received` is the highest counter of each channel that was accepted, `sending` what may be used next.
    """

    __slots__ = (
        "_ciphers",
        "address",
        "keys",
        "lock",
        "meter_id",
        "pending",
        "pending_received",
        "received",
        "sending",
        "serial",
        "title",
    )

    def __init__(self, meter_id: int, title: bytes) -> None:
        self.meter_id = meter_id
        self.title = title
        self.serial = ""
        self.address: str | None = None
        self.keys: Keys = {}
        self.pending: Keys = {}
        self.pending_received = 0
        self.received: dict[Channel, int] = {}
        self.sending: dict[Channel, Numbers] = {}
        self.lock = asyncio.Lock()
        """Held by who has a session with it."""
        self._ciphers: dict[tuple[str, str], Any] = {}

    def cipher(self, ek: str = "ek", ak: str = "ak") -> Any:
        """The cipher of the current keys of these names; None: they are not known."""
        found = self._ciphers.get((ek, ak))
        if found is None and ek in self.keys and ak in self.keys:
            found = self._ciphers[ek, ak] = cipher_of(self.keys[ek], self.keys[ak])
        return found

    def pending_cipher(self) -> Any:
        """The cipher of the pending management keys, over the current ones; None: nothing is pending."""
        if not {"ek", "ak"} & self.pending.keys():
            return None
        keys = {**self.keys, **self.pending}
        return cipher_of(keys["ek"], keys["ak"]) if {"ek", "ak"} <= keys.keys() else None

    def accept(self, channel: Channel, counter: int) -> bool:
        """Take a counter if it is higher than every one before; False: it is a replay."""
        if counter <= self.received.get(channel, 0):
            return False
        self.received[channel] = counter
        return True

    def accept_pending(self, counter: int) -> bool:
        """The same, for the counter under the pending keys."""
        if counter <= self.pending_received:
            return False
        self.pending_received = counter
        return True

    def numbers(self, channel: Channel) -> Numbers:
        """What may be sent next."""
        return self.sending.setdefault(channel, Numbers(0))

    def rekey(self, keys: Keys, pending: Keys, received: dict[Channel, int]) -> None:
        """Take the keys of the registry; a counter that began anew with its key does so here too."""
        for name, channel in (("ek", Channel.RECEIVE), ("read_ek", Channel.RECEIVE_READ)):
            known = self.received.get(channel, 0)
            if keys.get(name) != self.keys.get(name):
                known = (
                    self.pending_received if name == "ek" and keys.get(name) == self.pending.get(name) else 0
                )
            self.received[channel] = max(known, received.get(channel, 0))
        if keys != self.keys:
            self.keys = keys
            self._ciphers = {}
        if pending != self.pending:
            self.pending, self.pending_received = pending, 0


class Roster:
    """All meters of a store. `load` and `changed` wait for the database; everything else does not."""

    def __init__(self, store: Store, safe: Safe) -> None:
        self._store = store
        self._safe = safe
        self._seen = -1
        self.meters: dict[int, Meter] = {}
        self._by_title: dict[bytes, Meter] = {}

    def find(self, title: bytes) -> Meter | None:
        """The meter with this system title."""
        return self._by_title.get(title)

    def changed(self) -> bool:
        """Whether meters or keys have changed since `load`."""
        return self._newest() > self._seen

    def load(self) -> "Loaded":
        """Read everything from the store, to be taken over by `apply`; may run in a thread."""
        return Loaded(self._newest(), self._store, self._safe)

    def apply(self, loaded: "Loaded") -> None:
        """Take over what was read; on the thread that uses the roster."""
        by_title: dict[bytes, Meter] = {}
        meters: dict[int, Meter] = {}
        for row in loaded.meters:
            title = bytes.fromhex(row.system_title)
            meter = self.meters.get(row.meter_id)
            if meter is None or meter.title != title:
                meter = Meter(row.meter_id, title)
                for channel in (Channel.SEND, Channel.SEND_READ):
                    meter.sending[channel] = Numbers(loaded.counters[channel].get(row.meter_id, 0))
            meter.serial, meter.address = row.serial, row.address
            received = {channel: loaded.counters[channel].get(row.meter_id, 0) for channel in Channel}
            keys, pending = loaded.keys.get(row.meter_id, {}), loaded.pending.get(row.meter_id, {})
            meter.rekey(keys, pending, received)
            meters[row.meter_id] = by_title[title] = meter
        self.meters, self._by_title, self._seen = meters, by_title, loaded.seen

    def _newest(self) -> int:
        what = or_(trail.c.action.like("meter.%"), trail.c.action.like("keys.%"))
        query = select(func.max(trail.c.trail_id)).where(trail.c.trail_id > self._seen, what)
        with self._store.read() as connection:
            return int(connection.execute(query).scalar() or self._seen)


class Loaded:
    """What the store knows of all meters, at one moment or a little later."""

    def __init__(self, seen: int, store: Store, safe: Safe) -> None:
        self.seen = seen
        self.meters = registry.meters(store)
        self.keys = safe.current()
        self.pending = safe.pending()
        self.counters = {channel: counters.last(store, channel) for channel in Channel}


def own_title(store: Store) -> bytes:
    """The system title of a store's head-end: each has its own, so that no two use one counter twice."""
    with store.read() as connection:
        sealed = connection.execute(select(key_check.c.sealed)).scalar_one()
    return b"KHE" + hashlib.sha256(bytes(sealed)).digest()[:5]
