"""MicroPython's image for an ESP32, taken apart: its boot loader and its program, not its partition table.

Documents: ESP-IDF, App Image Format (E9, segments, flash size, chip); MicroPython's esp32 images begin where
the chip's boot loader does, have their table at 0x8000 and the program at 0x10000.
"""

from dataclasses import dataclass

from keiki_host.flash import partition_table
from keiki_host.flash.errors import FlashInputError

BOOT_OFFSET = {"esp32": 0x1000, "esp32s3": 0x0, "esp32c3": 0x0}
"""Where the chip's ROM looks for a boot loader."""
APP_OFFSET = 0x10000
_CHIP_IDS = {"esp32": 0, "esp32s3": 9, "esp32c3": 5}
_MAGIC = 0xE9
_HEAD = 24
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
