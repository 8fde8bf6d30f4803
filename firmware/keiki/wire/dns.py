"""DNS: the question for a host's address and the first address in its answer.

Document: RFC 1035, clauses 3.1 and 4.1; RFC 3596 for AAAA. Boards need it because their own
`getaddrinfo` holds up the whole meter while it waits for a server.
"""

import struct

from keiki.wire.compat import const

PORT = const(53)
A = const(1)
AAAA = const(28)

_IN = const(1)
_RECURSION_DESIRED = const(0x0100)
_ANSWER = const(0x8000)
_RCODE = const(0x000F)


class FrameError(Exception):
    """The answer is not one to our question, or is broken."""


def encode_query(ident: int, name: str, kind: int) -> bytes:
    """Return a query for `name` (ASCII, labels of 1..63 bytes) of `kind` A or AAAA; ValueError if no name."""
    query = struct.pack(">HHHHHH", ident, _RECURSION_DESIRED, 1, 0, 0, 0)
    for label in name.rstrip(".").split("."):
        if not 1 <= len(label) <= 63:
            raise ValueError("not a host name")
        query += bytes((len(label),)) + label.encode()
    return query + struct.pack(">BHH", 0, kind, _IN)


def _after_name(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        if data[at] >= 0xC0:
            return at + 2
        at += data[at] + 1
    return at + 1


def decode_address(data: bytes, query: bytes) -> "bytes | None":
    """Return the first address (4 or 16 bytes) in the answer to `query`; None if that name has none.

    Raises FrameError if it is not an answer to this very query (case of letters included), or is cut off.
    """
    question = query[12:]
    kind = struct.unpack(">H", query[-4:-2])[0]
    if len(data) < len(query) or data[:2] != query[:2] or data[12 : len(query)] != question:
        raise FrameError("not an answer to this query")
    _, flags, _, answers = struct.unpack_from(">HHHH", data, 0)
    if not flags & _ANSWER:
        raise FrameError("not an answer")
    if flags & _RCODE:
        return None
    at = len(query)
    for _ in range(answers):
        at = _after_name(data, at) + 10
        if at > len(data):
            raise FrameError("cut off")
        found, family, _, length = struct.unpack_from(">HHIH", data, at - 10)
        at += length
        if at > len(data):
            raise FrameError("cut off")
        if found == kind and family == _IN and length == (4 if kind == A else 16):
            return bytes(data[at - length : at])
    return None
