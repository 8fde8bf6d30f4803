"""Reference instruments by their URLs.

visa://RESOURCE?backend=@py&timeout=SECONDS, pzem:///dev/ttyUSB1?address=1, manual:?name=TEXT&accuracy=PERCENT
"""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from keiki_host.calibrate.reference import Ask, Reference
from keiki_host.device import UrlError

FORMS = "visa://RESOURCE, pzem:///dev/PORT or manual:"
_PERCENT = 1.0
_Options = dict[str, str]


class _Kind(NamedTuple):
    prefix: str
    options: tuple[str, ...]
    make: Callable[[str, _Options, Ask], Reference]


def _visa(resource: str, options: _Options, _ask: Ask) -> Reference:
    if "::" not in resource:
        raise UrlError(f"reference: {resource!r} is no VISA resource such as TCPIP::192.168.0.5::INSTR")
    from keiki_host.calibrate.reference_visa import (  # noqa: PLC0415 - only if it is used
        TIMEOUT_S,
        YokogawaReference,
    )

    timeout_s = _number(options, "timeout", 0.1, 60, TIMEOUT_S)
    return YokogawaReference(resource, options.get("backend", "@py"), timeout_s)


def _pzem(port: str, options: _Options, _ask: Ask) -> Reference:
    if not port.startswith("/"):
        raise UrlError("reference: pzem needs a port, as in pzem:///dev/ttyUSB1")
    address = _number(options, "address", 1, 247, 1)
    from keiki_host.calibrate.reference_pzem import PzemReference  # noqa: PLC0415 - only if it is used

    return PzemReference(port, int(address))


def _manual(path: str, options: _Options, ask: Ask) -> Reference:
    if path:
        raise UrlError("reference: manual: takes only ?name=TEXT&accuracy=PERCENT")
    from keiki_host.calibrate.reference_manual import ManualReference  # noqa: PLC0415 - only if it is used

    percent = _number(options, "accuracy", 0.001, 10, _PERCENT)
    name = options.get("name", "an instrument read by a person")
    return ManualReference(ask, f"{name}, ±{percent:g} %", percent / 100)


_KINDS = (
    _Kind("visa://", ("backend", "timeout"), _visa),
    _Kind("pzem://", ("address",), _pzem),
    _Kind("manual:", ("name", "accuracy"), _manual),
)


def make_reference(url: str, ask: Ask) -> Reference:
    """Return the instrument of a URL, not connected yet; `ask` asks a person. UrlError: it names none."""
    for prefix, known, make in _KINDS:
        if url.startswith(prefix):
            path, _, query = url.removeprefix(prefix).partition("?")
            options = dict(parse_qsl(query, keep_blank_values=True))
            for name in options:
                if name not in known:
                    raise UrlError(f"reference: {prefix} has no option {name}; it has {', '.join(known)}")
            return make(unquote(path), options, ask)
    raise UrlError(f"reference: {url!r} is none of {FORMS}")


def _number(options: _Options, name: str, least: float, most: float, default: float) -> float:
    try:
        value = float(options.get(name, default))
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise UrlError(f"reference: {name}={options[name]} is not a number from {least:g} to {most:g}")
    return value
