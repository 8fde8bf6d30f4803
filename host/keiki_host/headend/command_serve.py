"""`keiki headend serve`: the collector, the API and the page, in the foreground."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from keiki_host.headend.collect import clock as clocks
from keiki_host.headend.collect.service import Options, Service
from keiki_host.headend.collect.service import serve as serve_until_told
from keiki_host.headend.command_options import DATABASE, KEY_FILE, Database, KeyFile, connected
from keiki_host.headend.errors import HeadendError, HeadendInputError
from keiki_host.headend.keys import Safe

_console = Console(stderr=True)
PUSH = "127.0.0.1:4059"
HTTP = "127.0.0.1:8030"


def serve(
    database: Database = DATABASE,
    key_file: KeyFile = KEY_FILE,
    push: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where meters send to, TCP and UDP.")] = PUSH,
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the API and the page are.")] = HTTP,
    files: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of C-route files. [default: none]", show_default=False),
    ] = None,
    reached_at: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Where meters reach it. [default: as --push]", show_default=False
        ),
    ] = None,
    clock: Annotated[str | None, typer.Option(metavar="UTC_S,WALL_S,SPEED", hidden=True)] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Collect from all meters and serve the API and the page, until Ctrl-C.

    Prints one JSON line on standard output when everything is ready; logs go to standard error.
    """
    if with_parent:  # it says what time it is when there is something to serve
        clock = sys.stdin.readline()
        if not clock:
            return
    if files is not None and not files.is_dir():
        raise HeadendInputError(f"files: {files} is not a folder")
    time = clocks.Clock() if clock is None else clocks.parse(clock)
    if reached_at is not None:
        address("reached-at", reached_at)
    options = Options(address("push", push), address("http", http), files, time, reached_at=reached_at)
    with connected(database) as store:
        service = Service(store, Safe(store, key_file), options, _tell)
        with _progress() as progress:
            asyncio.run(serve_until_told(service, _show, progress, with_parent=with_parent))


def address(what: str, text: str) -> tuple[str, int]:
    """The host and port of HOST:PORT or [HOST]:PORT; HeadendInputError if it is neither."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise HeadendInputError(f"{what}: {text}: not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _show(ready: dict[str, Any]) -> None:
    try:
        print(json.dumps(ready), flush=True)
    except OSError as error:
        raise HeadendError(f"standard output: {error.strerror}") from None


def _tell(line: str) -> None:
    _console.print(f"keiki: {line}", markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[dict[str, dict[str, int]]], None] | None]:
    """What a person sees of it: a line on the terminal; None: nobody is there."""
    if not _console.is_terminal:
        yield None
        return
    with _console.status("starting") as status:

        def show(stats: dict[str, dict[str, int]]) -> None:
            parts = (
                f"{stats['listener']['pushes']:,} pushes",
                f"{stats['intake']['stored']:,} values stored",
                f"{stats['puller']['pulled']:,} pulled",
                f"{stats['worker']['commands']:,} commands",
                f"{stats['listener']['forged'] + stats['listener']['replayed']:,} refused",
            )
            status.update(", ".join(parts))

        yield show
