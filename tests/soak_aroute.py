"""Thousands of HLS5 associations with a whole meter, and what they leave on its heap.

    python tests/soak_aroute.py [ASSOCIATIONS] [SEED]

Each one reads a register; some read lists, events and a day, write a setting, move the switch, try wrong
keys or hang up without a word. Prints the heap as it goes; exits 1 if it has grown.
"""

import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
for folder in (".", "tests/pure", "firmware"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))

from tests.conformance.cosem_peer import MANAGEMENT, READER  # noqa: E402
from tests.process.aroute_load import (  # noqa: E402
    DAY,
    DISCONNECT,
    EVENTS,
    IMPORT,
    OBJECTS,
    PROFILE,
    RECONNECT,
    Load,
    load,
)

GROWTH_MAX = 1024
"""Bytes by which the heap may differ between two looks while nothing leaks: the collector is conservative."""

WARM_UP = 20
LOOKS = 20
RARE = 0.02
"""How often an association does each of the things that cost more."""


def associate(found: Load, chance: random.Random, number: int, rare: float) -> None:
    """One association from its first to its last APDU."""
    sap = MANAGEMENT if number % 2 else READER
    with found.peer(sap) as peer:
        client = found.client(sap)
        peer.do(client.open())
        assert peer.do(client.get(IMPORT)) >= 0
        for what in (OBJECTS, EVENTS):
            if chance.random() < rare:
                assert peer.do(client.get(what))
        if chance.random() < rare:
            assert len(peer.do(client.get(PROFILE, DAY))) >= 48
        if sap == MANAGEMENT and chance.random() < rare:
            found.set_window(peer, client, chance.randrange(1500))
        if sap == MANAGEMENT and chance.random() < rare / 10:
            for action in (DISCONNECT, RECONNECT):
                peer.do(client.act(action, b"\x0f\x00"))
        if chance.random() < 0.8:
            peer.do(client.release())
    if chance.random() < rare:
        found.wrong_key()
    if chance.random() < rare:
        found.b_route(0xE7, 0xE8, 0xE2)


def soak(count: int, seed: int) -> int:
    """Return by how many bytes the heap has grown between WARM_UP and `count` associations more."""
    chance = random.Random(seed)
    with load(switch_per_hour=60) as found:
        for number in range(WARM_UP):
            associate(found, chance, number, rare=10)  # everything has been done before the first look
        first = found.used()
        began_s, shown = time.monotonic(), max(1, count // LOOKS)
        print(f"{first:,} bytes in use after {WARM_UP} associations", flush=True)
        for number in range(1, count + 1):
            associate(found, chance, number, RARE)
            if number % shown == 0:
                each_ms = (time.monotonic() - began_s) / number * 1e3
                print(f"{number:6} more: {found.used():,} bytes in use, {each_ms:.1f} ms each", flush=True)
        statistics = found.console("statistics")["aroute"]
        assert statistics["connections"] > count and not statistics["failed"], statistics
        assert found.desk.failures() > 0
        return found.used() - first


def main() -> int:
    """Run it and say whether the heap stays what it is."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    growth = soak(count, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{count} associations: the heap has grown by {growth} bytes")
    return growth > GROWTH_MAX


if __name__ == "__main__":
    sys.exit(main())
