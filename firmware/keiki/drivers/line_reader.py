"""A serial line of a chip as a reader of asyncio that takes what is there."""

import asyncio


class LineReader:
    """A machine.UART `line`, and the asyncio `stream` that waits for it.

    Asked for more than is there, the line's own `read` lets nothing else run until all of it has come or
    nothing for two bytes: 24 ms for what a BL0942 says.
    """

    def __init__(self, stream, line) -> None:
        self._stream = stream
        self._line = line

    async def read(self, most: int) -> bytes:
        """Wait for something and return it, `most` bytes at most."""
        data = await self._stream.read(1)
        more = min(self._line.any(), most - 1)
        return data + self._line.read(more) if more else data

    async def readinto(self, view: memoryview) -> int:
        """Wait for something and put as much of it as fits into `view`; returns how many bytes."""
        got = await self._stream.readinto(view[:1])
        more = min(self._line.any(), len(view) - 1)
        return got + self._line.readinto(view[1 : 1 + more]) if more else got


def reader_of(line):
    """Return a reader of a line that the hal has opened."""
    stream = asyncio.StreamReader(line)
    return LineReader(stream, line) if hasattr(line, "any") else stream


def streams(line):
    """Return a reader and a writer of a line that the hal has opened."""
    return reader_of(line), asyncio.StreamWriter(line, {})
