"""Hardware of ESP32, ESP32-S3 and ESP32-C3 on stock MicroPython (1.24 at least).

The meter's data has the partition "keiki" for itself; settings to begin with are in /config.json.
"""

import esp32  # pyright: ignore[reportMissingImports]
import machine

from keiki.hal import boards, lines, running
from keiki.hal.boards import pulse_train_on

_LABEL = "keiki"
_ROMFS = "romfs"
_MARK = b"keiki"
_BLOCKS_OP = 4
_PULSE_TIMER, _REPL_TIMER = 0, 1
_ENODEV = 19
_counters: list = []


def _keep_mark(mark: int) -> None:
    machine.RTC().memory(_MARK + bytes((mark,)))


running.on_port(_keep_mark, _REPL_TIMER)


def __getattr__(name: str):
    """Whatever else the meter asks for is the same on every board."""
    return getattr(boards, name)


def unique_id() -> bytes:
    """Return the chip's EUI-64, made from its MAC address as IEEE says it."""
    mac = machine.unique_id()
    return mac[:3] + b"\xff\xfe" + mac[3:]


def reset_cause() -> int:
    """Return why this program was started: 0 power, 1 watchdog, 2 crash, 3 command. To be asked once."""
    kept = machine.RTC().memory()
    mark = kept[-1] if kept[: len(_MARK)] == _MARK and len(kept) == len(_MARK) + 1 else 0
    _keep_mark(0)
    cause = machine.reset_cause()
    if cause == machine.PWRON_RESET:
        return running.POWERED
    if cause == machine.SOFT_RESET:  # Ctrl-D at the REPL
        return running.COMMANDED
    return running.cause_of(mark, cause == machine.WDT_RESET)


def flash(blocks: int):
    """Return the data partition. OSError: there is none; ValueError: it has not the size of board.py."""
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label=_LABEL)
    if not found:
        raise OSError(_ENODEV)
    has = found[0].ioctl(_BLOCKS_OP, 0)
    if has != blocks:
        raise ValueError("flash: partition %s has %d blocks, not %d" % (_LABEL, has, blocks))
    return found[0]


def app_files():
    """Return the slots of updates, their code in partition romfs; None: it is no start by selector.py."""
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label=_ROMFS)
    if not found or not boards.by_selector():
        return None
    from keiki.hal.esp32_slots import RomSlots

    return RomSlots(boards.UPDATES, found[0])


def counter(pin: int):
    """Return a function that tells how many pulses input `pin` has had, modulo 2^32.

    The chip counts by itself where it can (not the C3) and this MicroPython can ask it to (1.26 on).
    """
    if not hasattr(machine, "Counter"):
        return lines.counter(pin)
    found = machine.Counter(len(_counters), machine.Pin(pin, machine.Pin.IN))
    _counters.append(found)
    return lambda: found.value() & 0xFFFFFFFF


def pulse_output(pin: int, width_ms: int):
    """Return a function `(n, first_us, step_us)` that makes pulses: see pulse_train."""
    return pulse_train_on(pin, width_ms, _PULSE_TIMER)
