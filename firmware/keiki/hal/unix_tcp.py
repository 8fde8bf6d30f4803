"""TCP of the unix port, and datagrams to anybody: what the A-route goes over.

KEIKI_UPLINK = unix socket of an emulated uplink: what the meter opens by itself goes through it, so that
it arrives in the time of the meter's world (keiki_host/bench/uplink.py). Absent: over this host's network.
While there is a file "uplink_down" in KEIKI_FOLDER nobody reaches the meter.
"""

import errno
import os
import socket

from keiki.hal.unix_sockets import family, numeric, sockaddr
from keiki.hal.unix_udp import interface_index, own_sockaddr
from keiki.hal.unix_world import World, unix_socket
from keiki.hal.waiting import Ready, readable, split, writable

_IPPROTO_TCP = 6
_TCP_NODELAY = 1
_SOL_IPV6 = 41
_IPV6_V6ONLY = 26
_BACKLOG = 4


_DOWN = (os.getenv("KEIKI_FOLDER") or ".") + "/uplink_down"
_looked = [-1, False]


def _is_down() -> bool:
    if World.granted != _looked[0] or not World.granted:  # not again while no time has passed in the world
        _looked[0] = World.granted
        try:
            os.stat(_DOWN)
            _looked[1] = True
        except OSError:
            _looked[1] = False
    return _looked[1]


class Connection:
    """One connection; OSError from any of its methods: it is gone.

    Awaiting `ready` waits until there may be something to take.
    """

    def __init__(self, sock, inbound: bool = False) -> None:
        self._sock = sock
        self._inbound = inbound
        self.ready = Ready(sock)

    async def read_into(self, buffer) -> int:
        """Wait for data and put it into `buffer`; returns how much, 0 if the peer has closed."""
        while True:
            await self.ready
            size = self.take_into(buffer)
            if size is not None:
                return size

    def take_into(self, buffer) -> "int | None":
        """Put what has come into `buffer`; returns how much; 0: the peer has closed, None: nothing."""
        size = self._sock.readinto(buffer)
        if size is not None and self._inbound and _is_down():
            raise OSError(errno.ETIMEDOUT)
        return size

    def send(self, data) -> int:
        """Send as much of `data` as goes at once; returns how much."""
        World.answered = True
        return self._sock.write(data) or 0

    async def write(self, data) -> None:
        """Send all of `data`, as the peer takes it."""
        sent = self._sock.write(data) or 0
        while sent < len(data):
            await writable(self._sock)
            sent += self._sock.write(memoryview(data)[sent:]) or 0
        World.answered = True

    def close(self) -> None:
        """Close it."""
        self._sock.close()


class Listener:
    """A TCP port on one address of the meter. OSError: it cannot be had."""

    def __init__(self, address: str, port: int) -> None:
        host, _, _ = address.partition("%")
        raw = numeric(host) or b""
        self._sock = sock = socket.socket(family(raw), socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        index = 0
        if len(raw) == 16:
            sock.setsockopt(_SOL_IPV6, _IPV6_V6ONLY, 1)
            index = interface_index(address)
        sock.bind(own_sockaddr(raw, port, index))
        sock.listen(_BACKLOG)
        sock.setblocking(False)

    async def accept(self) -> Connection:
        """Wait for the next connection."""
        while True:
            await readable(self._sock)
            try:
                sock, _ = self._sock.accept()
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                    raise
                continue
            sock.setblocking(False)
            if not _is_down():
                sock.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
                World.answered = True
                return Connection(sock, inbound=True)
            sock.close()

    def close(self) -> None:
        """Close the port; connections stay."""
        self._sock.close()


async def connect(server: str, port: int) -> Connection:
    """Connect to "host", "host:port" or "[IPv6]:port"; `port` where none is said. OSError: no way there."""
    host, port = split(server, port)
    path = os.getenv("KEIKI_UPLINK")
    if path:
        return await _through(path, "tcp", host, port)
    raw = await _address_of(host)
    sock = socket.socket(family(raw), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        address = sockaddr(raw, port)
        try:
            sock.connect(address)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
            await writable(sock)
            _ask_again(sock, address)
        return Connection(sock)
    except BaseException:
        sock.close()
        raise


async def _address_of(host: str) -> bytes:
    from keiki.hal.unix_names import address_of
    from keiki.wire.dns import FrameError

    try:
        raw = await address_of(host)
    except FrameError:
        raw = None
    if raw is None:
        raise OSError(errno.EHOSTUNREACH)
    return raw


def _ask_again(sock, address: bytes) -> None:
    """Raise the error of a connection that was tried: a second try tells how the first one went."""
    try:
        sock.connect(address)
    except OSError as error:
        if error.errno != errno.EISCONN:
            raise


async def datagram(server: str, port: int, data: bytes) -> None:
    """Send one datagram, as `connect` finds its way. OSError: no way there."""
    host, port = split(server, port)
    path = os.getenv("KEIKI_UPLINK")
    if path:
        connection = await _through(path, "udp", host, port)
        await connection.write(data)
        connection.close()
        return
    raw = await _address_of(host)
    sock = socket.socket(family(raw), socket.SOCK_DGRAM)
    try:
        sock.sendto(data, sockaddr(raw, port))
    finally:
        sock.close()


async def _through(path: str, kind: str, host: str, port: int) -> Connection:
    """Ask the uplink for a way: it answers with one byte, 0 or an errno."""
    sock = unix_socket(path)
    try:
        sock.setblocking(False)
        sock.write(("%s %s %d\n" % (kind, host, port)).encode())
        answer = bytearray(1)
        connection = Connection(sock)
        if not await connection.read_into(answer):
            raise OSError(errno.ECONNRESET)
        if answer[0]:
            raise OSError(answer[0])
        return connection
    except BaseException:
        sock.close()
        raise
