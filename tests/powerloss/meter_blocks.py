"""What the blocks of a log hold: their records, and those of slots by their time, in order."""

import itertools
from typing import Any

from keiki.meter import store as stores
from keiki.wire import record

DAY_S = 86400
STEPS_S = {stores.HALF_HOURS: 1800, stores.MINUTES: 60}
_CACHE: dict[tuple[int, int, int, bytes], "Held"] = {}


class Held:
    """Records of one block: by sequence, and those of a slot by their time."""

    def __init__(self, kind: int, found: dict[int, bytes]) -> None:
        self.found = found
        self.last = found[max(found)] if found else None
        self.by_time: dict[int, tuple[int, int, int]] = {}
        if kind in STEPS_S:
            for sequence in sorted(found):
                utc_s, status, imported, exported, _ = record.unpack(found[sequence])
                assert not utc_s % STEPS_S[kind]
                assert utc_s not in self.by_time, "a slot was closed twice"
                self.by_time[utc_s] = status, imported, exported


def check_order(times: list[int]) -> None:
    """Slots are in order of time, but where the clock was set back by more than a day."""
    assert len(set(times)) == len(times), "a slot was closed twice"
    for before_s, after_s in itertools.pairwise(times):
        assert after_s > before_s or after_s < before_s - DAY_S, "a history out of order"


def read_block(log: Any, first: int, count: int) -> Held:
    """Read `count` records from `first` on."""
    buffer = bytearray(log.payload_size)
    found = {}
    for sequence in range(first, first + count):
        if log.read_into(sequence, buffer):
            found[sequence] = bytes(buffer)
    return Held(log.kind, found)


def held(log: Any, nor: Any) -> list[Held]:
    """Return what each block of a log holds, oldest first; what a block says is not asked twice."""
    if not hasattr(log, "_order"):
        return [read_block(log, log.oldest, log.end - log.oldest)]
    weak = {address // nor.size for address in nor.weak}
    blocks = []
    for block in log._order[: log._held]:
        first = log._flash.firsts[block]
        count = max(0, min(log.end - first, log.slots))
        if block in weak:
            blocks.append(read_block(log, first, count))
            continue
        key = (log.kind, first, count, bytes(nor._view[block * nor.size : (block + 1) * nor.size]))
        if key not in _CACHE:
            if len(_CACHE) > 20000:
                _CACHE.clear()
            _CACHE[key] = read_block(log, first, count)
        blocks.append(_CACHE[key])
    return blocks
