"""A Pico or Pico W that is emulated by rp2040py, with files on its file system and models on its lines.

Its time stands still while nothing is run. Flash takes no time in it. The emulated clock is kind to the chip,
and goes about 20 times slower than a wall clock: figures are in its time.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from littlefs import LittleFS
from rp2040py.boards import BOARDS, resolve_firmware
from rp2040py.device import MicroPythonDevice

from tests.ontarget.pl011 import correct_uarts
from tests.ontarget.quiet_usb import QuietUsb

_BLOCK = 4096
_STORAGE = {"pico": (0x0A0000, 352), "pico_w": (0x12C000, 212)}
"""Where MicroPython's file system begins in the flash, and its blocks of 4096 bytes."""
_BAUD_BITS = 10


class EmulatedBoard:
    """A board (`kind` pico or pico_w) that runs the MicroPython image `uf2`, with `files` on it."""

    def __init__(self, kind: str, uf2: Path, files: Mapping[str, bytes]) -> None:
        self._loop = asyncio.new_event_loop()
        self._device: Any = MicroPythonDevice(board=resolve_firmware(BOARDS[kind], "micropython", str(uf2)))
        self.mcu: Any = self._device.mcu
        QuietUsb(self._device)
        correct_uarts(self.mcu)
        start, blocks = _STORAGE[kind]
        disk = _disk(blocks, files)
        self.mcu.flash[start : start + len(disk)] = disk
        self._loop.run_until_complete(self._device.astart())

    def run(self, text: str, timeout_s: float = 1500) -> str:
        """Run a program and return what it prints. AssertionError: it ended with an exception."""
        out, error = self._loop.run_until_complete(self._device.aexec(text, timeout=timeout_s))
        assert not error, error.decode()
        return str(out.decode())

    def now_ms(self) -> int:
        """The time of the chip's clock."""
        return int(self.mcu.clock.nanos // 1_000_000)

    def on_uart(
        self, number: int, part: Callable[[Callable[[bytes], None]], Callable[[bytes], None]]
    ) -> None:
        """Wire a part to a UART: `part(write)` returns its `receive`."""
        uart = self.mcu.uart[number]
        waiting = bytearray()

        def next_byte() -> None:
            uart.feed_byte(waiting.pop(0))
            if waiting:
                alarm.schedule(_BAUD_BITS * 1e9 / uart.baud_rate)

        alarm = self.mcu.clock.create_alarm(next_byte)

        def write(data: bytes) -> None:
            idle = not waiting
            waiting.extend(data)
            if idle and waiting:
                alarm.schedule(_BAUD_BITS * 1e9 / uart.baud_rate)

        receive = part(write)
        uart.on_byte = lambda byte: receive(bytes((byte,)))

    def set_pin(self, pin: int, level: bool) -> None:
        """Set an input from outside."""
        self.mcu.gpio[pin].set_input_value(level)

    def close(self) -> None:
        """Switch it off."""
        self._device.stop()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


def _disk(blocks: int, files: Mapping[str, bytes]) -> bytes:
    disk = LittleFS(
        block_size=_BLOCK, block_count=blocks, read_size=32, prog_size=256, cache_size=1024,
        lookahead_size=32, disk_version=0x00020000,
    )  # fmt: skip
    for name, data in files.items():
        folder = name.rpartition("/")[0]
        if folder:
            disk.makedirs(folder, exist_ok=True)
        with disk.open(name, "wb") as file:
            file.write(data)
    return bytes(disk.context.buffer)
