"""Runs the meter as a board does whose code lies in flash: the image beside this file is a ROMFS, and its
bytecode is executed where it lies. Only what the meter works with is in the heap.

The unix port has no flash. The image is put where the main thread's stack could grow to, but never does
(MicroPython stops at 80 kB of it): memory that is there for the asking and is none of the heap's.
"""

import gc
import os
import sys

import uctypes
import vfs

_BELOW = 256 * 1024  # from the stack that is mapped at the start: for what C functions may need


def _stack() -> int:
    """Return the lowest address of the stack."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            if line.rstrip().endswith("[stack]"):
                return int(line.split("-")[0], 16)
    raise OSError("no [stack] in /proc/self/maps")


def _load(path: str):
    size = os.stat(path)[6]
    rom = uctypes.bytearray_at((_stack() - _BELOW - size) & ~15, size)
    with open(path, "rb") as image:
        image.readinto(rom)
    return rom


# what importing leaves behind is collected at once: else it lies scattered between what stays, for good
gc.threshold(4096)
vfs.mount(vfs.VfsRom(_load(__file__.rsplit("/", 1)[0] + "/rom.img")), "/rom")
sys.path[:] = ["/rom", ".frozen"]
import main  # noqa: E402, F401 - it is in the image
