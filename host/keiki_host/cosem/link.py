"""A meter over TCP, blocking: one association at a time."""

import socket
from collections.abc import Generator, Sequence
from typing import Any, Self

from keiki.wire.cosem import client as cosem
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.cosem.client_services import Refused
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.security import SecurityError
from keiki.wire.cosem.session import CounterError

from keiki_host.cosem.guard import HostGuard
from keiki_host.cosem.keys import MANAGEMENT, PUBLIC, READER, Keys

SERVER = 1
COUNTERS = {MANAGEMENT: b"\x00\x00\x2b\x01\x00\xff", READER: b"\x00\x00\x2b\x01\x02\xff"}
"""Where a meter says which counter a client used last."""

_PDU_MAX = 0xFFFF
_run: Any = cosem.run
_Client: Any = cosem.Client


class LinkError(Exception):
    """The meter does not do it: one line."""


class GoneError(LinkError):
    """The connection is lost, or there is none: another attempt may go on."""


class TcpLink:
    """APDUs over one TCP connection. OSError if there is no meter; FrameError for what is no answer."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._sock = socket.create_connection((host, port), timeout_s)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._inbox = wrapper.Inbox(_PDU_MAX)
        self.sap = PUBLIC

    def ask(self, request: bytes) -> bytes:
        """Send an APDU and return the one that answers it."""
        self._sock.sendall(wrapper.encode(self.sap, SERVER, bytes(request)))
        while (found := self._inbox.take()) is None:
            size = self._sock.recv_into(self._inbox.space())
            if not size:
                raise EOFError
            self._inbox.filled(size)
        source, destination, start, end = found
        if (source, destination) != (SERVER, self.sap):
            raise FrameError("another association")
        return bytes(self._inbox.buffer[start:end])

    def close(self) -> None:
        """Close it."""
        self._sock.close()


class MeterLink:
    """An open association: `with MeterLink("127.0.0.2", 4059, keys) as meter: meter.get(...)`.

    Without keys it is that of the public client. With keys the meter is asked first which counter comes next.
    LinkError names the meter and the reason, from everything.
    """

    def __init__(
        self, host: str, port: int = wrapper.PORT, keys: Keys | None = None, timeout_s: float = 10.0
    ) -> None:
        self._name = f"{host}:{port}"
        try:
            self._link = TcpLink(host, port, timeout_s)
        except OSError as error:
            raise GoneError(f"{self._name}: {error.strerror or error}") from None
        try:
            self.client: Any = _Client(None)
            self.run(self.client.open())
            if keys is not None:
                last = self._counter(keys.sap)
                self.run(self.client.release())
                self._link.sap = keys.sap
                self.client = _Client(HostGuard(keys, last + 1))
                self.run(self.client.open())
        except BaseException:
            self._link.close()
            raise

    def _counter(self, sap: int) -> int:
        """Which counter that client used last."""
        try:
            return int(self.get((1, COUNTERS[sap], 2)))
        except (AccessError, TypeError):
            raise LinkError(f"{self._name}: it does not say which counter comes next") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the association, if the meter still listens, and close the connection."""
        try:
            self.run(self.client.release())
        except LinkError:
            pass
        finally:
            self._link.close()

    def drop(self) -> None:
        """Close the connection without a word: nobody may be there to hear it."""
        self._link.close()

    def run(self, operation: Generator[Any, Any, Any]) -> Any:
        """Carry out an operation of the client. AccessError if only this one is refused."""
        try:
            return _run(operation, self._link.ask)
        except AccessError:
            raise
        except TimeoutError:
            raise GoneError(f"{self._name}: no answer in time") from None
        except EOFError:
            raise GoneError(f"{self._name}: the meter has closed the connection") from None
        except Refused as refused:
            raise LinkError(f"{self._name}: the meter refuses ({refused})") from None
        except (SecurityError, CounterError) as error:
            raise LinkError(f"{self._name}: not protected as it must be ({error})") from None
        except FrameError as error:
            raise LinkError(f"{self._name}: not a meter ({error})") from None
        except OSError as error:
            raise GoneError(f"{self._name}: {error.strerror or error}") from None

    def get(self, descriptor: tuple[int, bytes, int], selection: bytes | None = None) -> Any:
        """Read one attribute."""
        return self.run(self.client.get(descriptor, selection))

    def get_list(self, wanted: Sequence[tuple[tuple[int, bytes, int], bytes | None]]) -> list[Any]:
        """Read several attributes at once; where one is refused its AccessError comes instead."""
        found: list[Any] = self.run(self.client.get_list(wanted))
        return found

    def set(self, descriptor: tuple[int, bytes, int], value: bytes) -> None:
        """Write one attribute; `value` is A-XDR."""
        self.run(self.client.set(descriptor, value))

    def act(self, descriptor: tuple[int, bytes, int], value: bytes | None = None) -> Any:
        """Invoke a method, its parameter in A-XDR."""
        return self.run(self.client.act(descriptor, value))
