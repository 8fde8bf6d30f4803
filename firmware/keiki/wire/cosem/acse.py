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
_REQUIREMENTS = b"\x07\x80"

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


def encode_request(request: Associate) -> bytes:
    """Return an AARQ."""
    out = _element(0xA1, _element(0x06, CONTEXT_OID + bytes((request.context,))))
    if request.title:
        out += _element(0xA6, _element(0x04, request.title))
    if request.mechanism:
        out += _element(0x8A, _REQUIREMENTS)
        out += _element(0x8B, MECHANISM_OID + bytes((request.mechanism,)))
        out += _element(0xAC, _element(0x80, request.challenge))
    if request.info:
        out += _element(0xBE, _element(0x04, request.info))
    return _element(0x60, out)


def encode_answer(answer: Associate) -> bytes:
    """Return an AARE."""
    out = _element(0xA1, _element(0x06, CONTEXT_OID + bytes((answer.context,))))
    out += _element(0xA2, _element(0x02, bytes((answer.result,))))
    out += _element(0xA3, _element(0xA1, _element(0x02, bytes((answer.diagnostic,)))))
    if answer.title:
        out += _element(0xA4, _element(0x04, answer.title))
    if answer.mechanism:
        out += _element(0x88, _REQUIREMENTS)
        out += _element(0x89, MECHANISM_OID + bytes((answer.mechanism,)))
        out += _element(0xAA, _element(0x80, answer.challenge))
    if answer.info:
        out += _element(0xBE, _element(0x04, answer.info))
    return _element(0x61, out)


def _oid(reader: Reader, prefix: bytes) -> int:
    """Return the last arc of an object identifier that begins with `prefix`, 0 if it is another one."""
    value = reader.octets(reader.end - reader.at)
    return value[-1] if len(value) == len(prefix) + 1 and value.startswith(prefix) else 0


def _inside(reader: Reader, tag: int) -> Reader:
    """Return a reader of the one element, of this tag, that `reader` holds to its end."""
    reader.expect(tag)
    inner = _contents(reader)
    reader.finish()
    return inner


def _contents(reader: Reader) -> Reader:
    """Return a reader of the element whose length comes next, and pass over it."""
    size = reader.length()
    start = reader.take(size)
    return Reader(reader.buffer, start, reader.at)


def _rest(reader: Reader) -> bytes:
    return reader.octets(reader.end - reader.at)


def _context(found: Associate, reader: Reader) -> None:
    found.context = _oid(_inside(reader, 0x06), CONTEXT_OID)


def _title(found: Associate, reader: Reader) -> None:
    found.title = _rest(_inside(reader, 0x04))


def _mechanism(found: Associate, reader: Reader) -> None:
    found.mechanism = _oid(reader, MECHANISM_OID)


def _challenge(found: Associate, reader: Reader) -> None:
    found.challenge = _rest(_inside(reader, 0x80))
    if len(found.challenge) > _CHALLENGE_MAX:
        raise FrameError("challenge")


def _info(found: Associate, reader: Reader) -> None:
    found.info = _rest(_inside(reader, 0x04))


def _result(found: Associate, reader: Reader) -> None:
    found.result = _inside(reader, 0x02).byte()


def _diagnostic(found: Associate, reader: Reader) -> None:
    kind = reader.byte()
    if kind not in (0xA1, 0xA2):
        raise FrameError("diagnostic")
    inner = _contents(reader)
    found.diagnostic = _inside(inner, 0x02).byte()


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
    inner = _inside(reader, tag)
    found = Associate(0)
    seen = []
    while inner.at < inner.end:
        kind = inner.byte()
        contents = _contents(inner)
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
    inner = _inside(reader, tag)
    reason, found = 0, Associate(0)
    while inner.at < inner.end:
        kind = inner.byte()
        contents = _contents(inner)
        if kind == 0x80:
            reason = contents.byte()
        elif kind == 0xBE:
            _info(found, contents)
    return reason, found.info
