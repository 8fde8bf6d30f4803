"""Runs the meter as a board does whose code lies in flash: an image is a ROMFS, and its bytecode is executed
where it lies. Only what the meter works with is in the heap. The image is the one beside this file, or that
of the slot that selector.py names in the folder KEIKI_UPDATE.

The unix port has no flash. The image is put where the main thread's stack could grow to, but never does
(MicroPython stops at 80 kB of it): memory that is there for the asking and is none of the heap's.
"""

import gc
import os
import sys

import selector
import uctypes
import vfs

_BELOW = 256 * 1024  # from the stack that is mapped at the start: for what C functions may need
_BAD_SETTINGS = 2


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


def _run(folder: str) -> None:
    vfs.mount(vfs.VfsRom(_load(folder + "/rom.img")), "/rom")
    sys.path[:] = ["/rom", ".frozen"]
    import main  # noqa: F401, PLC0415 - it is in the image


# what importing leaves behind is collected at once: else it lies scattered between what stays, for good
gc.threshold(4096)
_updates = os.getenv("KEIKI_UPDATE") or ""
_flashed = __file__.rsplit("/", 1)[0]
_files = selector.Files(_updates) if _updates else None
_record = selector.choose(_files) if _files else selector.FLASHED
if not _record["active"]:
    del sys.modules["selector"], selector, _files, _record
    gc.collect()
    _run(_flashed)
else:
    try:
        _run(_updates + "/" + _record["active"])
    except SystemExit as end:
        # settings that only a version on trial finds wrong are its own fault
        trial = not _record["good"] and end.args and end.args[0] == _BAD_SETTINGS
        sys.exit(1 if trial else end.args[0] if end.args else 0)
    except BaseException as error:
        sys.print_exception(error, sys.stderr)  # pyright: ignore[reportArgumentType]
        selector.failed(_files)
        sys.exit(1)
