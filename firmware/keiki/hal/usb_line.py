"""The line of the REPL as a stream: requests of the host tool come in on it while the meter runs.

Ctrl-C on it still ends the meter and gives the REPL to whoever pressed it.
"""

import asyncio
import select
import sys
from asyncio import core


class UsbLine:
    """A stream as of asyncio. stdin itself waits for as many bytes as are asked for: this does not."""

    def __init__(self) -> None:
        self._in = sys.stdin.buffer
        self._poller = select.poll()
        self._poller.register(sys.stdin, select.POLLIN)

    def read(self, most: int):
        """Wait for something and return it, `most` bytes at most (await it)."""
        yield core._io_queue.queue_read(sys.stdin)
        found = bytearray(self._in.read(1))
        while len(found) < most and self._poller.poll(0):
            found += self._in.read(1)
        return bytes(found)

    def write(self, data) -> None:
        """Send all of `data`; what no host takes is lost."""
        sys.stdout.buffer.write(data)

    async def drain(self) -> None:
        """Let others run."""
        await asyncio.sleep_ms(0)
