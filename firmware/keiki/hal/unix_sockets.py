"""Addresses of the unix port as the kernel has them."""

import socket
import struct


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
