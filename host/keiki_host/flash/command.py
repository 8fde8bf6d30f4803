"""`keiki flash`: a board gets MicroPython, the meter's code and its configuration."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from keiki_host import board_data, serial_ports
from keiki_host.bench.options import load_settings
from keiki_host.board_schema import Board
from keiki_host.flash import esp32
from keiki_host.flash.errors import FlashError, FlashInputError
from keiki_host.flash.esptool import EspTool
from keiki_host.flash.shown import Shown, shown


def flash(
    board: Annotated[str, typer.Argument(help="A folder of boards/.", show_default=False)],
    port: Annotated[
        str | None,
        typer.Option(
            metavar="PORT",
            help="/dev/ttyUSB0, or socket://HOST:PORT. [default: the board that is there]",
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            help="MicroPython for this board; without it, it keeps the one it has.", show_default=False
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
    given = None if image is None else esp32.image_of(chosen, _read(image))
    wish = esp32.Wish(chosen, given, load_settings(config, {}) if config is not None else None)
    found = _port(port)
    with shown() as show:
        result = _esp32(wish, EspTool(found, stub=not no_stub), show, dry_run=dry_run, erase=erase_data)
    _print(result, as_json)


def _read(image: Path) -> bytes:
    try:
        return image.read_bytes()
    except OSError as error:
        raise FlashInputError(f"image: {image}: {error.strerror}") from None


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


def _esp32(wish: esp32.Wish, tool: EspTool, show: Shown, *, dry_run: bool, erase: bool) -> dict[str, Any]:
    board = wish.board
    runs = False
    try:
        planned = esp32.plan(tool, wish, show)
        if planned.lost and not erase:
            raise FlashError(
                f"{board.name}: this board has a meter's data elsewhere ({planned.lost}), which would be "
                "lost: save it (keiki device backup), then --erase-data"
            )
        if erase and not dry_run:
            _confirm(board)
        to_write = [*planned.missing, *([esp32.no_data(board)] if erase else [])]
        if to_write and not dry_run:
            esp32.carry_out(tool, to_write, show)
            runs = True
    finally:
        if not runs:
            tool.leave()
    missing = {part.name for part in planned.missing}
    return {
        "board": board.name,
        "chip": planned.found.chip,
        "dry_run": dry_run,
        "data": "erased" if erase and not dry_run else "untouched",
        "parts": [
            {
                "name": part.name,
                "offset": part.offset,
                "bytes": len(part.data),
                "written": part.name in missing and not dry_run,
                "missing": part.name in missing,
            }
            for part in planned.parts
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
        print(f"{part['name']:<16} 0x{part['offset']:06x} {part['bytes']:>9,} bytes  {word}")
    print(f"the meter's data: {result['data']}")
