"""A serial line in memory, in time that only moves when somebody waits; for tests of metering drivers."""

from keiki.drivers import metering_bl0942


class Silence(Exception):
    """Nothing more will come."""


class Line:
    """Reader, writer and asyncio in one; `respond(data) -> bytes` is the other end, reads give `chunk`."""

    def __init__(self, respond, chunk=1000):
        self.respond = respond
        self.chunk = chunk
        self.inbox = b""
        self.sent = []
        self.waited_ms = 0
        self.TimeoutError = metering_bl0942.asyncio.TimeoutError
        metering_bl0942.asyncio = self

    def write(self, data):
        self.sent.append(bytes(data))
        self.inbox += self.respond(bytes(data))

    async def drain(self):
        pass

    async def readinto(self, view):
        if not self.inbox:
            raise Silence
        n = min(len(view), len(self.inbox), self.chunk)
        view[:n] = self.inbox[:n]
        self.inbox = self.inbox[n:]
        return n

    # stands in for asyncio

    async def sleep_ms(self, ms):
        self.waited_ms += ms

    async def wait_for_ms(self, coroutine, ms):
        try:
            return await coroutine
        except Silence:
            self.waited_ms += ms
            raise self.TimeoutError from None


def finish(coroutine):
    """Run a coroutine that never really waits; returns its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")
