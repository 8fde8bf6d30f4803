"""MicroPython's UF2 image for an RP2 board, and the drive that the board shows while BOOTSEL is held.

Document: UF2 file format (github.com/microsoft/uf2): blocks of 512 bytes, each with where its bytes go.
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path

from keiki_host.flash.errors import FlashError, FlashInputError

BLOCK = 512
_HEAD = struct.Struct("<8I")
_MAGIC, _MAGIC_2, _MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_FLASH, _HAS_FAMILY, _NOT_MAIN = 0x10000000, 0x2000, 0x0001
_FAMILIES = {"rp2040": 0xE48BFF56, "rp2350": 0xE48BFF59}
_ABSOLUTE = 0xE48BFF57  # what RP2350 images begin with, for a fault of its ROM
_DRIVES = {"rp2040": "RPI-RP2", "rp2350": "RP2350"}
_FILES_BEGIN = {"RPI_PICO": 0xA0000, "RPI_PICO_W": 0x12C000, "RPI_PICO2_W": 0x180000}
"""Where MicroPython's file system begins in the flash: what is there is the meter's."""
_MOUNTS = ("/media", "/run/media", "/Volumes", "/mnt")


def check(data: bytes, chip: str, image: str) -> None:
    """FlashInputError unless it is a whole image for a chip, and leaves the file system alone."""
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    if not blocks or any(not _is_block(block) for block in blocks):
        raise FlashInputError("image: not a UF2 image of MicroPython (a .uf2 file from its download page)")
    left = 0
    for block in blocks:
        _, _, flags, address, size, number, count, family = _HEAD.unpack_from(block)
        if flags & _NOT_MAIN or (family == _ABSOLUTE and flags & _HAS_FAMILY):
            continue
        if not flags & _HAS_FAMILY or family != _FAMILIES[chip]:
            raise FlashInputError(f"image: it is for another chip, and the board has an {chip}")
        if address + size - _FLASH > _FILES_BEGIN[image]:
            raise FlashInputError("image: it would lie over the file system with the meter's data")
        left = count - number - 1
    if left:
        raise FlashInputError("image: not a whole UF2 image: its end is missing")


def _is_block(block: bytes) -> bool:
    return len(block) == BLOCK and _HEAD.unpack_from(block)[:2] == (_MAGIC, _MAGIC_2) and (
        int.from_bytes(block[-4:], "little") == _MAGIC_END
    )  # fmt: skip


def drives(mounts: Iterable[str] = _MOUNTS) -> list[Path]:
    """Return the drives of boards that wait for an image."""
    found: set[Path] = set()
    for mount in mounts:
        for depth in ("*", "*/*"):
            found.update(path.parent for path in Path(mount).glob(f"{depth}/INFO_UF2.TXT"))
    return sorted(found)


def copy(data: bytes, drive: Path, chip: str) -> None:
    """Copy an image to a board's drive; it starts by itself. FlashError: it is another's, or full."""
    try:
        said = (drive / "INFO_UF2.TXT").read_text(errors="replace")
    except OSError:
        raise FlashInputError(
            f"{drive}: not the drive of a board: hold BOOTSEL while you plug it in"
        ) from None
    if f"Board-ID: {_DRIVES[chip]}" not in said:
        raise FlashError(f"{drive}: not the drive of an {chip}; nothing was written")
    try:
        with (drive / "micropython.uf2").open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        again = "plug the board in again with BOOTSEL held, and run this again"
        raise FlashError(f"{drive}: {error.strerror}: {again}") from None
