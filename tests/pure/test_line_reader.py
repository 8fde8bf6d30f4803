"""A reader that never asks a line for more than is there."""

import asyncio

from keiki.drivers.line_reader import LineReader


class Line:
    """A line with `there` in it, and what it was asked for; as a stream it gives what a line gives."""

    def __init__(self, there):
        self.there = there
        self.asked = []

    def any(self):
        return len(self.there)

    def read(self, most):
        assert most <= len(self.there), "it would wait for the rest"
        data, self.there = self.there[:most], self.there[most:]
        self.asked.append(most)
        return data

    def readinto(self, view):
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class Stream:
    """What asyncio makes of a line: here there is always something."""

    def __init__(self, line):
        self._line = line

    async def read(self, most):
        return self._line.read(most)

    async def readinto(self, view):
        return self._line.readinto(view)


def reader(there):
    line = Line(there)
    return LineReader(Stream(line), line), line


def test_it_reads_what_is_there():
    found, line = reader(b"abcd")
    assert asyncio.run(found.read(512)) == b"abcd" and line.asked == [1, 3]
    found, line = reader(b"abcd")
    assert asyncio.run(found.read(3)) == b"abc" and line.there == b"d"
    found, line = reader(b"a")
    assert asyncio.run(found.read(512)) == b"a" and line.asked == [1]
    found, line = reader(b"ab")
    assert asyncio.run(found.read(1)) == b"a" and line.there == b"b"


def test_it_fills_a_view_with_what_is_there():
    view = memoryview(bytearray(6))
    found, line = reader(b"abcd")
    assert asyncio.run(found.readinto(view)) == 4 and bytes(view) == b"abcd\0\0"
    found, line = reader(b"wxyz")
    assert asyncio.run(found.readinto(view[4:])) == 2 and bytes(view) == b"abcdwx" and line.there == b"yz"
