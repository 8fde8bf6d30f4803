"""New keys for a meter, asked for: made, kept as pending, and a command that brings them to it.

One transaction: there is no pending key that no command is about.
"""

import os
from collections.abc import Callable

from keiki_host.headend import commands
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.keys import KEY_BYTES, Safe

CLIENTS: dict[str, tuple[str, ...]] = {
    "management": ("ek", "ak"),
    "reader": ("read_ek", "read_ak"),
    "master": ("kek",),
}
"""What is changed together: the keys of one client, or the key that keys are wrapped under."""


def ask(
    store: Store,
    safe: Safe,
    meter_id: int,
    client: str,
    *,
    who: str,
    now_s: int,
    rand: Callable[[int], bytes] = os.urandom,
) -> int:
    """Ask for new keys of a client of a meter; return the number of the command. HeadendInputError."""
    if client not in CLIENTS:
        raise HeadendInputError(f"keys: {client} is none of {', '.join(CLIENTS)}")
    known = safe.current([meter_id]).get(meter_id, {})
    for name in ("kek", *CLIENTS[client]):
        if name not in known:
            raise HeadendInputError(f"keys: the meter's {name} is not known")
    with store.write():
        key_ids = [
            safe.pend(meter_id, name, rand(KEY_BYTES), who=who, now_s=now_s) for name in CLIENTS[client]
        ]
        return commands.enqueue(store, meter_id, "keys", {"key_ids": key_ids}, who=who, now_s=now_s)
