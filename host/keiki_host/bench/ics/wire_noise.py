"""What happens to a frame on its way between master and chip: by chance, or because a test wants it."""

import random
from collections.abc import Sequence


class WireNoise:
    """`noise` is the probability of each of `kinds`, `struck` counts them.

    `stuck`: 0 or 1, what the line to the master says all the time; None: it works.
    """

    def __init__(self, kinds: Sequence[str], dice: random.Random) -> None:
        self.stuck: int | None = None
        self.noise: dict[str, float] = {}
        self.struck = dict.fromkeys(kinds, 0)
        self._dice = dice
        self._next: str | None = None

    def strike(self, kind: str | None = None) -> None:
        """Let something happen to the next frame: one kind, or any of them."""
        self._next = kind or self._dice.choice(list(self.struck))

    def draw(self) -> str | None:
        """What happens to a frame that goes out now."""
        kind, self._next = self._next, None
        if kind is None:
            for name, probability in self.noise.items():
                if self._dice.random() < probability:
                    kind = name
        if kind is not None:
            self.struck[kind] += 1
        return kind

    def turn(self, data: bytes) -> bytes:
        """One bit turned over."""
        bit = self._dice.randrange(8 * len(data))
        return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
