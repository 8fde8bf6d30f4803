"""Pulses on a pin at given times, made by a timer: the output for test benches, on ESP32 and RP2."""

import machine


class PulseTrain:
    """Pulses of `width_ms` on `pin`, made by `timer` (a machine.Timer). `ticks_ms` never goes back.

    A pulse begins up to a millisecond late, or as late as Python stands still; none is left out.
    """

    def __init__(self, pin: int, width_ms: int, timer, ticks_ms) -> None:
        self._line = machine.Pin(pin, machine.Pin.OUT, value=0)
        self._width_ms = width_ms
        self._timer = timer
        self._ticks_ms = ticks_ms
        self._trains: list = []
        self._on = False
        self._least_ms = 0

    def add(self, n: int, first_us: int, step_us: int) -> None:
        """Make `n` pulses, see `pulse_output` of the hal."""
        if n <= 0:
            return
        self._trains.append([n, self._ticks_ms() * 1000 + first_us, step_us])
        if len(self._trains) == 1 and not self._on:
            self._wait()

    def _wait(self) -> None:
        """Have the timer come for the next pulse."""
        due_ms = max(self._trains[0][1] // 1000, self._least_ms)
        self._after(due_ms - self._ticks_ms())

    def _after(self, ms: int) -> None:
        self._timer.init(mode=machine.Timer.ONE_SHOT, period=max(1, ms), callback=self._look)

    def _look(self, _timer) -> None:
        if self._on:
            self._on = False
            self._line(0)
            self._least_ms = self._ticks_ms() + self._width_ms
            if self._trains:
                self._wait()
            return
        train = self._trains[0]
        self._on = True
        self._line(1)
        self._after(self._width_ms)
        train[0] -= 1
        train[1] += train[2]
        if not train[0]:
            self._trains.pop(0)
