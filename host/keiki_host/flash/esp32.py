"""An ESP32 board: what goes where in its flash, and nothing written that is there already.

The partition with the meter's data is in the plan of no write. It is erased only by `erase_data`, which asks
first; and a board whose old table had it elsewhere is refused, because the meter would not find it again.
"""

from dataclasses import dataclass
from typing import Any

from keiki_host.board_schema import BLOCK, DATA, Board
from keiki_host.flash import app_files, esp_image, partition_table
from keiki_host.flash.errors import FlashError, FlashInputError
from keiki_host.flash.esp_image import EspImage
from keiki_host.flash.esptool import NOT_READ_BACK, Connected, EspTool, Part
from keiki_host.flash.shown import Shown


@dataclass(frozen=True)
class Wish:
    """What the board is to have. `image`: MicroPython's; None: what it has. `settings`: None: it has them."""

    board: Board
    image: EspImage | None
    settings: dict[str, Any] | None


@dataclass(frozen=True)
class Plan:
    """What a board needs: all parts, and those of them that it does not have."""

    found: Connected
    parts: list[Part]
    missing: list[Part]
    lost: str
    """Where the board has data of a meter that this layout would not find, if it has any."""


def image_of(board: Board, data: bytes) -> EspImage:
    """Return MicroPython's image for a board. FlashInputError: it is not for this board."""
    image = esp_image.split(data, board.chip)
    if image.flash_bytes < board.flash_bytes:
        raise FlashInputError(
            f"image: it is for {image.flash_bytes >> 20} MB of flash, and the board's layout needs "
            f"{board.flash_bytes >> 20} MB"
        )
    return image


def parts_of(wish: Wish, kept: dict[str, bytes] | None) -> list[Part]:
    """Return every part of the flash. `kept`: files (path -> contents) that stay beside the configuration,
    which is written; None: the file system stays as it is.

    FlashError: something does not fit.
    """
    board = wish.board
    parts = []
    if wish.image is not None:
        parts += [
            Part("boot loader", esp_image.BOOT_OFFSET[board.chip], wish.image.boot),
            _fitting(board, "factory", wish.image.app, "MicroPython"),
        ]
    parts.append(Part("partition table", partition_table.OFFSET, partition_table.encode(_rows(board))))
    parts.append(_fitting(board, "romfs", app_files.rom(board), "the meter's code"))
    if kept is not None:
        files = {**kept, **app_files.start_files()}
        if wish.settings:
            files[app_files.SETTINGS] = app_files.settings_text(wish.settings)
        parts.append(
            _fitting(
                board, "vfs", app_files.littlefs_image(files, board.partition("vfs").size), "configuration"
            )
        )
    data = board.partition(DATA)
    for part in parts:
        end = part.offset + -(-len(part.data) // BLOCK) * BLOCK
        assert end <= data.offset or part.offset >= data.offset + data.size, part.name
    return parts


def plan(tool: EspTool, wish: Wish, show: Shown) -> Plan:
    """Look at the board and say what it needs. FlashError: it is not this board."""
    board = wish.board
    show.step("connecting")
    found = tool.connect()
    if found.chip != board.chip:
        raise FlashError(
            f"{board.name} has an {board.chip}, and this is an {found.chip}; nothing was written"
        )
    if found.flash_bytes < board.flash_bytes:
        raise FlashError(
            f"{board.name} needs {board.flash_bytes >> 20} MB of flash, and this board has "
            f"{found.flash_bytes >> 20} MB; nothing was written"
        )
    old = partition_table.decode(tool.read(partition_table.OFFSET, partition_table.SIZE))
    if old is None and wish.image is None:
        raise FlashInputError("image: this board has no MicroPython yet: --image FILE")
    kept: dict[str, bytes] | None = {} if old != _rows(board) else None
    if kept is None and wish.settings is not None:
        show.step("reading what it keeps")
        vfs = board.partition("vfs")
        kept = app_files.littlefs_files(tool.read(vfs.offset, vfs.size))
    parts = parts_of(wish, kept)
    show.step("comparing")
    return Plan(found, parts, tool.different(parts), _lost(old or [], board))


def carry_out(tool: EspTool, missing: list[Part], show: Shown) -> None:
    """Write parts, read them back, and run what is there. FlashError: it is not there afterwards."""
    tool.write(
        missing, show.writing([part.name for part in missing], sum(len(part.data) for part in missing))
    )
    show.step("verifying")
    wrong = tool.different(missing, last=True)
    if wrong:
        raise FlashError(f"{wrong[0].name}: {NOT_READ_BACK}")


def no_data(board: Board) -> Part:
    """Return what erases the meter's registers, history, events and settings. Ask first."""
    data = board.partition(DATA)
    return Part("the meter's data", data.offset, b"\xff" * data.size)


def _lost(old: list[partition_table.Row], board: Board) -> str:
    ours = board.partition(DATA)
    for row in old:
        if row.name == DATA and (row.offset, row.size) != (ours.offset, ours.size):
            return f"{row.size // 1024} KiB at 0x{row.offset:x}"
    return ""


def _rows(board: Board) -> list[partition_table.Row]:
    return [partition_table.row(of.name, of.type, of.subtype, of.offset, of.size) for of in board.partitions]


def _fitting(board: Board, name: str, data: bytes, what: str) -> Part:
    room = board.partition(name)
    if len(data) > room.size:
        raise FlashError(f"{what}: {len(data):,} bytes do not fit the {room.size:,} of partition {name}")
    return Part(what, room.offset, data)
