"""A Pico or Pico W that is emulated by rp2040py, with files on its file system and models on its lines.

Its time stands still while nothing is run, and goes about 20 times slower than a wall clock while the chip is
busy; figures are in its time. The emulated clock is kind to the chip, and flash takes no time in it unless
`flash_time` is asked for.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from littlefs import LittleFS
from rp2040py.boards import BOARDS, resolve_firmware
from rp2040py.device import MicroPythonDevice
from rp2040py.device.base_device import ResetCause
from rp2040py.external.bootsel_button import BootselButton

from tests.ontarget.pl011 import correct_uarts
from tests.ontarget.quiet_usb import QuietUsb
from tests.ontarget.wifi_radio import Radio

os.environ.setdefault("RP2040PY_CLOCK_TICK_BATCH", "64")
"""The clock goes on every 64 instructions or at its next alarm, not at each one: no alarm is later for it."""
_BLOCK = 4096
_STORAGE = {"pico": (0x0A0000, 352), "pico_w": (0x12C000, 212)}
"""Where MicroPython's file system begins in the flash, and its blocks of 4096 bytes."""
_BAUD_BITS = 10
_MS = 1_000_000


class Line:
    """One of the chip's UARTs, seen by the part on it. `fed`, if a list, gets (ns, byte) of what came in.

    `on_silence(n)` hears when the last of `n` bytes that one part has sent together is in.
    """

    def __init__(self, chip: "EmulatedBoard", number: int) -> None:
        self._chip = chip
        self._uart = chip.mcu.uart[number]
        self._waiting = bytearray()
        self._alarm = chip.mcu.clock.create_alarm(self._next)
        self.on_silence: Callable[[int], None] = lambda n: None
        self._together = 0
        self.fed: list[tuple[float, int]] | None = None

    def write(self, data: bytes) -> None:
        """Have bytes come in, each as long as it is on the wire."""
        idle = not self._waiting
        self._waiting += data
        if idle and self._waiting:
            self._schedule()

    def forget(self) -> None:
        """Nothing is under way any more."""
        self._waiting.clear()
        self._alarm.cancel()

    def on_receive(self, receive: Callable[[bytes], None]) -> None:
        """Give what the chip sends to `receive`, byte by byte."""
        self._uart.on_byte = lambda byte: receive(bytes((byte,)))

    def _schedule(self) -> None:
        self._alarm.schedule(_BAUD_BITS * 1e9 / max(1, self._uart.baud_rate))

    def _next(self) -> None:
        byte = self._waiting.pop(0)
        if self.fed is not None:
            self.fed.append((self._chip.mcu.clock.nanos, byte))
        self._uart.feed_byte(byte)
        self._together += 1
        if self._waiting:
            self._schedule()
        else:
            together, self._together = self._together, 0
            self.on_silence(together)


class _Still:
    """Stands for a PIO where the emulator looks whether that has something to do."""

    stopped = True
    machines = ()
    pin_values = pin_directions = 0

    def __init__(self, pio: Any) -> None:
        self.reset = pio.reset


class EmulatedBoard:
    """A board (`kind` pico or pico_w) with the MicroPython image `uf2` and `files` on it; without power yet.

    `said` is what it has sent over USB; `on_power` is called each time it gets power. Of its PIOs those in
    `pios` run, from the next time it gets power on: none makes it a third faster, and the counters of a meter
    see no pulse then. `resets` counts those that the program makes.
    """

    def __init__(self, kind: str, uf2: Path, files: Mapping[str, bytes]) -> None:
        self.radio = Radio()
        spec = BOARDS[kind]
        if kind == "pico_w":
            spec = dataclasses.replace(spec, extras=(BootselButton, lambda: self.radio))
        self.device: Any = MicroPythonDevice(board=resolve_firmware(spec, "micropython", str(uf2)))
        self.mcu: Any = self.device.mcu
        self._simulator: Any = self.device.simulator
        QuietUsb(self.device)
        correct_uarts(self.mcu)
        self.disk_at, self.disk_blocks = _STORAGE[kind]
        self.write_disk(disk(self.disk_blocks, files))
        self.mcu.watchdog.on_watchdog_trigger = self._resets_itself
        self.lines = [Line(self, number) for number in range(2)]
        self._pios = self.mcu.pio
        self.pios: tuple[int, ...] = ()
        self.on_power: list[Callable[[], None]] = []
        self.powered_ns = 0.0
        self.resets = 0
        self.said = bytearray()
        self._over = False
        self._limit = self.mcu.clock.create_alarm(self._time_is_over)

    # -- power and time ---------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Take its power away, if it had any, and give it back: its flash is all that is left."""
        for line in self.lines:
            line.forget()
        self.mcu.sram[:] = bytes(len(self.mcu.sram))
        self._reset(ResetCause.POWER_ON)
        self.powered_ns = self.mcu.clock.nanos
        self.said.clear()
        for tell in self.on_power:
            tell()

    def _reset(self, cause: ResetCause) -> None:
        self.mcu.pio = self._pios  # a reset resets them
        self.radio.bus.power_off()  # the chip lets go of the pin that it has power by
        self.device.hard_reset(cause=cause)
        self.device.cdc.on_serial_data = self._hear
        self.mcu.pio = [pio if n in self.pios else _Still(pio) for n, pio in enumerate(self._pios)]

    def _resets_itself(self) -> None:
        self.resets += 1
        self._reset(ResetCause.WATCHDOG)
        self.wake()

    def now_ms(self) -> int:
        """The time of the chip's clock, which no reset sets back."""
        return int(self.mcu.clock.nanos // _MS)

    def since_power_ms(self) -> float:
        """How long it has had power."""
        return float(self.mcu.clock.nanos - self.powered_ns) / _MS

    def go(self, limit_ms: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass until `until()`, asked whenever something has called `wake`; at most `limit_ms`.

        Returns whether it was so.
        """
        self._over = False
        self._limit.schedule(limit_ms * _MS)
        while not until():
            if self._over:
                return False
            self._simulator.stopped = False
            self._simulator._execute_batch()
        self._limit.cancel()
        return True

    def wake(self) -> None:
        """Have `go` look whether that is what it waits for."""
        self._simulator.stopped = True

    def _time_is_over(self) -> None:
        self._over = True
        self.wake()

    def at(self, delay_ms: float, do: Callable[[], None]) -> Any:
        """Do something in so many milliseconds of the chip's clock; returns what can be cancelled."""
        alarm = self.mcu.clock.create_alarm(do)
        alarm.schedule(delay_ms * _MS)
        return alarm

    # -- what is around it ------------------------------------------------------------------------------

    def on_uart(
        self, number: int, part: Callable[[Callable[[bytes], None]], Callable[[bytes], None]]
    ) -> None:
        """Wire a part to a UART: `part(write)` returns its `receive`."""
        line = self.lines[number]
        line.on_receive(part(line.write))

    def set_pin(self, pin: int, level: bool) -> None:
        """Set an input from outside."""
        self.mcu.gpio[pin].set_input_value(level)

    def _hear(self, data: bytes) -> None:
        self.said += data
        self.wake()

    def say(self, data: bytes) -> None:
        """Send over USB, 512 bytes at most."""
        for byte in data:
            self.device.cdc.send_serial_byte(byte)

    # -- its flash --------------------------------------------------------------------------------------

    def write_disk(self, image: bytes) -> None:
        """Have this be its file system."""
        self.mcu.flash[self.disk_at : self.disk_at + len(image)] = image

    def read_disk(self) -> LittleFS:
        """Mount a copy of its file system."""
        size = self.disk_blocks * _BLOCK
        found = LittleFS(block_size=_BLOCK, block_count=self.disk_blocks, mount=False)
        found.context.buffer = bytearray(self.mcu.flash[self.disk_at : self.disk_at + size])
        found.mount()
        return found


def disk(blocks: int, files: Mapping[str, bytes]) -> bytes:
    """Return a file system with these files."""
    made = LittleFS(
        block_size=_BLOCK, block_count=blocks, read_size=32, prog_size=256, cache_size=1024,
        lookahead_size=32, disk_version=0x00020000,
    )  # fmt: skip
    for name, data in files.items():
        folder = name.rpartition("/")[0]
        if folder:
            made.makedirs(folder, exist_ok=True)
        with made.open(name, "wb") as file:
            file.write(data)
    return bytes(made.context.buffer)
