"""What makes a meter one of its own: serial number, B-route credentials and keys, made by chance or given."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from keiki.wire import settings as table

from keiki_host.provision.errors import ProvisionInputError

KEYS = {
    "kek": "dlms_kek",
    "ek": "dlms_ek",
    "ak": "dlms_ak",
    "read_ek": "dlms_read_ek",
    "read_ak": "dlms_read_ak",
}
"""The head-end's name of each key: the meter's setting."""
JST = datetime.timezone(datetime.timedelta(hours=9))
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is read for another one on a label
_SERIAL_HEAD, _SERIAL_LETTERS = "KEIKI", 7
_PASSWORD_LETTERS = 12
_ID_BYTES = 16


def settings(given: Mapping[str, Any], now_s: float, rand: Callable[[int], bytes]) -> dict[str, Any]:
    """Return the settings of a new meter: what is given, and made by `rand(n)` what is not.

    ProvisionInputError names the first that cannot be.
    """
    made = {
        "serial": _SERIAL_HEAD + _letters(_SERIAL_LETTERS, rand),
        "production": datetime.datetime.fromtimestamp(now_s, JST).date().isoformat(),
        "route_b_id": rand(_ID_BYTES).hex().upper(),
        "route_b_password": _letters(_PASSWORD_LETTERS, rand),
        **{name: rand(16).hex() for name in KEYS.values()},
        **given,
    }
    try:
        return {name: table.check(name, value) for name, value in made.items()}
    except table.SettingError as error:
        raise ProvisionInputError(f"given: {error}") from None


def keys(settings: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the keys as the head-end names them."""
    return {name: bytes.fromhex(settings[of]) for name, of in KEYS.items()}


def _letters(count: int, rand: Callable[[int], bytes]) -> str:
    """Letters by chance, each as likely as any other."""
    found = ""
    while len(found) < count:
        found += "".join(_LETTERS[byte] for byte in rand(count) if byte < len(_LETTERS))
    return found[:count]
