"""`keiki calibrate`: options and outcome. The work is in keiki_host.calibrate, which needs an extra."""

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from keiki_host.bench.options import InputError
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.device import TIMEOUT_S, UrlError
from keiki_host.device_command import AsJson, MeterUrl, Timeout

_WHO_MAX = 60
_NEEDED = {"matplotlib", "numpy", "pymodbus", "pyvisa"}


def calibrate(
    meter: MeterUrl,
    reference: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="visa://RESOURCE, pzem:///dev/PORT, or manual: for an instrument that you read.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder for the report; what was interrupted goes on from there.",
            show_default=False,
        ),
    ],
    limit: Annotated[
        float, typer.Option(min=0.05, max=5, metavar="PERCENT", help="Largest error that may be stored.")
    ] = 0.5,
    temperature: Annotated[
        float | None,
        typer.Option(min=-40, max=85, metavar="CELSIUS", help="For the record.", show_default=False),
    ] = None,
    who: Annotated[
        str, typer.Option(help="For the record. [default: your name here]", show_default=False)
    ] = "",
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Calibrate a meter against a reference instrument, verify it, and write a report.

    Tells you what to switch on, measures, solves, verifies with other loads, and stores the new values only
    if every point is within the limit.
    """
    try:
        from keiki_host.calibrate import command  # noqa: PLC0415 - needs what not every user has
        from keiki_host.calibrate.procedure import Conditions  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        raise CalibrateError(
            f"calibrate: {error.name} is missing; install it with pip install 'keiki-meter[calibrate]'"
        ) from None
    who = who or getpass.getuser()
    if len(who) > _WHO_MAX:
        raise InputError(f"who: longer than {_WHO_MAX} characters")
    conditions = Conditions(who, limit, temperature)
    try:
        state, summary = command.run(
            lambda ask: command.person_bench(meter, reference, timeout, ask), out, conditions
        )
    except UrlError as error:
        raise InputError(str(error)) from None
    except KeyboardInterrupt:
        raise CalibrateError("interrupted; the same command goes on with it") from None
    print(json.dumps(summary) if as_json else f"{state.serial}: report in {out}")
    if not state.stored:
        more = f" (and {len(state.reasons) - 1} more)" if len(state.reasons) > 1 else ""
        raise CalibrateError(f"not stored: {state.reasons[0]}{more}")
