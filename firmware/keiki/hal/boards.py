"""What every real board has, whichever chip: one place for what its port does not do in its own way."""

import asyncio
import json
import os
import select
import sys
from asyncio import core

import board

from keiki.hal.files import object_in
from keiki.hal.lines import edge, i2c, input, output, spi, uart
from keiki.hal.running import (
    Watchdog,
    exit,
    random_below,
    report,
    restart,
    rtc_utc_ms,
    start,
    ticks_ms,
)  # fmt: skip

__all__ = (
    "Watchdog", "edge", "exit", "i2c", "input", "output", "random_below", "report", "restart", "rtc_utc_ms",
    "spi", "start", "ticks_ms", "uart",
)  # fmt: skip

COLLECT_MS = 1000
"""How often the heap is collected: before so much is allocated that MicroPython does it at some moment."""
_CONFIG = "/config.json"
_WIFI = "/wifi.json"
UPDATES = "/update/"
_EVERYWHERE = "0.0.0.0"
_network: list = []


class UsbLine:
    """The line of the REPL as a stream: requests of the host tool come in on it while the meter runs.

    Ctrl-C on it still ends the meter and gives the REPL to whoever pressed it. stdin itself waits for as many
    bytes as are asked for: this does not.
    """

    def __init__(self) -> None:
        self._in = sys.stdin.buffer
        self._poller = select.poll()
        self._poller.register(sys.stdin, select.POLLIN)

    def read(self, most: int):
        """Wait for something and return it, `most` bytes at most (await it)."""
        yield core._io_queue.queue_read(sys.stdin)
        found = bytearray(self._in.read(1))
        while len(found) < most and self._poller.poll(0):
            found += self._in.read(1)
        return bytes(found)

    def write(self, data) -> None:
        """Send all of `data`; what no host takes is lost."""
        sys.stdout.buffer.write(data)

    async def drain(self) -> None:
        """Let others run."""
        await asyncio.sleep_ms(0)


def _object(path: str) -> dict:
    try:
        return object_in(path)
    except OSError:
        return {}


def settings_object() -> dict:
    """Return the settings that this start brings along: /config.json. ValueError: it is no JSON object."""
    return _object(_CONFIG)


def settings_kept() -> None:
    """Forget what settings_object gave: it is on flash, and may not undo later changes at each start."""
    try:
        os.remove(_CONFIG)
    except OSError:
        pass


def free_code(_more: bool) -> bool:
    """False: code runs from a ROMFS, and does not lie in the heap."""
    return False


def has_network() -> bool:
    """Tell whether `wifi` will keep a network up."""
    try:
        return board.WIFI and bool(_object(_WIFI).get("ssid"))
    except ValueError:
        return False


def by_selector() -> bool:
    """Tell whether selector.py has made this start: only then can an update take the place of what runs."""
    return "selector" in sys.modules


def console():
    """Return the stream of the host tool's line: USB, beside the REPL."""
    return UsbLine()


def pulse_train_on(pin: int, width_ms: int, timer: int):
    """Return a function `(n, first_us, step_us)` that makes `n` pulses of `width_ms` on output `pin`.

    The first one begins `first_us` from now, each `step_us` after the one before. Those of an earlier train
    that are still to come go before them, and the pause between two is as long as a pulse at least.
    """
    import machine

    from keiki.hal.pulse_train import PulseTrain

    return PulseTrain(pin, width_ms, machine.Timer(timer), ticks_ms).add


def wifi(on_stuck, quiet):
    """Return what keeps the network up (see wifi.Wifi), None: the board has no radio, or knows no network.

    The network is that of /wifi.json: {"ssid": .., "password": ..}. It is none of the meter's settings: a
    factory reset leaves it, and it goes with the board.
    """
    try:
        key = _object(_WIFI) if board.WIFI else {}
        ssid, password = str(key.get("ssid", "")), str(key.get("password", ""))
    except ValueError as error:
        report(error)  # the meter goes on without
        return None
    if not ssid:
        return None
    from keiki.hal import lwip
    from keiki.hal.wifi import Wifi

    keeper = Wifi(ssid, password, ticks_ms, on_stuck, quiet)
    lwip.use(keeper)
    _network[:] = [keeper]
    return keeper


def keep_network(ssid: str, password: str) -> bool:
    """Keep the network to join from the next start on; False: this board has no radio for it.

    ValueError: no network is called so, or has such a password ("": it is open). OSError: flash refuses.
    """
    if not board.WIFI:
        return False
    if not 0 < len(ssid.encode()) <= 32 or not (8 <= len(password) < 64 or password == ""):
        raise ValueError
    with open(_WIFI + ".new", "w") as file:
        json.dump({"ssid": ssid, "password": password}, file)
    os.rename(_WIFI + ".new", _WIFI)
    return True


def network() -> "str | None":
    """Return the address in the network that is joined, "": none is; None: this board has no radio for it."""
    if not board.WIFI:
        return None
    return _network[0].address or "" if _network else ""


def addresses() -> "tuple[str | None, str | None]":
    """Return the address that the meter listens on: any, once `wifi` keeps a network up. No IPv6 here."""
    return (_EVERYWHERE if _network else None), None


def Udp(address: str, port: int, group: "str | None"):  # noqa: N802 - on other ports it is a class
    """See lwip.Udp."""
    from keiki.hal import lwip

    return lwip.Udp(address, port, group)


def listen(address: str, port: int):
    """See lwip.Listener."""
    from keiki.hal import lwip

    return lwip.Listener(address, port)


async def connect(server: str, port: int):
    """See lwip.connect."""
    from keiki.hal import lwip

    return await lwip.connect(server, port)


async def datagram(server: str, port: int, data: bytes) -> None:
    """See lwip.datagram."""
    from keiki.hal import lwip

    await lwip.datagram(server, port, data)


async def sntp_exchange(server: str, request: bytes, timeout_ms: int) -> "bytes | None":
    """See lwip.sntp_exchange."""
    if not _network:
        return None
    from keiki.hal import lwip

    return await lwip.sntp_exchange(server, request, timeout_ms)
