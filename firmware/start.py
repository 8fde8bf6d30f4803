"""main.py of a board: runs the version that selector.py names, else what the board was flashed with.

A slot is a folder of modules or, where partition romfs has room for three versions (hal/esp32_slots.py), a
third of that, which is mounted in place of what was flashed.
"""

import os
import sys

import selector

_UPDATES = "update"
_WATCHDOG_MS = 8000
_GET_SEGMENT = 2


def _read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _forget_older_updates():
    """What is flashed after an update is to run: forget which slot was chosen, once."""
    flashed = _read("/rom/built")
    if not flashed or flashed == _read(_UPDATES + "/built"):
        return
    try:
        if _UPDATES not in os.listdir():
            os.mkdir(_UPDATES)
        if "select" in os.listdir(_UPDATES):
            os.remove(_UPDATES + "/select")
        with open(_UPDATES + "/built", "w") as file:
            file.write(flashed)
    except OSError as error:
        sys.print_exception(error, sys.stderr)  # pyright: ignore[reportArgumentType]


def _look_in(slot):
    """Have modules come from a slot. OSError: there is no version in it."""
    folder = _UPDATES + "/" + slot
    if "rom.img" not in os.listdir(folder):
        sys.path.insert(0, folder)
        return
    import vfs

    whole = memoryview(vfs.rom_ioctl(_GET_SEGMENT, 0))  # pyright: ignore[reportArgumentType]
    size = len(whole) // 3 // 4096 * 4096
    first = size * (1 + "ab".index(slot))
    rom = vfs.VfsRom(whole[first : first + size])  # pyright: ignore[reportAttributeAccessIssue]
    try:
        vfs.umount("/rom")
    except OSError:
        pass  # nothing was flashed there
    vfs.mount(rom, "/rom")
    sys.path.insert(0, "/rom")


_forget_older_updates()
_files = selector.Files(_UPDATES)
_record = selector.choose(_files)
if not _record["active"]:
    sys.path.insert(0, "app")  # where there is no ROMFS
    import keiki_main  # pyright: ignore[reportMissingImports]
else:
    try:
        import machine

        machine.WDT(timeout=_WATCHDOG_MS)  # for a version that hangs before it has its own
        _look_in(_record["active"])
        import keiki_main  # noqa: F401 # pyright: ignore[reportMissingImports]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        sys.print_exception(error, sys.stderr)  # pyright: ignore[reportArgumentType]
        selector.failed(_files)
        sys.exit(1)  # MicroPython starts main.py again
    if not _record["good"]:
        sys.exit(1)  # settings that only a version on trial finds wrong are its own fault
