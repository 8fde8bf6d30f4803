"""ACSE: how an association is asked for, accepted, refused and released.

Document: IEC 62056-5-3 clause 7 (Green Book 9.4), BER. The user information that these carry is an xDLMS
APDU, plain or ciphered: see initiate.py.
"""

from keiki.wire.compat import const
from keiki.wire.cosem.axdr import FrameError, Reader

LN = const(1)
LN_CIPHERED = const(3)
NO_MECHANISM = const(0)
GMAC = const(5)

ACCEPTED = const(0)
REJECTED = const(1)
REJECTED_FOR_NOW = const(2)

DIAGNOSTIC_NONE = const(0)
NO_REASON = const(1)
CONTEXT_NOT_SUPPORTED = const(2)
TITLE_NOT_RECOGNIZED = const(3)
MECHANISM_NOT_RECOGNIZED = const(11)
MECHANISM_REQUIRED = const(12)
AUTHENTICATION_FAILED = const(13)
AUTHENTICATION_REQUIRED = const(14)

CONTEXT_OID = b"\x60\x85\x74\x05\x08\x01"
MECHANISM_OID = b"\x60\x85\x74\x05\x08\x02"
_CONTEXT = b"\xa1\x09\x06\x07" + CONTEXT_OID

_CHALLENGE_MAX = const(64)


class Associate:
    """What an AARQ or AARE says.

    `context` and `mechanism`: the last arc of the object identifiers (0: none, or one that is not DLMS's).
    `title` the sender's system title, b"" if it gave none. `challenge` its authentication value, b"" if none.
    `result`, `diagnostic`: of an AARE. `info`: the user information as bytes, b"" if none.
    """

    __slots__ = ("challenge", "context", "diagnostic", "info", "mechanism", "result", "title")

    def __init__(
        self,
        context: int,
        title: bytes = b"",
        mechanism: int = NO_MECHANISM,
        challenge: bytes = b"",
        info: bytes = b"",
        result: int = ACCEPTED,
        diagnostic: int = DIAGNOSTIC_NONE,
    ) -> None:
        self.context = context
        self.title = title
        self.mechanism = mechanism
        self.challenge = challenge
        self.info = info
        self.result = result
        self.diagnostic = diagnostic


def _element(tag: int, contents: bytes) -> bytes:
    size = len(contents)
    return bytes((tag, size) if size < 0x80 else (tag, 0x81, size)) + contents


def _add(parts: "list[bytes]", outer: int, inner: int, contents: bytes) -> None:
    """Add an element that holds one element."""
    size = len(contents)
    if size + 2 < 0x80:
        parts.append(bytes((outer, size + 2, inner, size)))
        parts.append(contents)
    else:
        parts.append(_element(outer, _element(inner, contents)))


def _encode(tag: int, head: bytes, said: Associate, tags: "tuple[int, int, int, int]") -> bytes:
    """Return an AARQ or AARE; `tags`: of title, requirements, mechanism and challenge, which differ."""
    title, requirements, mechanism, challenge = tags
    parts = [_CONTEXT, head]
    if said.title:
        _add(parts, title, 0x04, said.title)
    if said.mechanism:
        parts.append(bytes((requirements, 2, 0x07, 0x80, mechanism, 7)))
        parts.append(MECHANISM_OID)
        parts.append(bytes((said.mechanism,)))
        _add(parts, challenge, 0x80, said.challenge)
    if said.info:
        _add(parts, 0xBE, 0x04, said.info)
    return _element(tag, b"".join(parts))


def encode_request(request: Associate) -> bytes:
    """Return an AARQ."""
    return _encode(0x60, bytes((request.context,)), request, (0xA6, 0x8A, 0x8B, 0xAC))


def encode_answer(answer: Associate) -> bytes:
    """Return an AARE."""
    head = (answer.context, 0xA2, 3, 0x02, 1, answer.result, 0xA3, 5, 0xA1, 3, 0x02, 1, answer.diagnostic)
    return _encode(0x61, bytes(head), answer, (0xA4, 0x88, 0x89, 0xAA))


def _oid(reader: Reader, prefix: bytes) -> int:
    """Return the last arc of an object identifier that begins with `prefix`, 0 if it is another one."""
    size = len(prefix)
    at = reader.take(reader.end - reader.at)
    if reader.end - at != size + 1:
        return 0
    for i in range(size):
        if reader.buffer[at + i] != prefix[i]:
            return 0
    return reader.buffer[at + size]


def _enter(reader: Reader, tag: int) -> Reader:
    """Go into the one element, of this tag, that `reader` holds to its end, and return the reader."""
    reader.expect(tag)
    if reader.length() != reader.end - reader.at:
        raise FrameError("length")
    return reader


def _take(reader: Reader, into: Reader) -> None:
    """Make `into` a reader of the element whose length comes next, and pass over it."""
    start = reader.take(reader.length())
    end = reader.at
    into.at, into.end = start, end


def _rest(reader: Reader) -> bytes:
    return reader.octets(reader.end - reader.at)


def _context(found: Associate, reader: Reader) -> None:
    found.context = _oid(_enter(reader, 0x06), CONTEXT_OID)


def _title(found: Associate, reader: Reader) -> None:
    found.title = _rest(_enter(reader, 0x04))


def _mechanism(found: Associate, reader: Reader) -> None:
    found.mechanism = _oid(reader, MECHANISM_OID)


def _challenge(found: Associate, reader: Reader) -> None:
    found.challenge = _rest(_enter(reader, 0x80))
    if len(found.challenge) > _CHALLENGE_MAX:
        raise FrameError("challenge")


def _info(found: Associate, reader: Reader) -> None:
    found.info = _rest(_enter(reader, 0x04))


def _result(found: Associate, reader: Reader) -> None:
    found.result = _enter(reader, 0x02).byte()


def _diagnostic(found: Associate, reader: Reader) -> None:
    kind = reader.byte()
    if kind not in (0xA1, 0xA2):
        raise FrameError("diagnostic")
    _take(reader, reader)
    found.diagnostic = _enter(reader, 0x02).byte()


_REQUEST = {
    0xA1: _context,
    0xA6: _title,
    0x8B: _mechanism,
    0xAC: _challenge,
    0xBE: _info,
}
_ANSWER = {
    0xA1: _context,
    0xA2: _result,
    0xA3: _diagnostic,
    0xA4: _title,
    0x89: _mechanism,
    0xAA: _challenge,
    0xBE: _info,
}


def decode_request(reader: Reader) -> Associate:
    """Return what the AARQ says that `reader` holds to its end; FrameError if it is none."""
    return _decode(reader, 0x60, _REQUEST)


def decode_answer(reader: Reader) -> Associate:
    """Return what the AARE says that `reader` holds to its end; FrameError if it is none."""
    return _decode(reader, 0x61, _ANSWER)


def _decode(reader: Reader, tag: int, table) -> Associate:
    """Read the elements named in `table`, in any order but each once; others are passed over."""
    _enter(reader, tag)
    found, contents = Associate(0), Reader(reader.buffer, 0, 0)
    seen = []
    while reader.at < reader.end:
        kind = reader.byte()
        _take(reader, contents)
        if kind in seen:
            raise FrameError("twice")
        seen.append(kind)
        if kind in table:
            table[kind](found, contents)
    return found


def encode_release(tag: int, reason: int = 0, info: bytes = b"") -> bytes:
    """Return an RLRQ (62) or RLRE (63)."""
    out = _element(0x80, bytes((reason,)))
    if info:
        out += _element(0xBE, _element(0x04, info))
    return _element(tag, out)


def decode_release(reader: Reader, tag: int) -> "tuple[int, bytes]":
    """Return (reason, user information) of an RLRQ (62) or RLRE (63); the reason is 0 if there is none."""
    _enter(reader, tag)
    reason, found, contents = 0, Associate(0), Reader(reader.buffer, 0, 0)
    while reader.at < reader.end:
        kind = reader.byte()
        _take(reader, contents)
        if kind == 0x80:
            reason = contents.byte()
        elif kind == 0xBE:
            _info(found, contents)
    return reason, found.info
