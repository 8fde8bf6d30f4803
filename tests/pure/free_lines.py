"""Serial lines on which chips talk by themselves, in virtual time that moves when somebody waits."""


class Silence(Exception):
    """Nothing comes before the time is up."""


class FreeLines:
    """Stands in for asyncio in the driver's `module`; `now_ms` is the time."""

    def __init__(self, module, now_ms=0):
        self.now_ms = now_ms
        self.deadline_ms = None
        self.TimeoutError = module.asyncio.TimeoutError
        module.asyncio = self

    async def sleep_ms(self, ms):
        self.wait_until(self.now_ms + ms)

    async def wait_for_ms(self, coroutine, ms):
        assert self.deadline_ms is None
        self.deadline_ms = self.now_ms + ms
        try:
            return await coroutine
        except Silence:
            raise self.TimeoutError from None
        finally:
            self.deadline_ms = None

    def wait_until(self, at_ms):
        """Let time pass, but not beyond the end of the waiting; None: nothing will ever happen."""
        if at_ms is None or at_ms > self.deadline_ms:
            self.now_ms = self.deadline_ms
            raise Silence
        self.now_ms = max(self.now_ms, at_ms)


class Reader:
    """The receiving end of a line: a UART with room for `room` bytes; what comes when it is full is lost.

    `fill(now_ms)` makes the chip put its frames on the line (`put`), `next_ms()` tells when the next begins.
    """

    BYTE_MS_X48 = 110  # 11 bits at 4800 baud, x 48

    def __init__(self, lines, fill=lambda now_ms: None, next_ms=lambda: None, room=256):
        self._lines = lines
        self._fill = fill
        self._next_ms = next_ms
        self._room = room
        self._on_line = []
        self.inbox = b""

    def put(self, frame, start_ms):
        """A frame whose first bit leaves the chip at `start_ms`."""
        self._arrive()
        if self._on_line or start_ms + len(frame) * self.BYTE_MS_X48 // 48 >= self._lines.now_ms:
            self._on_line.append((start_ms, frame))
        elif len(self.inbox) < self._room:
            self.inbox = (self.inbox + frame)[: self._room]

    def _receive(self):
        self._fill(self._lines.now_ms)
        self._arrive()

    def _arrive(self):
        now_ms = self._lines.now_ms
        while self._on_line:
            start_ms, frame = self._on_line[0]
            come = min(len(frame), max(0, (now_ms - start_ms) * 48 // self.BYTE_MS_X48))
            self.inbox = (self.inbox + frame[:come])[: self._room]
            if come < len(frame):
                if come:
                    self._on_line[0] = (start_ms + come * self.BYTE_MS_X48 // 48, frame[come:])
                return
            self._on_line.pop(0)

    async def readinto(self, view):
        while True:
            self._receive()
            if self.inbox:
                n = min(len(view), len(self.inbox))
                view[:n] = self.inbox[:n]
                self.inbox = self.inbox[n:]
                return n
            if self._on_line:
                self._lines.wait_until(self._on_line[0][0] + 3)
            else:
                at_ms = self._next_ms()
                self._lines.wait_until(at_ms if at_ms is None else at_ms + 3)
