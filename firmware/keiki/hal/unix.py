"""Hardware of the unix port: serial lines are ptys, time may be that of an emulated world.

The surroundings are named by the environment:
KEIKI_UARTn = path of serial line n; KEIKI_UDP4 / KEIKI_UDP6 = the meter's own addresses;
KEIKI_CONFIG = JSON file of settings to be kept; KEIKI_FOLDER = folder of its flash;
KEIKI_CAUSE = why it was started (see reset_cause); KEIKI_UPDATE = folder of its updates;
KEIKI_CONSOLE = unix socket of the host tool; KEIKI_EDGEn = pty on which input n rises;
KEIKI_UPLINK = see unix_tcp; KEIKI_DNS = see unix_names;
KEIKI_WORLD = unix socket of a world whose time this meter lives in (absent: the time of this host).
"""

import asyncio
import os
import sys
import termios
import time

from keiki.hal.files import Folder, SlotFiles, object_in
from keiki.hal.unix_flash import FileFlash
from keiki.hal.unix_udp import Udp
from keiki.hal.unix_world import World, unix_socket

__all__ = ("Udp",)

COLLECT_MS = 3600000
"""See boards.COLLECT_MS: a collection is short here."""
_VTIME = 5
_VMIN = 6

_path = os.getenv("KEIKI_WORLD")
_world = World(_path) if _path else None


def ticks_ms() -> int:
    """Return monotonic milliseconds; never wraps, never goes back."""
    return _world.now_ms if _world else time.ticks_ms()


def rtc_utc_ms() -> int:
    """Return UTC milliseconds since 1970 as the battery-backed clock tells them."""
    return _world.start_utc_ms + _world.now_ms if _world else time.time_ns() // 1000000


def unique_id() -> bytes:
    """Return eight bytes that no other meter of this world has."""
    return (os.getenv("KEIKI_UNIQUE") or "keiki-01").encode()[:8]


async def sntp_exchange(server: str, request: bytes, timeout_ms: int) -> "bytes | None":
    """See unix_sntp, which is loaded by a meter that has servers to ask."""
    from keiki.hal import unix_sntp

    return await unix_sntp.sntp_exchange(server, request, timeout_ms)


def listen(address: str, port: int):
    """Return a TCP port on an address of ours, see unix_tcp.Listener. OSError: it cannot be had."""
    from keiki.hal import unix_tcp

    return unix_tcp.Listener(address, port)


async def connect(server: str, port: int):
    """See unix_tcp.connect."""
    from keiki.hal import unix_tcp

    return await unix_tcp.connect(server, port)


async def datagram(server: str, port: int, data: bytes) -> None:
    """See unix_tcp.datagram."""
    from keiki.hal import unix_tcp

    await unix_tcp.datagram(server, port, data)


def random_below(n: int) -> int:
    """Return an unpredictable integer 0..n-1."""
    return int.from_bytes(os.urandom(8), "little") % n


def uart(number: int, baudrate: int, parity: "int | None" = None, stop: int = 1):
    """Open serial line `number`; returns a stream for asyncio. A pty has neither rate nor format."""
    path = os.getenv("KEIKI_UART%d" % number)
    return _pty(path) if path else None


def _pty(path: str):
    line = open(path, "r+b")  # noqa: SIM115 - open as long as the meter runs
    termios.setraw(line.fileno())
    modes = termios.tcgetattr(line.fileno())
    modes[6][_VMIN] = modes[6][_VTIME] = 0  # a read takes what there is, and does not wait for more
    termios.tcsetattr(line.fileno(), termios.TCSANOW, modes)
    return line


def settings_object() -> dict:
    """Return the settings that this start brings along; ValueError if they are not a JSON object."""
    path = os.getenv("KEIKI_CONFIG")
    return object_in(path) if path else {}


def free_code(_more: bool) -> bool:
    """False: code does not lie in the heap."""
    return False


def settings_kept() -> None:
    """What settings_object gave is on flash; what the next start brings is up to who starts it."""


def flash(blocks: int) -> FileFlash:
    """Return the flash region: a file of `blocks` x 4096 bytes in KEIKI_FOLDER. ValueError: another size."""
    return FileFlash((os.getenv("KEIKI_FOLDER") or ".") + "/flash.bin", blocks)


def files() -> Folder:
    """Return the file system, for boards that keep their logs in segment files: KEIKI_FOLDER."""
    return Folder((os.getenv("KEIKI_FOLDER") or ".") + "/")


def app_files():
    """Return the folder of updates, KEIKI_UPDATE; None: what started this program knows of none."""
    path = os.getenv("KEIKI_UPDATE")
    if not path:
        return None
    return SlotFiles(path + "/")


def reset_cause() -> int:
    """Return why this program was started: 0 power, 1 watchdog, 2 crash, 3 command."""
    return int(os.getenv("KEIKI_CAUSE") or 0)


class Edge:
    """An input that interrupts; here it is a pty on which each rising edge is a byte."""

    def __init__(self, line) -> None:
        self._reader = asyncio.StreamReader(line)

    async def wait(self) -> None:
        """Wait for the next rising edge."""
        await self._reader.read(1)


class Watchdog:
    """Ends the program with status 3 if it is not fed for `limit_ms`, seen when time passes."""

    def __init__(self, limit_ms: int) -> None:
        self.limit_ms = limit_ms
        self.feed()

    def feed(self) -> None:
        """Begin to count anew."""
        if _world:
            _world.bite_ms = _world.now_ms + self.limit_ms


def report(error) -> None:
    """Tell the developer of an error that the meter has survived."""
    sys.print_exception(error, sys.stderr)


def console():
    """Return the host tool's line, a stream of asyncio, or None."""
    path = os.getenv("KEIKI_CONSOLE")
    if not path:
        return None
    sock = unix_socket(path)
    sock.setblocking(False)  # a read takes what there is, and does not wait for more
    return asyncio.StreamReader(sock)


def wifi(_on_stuck, _quiet):
    """Return what keeps the network of a board up: this host does that itself."""
    return


def keep_network(_ssid: str, _password: str) -> bool:
    """Keep the Wi-Fi to join; False: there is no radio for it."""
    return False


def network() -> None:
    """Return the address in the Wi-Fi that is joined; None: there is no radio for it."""
    return


def addresses() -> "tuple[str | None, str | None]":
    """Return the meter's own IPv4 and IPv6 addresses (None: that protocol is not used)."""
    return os.getenv("KEIKI_UDP4") or None, os.getenv("KEIKI_UDP6") or None


def exit(code: int) -> None:
    """End the firmware (a board resets instead)."""
    sys.exit(code)


def restart() -> None:
    """Start the firmware anew: whoever started this program does, if it ends with status 4."""
    sys.exit(4)


def start(main) -> None:
    """Run the coroutine `main` for ever; an error that nobody caught ends the program with status 1."""

    def failed(_loop, context) -> None:
        error = context["exception"]
        if isinstance(error, SystemExit):
            raise error
        report(error)
        sys.exit(1)

    asyncio.get_event_loop().set_exception_handler(failed)
    asyncio.run(main)


def input(pin: int):
    """Return a function that tells whether input `pin` is on; without wires it never is."""
    from keiki.hal import unix_bus

    pins = unix_bus.pins()
    return lambda: pins is not None and pins.read(pin)


def output(pin: int):
    """Return a function that switches output `pin`."""
    from keiki.hal import unix_bus

    pins = unix_bus.pins()
    return lambda on: None if pins is None else pins.drive(pin, on)


def pulse_output(pin: int, width_ms: int):
    """Return a function `(n, first_us, step_us)` that makes `n` pulses of `width_ms` on output `pin`.

    The first one begins `first_us` from now, each `step_us` after the one before. Those of an earlier train
    that are still to come go before them, and the pause between two is as long as a pulse at least.
    """
    from keiki.hal import unix_bus

    pins = unix_bus.pins()
    return lambda n, first_us, step_us: (
        None if pins is None else pins.train(pin, n, first_us, step_us, width_ms)
    )


def counter(pin: int):
    """Return a function that tells how many pulses input `pin` has had, modulo 2^32."""
    from keiki.hal import unix_bus

    pins = unix_bus.pins()
    return lambda: 0 if pins is None else pins.count(pin)


def edge(pin: int):
    """Return an object whose `wait()` ends each time input `pin` goes on; None: there is no such input."""
    path = os.getenv("KEIKI_EDGE%d" % pin)
    return Edge(_pty(path)) if path else None


def i2c(number: int):
    """Return I2C bus `number`, or None if there is none."""
    from keiki.hal import unix_bus

    return unix_bus.i2c(number)


def spi(number: int, cs: int, baudrate: int, polarity: int, phase: int):
    """Return chip select `cs` of SPI bus `number`, or None if there is none."""
    from keiki.hal import unix_bus

    return unix_bus.spi(number, cs, baudrate, polarity, phase)
