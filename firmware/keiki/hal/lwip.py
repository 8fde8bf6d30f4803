"""UDP, TCP and names over lwIP, which ESP32 and RP2 have: IPv4 on a network that comes and goes."""

import asyncio
import errno
import os
import socket
import struct

from keiki.hal.waiting import Ready, readable, split, writable
from keiki.wire import dns
from keiki.wire.compat import const
from keiki.wire.sntp import PORT as SNTP_PORT

EVERYWHERE = "0.0.0.0"
_BACKLOG = const(4)
_DATAGRAM_MAX = const(1500)
_PROBE_MS = const(5000)
_RECEIVE_MS = const(5000)
_SOL_SOCKET = getattr(socket, "SOL_SOCKET", 1)
_NODELAY = getattr(socket, "TCP_NODELAY", None)
_wifi: list = []
_asking = asyncio.Lock()
"""Held by who uses the one UDP socket that the meter's ports leave: see Udp."""


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
    """One UDP port, in a multicast group if one is named; its socket is made anew with each network.

    lwIP of an RP2 has five UDP sockets, two of them DHCP's and mDNS's: this is one for the own address and
    the group, bound to every address. A peer is (address, port). `on_up()` hears of each network.
    """

    receivers = 1
    on_up = None

    def __init__(self, _address: str, port: int, group: "str | None") -> None:
        self.port = port
        self._everyone = None if group is None else (group, port)
        self._of = 0
        self._sock = None

    async def receive(self, _multicast: bool, answer_source_port: bool) -> "tuple[bytes, tuple]":
        """Wait for one datagram; returns it and the peer to answer to.

        The answer goes to `port` of the sender whatever port it sent from (ECHONET Lite part 2, 1.2), unless
        `answer_source_port`.
        """
        while True:
            wifi = _wifi[0]
            sock = self._sock
            if sock is None or self._of != wifi.joins:
                await wifi.joined(0 if sock is None else self._of)
                sock = self._open(wifi)
            try:
                # why with a limit: the end of a network ends no wait
                await asyncio.wait_for_ms(_once(sock), _RECEIVE_MS)
                data, peer = sock.recvfrom(_DATAGRAM_MAX)
            except asyncio.TimeoutError:
                continue
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    self.close()
                continue
            return data, peer if answer_source_port else (peer[0], self.port)

    def _open(self, wifi):
        """Bind, and join the group on the network that is there now; returns the socket."""
        self.close()
        is_new, self._of = self._of != wifi.joins, wifi.joins
        self._sock = sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(_SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((EVERYWHERE, self.port))
        sock.setblocking(False)
        if self._everyone is not None:
            membership = raw_of(self._everyone[0]) + raw_of(wifi.address)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        if is_new and self.on_up is not None:
            self.on_up()
        return sock

    def send(self, data: bytes, peer) -> bool:
        """Send to a peer, or to the group if None; False if the network refused."""
        if self._sock is None:
            return False
        try:
            self._sock.sendto(data, self._everyone if peer is None else peer)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close the socket."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


async def _once(sock) -> None:
    await readable(sock)


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
    async with _asking:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.sendto(data, (address, port))
        finally:
            sock.close()


async def exchange(address: str, port: int, request: bytes) -> bytes:
    """Send one datagram and return the first that comes back from there, one exchange after the other."""
    async with _asking:
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
