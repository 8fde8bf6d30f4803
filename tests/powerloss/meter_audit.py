"""What somebody has changed, settings and registers: it stays, and none of it is without its event."""

import json
from typing import Any

from keiki.meter import store as stores
from keiki.wire import settings as table


def parsed_settings(payload: bytes) -> dict[str, Any]:
    """Return the settings of a record."""
    length = payload[0] | (payload[1] & 0x7F) << 8
    return table.checked(json.loads(payload[2 : 2 + length])["s"])


def check_settings(world: Any) -> None:
    """The newest settings that are sure hold, and no block of flash has the only copy."""
    records = world.sure[stores.SETTINGS]
    newest = records[max(records)]
    assert world.app.settings._values() == parsed_settings(newest)
    blocks = [[payload[2:] for payload in block.found.values()] for block in world.blocks[stores.SETTINGS]]
    copies = sum(newest[2:] in block for block in blocks)
    assert copies >= 2 or not hasattr(world.app.store.settings, "_order"), "the only copy of the settings"


def check_audit(world: Any) -> None:
    """There is an event for each register that was set and each setting that was changed."""
    now = world.app.settings._values()
    if world.settings:
        world.settings_changed += sum(now[name] != value for name, value in world.settings.items())
    world.settings = now
    counts = world.app.events.all_counts()
    assert counts.get("register_set", 0) >= world.app.registers.generation
    assert counts.get("setting_changed", 0) >= world.settings_changed
