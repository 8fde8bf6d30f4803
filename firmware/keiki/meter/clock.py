"""The meter's one clock: UTC on top of the monotonic milliseconds of the board."""


class Clock:
    """UTC time; only `step` changes it otherwise than by the passing of time."""

    def __init__(self, ticks_ms, utc_ms: int) -> None:
        self._ticks_ms = ticks_ms
        self._offset_ms = utc_ms - ticks_ms()

    def utc_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return self._ticks_ms() + self._offset_ms

    def utc_s(self) -> int:
        """Return UTC seconds since 1970, rounded down."""
        return self.utc_ms() // 1000

    def step(self, by_ms: int) -> None:
        """Move the clock by `by_ms`. Slots that are closed stay as they are."""
        self._offset_ms += by_ms
