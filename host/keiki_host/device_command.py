"""`keiki device`: look at a meter and change it, through its console."""

import contextlib
import dataclasses
import datetime
import json
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import typer

from keiki_host import device_words as words
from keiki_host import setting_values
from keiki_host.bench.options import InputError
from keiki_host.cosem.address import SCHEME
from keiki_host.device import TIMEOUT_S, Device, DeviceError, UrlError
from keiki_host.printing import read_by_somebody

PAGE = 16
"""Events in one answer."""
FOLLOW_S = 1.0

app = typer.Typer(
    help="Look at a meter and change it, through its console or over the A-route.", no_args_is_help=True
)

MeterUrl = Annotated[
    str,
    typer.Option(
        "--meter",
        envvar="KEIKI_METER",
        metavar="URL",
        help="unix:///PATH, serial:///dev/PORT, or tcp://HOST[:PORT]?record=FILE over the A-route.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON object a line.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Timeout = Annotated[float, typer.Option(min=0.1, max=600, metavar="SECONDS", help="For each answer.")]


@contextlib.contextmanager
def connected(url: str, timeout_s: float, needs: str = "status") -> Iterator[Device]:
    """The meter, whose answers are not trusted; a reader of ours that goes away ends the command quietly.

    InputError: this is no meter's URL, or the operation that is needed cannot be had there.
    """
    opens: Any = Device
    if url.startswith(SCHEME):
        from keiki_host import device_network  # noqa: PLC0415 - for who goes there

        device_network.check(needs)
        opens = device_network.NetworkDevice
    try:
        with read_by_somebody(), opens(url, timeout_s) as device:
            yield device
    except UrlError as error:
        raise InputError(f"{error} nor tcp://HOST") from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DeviceError(f"{url}: an answer that no meter gives ({error!r})") from error


def show(answer: Any, as_json: bool, lines: list[str]) -> None:
    """Print an answer: one JSON object, or lines."""
    for line in [json.dumps(answer)] if as_json else lines:
        print(line)


def confirm(question: str, yes: bool) -> None:
    """Ask on standard error; DeviceError unless the answer is yes."""
    if yes:
        return
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        if not sys.stdin.isatty():
            print(file=sys.stderr)
        raise DeviceError("nothing was changed: it was not confirmed (--yes does without)")


@app.command()
def status(meter: MeterUrl, as_json: AsJson = False, timeout: Timeout = TIMEOUT_S) -> None:
    """Registers, clock and health."""
    with connected(meter, timeout) as device:
        answer = device.ask("status")
        show(answer, as_json, words.table(words.status_rows(answer)))


# -- events --------------------------------------------------------------------------------------------


@app.command()
def events(
    meter: MeterUrl,
    most: Annotated[
        int | None,
        typer.Option(
            "--last", min=1, metavar="N", help="Only the newest N. [default: all]", show_default=False
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as events happen, until Ctrl-C.")] = False,
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """The event log, oldest first. Column n: how often that kind has happened."""
    with connected(meter, timeout) as device, contextlib.suppress(KeyboardInterrupt):
        found = list(read_events(device, most=most))[::-1]
        _print_events(found, as_json, head=True)
        newest = found[-1].sequence if found else -1
        while follow:
            sys.stdout.flush()
            time.sleep(FOLLOW_S)
            found = list(read_events(device, after=newest))[::-1]
            _print_events(found, as_json)
            newest = found[-1].sequence if found else newest


def _print_events(found: list[words.Event], as_json: bool, *, head: bool = False) -> None:
    if as_json:
        lines = [json.dumps(dataclasses.asdict(event)) for event in found]
    else:
        rows = [words.event_row(event) for event in found]
        lines = words.table([words.EVENT_HEAD] * head + rows, words.EVENT_WIDTHS)
    for line in lines:
        print(line)


def read_events(device: Device, *, after: int = -1, most: int | None = None) -> Iterator[words.Event]:
    """Yield a meter's events with sequence numbers above `after`, newest first, at most `most`."""
    before: int | None = None
    while most is None or most > 0:
        asked = PAGE if most is None else min(PAGE, most)
        answer = device.ask("events", before=before, most=asked)
        page = [words.Event(*row) for row in answer["events"]]
        for event in page:
            if before is not None and event.sequence >= before:
                raise ValueError("events that go round")
            if event.sequence <= after:
                return
            yield event
            before = event.sequence
        if not page or page[-1].sequence <= answer["oldest"]:
            return
        most = None if most is None else most - len(page)


# -- settings ------------------------------------------------------------------------------------------


@app.command()
def config(
    meter: MeterUrl,
    name: Annotated[
        str | None, typer.Argument(show_default=False, help="A setting; without one: all.")
    ] = None,
    value: Annotated[
        str | None, typer.Argument(show_default=False, help="Its new value; `absent` for none at all.")
    ] = None,
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Show settings, or change one.

    Secrets are never shown, and never taken from the command line: `config NAME` asks for one, or reads a
    line of standard input.
    """
    secret = name is not None and setting_values.is_secret(name)
    if secret and value is not None:
        raise InputError(f"config: {name}: secrets are not taken from the command line; leave the value out")
    if name is not None and secret:
        value = setting_values.read_secret(name)
    checked = None if name is None or value is None else setting_values.parse(name, value)
    with connected(meter, timeout) as device:
        if name is None or value is None:
            _show_settings(device, name, as_json)
            return
        at_once = device.ask("set", values={name: checked}).get(name)
        shown = "changed" if secret else setting_values.shown(checked)
        holds = "holds now" if at_once else "holds from the next start (keiki device restart)"
        show({"name": name, "holds_now": bool(at_once)}, as_json, [f"{name}: {shown}, {holds}"])


def _show_settings(device: Device, name: str | None, as_json: bool) -> None:
    settings = setting_values.in_order(device.ask("settings"))
    if name is not None:
        if name not in settings:
            raise DeviceError(f"{device.url}: {name}: this meter has no such setting")
        settings = {name: settings[name]}
    show(
        settings, as_json, words.table([(key, setting_values.shown(held)) for key, held in settings.items()])
    )


# -- what changes the meter ----------------------------------------------------------------------------

_CLOCK_RESULTS = {
    "set": "the clock is set",
    "step": "the clock has jumped",
    "slew": "the clock is being corrected little by little",
    "refused": "refused: no time of this century",
}


@app.command("set-clock")
def set_clock(
    meter: MeterUrl,
    when: Annotated[
        str,
        typer.Argument(metavar="TIME", help="ISO 8601, in Japan's time unless it says its offset; or now."),
    ] = "now",
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Give the meter the time: this host's, or the one given."""
    fixed_ms = _utc_ms(when)
    with connected(meter, timeout) as device:
        answer = device.ask("set_clock", utc_ms=time.time_ns() // 1_000_000 if fixed_ms is None else fixed_ms)
        result, offset_ms = answer["result"], answer["offset_ms"]
        said = f"{_CLOCK_RESULTS.get(result, result)}: {words.seconds(offset_ms)}"
        show(answer, as_json, [said])
        if result == "refused":
            raise DeviceError(f"{meter}: the meter has refused this time")


def _utc_ms(text: str) -> int | None:
    if text == "now":
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"time: {text!r} is neither 'now' nor an ISO 8601 time") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=words.JST)).timestamp() * 1000)


@app.command("set-register")
def set_register(
    meter: MeterUrl,
    register: Annotated[Literal["import", "export"], typer.Argument(help="Which one.", show_default=False)],
    wh: Annotated[int, typer.Argument(min=0, max=99_999_999_999, metavar="WH", help="Its new value in Wh.")],
    yes: Yes = False,
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Set a register, as when a meter is exchanged; an event keeps both values."""
    with connected(meter, timeout, "set_register") as device:
        held = device.ask("status")
        now = f"{held[f'{register}_wh_x1000'] / 1000:,.3f}"
        confirm(f"{held.get('serial', meter)}: set {register} from {now} Wh to {wh:,} Wh?", yes)
        answer = device.ask("set_register", register=register, wh=wh)
        said = f"{register}: {answer['before_wh']:,} Wh -> {answer['after_wh']:,} Wh"
        show({"register": register, **answer}, as_json, [said])


@app.command("factory-reset")
def factory_reset(
    meter: MeterUrl, yes: Yes = False, as_json: AsJson = False, timeout: Timeout = TIMEOUT_S
) -> None:
    """Put settings back to their defaults; identity, registers, history and events stay."""
    with connected(meter, timeout, "factory_reset") as device:
        serial = device.ask("status").get("serial", meter)
        confirm(f"{serial}: put all settings but its identity back to their defaults?", yes)
        answer = device.ask("factory_reset")
        show(answer, as_json, ["done; the defaults hold from the next start (keiki device restart)"])


@app.command()
def restart(meter: MeterUrl, as_json: AsJson = False, timeout: Timeout = TIMEOUT_S) -> None:
    """Start the firmware again; nothing is lost."""
    with connected(meter, timeout, "restart") as device:
        answer = device.ask("restart")
        show(answer, as_json, ["it starts again now"])
