"""Serial input of a text module: bytes in any portions become command lines, SKSENDTO, or refusals.

Ref: b-route.md E1.1 - E1.3, E1.5, E4.7. SK commands end in CR LF, product commands in CR alone; empty lines
are nothing; SKSENDTO needs no line end, and its payload may hold any byte.
"""

from typing import NamedTuple

from keiki.wire.sk.dialect import Dialect
from keiki.wire.sk.lines import MAX_PAYLOAD, SkError, parse_hex

from keiki_host.bench.wisun.table import PRODUCT

MAX_LINE = 512
_SENDTO = b"SKSENDTO "
_HEAD_LIMIT = 96  # how far Dialect.parse_sendto looks


class Line(NamedTuple):
    """A command line without its end, and that end: CR LF or CR."""

    text: bytes
    end: bytes


class Sendto(NamedTuple):
    """SKSENDTO: its head as typed up to the space before the payload, its fields, the payload."""

    text: bytes
    handle: int
    ip: str
    port: int
    sec: int
    side: int
    payload: bytes


class Refused(NamedTuple):
    """What was no command: the text to echo (empty: none) and ER05, ER06 or ER09."""

    text: bytes
    code: str


class Intake:
    """Cuts input into commands. `feed` bytes, then `take` until it returns None."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._buffer = bytearray()
        self._overlong = False
        self._discard = 0

    def clear(self) -> None:
        """Forget what has only begun."""
        self._buffer.clear()
        self._overlong = False
        self._discard = 0

    def feed(self, data: bytes) -> None:
        """Take bytes in."""
        self._buffer += data

    def take(self) -> Line | Sendto | Refused | None:
        """The next command, or None until more bytes come."""
        buffer = self._buffer
        if self._discard:
            dropped = min(self._discard, len(buffer))
            del buffer[:dropped]
            self._discard -= dropped
        if not self._overlong:
            del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]
        if not buffer:
            return None
        if buffer.startswith(_SENDTO) and not self._overlong:
            return self._take_sendto()
        return self._take_line()

    def _take_line(self) -> Line | Refused | None:
        buffer = self._buffer
        cr = buffer.find(b"\r", 0, MAX_LINE + 1)
        words = bytes(buffer[: max(cr, 0)]).split()
        if words and words[0].decode("latin-1") in PRODUCT and not self._overlong:
            text = bytes(buffer[:cr])
            del buffer[: cr + 1]
            return Line(text, b"\r")
        end = buffer.find(b"\r\n")
        if end < 0:
            if len(buffer) > MAX_LINE + 1:
                self._overlong = True
                del buffer[: len(buffer) - 1]
            return None
        text = bytes(buffer[:end])
        del buffer[: end + 2]
        if self._overlong or len(text) > MAX_LINE or not all(0x20 <= byte < 0x7F for byte in text):
            self._overlong = False
            return Refused(b"", "ER09")
        return Line(text, b"\r\n")

    def _take_sendto(self) -> Line | Sendto | Refused | None:
        buffer = self._buffer
        try:
            found = self._dialect.parse_sendto(buffer)
        except SkError as error:
            return self._refuse(error.code)
        if found is None:
            return None
        head, size = found
        end = size + head.length
        if len(buffer) < end:
            return None
        text, payload = bytes(buffer[:size]), bytes(buffer[size:end])
        del buffer[:end]
        return Sendto(text, head.handle, head.ip, head.port, head.sec, head.side, payload)

    def _refuse(self, code: str) -> Line | Refused | None:
        """A bad SKSENDTO head. If it says how many bytes follow, they are not taken for commands."""
        buffer = self._buffer
        if code == "ER05":
            text = bytes(buffer).splitlines()[0]
            del buffer[: len(text) + 1]
            return Refused(text, code)
        count = 7 if self._dialect.sided else 6
        words = bytes(buffer[:_HEAD_LIMIT]).split(b" ", count)
        if len(words) <= count:
            self._overlong = True
            return self._take_line()
        text = b" ".join(words[:count])
        del buffer[: len(text) + 1]
        length = parse_hex(words[count - 1], 4) or 0
        self._discard = length if length <= MAX_PAYLOAD else 0
        return Refused(text, code)
