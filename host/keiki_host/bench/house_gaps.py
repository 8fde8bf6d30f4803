"""Spans of time in which something was off: the mains, or the meter's own contact in the supply."""

from bisect import bisect_right


class Gaps:
    """Spans [since, until) in UTC ms, one after another; the last one may be open."""

    def __init__(self) -> None:
        self._edges_ms: list[int] = []

    @property
    def open(self) -> bool:
        """Whether it is off now."""
        return len(self._edges_ms) % 2 == 1

    def begin(self, t_ms: int) -> None:
        """Off from `t_ms` on; nothing happens if it is off already."""
        if not self.open:
            self._edges_ms.append(t_ms)

    def end(self, t_ms: int) -> None:
        """On again from `t_ms` on; nothing happens if it is on already."""
        if self.open:
            self._edges_ms.append(t_ms)

    def holds(self, t_ms: float) -> bool:
        """Whether it was off at `t_ms`."""
        return bisect_right(self._edges_ms, t_ms) % 2 == 1

    def touch(self, t0_ms: int, t1_ms: int) -> bool:
        """Whether it was off at any time from t0 to t1."""
        edges = self._edges_ms
        if not edges or (edges[-1] <= t0_ms and not self.open):
            return False
        return self.holds(t0_ms) or bisect_right(edges, t0_ms) != bisect_right(edges, t1_ms - 1)

    def edges(self, t0_ms: int, t1_ms: int) -> list[int]:
        """When it went off or on, after t0 and before t1."""
        return self._edges_ms[bisect_right(self._edges_ms, t0_ms) : bisect_right(self._edges_ms, t1_ms - 1)]
