"""Waiting for sockets, and the names of servers: the same on every port."""

from asyncio import core


def split(server: str, port: int) -> "tuple[str, int]":
    """Return host and port of "host", "host:port", "[v6]:port" or a bare IPv6 address."""
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        return host, int(rest[1:]) if rest else port
    if server.count(":") != 1:
        return server, port
    host, _, number = server.partition(":")
    return host, int(number)


def readable(sock):
    """Wait until `sock` has something to read (await it)."""
    yield core._io_queue.queue_read(sock)


def writable(sock):
    """Wait until `sock` takes something, or its connection is made or refused (await it)."""
    yield core._io_queue.queue_write(sock)


class Ready:
    """Waits until a socket has something to read, each time it is awaited; made once, it leaves nothing."""

    def __init__(self, sock) -> None:
        self._sock = sock
        self._waits = False
        self._done = StopIteration()

    def __iter__(self):
        self._waits = False
        return self

    def __next__(self) -> None:
        self._waits = not self._waits
        if not self._waits:
            self._done.__traceback__ = None  # or it grows each time
            raise self._done
        core._io_queue.queue_read(self._sock)
