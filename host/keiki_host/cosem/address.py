"""Where an A-route is, and with which keys: tcp://HOST[:PORT][?keys=FILE or ?record=FILE].

Keys come from that TOML file (keys.py), from the sealed record that `keiki provision` has made, or from
$KEIKI_KEYS.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from keiki.wire.cosem.wrapper import PORT

from keiki_host.bench.options import InputError
from keiki_host.cosem.keys import MANAGEMENT, KeyFileError, Keys, from_environment, from_file

SCHEME = "tcp://"
_KEY_FILE = "keiki-headend.key"


@dataclass(frozen=True)
class Address:
    """A meter's A-route, and the keys of the client that goes there."""

    host: str
    port: int
    keys: Keys


def parse(url: str) -> Address:
    """Return what a URL names. InputError: no host, no port, or no keys."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError as error:
        raise InputError(f"meter: {url!r}: {error}") from None
    if not parts.hostname:
        raise InputError(f"meter: {url!r} names no host")
    options = parse_qs(parts.query)
    unknown = sorted(set(options) - {"keys", "record"})
    if unknown or len(options) > 1:
        raise InputError("meter: behind the ? of an A-route is keys=FILE or record=FILE")
    if "record" in options:
        return Address(parts.hostname, port, _sealed(Path(options["record"][0])))
    try:
        keys = from_file(Path(options["keys"][0])) if "keys" in options else from_environment()
    except KeyFileError as error:
        raise InputError(str(error)) from None
    if keys is None:
        raise InputError(
            "keys: none: name a file with ?keys=FILE or a sealed record with ?record=FILE in the URL, "
            "or set KEIKI_KEYS"
        )
    return Address(parts.hostname, port, keys)


def _sealed(record: Path) -> Keys:
    """The management client's keys in a sealed record, which $KEIKI_KEY_FILE opens."""
    try:
        from keiki_host.provision import sealed  # noqa: PLC0415 - needs extras
        from keiki_host.provision.errors import ProvisionInputError  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            f"record: {error.name} is missing; install it with pip install 'keiki-meter[provision]'"
        ) from None
    from keiki_host.headend.errors import HeadendInputError  # noqa: PLC0415

    try:
        _, settings = sealed.read(record, Path(os.environ.get("KEIKI_KEY_FILE") or _KEY_FILE))
        return Keys(bytes.fromhex(settings["dlms_ek"]), bytes.fromhex(settings["dlms_ak"]), MANAGEMENT)
    except (ProvisionInputError, HeadendInputError) as error:
        raise InputError(f"record: {error}") from None
    except (KeyError, TypeError, ValueError):
        raise InputError(f"record: {record}: it has no keys of an A-route") from None
