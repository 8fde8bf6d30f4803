"""Who said that the clock is wrong: a jump needs two of them that agree."""

from keiki.wire.compat import const

AGREE_MS = const(2000)
TOGETHER_MS = const(600_000)

_DAY_MS = const(86_400_000)
_MOST = const(8)


class Witnesses:
    """The newest word of each source that contradicts the clock; the longest silent one gives way to a ninth.

    A word is a line: the UTC it tells minus our ticks, which stays the same while both clocks run.
    """

    def __init__(self) -> None:
        self._lines: "dict[tuple, tuple[int, int]]" = {}
        self._told: "dict[tuple, int]" = {}

    def hear(self, source: int, name: str, line_ms: int, ticks: int) -> bool:
        """Keep the word of a source; True if another one said the same (2 s) in the last 10 minutes."""
        key = (source, name)
        seconded = False
        for other, (said, line) in self._lines.items():
            if other != key and ticks - said <= TOGETHER_MS and abs(line - line_ms) <= AGREE_MS:
                seconded = True
        _put(self._lines, key, (ticks, line_ms))
        return seconded

    def forget(self, source: int, name: str) -> None:
        """The source agrees with the clock again."""
        self._lines.pop((source, name), None)

    def clear(self) -> None:
        """The clock has been set: what was said before is void."""
        self._lines.clear()
        self._told.clear()

    def is_news(self, source: int, name: str, ticks: int) -> bool:
        """Return True if no refusal of this source was logged in the last day; it counts as logged now."""
        told = self._told.get((source, name))
        if told is not None and ticks - told < _DAY_MS:
            return False
        _put(self._told, (source, name), ticks)
        return True


def _put(table: dict, key: tuple, value) -> None:
    if key not in table and len(table) >= _MOST:
        del table[min(table, key=lambda other: table[other])]  # values begin with when it was
    table[key] = value
