"""What a house of the fleet uses and feeds in: half hours that follow from seed, meter and time alone."""

import hashlib
import random

from keiki.wire.slots import DAY_S, JST_S, SLOT_S

# W of a usual house, by hour of the day in Japan
_USE_W = (
    280, 240, 220, 210, 210, 240, 420, 650, 560, 420, 380, 400,
    460, 420, 380, 380, 430, 620, 880, 980, 900, 760, 560, 380,
)  # fmt: skip
# W of the sun on a usual roof
_SUN_W = (0, 0, 0, 0, 0, 60, 260, 700, 1300, 1900, 2400, 2700, 2800, 2650, 2250, 1700, 1000, 400, 80) + (
    0,
) * 5


class House:
    """`net_w(slot_s)` is the power of the half hour that begins then, positive: import."""

    def __init__(self, seed: int, number: int) -> None:
        digest = hashlib.sha256(f"{seed} {number} house".encode()).digest()
        self._key = int.from_bytes(digest[:8], "big")
        self._scale = 0.4 + digest[8] / 160
        self._has_sun = digest[9] < 64

    def net_w(self, slot_s: int) -> int:
        """Power, W, the same at each call."""
        chance = random.Random(self._key ^ slot_s)
        hour = (slot_s + JST_S) % DAY_S // 3600
        power_w = _USE_W[hour] * self._scale * chance.uniform(0.5, 1.7)
        if self._has_sun:
            power_w -= _SUN_W[hour] * chance.uniform(0.2, 1.0)
        return round(power_w)

    def energy_wh(self, slot_s: int) -> tuple[int, int]:
        """(import, export) of the half hour, Wh."""
        wh = self.net_w(slot_s) * SLOT_S // 3600
        return (wh, 0) if wh >= 0 else (0, -wh)
