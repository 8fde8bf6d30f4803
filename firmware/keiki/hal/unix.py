"""Hardware of the unix port: serial lines are ptys, time may be that of an emulated world.

The surroundings are named by the environment:
KEIKI_UARTn = path of serial line n; KEIKI_UDP4 / KEIKI_UDP6 = the meter's own addresses;
KEIKI_CONFIG = JSON file of settings to be kept; KEIKI_FOLDER = folder of its flash;
KEIKI_CAUSE = why it was started (see reset_cause);
KEIKI_CONSOLE = unix socket of the host tool;
KEIKI_WORLD = unix socket of a world whose time this meter lives in (absent: the time of this host).
"""

import asyncio
import json
import os
import select
import socket
import struct
import sys
import termios
import time
from asyncio import core

from keiki.hal.unix_flash import FileFlash, Folder
from keiki.hal.unix_udp import Udp

__all__ = ("Udp",)

_GRANT = "<IQ"
_VTIME = 5
_VMIN = 6
_FOREVER = 0xFFFFFFFFFFFFFFFF
# asyncio's queue in C stamps tasks that are due at once with the host's ticks; ours must never be below them.
_AHEAD_MS = 1 << 40
_HURRIED_MAX = 16


class _World:
    """Time that is granted: while this program runs it stands still, so a busy host changes no result.

    Each request is (sequence u32, wake at u64 ms; 0 = what time is it); each answer (sequence, now ms).
    """

    def __init__(self, path: str) -> None:
        self.sock = _unix_socket(path)
        self.sequence = 0
        self.now_ms = 0
        self.start_utc_ms = 0
        self.bite_ms = None
        self.start_ticks = time.ticks_ms() + _AHEAD_MS
        self._granted = False
        self._hurried = 0
        self._answer = bytearray(struct.calcsize(_GRANT))
        self._request = bytearray(struct.calcsize(_GRANT))
        self.start_utc_ms = self._ask(0)
        self._ask(0)
        core.ticks = self.ticks
        core.IOQueue.wait_io_event = lambda queue, dt: self.wait(queue, dt)  # noqa: PLW0108 - to pass the queue
        core.get_event_loop()
        core._io_queue.poller.register(self.sock, select.POLLIN)

    def ticks(self) -> int:
        return self.start_ticks + self.now_ms

    def _send(self, wake_ms: int) -> None:
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        struct.pack_into(_GRANT, self._request, 0, self.sequence, wake_ms)
        self.sock.write(self._request)

    def _take(self) -> bool:
        """Read one answer; True if it is the one to the newest request."""
        if self.sock.readinto(self._answer) != len(self._answer):
            sys.exit(0)  # the world is gone
        sequence, now_ms = struct.unpack(_GRANT, self._answer)
        if sequence != self.sequence:
            return False
        self.now_ms = now_ms
        if self.bite_ms is not None and now_ms > self.bite_ms:
            sys.exit(3)
        return True

    def _ask(self, wake_ms: int) -> int:
        self._send(wake_ms)
        while not self._take():
            pass
        return self.now_ms

    def wait(self, queue, dt: int) -> None:
        """Stand in for asyncio's idle wait: sleep in the world's time until a line speaks or it is time."""
        if self._poll(queue, 0):
            # no time passes for what is there already, but not for ever: a flood must not stop the clock
            self._hurried += 1
            if self._hurried < _HURRIED_MAX:
                return
            self._ask(0)
        elif dt:
            self._send(_FOREVER if dt < 0 else self.now_ms + dt)
            self._granted = False
            self._poll(queue, -1)
            if not self._granted:
                self._ask(0)
        self._hurried = 0

    def _poll(self, queue, timeout_ms: int) -> bool:
        """Wake the tasks whose lines are ready; True if there were any. The world's answers are taken too."""
        found = False
        for stream, event in queue.poller.ipoll(timeout_ms):
            if stream is self.sock:
                self._granted = self._take() or self._granted
                continue
            found = True
            waiting = queue.map[id(stream)]
            if event & ~select.POLLOUT and waiting[0] is not None:
                core._task_queue.push(waiting[0])
                waiting[0] = None
            if event & ~select.POLLIN and waiting[1] is not None:
                core._task_queue.push(waiting[1])
                waiting[1] = None
            if waiting[0] is None and waiting[1] is None:
                queue._dequeue(stream)
            else:
                queue.poller.modify(stream, select.POLLOUT if waiting[0] is None else select.POLLIN)
        return found


def _unix_socket(path: str):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(struct.pack("H", socket.AF_UNIX) + path.encode() + b"\0")
    return sock


_path = os.getenv("KEIKI_WORLD")
_world = _World(_path) if _path else None


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


def random_below(n: int) -> int:
    """Return an unpredictable integer 0..n-1."""
    return int.from_bytes(os.urandom(8), "little") % n


def uart(number: int, baudrate: int, parity: "int | None" = None, stop: int = 1):
    """Open serial line `number`; returns a stream for asyncio. A pty has neither rate nor format."""
    path = os.getenv("KEIKI_UART%d" % number)
    if not path:
        return None
    line = open(path, "r+b")  # noqa: SIM115 - open as long as the meter runs
    termios.setraw(line.fileno())
    modes = termios.tcgetattr(line.fileno())
    modes[6][_VMIN] = modes[6][_VTIME] = 0  # a read takes what there is, and does not wait for more
    termios.tcsetattr(line.fileno(), termios.TCSANOW, modes)
    return line


def settings_object() -> dict:
    """Return the settings that this start brings along; ValueError if they are not a JSON object."""
    path = os.getenv("KEIKI_CONFIG")
    if not path:
        return {}
    with open(path) as file:
        settings = json.load(file)
    if not isinstance(settings, dict):
        raise ValueError("settings: not an object")
    return settings


def flash(blocks: int) -> FileFlash:
    """Return the flash region: a file of `blocks` x 4096 bytes in KEIKI_FOLDER. ValueError: another size."""
    return FileFlash((os.getenv("KEIKI_FOLDER") or ".") + "/flash.bin", blocks)


def files() -> Folder:
    """Return the file system, for boards that keep their logs in segment files: KEIKI_FOLDER."""
    return Folder((os.getenv("KEIKI_FOLDER") or ".") + "/")


def reset_cause() -> int:
    """Return why this program was started: 0 power, 1 watchdog, 2 crash, 3 command."""
    return int(os.getenv("KEIKI_CAUSE") or 0)


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
    """Return the stream of the host tool's line, or None."""
    path = os.getenv("KEIKI_CONSOLE")
    return _unix_socket(path) if path else None


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
    """Return a function that tells whether input `pin` is on: whether file pin<n> is in KEIKI_FOLDER."""
    path = "%s/pin%d" % (os.getenv("KEIKI_FOLDER") or ".", pin)

    def is_on() -> bool:
        try:
            os.stat(path)
        except OSError:
            return False
        return True

    return is_on


def i2c(number: int):
    """Return I2C bus `number`, or None if there is none."""
    from keiki.hal import unix_bus

    return unix_bus.i2c(number)


def spi(number: int, cs: int, baudrate: int, polarity: int, phase: int):
    """Return chip select `cs` of SPI bus `number`, or None if there is none."""
    from keiki.hal import unix_bus

    return unix_bus.spi(number, cs, baudrate, polarity, phase)
