"""The `keiki` command."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from keiki_host.bench import options as opts
from keiki_host.bench.errors import BenchError
from keiki_host.bench.faults import Entry
from keiki_host.bench.faults_file import FaultFileError, load_faults
from keiki_host.bench.headend import missing
from keiki_host.bench.house import House, LoadError
from keiki_host.bench.options import InputError
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate_command import calibrate
from keiki_host.device import DeviceError
from keiki_host.device_backup_command import backup, logs, restore
from keiki_host.device_command import app as device_app
from keiki_host.device_wifi_command import wifi
from keiki_host.flash.command import flash
from keiki_host.flash.errors import FlashError, FlashInputError
from keiki_host.fleet.command import fleet
from keiki_host.fleet.errors import FleetError, FleetInputError
from keiki_host.headend.errors import HeadendError, HeadendInputError
from keiki_host.headend_command import PASSED_ON
from keiki_host.headend_command import headend as headend_command
from keiki_host.provision.errors import ProvisionError, ProvisionInputError
from keiki_host.provision_command import label, provision
from keiki_host.reading.command import monitor, read
from keiki_host.reading.model import ReadError
from keiki_host.update.command import app as bundle_app
from keiki_host.update.command import update
from keiki_host.update.errors import UpdateError, UpdateInputError

app = typer.Typer(
    help="An open smart electricity meter: bench and host tools.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (backup, restore, logs, wifi):
    device_app.command()(command)
app.add_typer(device_app, name="device")
app.command()(calibrate)
app.command()(read)
app.command()(monitor)
app.command()(fleet)
app.command()(flash)
app.command()(update)
app.add_typer(bundle_app, name="bundle")
app.command("provision", context_settings=PASSED_ON)(provision)
app.command("label", context_settings=PASSED_ON)(label)
app.command("headend", context_settings=PASSED_ON)(headend_command)

_WRONG_INPUT = (
    InputError, FaultFileError, FlashInputError, FleetInputError, HeadendInputError, LoadError,
    ProvisionInputError, UpdateInputError,
)  # fmt: skip
_FAILED = (
    BenchError, CalibrateError, DeviceError, FlashError, FleetError, HeadendError, ProvisionError, ReadError,
    UpdateError,
)  # fmt: skip

_BENCH = "Bench"
_WORLD = "World"


@app.callback()
def keiki() -> None:
    """An open smart electricity meter: bench and host tools."""


@app.command()
def bench(
    meters: Annotated[int, typer.Option(min=1, max=200, help="How many meters.", rich_help_panel=_BENCH)] = 1,
    ic: Annotated[
        str, typer.Option(help=f"Metering IC: {', '.join(opts.ICS)}.", rich_help_panel=_BENCH)
    ] = "bl0942",
    dialect: Annotated[
        list[str] | None,
        typer.Option(
            help="Dongles on each meter: bp35a1, bp35c2, rl7023ips, j11; repeat or commas. [default: bp35c2]",
            show_default=False,
            rich_help_panel=_BENCH,
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Generation of class 0x0288: gen1 or gen2. [default: gen2]",
            show_default=False,
            rich_help_panel=_BENCH,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of meter settings (docs/b-route.md).", rich_help_panel=_BENCH),
    ] = None,
    load: Annotated[
        str,
        typer.Option(
            help="constant:1000W, constant:1000W@pf0.5, constant:-500W, house, or CSV (time,power_w[,pf]).",
            rich_help_panel=_WORLD,
        ),
    ] = "house",
    start: Annotated[str, typer.Option(help="ISO 8601 time, or now.", rich_help_panel=_WORLD)] = "now",
    speed: Annotated[
        float,
        typer.Option(
            min=0.001, max=1e6, help="How much faster than the wall time goes.", rich_help_panel=_WORLD
        ),
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="All chance comes from it.", rich_help_panel=_WORLD)] = 0,
    history: Annotated[
        int,
        typer.Option(
            min=0, max=100, metavar="DAYS", help="Days already recorded at the start.", rich_help_panel=_WORLD
        ),
    ] = 0,
    faults: Annotated[
        Path | None, typer.Option(help="TOML file of faults (docs/b-route.md).", rich_help_panel=_WORLD)
    ] = None,
    radio: Annotated[
        str, typer.Option(help="fast, or real scan and join times.", rich_help_panel=_WORLD)
    ] = "fast",
    noisy: Annotated[
        bool,
        typer.Option(
            "--noisy",
            help="Dongles print PANA traffic while joining, as real ones do.",
            rich_help_panel=_WORLD,
        ),
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            help="Folder that keeps each meter's settings. [default: none is kept]",
            show_default=False,
            rich_help_panel=_BENCH,
        ),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="CSV file for what the house really used.", rich_help_panel=_WORLD)
    ] = None,
    udp4: Annotated[
        str, typer.Option(help="IPv4 address of the first meter; the others follow.", rich_help_panel=_BENCH)
    ] = "127.0.0.2",
    udp6: Annotated[
        str | None,
        typer.Option(help="A second IPv6 address of this host, for the meter.", rich_help_panel=_BENCH),
    ] = None,
    link: Annotated[
        Path | None,
        typer.Option(help="Symbolic link to make to the first dongle's port.", rich_help_panel=_BENCH),
    ] = None,
    headend: Annotated[
        bool | None,
        typer.Option(
            "--headend/--no-headend",
            help="A head-end that the meters send to. [default: if its extra is installed]",
            show_default=False,
            rich_help_panel=_BENCH,
        ),
    ] = None,
    guide: Annotated[
        bool, typer.Option("--guide", help="Tell a person what to connect to what.", rich_help_panel=_BENCH)
    ] = False,
) -> None:
    """Run meters in an emulated world until Ctrl-C.

    Prints one JSON line on standard output when everything is ready; logs go to standard error.
    """
    planned: tuple[Entry, ...] = (
        tuple(load_faults(faults, meters=[f"keiki-{n + 1}" for n in range(meters)]))
        if faults is not None
        else ()
    )
    House(load)
    for name, path in (("truth", truth), ("link", link)):
        if path is not None and not path.absolute().parent.is_dir():
            raise InputError(f"{name}: {path.parent} is not a folder")
    if link is not None and link.exists() and not link.is_symlink():
        raise InputError(f"link: {link} exists and is not a symbolic link")
    settings = opts.load_settings(config, {"profile": profile})
    chosen = opts.BenchOptions(
        meters=meters,
        ic=opts.parse_ic(ic),
        dialects=opts.parse_dialects(dialect or ["bp35c2"]),
        load=load,
        start_s=opts.parse_start(start),
        speed=speed,
        seed=seed,
        state=state,
        truth=truth,
        faults=planned,
        radio=opts.parse_radio(radio),
        udp4=opts.parse_udp4(udp4, meters),
        udp6=opts.parse_udp6(udp6, meters),
        link=link,
        headend=with_headend(headend, settings),
        history_days=history,
        noisy=noisy,
        settings=settings,
    )
    from keiki_host.bench.run import run  # noqa: PLC0415 - `keiki --help` need not load the world

    asyncio.run(run(chosen, guide=guide))


def with_headend(wanted: bool | None, settings: dict[str, Any]) -> bool:
    """Whether the bench has a head-end; InputError: it was asked for and cannot be."""
    if wanted is False or not settings.get("route_a", True):
        if wanted:
            raise InputError("headend: these meters have no A-route (setting route_a)")
        return False
    lacking = missing()
    if wanted and lacking is not None:
        raise InputError(f"headend: {lacking} is missing; install it with pip install 'keiki-meter[headend]'")
    return lacking is None


def main() -> None:
    """Entry point: exit code 0 done, 1 failed, 2 wrong input; one clear line on failure."""
    try:
        sys.exit(app(standalone_mode=False))
    except _WRONG_INPUT as error:
        text, code = str(error), 2
    except typer.TyperException as error:
        text, code = error.format_message().replace("\n", " "), 2
    except typer.Abort:
        text, code = "interrupted", 1
    except _FAILED as error:
        text, code = str(error), 1
    if text:  # none: the command was given nothing, and has shown its help
        print(f"keiki: {text}", file=sys.stderr)
    sys.exit(code)
