"""Ports of this host, and what is wrong with a connection in a few words."""

import os
import socket

from keiki_host.headend.errors import HeadendError


def bound(what: str, host: str, port: int) -> socket.socket:
    """A socket that listens; 0: at any port. HeadendError, which says what it is for: it cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen(1024)  # who comes before everything runs waits
        except OSError:
            sock.close()
            raise
    except OSError as error:
        raise HeadendError(f"{what} {shown(host, port)}: {words(error)}") from None
    return sock


def shown(host: str, port: int) -> str:
    """HOST:PORT as people and meters write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def words(error: OSError) -> str:
    """What an error says, without what a library adds to it."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return str(error.strerror or error)
    return os.strerror(error.errno)
