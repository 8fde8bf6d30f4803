"""Serial ports of this host: which of them may be a board, and why one does not open."""

import errno
import os
from dataclasses import dataclass

import serial
from serial.tools import list_ports

_VENDORS = {
    0x303A: "Espressif",
    0x10C4: "CP210x",
    0x1A86: "CH34x",
    0x0403: "FTDI",
    0x2E8A: "Raspberry Pi",
}
"""USB vendors of boards and of the bridges on them."""

_WHY = {
    errno.ENOENT: "there is no such port: is the cable in?",
    errno.ENODEV: "nothing is behind this port: is the cable in?",
    errno.ENXIO: "nothing is behind this port: is the cable in?",
    errno.EACCES: "no permission: add yourself to the group that owns it (dialout or uucp), and log in again",
    errno.EPERM: "no permission: add yourself to the group that owns it (dialout or uucp), and log in again",
    errno.EBUSY: "another program has it: end that, and try again",
    errno.EAGAIN: "another program has it: end that, and try again",
    errno.EWOULDBLOCK: "another program has it: end that, and try again",
    errno.ENOTTY: "not a serial port",
    errno.EINVAL: "not a serial port",
    errno.EISDIR: "not a serial port",
}


@dataclass(frozen=True)
class Port:
    """A port that may be a board."""

    path: str
    what: str


def boards() -> list[Port]:
    """Return the ports whose USB vendor makes boards, or bridges for them."""
    return [
        Port(port.device, _VENDORS[port.vid])
        for port in sorted(list_ports.comports())
        if port.vid in _VENDORS
    ]


def why_not(path: str) -> str | None:
    """Say why a port does not open, and what to do; None: it does."""
    try:
        serial.Serial(path, exclusive=True).close()
    except (OSError, ValueError) as error:
        return reason(error)
    return None


def reason(error: Exception) -> str:
    """Say what an error of a port means: the host's words where we have no better ones."""
    numbers = (
        getattr(of, "errno", None) or next(iter(of.args), None) for of in (error, error.__context__) if of
    )
    number = next((of for of in numbers if isinstance(of, int)), None)
    if number is None:
        return str(error)
    return _WHY.get(number, os.strerror(number))
