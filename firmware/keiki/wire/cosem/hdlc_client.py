"""The reader's end of an HDLC link, without I/O: an optical probe, a modem, a test.

Document: IEC 62056-46 (Green Book 8), primary station, normal response mode, window 1. Each operation is a
generator: it yields a frame to be sent (b"": only wait on), is sent the Frame that `scanner` finds next, or
None if none came in time, and returns its result.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import hdlc
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.cosem.hdlc import Address, Frame, Scanner
from keiki.wire.cosem.hdlc_link import (
    ANSWER,
    INFO_MAX,
    LLC,
    REQUEST,
    Numbered,
    decode_sizes,
    encode_sizes,
)

TRIES = const(3)
_STRAYS_MAX = const(8)  # frames out of turn that are waited through before a try is given up
_APDU_MAX = const(0x10003)


class LinkError(Exception):
    """The other end does not answer, or not as it should."""


class HdlcClient:
    """A link from client `sap` to the server at `address`; `info_max` is the most information in a frame."""

    def __init__(self, sap: int, address: Address, *, info_max: int = INFO_MAX) -> None:
        self.scanner = Scanner(info_max)
        self._sap = Address(sap)
        self._server = address
        self._info_max = info_max
        self._numbers = Numbered(info_max)

    def connect(self):
        """Open the link."""
        numbers = self._numbers
        numbers.reset()
        request = numbers.build(
            self._server, self._sap, hdlc.SNRM, False, encode_sizes(self._info_max, self._info_max)
        )
        frame = yield from self._exchange(request, (hdlc.UA,))
        try:
            _, takes = decode_sizes(self.scanner.buffer, frame.start, frame.end)
        except FrameError:
            raise LinkError("sizes") from None
        numbers.send_max = min(takes, self._info_max)

    def disconnect(self):
        """Close the link."""
        request = self._numbers.build(self._server, self._sap, hdlc.DISC)
        yield from self._exchange(request, (hdlc.UA, hdlc.DM))

    def ask(self, apdu):
        """Send an APDU and return the one that answers it, as a bytearray; empty if there is none."""
        numbers, server, sap = self._numbers, self._server, self._sap
        data = REQUEST + bytes(apdu)
        start = 0
        while True:
            start = numbers.build_part(server, sap, data, start, len(data))
            frame = yield from self._exchange(numbers.frame, (hdlc.I_FRAME, hdlc.RR))
            if start == len(data):
                break
            if hdlc.kind(frame.control) != hdlc.RR:
                raise LinkError("an answer too early")
        answer = bytearray()
        while hdlc.kind(frame.control) == hdlc.I_FRAME:
            answer.extend(memoryview(self.scanner.buffer)[frame.start : frame.end])
            numbers.received = numbers.received + 1 & 7
            if len(answer) > _APDU_MAX:
                raise LinkError("too long an answer")
            if not frame.segmented:
                if answer[:LLC] != ANSWER:
                    raise LinkError("LLC")
                return answer[LLC:]
            frame = yield from self._exchange(numbers.build_ready(server, sap), (hdlc.I_FRAME,))
        if answer:
            raise LinkError("cut off")
        return answer

    def _exchange(self, request: memoryview, kinds: "tuple[int, ...]"):
        """Send a frame until one of these kinds answers it, TRIES times at most."""
        for _ in range(TRIES):
            frame = yield request
            strays = 0
            while frame is not None and strays < _STRAYS_MAX:
                if self._fits(frame, kinds):
                    return frame
                if hdlc.kind(frame.control) in (hdlc.DM, hdlc.FRMR):
                    raise LinkError("the link is closed")
                strays += 1
                frame = yield b""
        raise LinkError("no answer")

    def _fits(self, frame: Frame, kinds: "tuple[int, ...]") -> bool:
        """Tell whether a frame is from the server, of a kind that is wanted, and in turn."""
        numbers = self._numbers
        kind = hdlc.kind(frame.control)
        if kind not in kinds or frame.receiver.encode() != self._sap.encode():
            return False
        if frame.sender.logical != self._server.logical:
            return False
        if kind in (hdlc.UA, hdlc.DM):
            return True
        if frame.control >> 5 != numbers.sent:
            return False
        return kind == hdlc.RR or frame.control >> 1 & 7 == numbers.received
