"""One request and one answer over UDP, on the unix port: for SNTP, and for the names of its servers.

KEIKI_DNS = address of the name server, as "host" or "host:port" (absent: the first in /etc/resolv.conf).
Names are asked of DNS only, and asynchronously: the port's own getaddrinfo would hold up the meter.
"""

import asyncio
import os
import socket
import struct
from asyncio import core

from keiki.wire import dns
from keiki.wire.sntp import PORT

_DATAGRAM_MAX = 1500


async def sntp_exchange(server: str, request: bytes, timeout_ms: int) -> "bytes | None":
    """Send `request` to `server` and return the first datagram it sends back.

    `server` is "host", "host:port", an IPv6 address or "[IPv6]:port". None: no answer within `timeout_ms`,
    no such name, or no way there. Answers of others are not heard: the socket is connected.
    """
    try:
        return await asyncio.wait_for_ms(_ask(server, request), timeout_ms)
    except (asyncio.TimeoutError, OSError, ValueError, dns.FrameError):
        return None


async def _ask(server: str, request: bytes) -> "bytes | None":
    host, port = _split(server, PORT)
    raw = _numeric(host) or await _look_up(host)
    return None if raw is None else await _exchange(raw, port, request)


async def _exchange(raw: bytes, port: int, request: bytes) -> bytes:
    """Send one datagram to an address (4 or 16 bytes) and return the first that comes back from there."""
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(_sockaddr(family, raw, port))
        sock.send(request)
        await _readable(sock)
        return sock.recv(_DATAGRAM_MAX)
    finally:
        sock.close()


async def _look_up(name: str) -> "bytes | None":
    host, port = _split(os.getenv("KEIKI_DNS") or _name_server(), dns.PORT)
    resolver = _numeric(host)
    if resolver is None:
        return None
    for kind in (dns.A, dns.AAAA):
        query = dns.encode_query(struct.unpack("H", os.urandom(2))[0], name, kind)
        raw = dns.decode_address(await _exchange(resolver, port, query), query)
        if raw is not None:
            return raw
    return None


def _name_server() -> str:
    with open("/etc/resolv.conf") as lines:
        for line in lines:
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                return words[1]
    return ""


def _split(server: str, port: int) -> "tuple[str, int]":
    """Return host and port of "host", "host:port", "[v6]:port" or a bare IPv6 address."""
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        return host, int(rest[1:]) if rest else port
    if server.count(":") != 1:
        return server, port
    host, _, number = server.partition(":")
    return host, int(number)


def _numeric(host: str) -> "bytes | None":
    """Return the address as 4 or 16 bytes, or None if it is a name."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return None


def _sockaddr(family: int, raw: bytes, port: int) -> bytes:
    head = struct.pack("H", family) + struct.pack(">H", port)
    return head + raw + bytes(8) if len(raw) == 4 else head + bytes(4) + raw + bytes(4)


def _readable(sock):
    """Wait until `sock` has something to read (await it)."""
    yield core._io_queue.queue_read(sock)
