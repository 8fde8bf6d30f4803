"""Invocation counters for sending: handed out of a block that is reserved on disk before it is used."""

from keiki_host.headend.counters import COUNTER_MAX

BLOCK = 64
"""Reserved at once: at two confirms an hour one write in 24 hours reserves for a meter."""
_LOW = 8


class Numbers:
    """One meter's counter of one channel. `last` is the highest number that any block has held."""

    __slots__ = ("_end", "_next")

    def __init__(self, last: int) -> None:
        self._next = last + 1
        self._end = last

    @property
    def next(self) -> int:
        """The number that comes next."""
        return self._next

    @property
    def left(self) -> int:
        """How many may be used now."""
        return self._end - self._next + 1

    def wanted(self, count: int = 1, block: int = BLOCK) -> int | None:
        """The end of the block to reserve so that `count` more can follow; None: there are enough.

        A block has at least `block` numbers.
        """
        if self.left >= count + _LOW:
            return None
        return min(self._end + max(block, count + _LOW), COUNTER_MAX)

    def reserved(self, end: int) -> None:
        """A block up to `end` is on disk."""
        self._end = max(self._end, end)

    def jump(self, last: int) -> None:
        """The peer has seen `last` already: go on behind it. Nothing is left then."""
        if last >= self._next:
            self._next = last + 1
            self._end = max(self._end, last)

    def take(self) -> int:
        """The next number. OSError: none is reserved."""
        if not self.left:
            raise OSError("invocation counter: none is reserved")
        self._next += 1
        return self._next - 1
