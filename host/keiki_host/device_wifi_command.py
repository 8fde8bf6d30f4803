"""`keiki device wifi`: the network that a meter joins."""

from typing import Annotated

import typer

from keiki_host import wifi as networks
from keiki_host.device import TIMEOUT_S
from keiki_host.device_command import AsJson, MeterUrl, Timeout, connected, show


def wifi(
    ssid: Annotated[str, typer.Argument(metavar="SSID", show_default=False, help="Its name.")],
    meter: MeterUrl,
    as_json: AsJson = False,
    timeout: Timeout = TIMEOUT_S,
) -> None:
    """Have a meter join another Wi-Fi; the password is asked for, or a line of standard input."""
    network = networks.network(ssid)
    with connected(meter, timeout, "wifi") as device:
        networks.check_radio(device, device.ask("status"))
        device.ask("wifi", **network)
        line = f"{ssid}: joined from the next start (keiki device restart)"
        show({"ssid": ssid, "holds_now": False}, as_json, [line])
