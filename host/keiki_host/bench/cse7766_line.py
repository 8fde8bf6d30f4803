"""A CSE7766 on a serial line of the bench: it talks all the time, and a UART keeps what it can."""

from collections.abc import Callable

from keiki_host.bench.faults import Faults
from keiki_host.bench.ics.cse7766 import Cse7766Model, Parts
from keiki_host.bench.pty import PtyLine
from keiki_host.bench.waves import Source
from keiki_host.bench.world import WorldClock

ROOM = 256
"""Bytes that MicroPython's UART keeps; what comes when it is full is lost."""
_BYTES_PER_S = 4800 / 11
_FRAME_MS = 55


class _Uart(PtyLine):
    """The line; `on_rest` is called whenever the firmware may have read from it."""

    def __init__(self, on_write: Callable[[], None], on_rest: Callable[[], None]) -> None:
        super().__init__(lambda data: None, on_write)
        self._on_rest = on_rest

    def pump(self) -> bool:
        """Hand over what has come in: nothing, the chip does not listen."""
        heard = super().pump()
        self._on_rest()
        return heard


class TalkingChip:
    """One chip and its `line`. A frame arrives when its last bit does.

    While the UART is full the chip is left alone, and measures in one go what was meanwhile when there is
    room again: a firmware that looks once a minute does not pay for what it does not hear.
    """

    def __init__(self, clock: WorldClock, source: Source, faults: Faults, parts: Parts, seed: int) -> None:
        self._clock = clock
        self._waiting = False
        self._kept = 0
        self.line = _Uart(clock.poke, self._go_on)
        self.chip = Cse7766Model(clock.utc_ms, source, self._send, faults, parts=parts, backlog=1, seed=seed)
        self._wait()

    def _wait(self) -> None:
        self._waiting = True
        self._clock.call_later(self.chip.next_ms - self._clock.utc_ms(), self._talk)

    def _talk(self) -> None:
        self._waiting = False
        self.chip.advance()
        if self._kept < ROOM:
            self._wait()

    def _go_on(self) -> None:
        # why counted here: how much is unread the kernel knows only later, that it is nothing at once
        if self._kept and not self.line.unread():
            self._kept = 0
            if not self._waiting:
                self._talk()

    def _send(self, frame: bytes) -> None:
        """A frame begins, or has begun while nobody looked: then its first bytes are lost."""
        late_ms = self._clock.utc_ms() - self.chip.next_ms
        heard = frame[max(0, int(late_ms * _BYTES_PER_S / 1000)) :]
        if heard:
            self._clock.call_later(_FRAME_MS - late_ms, lambda: self._arrive(heard))

    def _arrive(self, data: bytes) -> None:
        data = data[: ROOM - self._kept]
        if data:
            self._kept += len(data)
            self.line.write(data)
