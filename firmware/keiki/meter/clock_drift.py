"""How fast the board's crystal runs, learnt from the times its sources tell."""

from keiki.wire.compat import const

MAX_PPB = const(200_000)
"""Beyond it no crystal is: the source has jumped."""

_HOUR_MS = const(3_600_000)
_SOURCES_MAX = const(8)


class Drift:
    """Correction of the crystal in parts per 1e9: positive if it runs slow, and time must be added.

    What a source tells is a line: its UTC minus our ticks. Its slope over 1 to 24 hours is the correction;
    steps and slews of our own clock do not touch it, nor does one source's constant distance from another.
    """

    def __init__(self, ppb: int = 0) -> None:
        self.ppb = max(-MAX_PPB, min(MAX_PPB, ppb))
        self._span_ms = 0
        self._lines: "dict[tuple, list]" = {}

    def learn(self, source: "tuple", line_ms: int, now_ms: int) -> bool:
        """Take one line from `source`; True if the correction is another one now."""
        known = self._lines.get(source)
        if known is None:
            if len(self._lines) < _SOURCES_MAX:
                self._lines[source] = [now_ms, line_ms, None, None]
            return False
        span_ms = now_ms - known[0]
        if span_ms < _HOUR_MS:
            return False
        ppb = (line_ms - known[1]) * 1_000_000_000 // span_ms
        if abs(ppb) > MAX_PPB:
            self._lines[source] = [now_ms, line_ms, None, None]
            return False
        self._lines[source] = _next(known, line_ms, now_ms)
        # 20 ms of network are 6 ppm in an hour and 0.3 in a day: a short look never replaces a long one
        if span_ms * 2 < self._span_ms:
            return False
        self._span_ms = min(span_ms, 24 * _HOUR_MS)
        self.ppb = ppb
        return True


def _next(known: "list", line_ms: int, now_ms: int) -> "list":
    """Return the points to measure from: the first moves on so that 12 to 24 hours lie in between."""
    span_ms = now_ms - known[0]
    if span_ms >= 24 * _HOUR_MS:
        return [known[2] or now_ms, line_ms if known[2] is None else known[3], now_ms, line_ms]
    if span_ms >= 12 * _HOUR_MS and known[2] is None:
        return [known[0], known[1], now_ms, line_ms]
    return known
