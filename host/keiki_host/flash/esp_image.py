"""MicroPython's image for an ESP32, taken apart: its boot loader and its program, not its partition table.

Documents: ESP-IDF, App Image Format (E9, segments, flash size, chip); MicroPython's esp32 images begin where
the chip's boot loader does, have their table at 0x8000 and the program at 0x10000.
"""

import hashlib
import struct
from dataclasses import dataclass

from keiki_host.flash import partition_table
from keiki_host.flash.errors import FlashInputError

BOOT_OFFSET = {"esp32": 0x1000, "esp32s3": 0x0, "esp32c3": 0x0}
"""Where the chip's ROM looks for a boot loader."""
APP_OFFSET = 0x10000
_CHIP_IDS = {"esp32": 0, "esp32s3": 9, "esp32c3": 5}
_MAGIC = 0xE9
_HEAD = 24
_SEGMENT = struct.Struct("<II")  # where it is loaded, its length; its bytes follow
_ALIGNED, _DIGEST = 16, 32  # a sum is the last byte of 16; SHA-256 over all before it may follow
_SUM_OF_NOTHING = 0xEF
_MIB = 1 << 20
_HAS_ROMFS = b"VfsRom"  # a name that is in the program only where it can run code from partition romfs


@dataclass(frozen=True)
class EspImage:
    """The parts that a board is given."""

    boot: bytes
    app: bytes
    flash_bytes: int
    """The flash that its boot loader expects."""


def split(data: bytes, chip: str) -> EspImage:
    """Take an image apart. FlashInputError: it is none, or one for another chip."""
    start = BOOT_OFFSET[chip]
    boot, app = data[: partition_table.OFFSET - start], data[APP_OFFSET - start :]
    if len(boot) < _HEAD or boot[0] != _MAGIC:
        raise FlashInputError("image: not an ESP32 image of MicroPython (a .bin file from its download page)")
    for part in (boot, app):
        _check(part, chip)
    app = app[: _length(app, chip)]
    if _HAS_ROMFS not in app:
        raise FlashInputError(
            "image: this MicroPython has no ROMFS, and the meter's code does not fit the heap: it must be "
            "built with MICROPY_VFS_ROM (docs/flash.md)"
        )
    return EspImage(boot.rstrip(b"\xff"), app, _MIB << (boot[3] >> 4))


def _check(part: bytes, chip: str) -> None:
    if len(part) < _HEAD or part[0] != _MAGIC:
        raise FlashInputError(f"image: not a whole image for an {chip}: no program at 0x{APP_OFFSET:x}")
    number = int.from_bytes(part[12:14], "little")
    if number != _CHIP_IDS[chip]:
        names = {value: name for name, value in _CHIP_IDS.items()}
        raise FlashInputError(
            f"image: it is for an {names.get(number, 'other chip')}, and the board has an {chip}"
        )


def _length(program: bytes, chip: str) -> int:
    """Return the length of a program from its segments. FlashInputError: it is cut, or was changed."""
    at, total = _HEAD, _SUM_OF_NOTHING
    for _ in range(program[1]):
        head = program[at : at + _SEGMENT.size]
        if len(head) < _SEGMENT.size:
            break
        length = _SEGMENT.unpack(head)[1]
        at += _SEGMENT.size
        for byte in program[at : at + length]:
            total ^= byte
        at += length
    end = (at // _ALIGNED + 1) * _ALIGNED
    size = end + (_DIGEST if program[_HEAD - 1] else 0)
    if len(program) < size:
        raise FlashInputError(f"image: not a whole image for an {chip}: its end is missing")
    if program[end - 1] != total or (
        size > end and hashlib.sha256(program[:end]).digest() != program[end:size]
    ):
        raise FlashInputError(f"image: not as it was made for an {chip}: its sum is wrong")
    return size
