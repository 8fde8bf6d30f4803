"""`keiki flash`: a board gets MicroPython, the meter's code and its configuration."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from keiki_host import board_data, serial_ports
from keiki_host.bench.options import load_settings
from keiki_host.board_schema import Board
from keiki_host.flash import esp32, rp2, uf2
from keiki_host.flash import images as found_images
from keiki_host.flash.errors import FlashError, FlashInputError
from keiki_host.flash.esptool import EspTool
from keiki_host.flash.repl import Repl
from keiki_host.flash.shown import Shown, shown


def flash(
    board: Annotated[str, typer.Argument(help="A folder of boards/.", show_default=False)],
    port: Annotated[
        str | None,
        typer.Option(
            metavar="PORT",
            help="/dev/ttyUSB0, socket://HOST:PORT, or an RP2 board's drive. [default: what is there]",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            help="MicroPython for this board; without it, it keeps the one it has.", show_default=False
        ),
    ] = None,
    micropython: Annotated[
        str | None,
        typer.Option(
            metavar="X.Y.Z",
            help="MicroPython of this version instead: out of --images, else from its download page.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            envvar="KEIKI_IMAGES",
            help="Folder of MicroPython's images. [default: in the cache]",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of meter settings (docs/b-route.md).", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look and compare; write nothing.")] = False,
    erase_data: Annotated[
        bool,
        typer.Option("--erase-data", help="Also erase registers, history, events and settings; asks first."),
    ] = False,
    no_stub: Annotated[
        bool, typer.Option("--no-stub", help="ESP32: work with what is in the chip's ROM; slower.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False,
) -> None:
    """Flash a board: only what it does not have yet, read back afterwards. The meter's data stays."""
    try:
        chosen = board_data.load(board)
    except board_data.BoardError as error:
        raise FlashInputError(str(error)) from None
    settings = load_settings(config, {}) if config is not None else None
    if image is not None and micropython is not None:
        raise FlashInputError("image: either --image or --micropython")
    data = None if image is None else _read(image)
    options = _Options(port, settings, dry_run=dry_run, erase=erase_data, stub=not no_stub)
    with shown() as show:
        if micropython is not None:
            folder = images or found_images.folder_of_images()
            data = found_images.find(chosen, micropython, folder, lambda found: _check(chosen, found), show)
        result = _PORTS[chosen.port](chosen, data, options, show)
    _print(result, as_json)


@dataclass(frozen=True)
class _Options:
    port: str | None
    settings: dict[str, Any] | None
    dry_run: bool
    erase: bool
    stub: bool


def _read(image: Path) -> bytes:
    try:
        return image.read_bytes()
    except OSError as error:
        raise FlashInputError(f"image: {image}: {error.strerror}") from None


def _check(board: Board, image: bytes) -> None:
    """FlashInputError unless it is MicroPython for this board."""
    if board.port == "esp32":
        esp32.image_of(board, image)
    else:
        uf2.check(image, board.chip, board.image)


def _port(port: str | None) -> str:
    """The port that was named, or the only one that may be a board."""
    if port is None:
        candidates = serial_ports.boards()
        if len(candidates) != 1:
            there = ", ".join(f"{of.path} ({of.what})" for of in candidates)
            raise FlashInputError(
                f"port: several boards are connected; --port one of {there}"
                if there
                else "port: no board is connected; plug it in, or name its port with --port"
            )
        port = candidates[0].path
    if "://" not in port:
        reason = serial_ports.why_not(port)
        if reason is not None:
            raise FlashInputError(f"{port}: {reason}")
    return port


def _esp32(board: Board, image: bytes | None, options: _Options, show: Shown) -> dict[str, Any]:
    wish = esp32.Wish(board, None if image is None else esp32.image_of(board, image), options.settings)
    tool = EspTool(_port(options.port), stub=options.stub)
    runs = False
    try:
        planned = esp32.plan(tool, wish, show)
        if planned.lost and not options.erase:
            raise FlashError(
                f"{board.name}: this board has a meter's data elsewhere ({planned.lost}), which would be "
                "lost: save it (keiki device backup), then --erase-data"
            )
        if options.erase and not options.dry_run:
            _confirm(board)
        to_write = [*planned.missing, *([esp32.no_data(board)] if options.erase else [])]
        if to_write and not options.dry_run:
            esp32.carry_out(tool, to_write, show)
            runs = True
    finally:
        if not runs:
            tool.leave()
    missing = {part.name for part in planned.missing}
    rows = [(part.name, len(part.data), part.name in missing) for part in planned.parts]
    return _result(board, rows, options)


def _rp2(board: Board, image: bytes | None, options: _Options, show: Shown) -> dict[str, Any]:
    if options.erase:
        rp2.data_folder(board)
    if image is not None:
        return _uf2(board, image, options, show)
    port = _port(options.port)
    show.step("connecting")
    repl = Repl(port)
    try:
        planned = rp2.plan(repl, board, options.settings, show)
        if not options.dry_run:
            if options.erase:
                _confirm(board)
                rp2.erase_data(repl, board)
            rp2.carry_out(repl, planned, show)
        rows = [(name, len(data), name in planned.missing) for name, data in planned.files.items()]
        return _result(board, rows, options)
    finally:
        repl.restart()
        repl.close()


def _uf2(board: Board, image: bytes, options: _Options, show: Shown) -> dict[str, Any]:
    uf2.check(image, board.chip, board.image)
    drive = rp2.boot_drive(options.port)
    if drive is None:
        raise FlashInputError("port: no board waits for an image: hold BOOTSEL while you plug it in")
    if not options.dry_run:
        show.step(f"copying to {drive}")
        uf2.copy(image, drive, board.chip)
        show.step("the board starts MicroPython; run this again without --image for the meter's code")
    return _result(board, [("MicroPython", len(image), True)], options)


_PORTS = {"esp32": _esp32, "rp2": _rp2}


def _result(board: Board, rows: list[tuple[str, int, bool]], options: _Options) -> dict[str, Any]:
    """What becomes of each part: (name, bytes, whether the board did not have it)."""
    return {
        "board": board.name,
        "dry_run": options.dry_run,
        "data": "erased" if options.erase and not options.dry_run else "untouched",
        "parts": [
            {"name": name, "bytes": size, "missing": missing, "written": missing and not options.dry_run}
            for name, size, missing in rows
        ],
    }


def _confirm(board: Board) -> None:
    """Have the board's name typed; FlashError unless it is."""
    print(
        f"This erases all that the meter has measured and kept. Type {board.name} to erase it: ",
        end="", file=sys.stderr, flush=True,
    )  # fmt: skip
    if sys.stdin.readline().strip() != board.name:
        raise FlashError("nothing was erased or written: it was not confirmed")


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    for part in result["parts"]:
        word = "written" if part["written"] else "to be written" if part["missing"] else "as it is"
        print(f"{part['name']:<32} {part['bytes']:>9,} bytes  {word}")
    print(f"the meter's data: {result['data']}")
