"""A meter's console, from this side: one JSON request a line, one JSON answer a line.

A meter is named by a URL: unix:///path of a socket (a meter of `keiki bench`), or serial:///dev/ttyUSB0.
"""

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self
from urllib.parse import unquote

import serial

from keiki_host import serial_ports

TIMEOUT_S = 10.0
BAUD = 115200
_ANSWER_MAX = 1 << 20
_WHY_NO_SOCKET = {
    errno.ENOENT: "there is no such socket: does its bench run?",
    errno.ECONNREFUSED: "nobody answers there: does its bench run?",
    errno.EACCES: "no permission: only who runs the bench may",
}


class DeviceError(Exception):
    """The meter does not do it: one line that names the meter and the reason."""


class GoneError(DeviceError):
    """The line is lost, or there is none, or nobody answers on it: another attempt may go on."""


class UrlError(Exception):
    """This names no meter: one line."""


class _Line(Protocol):
    """A way to a meter. OSError: it is gone; TimeoutError: nothing came."""

    noisy: bool
    """Others write on it too, so what is no answer is passed over."""

    def write(self, data: bytes) -> None: ...

    def read(self, timeout_s: float) -> bytes:
        """What there is, after waiting for at most that long; nothing: the other end has closed."""

    def close(self) -> None: ...


class _SocketLine:
    noisy = False

    def __init__(self, path: str, timeout_s: float) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._sock.settimeout(timeout_s)
            self._sock.connect(path)
        except BaseException:
            self._sock.close()
            raise

    def write(self, data: bytes) -> None:
        self._sock.sendall(data)

    def read(self, timeout_s: float) -> bytes:
        self._sock.settimeout(timeout_s)
        return self._sock.recv(65536)

    def close(self) -> None:
        self._sock.close()


class _SerialLine:
    noisy = True

    def __init__(self, path: str, timeout_s: float) -> None:
        # DTR and RTS stay as they open, both on: boards with USB send nothing without DTR, and circuits that
        # reset a board do so when the two differ
        self._port = serial.Serial(path, BAUD, exclusive=True, write_timeout=timeout_s)
        self._port.reset_input_buffer()

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def read(self, timeout_s: float) -> bytes:
        self._port.timeout = timeout_s
        data: bytes = self._port.read(1) + self._port.read(self._port.in_waiting)
        if not data:
            raise TimeoutError
        return data

    def close(self) -> None:
        self._port.close()


_LINES: dict[str, Callable[[str, float], _Line]] = {"unix": _SocketLine, "serial": _SerialLine}


def parse_url(url: str) -> tuple[str, str]:
    """Return (kind of line, path) of a meter's URL. UrlError if it is none."""
    kind, found, path = url.partition("://")
    if not found or kind not in _LINES or not path.startswith("/"):
        raise UrlError(f"meter: {url!r} is neither unix:///PATH nor serial:///dev/PORT")
    return kind, unquote(path)


class Device:
    """A connected meter: `with Device("unix:///...") as meter: meter.ask("status")`.

    UrlError, or DeviceError if there is no such meter. Every request waits for at most `timeout_s`.
    """

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        kind, path = parse_url(url)
        self.url = url
        self._timeout_s = timeout_s
        self._inbox = b""
        try:
            self._line: _Line = _LINES[kind](path, timeout_s)
        except (OSError, ValueError) as error:
            raise self._gone(_reason(error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._line.close()

    def ask(self, op: str, **arguments: Any) -> Any:
        """Return the meter's answer to one request; DeviceError if it refuses or does not answer."""
        request = json.dumps({"op": op, **arguments}).encode() + b"\n"
        answer = self._exchange(request)
        if self._line.noisy and answer.get("error") == "request: not JSON":
            # why: our line was the rest of one that somebody else had begun
            answer = self._exchange(request)
        if "ok" not in answer:
            raise self._failed(str(answer["error"]))
        return answer["ok"]

    @property
    def prints(self) -> bool:
        """Whether its firmware prints on this line, beside its answers."""
        return self._line.noisy

    def heard(self) -> Iterator[str]:
        """Yield the lines that its firmware prints, as they come; DeviceError when it is gone."""
        while True:
            try:
                line = self._read_line(time.monotonic() + self._timeout_s)
            except TimeoutError:
                continue
            except (OSError, EOFError):
                raise self._gone("the meter is gone") from None
            yield line.decode(errors="replace").rstrip()

    def _exchange(self, request: bytes) -> dict[str, Any]:
        end_s = time.monotonic() + self._timeout_s
        try:
            self._line.write(request)
            while True:
                line = self._read_line(end_s)
                answer = _parse_answer(line)
                if answer is not None:
                    return answer
                if not self._line.noisy:
                    shown = line.decode(errors="replace").strip()
                    raise self._failed(f"not a meter: it said {shown[:60]!r}")
        except (TimeoutError, serial.SerialTimeoutException):
            raise self._gone(f"no answer within {self._timeout_s:g} s") from None
        except (OSError, EOFError):
            raise self._gone("the meter is gone") from None

    def _read_line(self, end_s: float) -> bytes:
        while b"\n" not in self._inbox:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            data = self._line.read(left_s)
            if not data:
                raise EOFError
            self._inbox += data
            if len(self._inbox) > _ANSWER_MAX:
                raise self._failed("not a meter: its answer has no end")
        line, _, self._inbox = self._inbox.partition(b"\n")
        return line

    def _failed(self, reason: str) -> DeviceError:
        return DeviceError(f"{self.url}: {reason}")

    def _gone(self, reason: str) -> DeviceError:
        return GoneError(f"{self.url}: {reason}")


def _parse_answer(line: bytes) -> dict[str, Any] | None:
    """An answer of a meter, or None if this is none."""
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    known = isinstance(answer, dict) and ("ok" in answer or "error" in answer)
    return answer if known else None


def _reason(error: Exception) -> str:
    """Why a line does not open, in the host's words: pyserial's own repeat the path and the number."""
    if isinstance(error, serial.SerialException):
        return serial_ports.reason(error)
    number = getattr(error, "errno", None)
    return _WHY_NO_SOCKET.get(number, os.strerror(number)) if number else str(error)
