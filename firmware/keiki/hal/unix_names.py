"""Names of hosts, on the unix port.

KEIKI_DNS = address of the name server, as "host" or "host:port" (absent: the first in /etc/resolv.conf).
Names are asked of DNS only, and asynchronously: the port's own getaddrinfo would hold up the meter.
"""

import os
import socket
import struct

from keiki.hal.unix_sockets import family, numeric, sockaddr
from keiki.hal.waiting import readable, split
from keiki.wire import dns

_DATAGRAM_MAX = 1500


async def exchange(raw: bytes, port: int, request: bytes) -> bytes:
    """Send one datagram to an address (4 or 16 bytes) and return the first that comes back from there."""
    sock = socket.socket(family(raw), socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(sockaddr(raw, port))
        sock.send(request)
        await readable(sock)
        return sock.recv(_DATAGRAM_MAX)
    finally:
        sock.close()


async def address_of(host: str) -> "bytes | None":
    """Return the address of a host (4 or 16 bytes), None if there is none of that name."""
    return numeric(host) or await _look_up(host)


async def _look_up(name: str) -> "bytes | None":
    host, port = split(os.getenv("KEIKI_DNS") or _name_server(), dns.PORT)
    resolver = numeric(host)
    if resolver is None:
        return None
    for kind in (dns.A, dns.AAAA):
        query = dns.encode_query(struct.unpack("H", os.urandom(2))[0], name, kind)
        raw = dns.decode_address(await exchange(resolver, port, query), query)
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
