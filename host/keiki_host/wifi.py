"""The Wi-Fi that a meter joins: its name and its password, which is asked for and never shown."""

from collections.abc import Mapping
from typing import Any

from keiki_host.bench.options import InputError
from keiki_host.device import Device, DeviceError
from keiki_host.setting_values import read_secret

NAME, PASSWORD = "wifi_ssid", "wifi_password"
"""As a file of what is given to a meter names them."""
_SSID_MAX = 32
_PASSWORD = range(8, 64)


def network(ssid: str, password: str | None = None) -> dict[str, str]:
    """Return a network as the console takes it; a password that is not given is asked for.

    InputError: no network is called so, or has such a password ("": it is open).
    """
    if not 0 < len(ssid.encode()) <= _SSID_MAX:
        raise InputError(f"wifi: the name of a network has 1 to {_SSID_MAX} bytes")
    if password is None:
        password = read_secret(PASSWORD, empty=True)
    if password and (len(password) not in _PASSWORD or not password.isascii() or not password.isprintable()):
        raise InputError("wifi: its password has 8 to 63 ASCII characters, or none where it is open")
    return {"ssid": ssid, "password": password}


def check_radio(device: Device, status: Mapping[str, Any]) -> None:
    """DeviceError unless this meter, which has answered `status`, can be given a network."""
    if "network" not in status:
        raise DeviceError(f"{device.url}: its firmware is not told of Wi-Fi; flash it first (keiki flash)")
    if status["network"] is None:
        raise DeviceError(f"{device.url}: this board has no radio for Wi-Fi; nothing was changed")
