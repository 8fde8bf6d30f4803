"""The clock of an emulated chip as the time that models live in: nothing waits for a wall clock."""

from collections.abc import Callable
from typing import Any

from tests.ontarget.emulated import EmulatedBoard


class ChipTime:
    """A Scheduler, see keiki_host.bench.clock."""

    def __init__(self, board: EmulatedBoard) -> None:
        self._board = board

    @property
    def now_ms(self) -> int:
        """Milliseconds of the chip's clock, which no reset sets back."""
        return self._board.now_ms()

    def call_later(self, delay_ms: int, fn: Callable[[], None]) -> Any:
        """Call `fn` once `delay_ms` from now."""
        return self._board.at(delay_ms, fn)
