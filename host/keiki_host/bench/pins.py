"""Single wires of a meter: a latching relay in the supply of the house, a button, switches."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from keiki_host.bench.clock import Scheduler
from keiki_host.bench.faults import NO_FAULTS, Faults

RISES = 10_000
PULSE_MS = 15
"""What a coil needs to move the contact."""


class Pin(Protocol):
    """A wire of the firmware's board."""

    def read(self) -> bool:
        """Its level, as an input."""

    def drive(self, on: bool) -> None:
        """Its level, as an output."""


class FilePin:
    """An input that is on while a file is there: a switch for people and tests."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bool:
        """Whether the file is there."""
        return self._path.exists()

    def drive(self, on: bool) -> None:
        """Nothing listens."""


class LatchingRelay:
    """A relay that stays where it is without power; its place is kept in the file `path`.

    `moved(closed)` hears of each move, when the pulse that makes it ends. Fault `relay_stuck`: nothing moves
    the contact. `open_coil`, `close_coil` and `contact` are its wires.
    """

    def __init__(
        self, clock: Scheduler, path: Path, moved: Callable[[bool], None], faults: Faults = NO_FAULTS
    ) -> None:
        self._clock = clock
        self._path = path
        self._moved = moved
        self._faults = faults
        self.closed = not path.exists()
        self.open_coil = _Coil(self, False)
        self.close_coil = _Coil(self, True)
        self.contact = self

    def read(self) -> bool:
        """The contact: whether current can flow."""
        return self.closed

    def drive(self, on: bool) -> None:
        """A contact cannot be driven."""

    @property
    def now_ms(self) -> int:
        """The world's time."""
        return self._clock.now_ms

    def pulse(self, closes: bool, ms: int) -> None:
        """A coil has had power for so long."""
        if ms < PULSE_MS or closes == self.closed or self._faults.active("relay_stuck"):
            return
        self.closed = closes
        if closes:
            self._path.unlink(missing_ok=True)
        else:
            self._path.touch()
        self._moved(closes)

    def power_off(self) -> None:
        """The coils lose their power; the contact stays."""
        for coil in (self.open_coil, self.close_coil):
            coil.drop()


class _Coil:
    def __init__(self, relay: LatchingRelay, closes: bool) -> None:
        self._relay = relay
        self._closes = closes
        self._since_ms: int | None = None

    def read(self) -> bool:
        return self._since_ms is not None

    def drive(self, on: bool) -> None:
        since_ms, now_ms = self._since_ms, self._relay.now_ms
        self._since_ms = (now_ms if since_ms is None else since_ms) if on else None
        if since_ms is not None and not on:
            self._relay.pulse(self._closes, now_ms - since_ms)

    def drop(self) -> None:
        self._since_ms = None


class Button:
    """A button of the meter, pressed for a while by fault `button_press`."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def read(self) -> bool:
        """Whether somebody presses it."""
        return self._faults.active("button_press")

    def drive(self, on: bool) -> None:
        """Nothing listens."""


class PulseOutput:
    """A pulse output of the meter, and a test bench's counter on it.

    `rises` has when the newest pulses began, in ms of this world.
    """

    def __init__(self, clock: Scheduler) -> None:
        self.rises: deque[float] = deque(maxlen=RISES)
        self._clock = clock
        self._due: deque[float] = deque()
        self._free_ms = 0.0
        self._total = 0

    @property
    def total(self) -> int:
        """How many pulses there have been."""
        self._pass(self._clock.now_ms)
        return self._total

    @property
    def waiting(self) -> int:
        """How many are still to come of those that the meter has told its pin to make."""
        self._pass(self._clock.now_ms)
        return len(self._due)

    def _pass(self, until_ms: int) -> None:
        while self._due and self._due[0] <= until_ms:
            self.rises.append(self._due.popleft())
            self._total += 1

    def read(self) -> bool:
        """Low between the pulses."""
        return False

    def drive(self, on: bool) -> None:
        """It is not driven by hand."""

    def train(self, n: int, first_us: int, step_us: int, width_ms: int) -> None:
        """The meter makes `n` pulses, as its hal says."""
        begins_ms = self._clock.now_ms + first_us / 1000
        for index in range(n):
            at_ms = max(begins_ms + index * step_us / 1000, self._free_ms)
            self._free_ms = at_ms + 2 * width_ms
            self._due.append(at_ms)

    def stop(self, at_ms: int) -> None:
        """The meter was gone from `at_ms` on: its pin was low then, and nothing is to come."""
        self._pass(at_ms)
        self._due.clear()
        self._free_ms = 0.0


class PulseInput:
    """An input on which a metering IC's own pulses are counted; `pulses()` tells how many it has made."""

    def __init__(self, pulses: Callable[[], int]) -> None:
        self._pulses = pulses

    def read(self) -> bool:
        """Low between the pulses."""
        return False

    def drive(self, on: bool) -> None:
        """Nothing listens."""

    def count(self) -> int:
        """How many pulses there have been."""
        return self._pulses()
