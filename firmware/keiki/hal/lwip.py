"""UDP, TCP and names over lwIP, which ESP32 and RP2 have: IPv4 on a network that comes and goes."""

import asyncio
import errno
import os
import socket
import struct

from keiki.hal.waiting import Ready, readable, split, writable
from keiki.wire import dns
from keiki.wire.sntp import PORT as SNTP_PORT

EVERYWHERE = "0.0.0.0"
_BACKLOG = 4
_DATAGRAM_MAX = 1500
_PROBE_MS = 5000
_RECEIVE_MS = 5000
_SOL_SOCKET = getattr(socket, "SOL_SOCKET", 1)
_NODELAY = getattr(socket, "TCP_NODELAY", None)
_wifi: list = []


def use(wifi) -> None:
    """Have a Wifi as the network."""
    _wifi[:] = [wifi]
    wifi.probe = _answers


def raw_of(host: str) -> "bytes | None":
    """Return an IPv4 address as 4 bytes, None if it is a name."""
    parts = host.split(".")
    if len(parts) != 4 or not all(part.isdigit() and int(part) < 256 for part in parts):
        return None
    return bytes(int(part) for part in parts)


class Udp:
    """One UDP port, with a multicast group if one is named; its sockets are made anew with each network.

    lwIP hands a datagram to the socket that is bound to the address it was sent to, so unicast and group are
    two sockets: one at the own address, one at the group's. A peer is (address, port).
    """

    def __init__(self, _address: str, port: int, group: "str | None") -> None:
        self.port = port
        self._everyone = None if group is None else (group, port)
        self._of = 0
        self._sockets: list = []

    async def receive(self, multicast: bool, answer_source_port: bool) -> "tuple[bytes, tuple]":
        """Wait for one datagram; returns it and the peer to answer to.

        The answer goes to `port` of the sender whatever port it sent from (ECHONET Lite part 2, 1.2), unless
        `answer_source_port`.
        """
        while True:
            wifi = _wifi[0]
            if not self._sockets or self._of != wifi.joins:
                await wifi.joined(self._of if self._sockets else 0)
                self._open(wifi)
            sock = self._sockets[multicast]
            try:
                # why with a limit: the end of a network ends no wait
                await asyncio.wait_for_ms(_once(sock), _RECEIVE_MS)
                data, peer = sock.recvfrom(_DATAGRAM_MAX)
            except asyncio.TimeoutError:
                continue
            except OSError as error:
                if error.errno != errno.EAGAIN and sock in self._sockets:
                    self.close()
                continue
            return data, peer if answer_source_port else (peer[0], self.port)

    def _open(self, wifi) -> None:
        """Bind to the address that the network has given."""
        if self._sockets and self._of == wifi.joins:
            return  # the other receiver has done it
        self.close()
        self._of = wifi.joins
        self._sockets.append(_bound(wifi.address, self.port))
        if self._everyone is not None:
            group = self._everyone[0]
            self._sockets.append(_bound(group, self.port))
            membership = raw_of(group) + raw_of(wifi.address)
            self._sockets[1].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)

    def send(self, data: bytes, peer) -> bool:
        """Send to a peer, or to the group if None; False if the network refused."""
        if not self._sockets:
            return False
        try:
            self._sockets[0].sendto(data, self._everyone if peer is None else peer)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close all sockets."""
        for sock in self._sockets:
            sock.close()
        del self._sockets[:]


async def _once(sock) -> None:
    await readable(sock)


def _bound(address: str, port: int):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(_SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.setblocking(False)
    return sock


class Connection:
    """One connection; OSError from any of its methods: it is gone.

    Awaiting `ready` waits until there may be something to take.
    """

    def __init__(self, sock) -> None:
        sock.setblocking(False)
        if _NODELAY is not None:
            sock.setsockopt(socket.IPPROTO_TCP, _NODELAY, 1)
        self._sock = sock
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
        return self._sock.readinto(buffer)

    def send(self, data) -> int:
        """Send as much of `data` as goes at once; returns how much."""
        return self._sock.write(data) or 0

    async def write(self, data) -> None:
        """Send all of `data`, as the peer takes it."""
        sent = self.send(data)
        while sent < len(data):
            await writable(self._sock)
            sent += self.send(memoryview(data)[sent:])

    def close(self) -> None:
        """Close it."""
        self._sock.close()


class Listener:
    """A TCP port of the meter. OSError: it cannot be had."""

    def __init__(self, address: str, port: int) -> None:
        self._sock = sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(_SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)

    async def accept(self) -> Connection:
        """Wait for the next connection."""
        while True:
            await readable(self._sock)
            try:
                return Connection(self._sock.accept()[0])
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                    raise

    def close(self) -> None:
        """Close the port; connections stay."""
        self._sock.close()


async def connect(server: str, port: int) -> Connection:
    """Connect to "host" or "host:port"; `port` where none is said. OSError: no way there."""
    host, port = split(server, port)
    address = await _address_of(host)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        try:
            sock.connect((address, port))
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
            await writable(sock)
            sock.write(b"")  # of a connection that was refused the next step tells
        return Connection(sock)
    except BaseException:
        sock.close()
        raise


async def datagram(server: str, port: int, data: bytes) -> None:
    """Send one datagram. OSError: no way there."""
    host, port = split(server, port)
    address = await _address_of(host)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.sendto(data, (address, port))
    finally:
        sock.close()


async def exchange(address: str, port: int, request: bytes) -> bytes:
    """Send one datagram and return the first that comes back from there."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.sendto(request, (address, port))
        while True:
            await readable(sock)
            data, peer = sock.recvfrom(_DATAGRAM_MAX)
            if peer[0] == address and peer[1] == port:
                return data
    finally:
        sock.close()


async def sntp_exchange(server: str, request: bytes, timeout_ms: int) -> "bytes | None":
    """Send `request` to "host" or "host:port" and return the first datagram it sends back.

    None: no answer within `timeout_ms`, no such name, or no way there.
    """
    try:
        return await asyncio.wait_for_ms(_ask(server, request), timeout_ms)
    except (asyncio.TimeoutError, OSError, ValueError, dns.FrameError):
        return None


async def _ask(server: str, request: bytes) -> bytes:
    host, port = split(server, SNTP_PORT)
    return await exchange(await _address_of(host), port, request)


async def _address_of(host: str) -> str:
    """Return the IPv4 address of a host. OSError: there is none of that name, or no network.

    Names are asked of DNS asynchronously: the port's own getaddrinfo would hold up the meter.
    """
    if not _wifi or _wifi[0].address is None:
        raise OSError(errno.EHOSTUNREACH)
    if raw_of(host) is not None:
        return host
    raw = await _resolve(host)
    if raw is None:
        raise OSError(errno.EHOSTUNREACH)
    return ".".join(str(part) for part in raw)


async def _resolve(host: str) -> "bytes | None":
    query = dns.encode_query(struct.unpack("H", os.urandom(2))[0], host, dns.A)
    return dns.decode_address(await exchange(_wifi[0].name_server, dns.PORT, query), query)


async def _answers(server: str) -> bool:
    """Tell whether a name server answers anything."""
    query = dns.encode_query(struct.unpack("H", os.urandom(2))[0], "localhost", dns.A)
    try:
        await asyncio.wait_for_ms(exchange(server, dns.PORT, query), _PROBE_MS)
    except (asyncio.TimeoutError, OSError):
        return False
    return True
