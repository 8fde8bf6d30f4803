"""Addresses of the unix port as the kernel has them, and waiting for sockets."""

import errno
import socket
import struct
from asyncio import core


def split(server: str, port: int) -> "tuple[str, int]":
    """Return host and port of "host", "host:port", "[v6]:port" or a bare IPv6 address.

    OSError: what stands for the port is none.
    """
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        number = rest[1:]
    elif server.count(":") == 1:
        host, _, number = server.partition(":")
    else:
        host = server
        number = ""
    if not number:
        return host, port
    if not number.isdigit() or not 0 < int(number) < 65536:
        raise OSError(errno.EINVAL)
    return host, int(number)


def numeric(host: str) -> "bytes | None":
    """Return the address as 4 or 16 bytes, or None if it is a name."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return None


def family(raw: bytes) -> int:
    """Return the address family of 4 or 16 bytes."""
    return socket.AF_INET if len(raw) == 4 else socket.AF_INET6


def sockaddr(raw: bytes, port: int, scope: int = 0) -> bytes:
    """Return the kernel's form of an address (4 or 16 bytes); `scope` is an interface of a link-local one."""
    head = struct.pack("H", family(raw)) + struct.pack(">H", port)
    return head + raw + bytes(8) if len(raw) == 4 else head + bytes(4) + raw + struct.pack("I", scope)


def readable(sock):
    """Wait until `sock` has something to read (await it)."""
    yield core._io_queue.queue_read(sock)


def writable(sock):
    """Wait until `sock` takes something, or its connection is made or refused (await it)."""
    yield core._io_queue.queue_write(sock)
