"""`keiki fleet`: the command line of a fleet."""

import asyncio
import contextlib
import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keiki_host.bench import options as bench_options
from keiki_host.fleet.errors import FleetError, FleetInputError
from keiki_host.fleet.outages import load_outages

if TYPE_CHECKING:
    from keiki_host.fleet.fleet import Options

METERS_MAX = 20_000
PER_PROCESS = 1000


def _address(what: str, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise FleetInputError(f"{what}: {text}: not HOST:PORT")
    return host, int(port)


def fleet(
    meters: Annotated[int, typer.Option(min=1, max=METERS_MAX, help="How many meters.")] = 100,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the file of meters and of the logs.")
    ] = Path("fleet"),
    push_to: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The head-end that they send to.")
    ] = "127.0.0.1:4059",
    ports: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT", help="Where the first meter is asked; the others follow. Port 0: any."
        ),
    ] = "127.0.0.1:20000",
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="How many processes. [default: one for 1,000 meters]", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="All chance comes from it, the keys too.")] = 0,
    start: Annotated[str, typer.Option(help="ISO 8601 time, or now.")] = "now",
    speed: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="How much faster than the wall time goes.")
    ] = 1.0,
    days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=99,
            help="End when the values of so many days are delivered. [default: never]",
            show_default=False,
        ),
    ] = None,
    window: Annotated[int, typer.Option(min=0, max=1500, help="Values leave within so many seconds.")] = 300,
    outages: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file of outages (docs/fleet.md).")
    ] = None,
    hold: Annotated[
        bool,
        typer.Option(
            "--hold", help="Begin when a line comes on standard input: the wall's UTC seconds, or empty."
        ),
    ] = False,
) -> None:
    """Run many light meters that push to a head-end and answer it, until Ctrl-C.

    Prints JSON lines on standard output: ready, the clock, and at the end what was counted.
    """
    if not out.is_dir():
        raise FleetInputError(f"out: {out} is not a folder")
    _address("push-to", push_to)
    host, port = _address("ports", ports)
    if port and port + meters > 65536:
        raise FleetInputError(f"ports: {meters} do not fit above {port}")
    count = processes or -(-meters // PER_PROCESS)
    if count > meters:
        raise FleetInputError(f"processes: more than {meters} meters")
    from keiki_host.fleet.fleet import Options  # noqa: PLC0415 - `keiki --help` need not load the meter

    options = Options(
        meters=meters,
        out=out,
        push_to=push_to,
        ports=(host, port),
        processes=count,
        seed=seed,
        start_s=bench_options.parse_start(start),
        speed=speed,
        days=days,
        window_s=window,
        outages=load_outages(outages) if outages is not None else (),
    )
    asyncio.run(_until_told(options, hold))


async def _until_told(options: "Options", hold: bool) -> None:
    from keiki_host.fleet.fleet import run  # noqa: PLC0415 - as above

    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(run(options, _show, _told if hold else None))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _told() -> float:
    """When to begin, as standard input says; a thread of its own, because it cannot be interrupted."""
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def wait() -> None:
        text = sys.stdin.readline().strip()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(line.set_result, text)

    threading.Thread(target=wait, daemon=True).start()
    text = await line
    try:
        return float(text) if text else time.time()
    except ValueError:
        raise FleetInputError("hold: not the wall's UTC seconds") from None


def _show(answer: dict[str, Any]) -> None:
    try:
        print(json.dumps(answer), flush=True)
    except OSError as error:
        raise FleetError(f"standard output: {error.strerror}") from None
