"""Which way a meter's URL names: one row for each scheme."""

from collections.abc import Callable

from keiki_host.bench.options import InputError
from keiki_host.device import UrlError
from keiki_host.reading.console import ConsoleReader
from keiki_host.reading.cosem import CosemReader
from keiki_host.reading.echonet import EchonetReader
from keiki_host.reading.model import Reader

# scheme: (route, what opens it from URL and time-out)
READERS: dict[str, tuple[str, Callable[[str, float], Reader]]] = {
    "unix": ("console", ConsoleReader),
    "serial": ("console", ConsoleReader),
    "udp": ("b", EchonetReader),
    "tcp": ("a", CosemReader),
}


def open_reader(url: str, timeout_s: float, route: str | None = None) -> Reader:
    """Reach a meter. InputError: the URL names none, or not by that route; ReadError: it is not reached."""
    scheme, found, rest = url.partition("://")
    if not found or not rest or scheme not in READERS:
        ways = ", ".join(f"{name}://" for name in READERS)
        raise InputError(f"meter: {url!r} is none of {ways}")
    way, opens = READERS[scheme]
    if route is not None and way != route:
        raise InputError(f"route: {scheme}:// is not the {route.upper()}-route")
    try:
        return opens(url, timeout_s)
    except UrlError as error:
        raise InputError(str(error)) from None
