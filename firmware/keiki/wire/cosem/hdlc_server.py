"""The meter's end of an HDLC link, without I/O: bytes in, frames out, APDUs to and from one association.

Document: IEC 62056-46 (Green Book 8), secondary station, normal response mode, window 1.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import apdu, hdlc
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.cosem.hdlc import Frame, Scanner
from keiki.wire.cosem.hdlc_link import (
    ANSWER,
    INFO_MAX,
    LLC,
    REQUEST,
    Numbered,
    decode_sizes,
    encode_sizes,
)

IDLE_MS = const(120000)


class HdlcServer:
    """A link over which one client at a time uses `association`.

    `physical` is our lower address: frames with another one are for another meter (-1: all are for us).
    Frames take `info_max` bytes of information at most. A link that is quiet for `idle_ms` is closed.
    Call `feed` with what the line brings, then send what `answer` returns until that is None.
    """

    def __init__(
        self, association, physical: int = -1, *, info_max: int = INFO_MAX, idle_ms: int = IDLE_MS
    ) -> None:
        self.association = association
        self.scanner = Scanner(info_max)
        self._physical = physical
        self._info_max = info_max
        self._idle_ms = idle_ms
        self._numbers = Numbered(info_max)
        self._apdu = bytearray(LLC + association.server.apdu_max)
        self._heard_ms = 0
        self._close()

    @property
    def connected(self) -> bool:
        """Tell whether a client has opened the link."""
        return self._client is not None

    def feed(self, data) -> None:
        """Take bytes from the line; `answer` must have returned None since the last ones."""
        self.scanner.feed(data)

    def answer(self, now_ms: int) -> "memoryview | None":
        """Return the next frame to send; it must be sent before the next call. None: nothing to send."""
        while (frame := self.scanner.take()) is not None:
            if self._is_ours(frame):
                self._heard_ms = now_ms
                reply = self._take(frame, now_ms)
                if reply is not None:
                    return reply
        return None

    def tick(self, now_ms: int) -> None:
        """Close the link if it has been quiet for too long."""
        if self.connected and now_ms - self._heard_ms >= self._idle_ms:
            self._close()

    def _close(self) -> None:
        self.association.reset()
        self._client = None
        self._numbers.reset()
        self._have = 0
        self._too_long = False
        self._left = (0, 0)

    def _is_ours(self, frame: Frame) -> bool:
        to = frame.receiver
        if to.logical != self.association.server.sap or frame.sender.size != 1:
            return False
        return to.size == 1 or self._physical in (-1, to.physical)

    def _take(self, frame: Frame, now_ms: int) -> "memoryview | None":
        kind = hdlc.kind(frame.control)
        if kind == hdlc.SNRM:
            return self._open(frame)
        client = frame.sender.logical
        if kind == hdlc.DISC:
            ours = self._client == client
            if ours:
                self._close()
            return self._reply(frame, hdlc.UA if ours else hdlc.DM)
        if self._client != client:
            return self._reply(frame, hdlc.DM)
        if kind == hdlc.I_FRAME:
            return self._take_part(frame, now_ms)
        if kind == hdlc.RR:
            return self._go_on(frame)
        return None

    def _reply(self, frame: Frame, control: int, info: bytes = b"") -> memoryview:
        return self._numbers.build(frame.sender, frame.receiver, control, False, info)

    def _open(self, frame: Frame) -> "memoryview | None":
        try:
            _, takes = decode_sizes(self.scanner.buffer, frame.start, frame.end)
        except FrameError:
            return None
        self._close()
        self._client = frame.sender.logical
        self._numbers.send_max = min(takes, self._info_max)
        return self._reply(frame, hdlc.UA, encode_sizes(self._numbers.send_max, self._info_max))

    def _take_part(self, frame: Frame, now_ms: int) -> "memoryview | None":
        """Take an I frame; the last one of an APDU is answered with the first of the answer."""
        numbers = self._numbers
        if frame.control >> 1 & 7 != numbers.received:
            return self._again(frame)
        numbers.received = numbers.received + 1 & 7
        self._left = (0, 0)
        size = frame.end - frame.start
        if self._have + size > len(self._apdu):
            self._too_long = True
        else:
            part = memoryview(self.scanner.buffer)[frame.start : frame.end]
            self._apdu[self._have : self._have + size] = part
            self._have += size
        if frame.segmented:
            return numbers.build_ready(frame.sender, frame.receiver)
        return self._serve(frame, now_ms)

    def _serve(self, frame: Frame, now_ms: int) -> memoryview:
        have, too_long = self._have, self._too_long
        self._have, self._too_long = 0, False
        answer = None
        association = self.association
        if too_long:
            answer = association.send(bytes((apdu.EXCEPTION,) + apdu.TOO_LONG))
        elif self._apdu[:LLC] == REQUEST:
            sap = association.server.sap
            answer = association.receive(self._apdu, LLC, have, self._client, sap, now_ms)
        if answer is None:
            return self._numbers.build_ready(frame.sender, frame.receiver)
        start, end = answer
        start -= LLC
        association.answer[start : start + LLC] = ANSWER
        self._left = (start, end)
        return self._send_part(frame)

    def _send_part(self, frame: Frame) -> memoryview:
        """Send the next part of the answer."""
        numbers = self._numbers
        start, end = self._left
        start = numbers.build_part(frame.sender, frame.receiver, self.association.answer, start, end)
        self._left = (start, end)
        return numbers.frame

    def _go_on(self, frame: Frame) -> "memoryview | None":
        """Take RR: the client has all that was sent, or wants it again."""
        numbers = self._numbers
        if frame.control >> 5 != numbers.sent:
            return self._again(frame)
        if self._left[0] < self._left[1]:
            return self._send_part(frame)
        return numbers.build_ready(frame.sender, frame.receiver)

    def _again(self, frame: Frame) -> "memoryview | None":
        """Send the last frame once more, if the client repeats its own or has not got ours."""
        numbers = self._numbers
        kind = hdlc.kind(frame.control)
        expected = numbers.received - 1 & 7 if kind == hdlc.I_FRAME else numbers.sent - 1 & 7
        number = frame.control >> 1 & 7 if kind == hdlc.I_FRAME else frame.control >> 5
        return numbers.frame if number == expected and len(numbers.frame) else None
