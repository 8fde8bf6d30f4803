"""`keiki read`: a meter once. `keiki monitor`: a meter again and again, live in the terminal."""

import contextlib
import json
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Literal

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from keiki_host.device import TIMEOUT_S
from keiki_host.device_command import AsJson, Timeout
from keiki_host.printing import read_by_somebody
from keiki_host.reading.model import Reader, ReadError, Reading
from keiki_host.reading.readers import open_reader
from keiki_host.reading.show import view

EVERY_S = 1.0
POWERS = 60
"""How many powers the line of the monitor shows."""

MeterUrl = Annotated[
    str,
    typer.Option(
        "--meter",
        envvar="KEIKI_METER",
        metavar="URL",
        help="unix:///PATH, serial:///dev/PORT (console), udp://HOST (B-route), tcp://HOST (A-route).",
        show_default=False,
    ),
]


def read(
    meter: MeterUrl,
    route: Annotated[
        Literal["a", "b"] | None, typer.Option(help="Insist on this route.", show_default=False)
    ] = None,
    day: Annotated[
        int | None,
        typer.Option(
            min=0, max=99, metavar="DAYS", help="And the 30-minute values of a day: 0 is today.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:  # fmt: skip
    """Read a meter once: power, phases, registers; with --day its 30-minute values."""
    reader = open_reader(meter, timeout, route)
    try:
        reading = reader.read(day)
    finally:
        reader.close()
    with read_by_somebody():
        if as_json:
            print(json.dumps(reading.as_json()))
        else:
            Console().print(view(reading))


def monitor(
    meter: MeterUrl,
    every: Annotated[float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="How often.")] = EVERY_S,
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Watch a meter until Ctrl-C. It goes on by itself when a meter that was away is back."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who is started in the background ignores it
    with read_by_somebody(), contextlib.suppress(KeyboardInterrupt):
        readings = _readings(meter, every, timeout)
        if as_json:
            _print(readings)
        else:
            _live(readings)


def _readings(url: str, every_s: float, timeout_s: float) -> Iterator[Reading | ReadError]:
    """Read again and again. What fails after the first reading is yielded, and tried again."""
    reader: Reader | None = None
    seen = False
    try:
        while True:
            next_s = time.monotonic() + every_s
            try:
                if reader is None:
                    reader = open_reader(url, timeout_s)
                yield reader.read()
                seen = True
            except ReadError as error:
                if not seen:
                    raise
                if reader is not None:
                    reader.close()
                    reader = None
                yield error
            time.sleep(max(0.0, next_s - time.monotonic()))
    finally:
        if reader is not None:
            reader.close()


def _print(readings: Iterator[Reading | ReadError]) -> None:
    """A line for each reading; what is wrong once, on standard error."""
    away = False
    for reading in readings:
        if isinstance(reading, ReadError):
            if not away:
                print(f"keiki: {reading}; trying again", file=sys.stderr, flush=True)
            away = True
            continue
        away = False
        print(json.dumps(reading.as_json()), flush=True)


def _live(readings: Iterator[Reading | ReadError]) -> None:
    powers: deque[float] = deque(maxlen=POWERS)
    newest: Reading | None = None
    with Live(console=Console(), auto_refresh=False) as live:
        for reading in readings:
            if isinstance(reading, Reading):
                newest = reading
                if reading.power_w is not None:
                    powers.append(reading.power_w)
                live.update(view(reading, powers), refresh=True)
            elif newest is not None:
                said = Text(f"{reading}; trying again", "yellow")
                live.update(Group(view(newest, powers), said), refresh=True)
