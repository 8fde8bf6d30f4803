"""`keiki update` gives a signed bundle to a meter; `keiki bundle` makes keys and bundles."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from keiki_host.device import Device, UrlError
from keiki_host.update import bundle as bundles
from keiki_host.update import keys
from keiki_host.update.application import application
from keiki_host.update.bundle import Bundle, Identity
from keiki_host.update.cosem import CosemMeter, way_to
from keiki_host.update.errors import UpdateError, UpdateInputError
from keiki_host.update.send import ConsoleMeter, Taker, send

TIMEOUT_S = 30.0

app = typer.Typer(help="Make keys and signed updates.", no_args_is_help=True)


def update(
    file: Annotated[Path, typer.Argument(help="A bundle (keiki bundle make).", show_default=False)],
    meter: Annotated[
        str,
        typer.Option(
            "--meter", envvar="KEIKI_METER", metavar="URL", show_default=False,
            help="unix:///PATH, serial:///dev/PORT, or tcp://HOST[:PORT][?keys=FILE] for the A-route.",
        ),
    ],
    older: Annotated[bool, typer.Option("--older", help="It may be older than what runs.")] = False,
    trust: Annotated[
        Path | None,
        typer.Option(help="Public key to give to a meter that has none yet.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False,
) -> None:  # fmt: skip
    """Update a meter: it goes on measuring, and comes back with the old version if the new one is bad."""
    chosen = _read(file)
    modulus = None if trust is None else keys.load_modulus(trust)
    with contextlib.closing(_open(meter, modulus)) as to:
        _send(to, chosen, older)
    version = chosen.said.get("version", "")
    said = {"version": version, "bytes": len(chosen.data)}
    print(json.dumps(said) if as_json else f"{version} is installed and starts on trial")


def _open(url: str, modulus: bytes | None) -> CosemMeter | ConsoleMeter:
    """The meter, by the way that its URL names."""
    if url.startswith("tcp://"):
        if modulus is not None:
            raise UpdateInputError("trust: a key is given over the console only")
        return CosemMeter(way_to(url, TIMEOUT_S), url.partition("?")[0])
    try:
        to = ConsoleMeter(Device(url, TIMEOUT_S), lambda: Device(url, TIMEOUT_S))
    except UrlError as error:
        raise UpdateInputError(str(error)) from None
    if modulus is not None and not to.status()["has_key"]:
        to.trust(modulus)
    return to


def _send(to: Taker, chosen: Bundle, older: bool) -> None:
    bar = Progress(
        TextColumn("update"), BarColumn(), DownloadColumn(),
        console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task("update", total=len(chosen.data))
        try:
            send(to, chosen, older=older, progress=lambda done: bar.update(task, completed=done), lost=_tell)
        except (KeyError, TypeError, ValueError) as error:
            raise UpdateError(f"an answer that no meter gives ({error!r})") from None


def _tell(reason: str) -> None:
    print(f"{reason}; it goes on from there", file=sys.stderr, flush=True)


def _read(path: Path) -> Bundle:
    try:
        return bundles.read(path.read_bytes())
    except OSError as error:
        raise UpdateInputError(f"bundle: {path}: {error.strerror}") from None


@app.command()
def key(
    private: Annotated[Path, typer.Argument(help="File for the private key.", show_default=False)],
    public: Annotated[Path, typer.Argument(help="File for the public key.", show_default=False)],
) -> None:
    """Make a pair of keys: the private one signs, meters are given the public one."""
    keys.generate(private, public)


@app.command()
def make(
    out: Annotated[Path, typer.Argument(help="The bundle.", show_default=False)],
    board: Annotated[str, typer.Option(help="A folder of boards/.", show_default=False)],
    sign_with: Annotated[Path, typer.Option("--key", help="Private key.", show_default=False)],
    version: Annotated[str, typer.Option(help="X.Y.Z of this release.", show_default=False)],
    needs: Annotated[str, typer.Option(help="The oldest release that it may replace.")] = "0.0.0",
    older: Annotated[bool, typer.Option("--older", help="It may replace a newer one.")] = False,
) -> None:
    """Compile the firmware for a board and sign it."""
    signer = keys.load_private(sign_with)
    identity = Identity(board, version, needs_keiki=needs, older=older)
    data = bundles.make(identity, application(board, version), signer)
    try:
        out.write_bytes(data)
    except OSError as error:
        if out.is_file():  # a part of a bundle is of no use to anybody
            out.unlink()
        raise UpdateInputError(f"bundle: {out}: {error.strerror}") from None
    print(f"{out}: {version} for {board}, {len(data):,} bytes")


@app.command()
def show(file: Annotated[Path, typer.Argument(help="A bundle.", show_default=False)]) -> None:
    """What a bundle says of itself. Its signature is checked by meters."""
    found = _read(file)
    for word, value in found.said.items():
        print(f"{word:18}{value}")
    print(f"{'files':18}{len(found.files)}, {sum(found.files.values()):,} bytes")
