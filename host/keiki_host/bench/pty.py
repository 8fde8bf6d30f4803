"""Serial ports that programs on this host can open: pseudo-terminals with their other end here."""

import array
import contextlib
import fcntl
import os
import select
import termios
import tty
from collections.abc import Callable


class PtyLine:
    """A pty in raw mode. `receive` gets what the other side wrote; `write` sends to it.

    The slave stays open here: otherwise reads fail with EIO while no client has the port. What nobody reads
    is dropped when the kernel's queue is full, as on a real line.
    """

    def __init__(self, receive: Callable[[bytes], None], on_write: Callable[[], None] | None = None) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.dropped = 0
        self._receive = receive
        self._on_write = on_write
        self._arrival = select.poll()
        self._arrival.register(self._slave, select.POLLIN)

    def fileno(self) -> int:
        """Descriptor to watch for what the other side writes."""
        return self._master

    def pump(self) -> bool:
        """Hand over what has come in; True if there was something."""
        try:
            data = os.read(self._master, 65536)
        except (BlockingIOError, OSError):
            return False
        self._receive(data)
        return bool(data)

    def write(self, data: bytes) -> None:
        """Send to the other side."""
        try:
            sent = os.write(self._master, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        self.dropped += len(data) - sent
        if self._on_write is not None:
            self._on_write()

    def unread(self) -> int:
        """Bytes that the other side has not read yet."""
        self._arrival.poll(0)  # why: the kernel hands data over in a task of its own; a poll waits for that
        count = array.array("i", [0])
        fcntl.ioctl(self._slave, termios.FIONREAD, count)
        return count[0]

    def forget(self) -> None:
        """Lose what is under way, in both directions: an end has no power, or begins anew."""
        self.unread()  # why: so that all of it has arrived
        termios.tcflush(self._slave, termios.TCIFLUSH)
        with contextlib.suppress(OSError):
            while os.read(self._master, 65536):
                pass

    def close(self) -> None:
        """Close both ends; the port is gone."""
        for descriptor in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)
