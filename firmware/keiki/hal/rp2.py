"""Hardware of RP2040 and RP2350 on stock MicroPython (1.24 at least).

Stock MicroPython gives the whole flash to its file system: the meter's data lies on an SPI NOR chip, or in
segment files. While its own flash is erased or programmed interrupts are off, and a UART keeps 32 bytes:
it is not touched before every serial line has been quiet for as long as a part takes to begin an answer.
"""

import sys

import board
import machine

from keiki.hal import boards, lines, running
from keiki.hal.boards import pulse_train_on, spi, ticks_ms
from keiki.hal.files import Folder, SlotFiles
from keiki.wire.compat import const

_SCRATCH = {"rp2040": 0x4005800C, "rp2350": 0x400D800C}  # WATCHDOG_SCRATCH0: power alone clears it
_MARK = 0x6B6569 << 8
_TIMER = -1
_QUIET_MS = const(4)
_QUIET_MOST_MS = const(60)

_in_flash: set = set()

unique_id = machine.unique_id


def __getattr__(name: str):
    """Whatever else the meter asks for is the same on every board."""
    return getattr(boards, name)


def _keep_mark(mark: int) -> None:
    machine.mem32[_SCRATCH[board.CHIP]] = _MARK | mark


running.on_port(_keep_mark, _TIMER)


def reset_cause() -> int:
    """Return why this program was started: 0 power, 1 watchdog, 2 crash, 3 command. To be asked once."""
    kept = machine.mem32[_SCRATCH[board.CHIP]]
    _keep_mark(0)
    if machine.reset_cause() == machine.PWRON_RESET:
        return running.POWERED
    # a reset by the program is made with the watchdog too
    return running.cause_of(kept & 255 if kept & ~255 == _MARK else 0, True)


def flash(blocks: int):
    """Return the SPI NOR chip of the board. OSError: it does not answer, or is too small."""
    from keiki.drivers.spinor import SpiNor

    plan = board.FLASH
    return SpiNor(spi(plan["spi"], plan["cs"], plan["baudrate"], 0, 0), blocks, ticks_ms)


def hush() -> None:
    """Wait until no serial line is in the middle of something: what its part says now would be lost."""
    until_ms = ticks_ms() + _QUIET_MOST_MS
    since_ms = ticks_ms()
    heard = -1
    while ticks_ms() < until_ms:
        now = 0
        sending = False
        for line in lines.opened:
            now += line.any()
            sending = sending or not line.txdone()
        if sending or now != heard:
            since_ms, heard = ticks_ms(), now
        elif ticks_ms() - since_ms >= _QUIET_MS:
            return


class _File:
    """A file that is written while no serial line speaks."""

    def __init__(self, file, begun: bool) -> None:
        self._file = file
        self._waits = begun  # something is not on flash yet

    def write(self, data) -> int:
        """Write into a buffer: only `flush` reaches the flash."""
        self._waits = True
        return self._file.write(data)

    def flush(self) -> None:
        """Make it durable."""
        hush()
        self._file.flush()
        self._waits = False

    def close(self) -> None:
        """Close it."""
        if self._waits:
            hush()
        self._file.close()


class _QuietFolder(Folder):
    """The file system of the chip's own flash."""

    def open(self, path: str, mode: str):  # pyright: ignore[reportIncompatibleMethodOverride]
        """Open a file."""
        if mode == "rb":
            return super().open(path, mode)
        hush()
        return _File(super().open(path, mode), mode == "wb")

    def remove(self, path: str) -> None:
        """Remove a file."""
        hush()
        super().remove(path)


def files() -> Folder:
    """Return the file system, for boards that keep their logs in segment files."""
    return _QuietFolder("/")


class _QuietSlots(SlotFiles):
    """The folder of updates. What is written is programmed when the file is closed, a moment after `open`."""

    def open(self, path: str, mode: str):
        """Open a file."""
        if mode[0] != "r":
            hush()
        return super().open(path, mode)


def app_files() -> "SlotFiles | None":
    """Return the slots of updates; None: selector.py has not made this start."""
    return _QuietSlots(boards.UPDATES) if boards.by_selector() else None


def counter(pin: int):
    """See rp2_counter: whatever Python and the flash do, no pulse is lost."""
    from keiki.hal import rp2_counter

    return rp2_counter.counter(pin)


def pulse_output(pin: int, width_ms: int):
    """Return a function `(n, first_us, step_us)` that makes pulses: see pulse_train."""
    return pulse_train_on(pin, width_ms, _TIMER)


def free_code(more: bool) -> bool:
    """See rp2_code: code that was loaded runs from flash from now on, and leaves the heap.

    `more`: there will be another call. True: code that is loaded does lie in the heap.
    """
    from keiki.hal import rp2_code

    rp2_code.settle(_in_flash)
    if not more:
        rp2_code.fit_names()
        hal = sys.modules["keiki.hal"]
        for name in ("rp2_code", "rp2_moves"):
            del sys.modules["keiki.hal." + name]
            delattr(hal, name)
    return True
