"""The xDLMS context: what client and server agree about services and sizes when an association opens.

Document: IEC 62056-5-3 8.2 and 9.5 (Green Book), InitiateRequest and InitiateResponse, A-XDR.
"""

from keiki.wire.compat import const
from keiki.wire.cosem.apdu import CONFIRMED_ERROR, INITIATE_REQUEST, INITIATE_RESPONSE
from keiki.wire.cosem.axdr import FrameError, Reader

VERSION = const(6)
VAA_NAME = b"\x00\x07"
_CONFORMANCE = const(b"\x5f\x1f\x04\x00")

# bit n of the standard's 24, bit 0 the highest
GENERAL_PROTECTION = const(1 << 22)
BLOCK_GET = const(1 << 12)
BLOCK_SET = const(1 << 11)
BLOCK_ACTION = const(1 << 10)
MULTIPLE_REFERENCES = const(1 << 9)
DATA_NOTIFICATION = const(1 << 7)
SERVICE_GET = const(1 << 4)
SERVICE_SET = const(1 << 3)
SELECTIVE_ACCESS = const(1 << 2)
SERVICE_ACTION = const(1 << 0)

OURS = const(0x401E9D)
"""All of the above: what this server does, and what this client asks for."""

# initiate errors of a ConfirmedServiceError
OTHER = const(0)
VERSION_TOO_LOW = const(1)
CONFORMANCE_INCOMPATIBLE = const(2)
PDU_TOO_SHORT = const(3)
REFUSED = const(4)


class Proposal:
    """An InitiateRequest: `conformance` bits, `pdu_max` bytes that the client can receive (0: any number),
    `dedicated_key` (b"": none), `version` of DLMS."""

    __slots__ = ("conformance", "dedicated_key", "pdu_max", "version")

    def __init__(
        self, conformance: int, pdu_max: int, dedicated_key: bytes = b"", version: int = VERSION
    ) -> None:
        self.conformance = conformance
        self.pdu_max = pdu_max
        self.dedicated_key = dedicated_key
        self.version = version


def _context(conformance: int, pdu_max: int) -> bytes:
    return _CONFORMANCE + bytes(
        (conformance >> 16, conformance >> 8 & 0xFF, conformance & 0xFF, pdu_max >> 8, pdu_max & 0xFF)
    )


def encode_request(proposal: Proposal) -> bytes:
    """Return an InitiateRequest: response allowed, no quality of service."""
    key = proposal.dedicated_key
    head = bytes((INITIATE_REQUEST, 1, len(key))) + key if key else bytes((INITIATE_REQUEST, 0))
    return head + bytes((0, 0, proposal.version)) + _context(proposal.conformance, proposal.pdu_max)


def encode_answer(conformance: int, pdu_max: int) -> bytes:
    """Return an InitiateResponse for logical names."""
    return bytes((INITIATE_RESPONSE, 0, VERSION)) + _context(conformance, pdu_max) + VAA_NAME


def encode_error(error: int) -> bytes:
    """Return the ConfirmedServiceError that refuses to initiate."""
    return bytes((CONFIRMED_ERROR, 1, 6, error))


def _optional(reader: Reader) -> bool:
    value = reader.byte()
    if value > 1:
        raise FrameError("choice")
    return value == 1


def _read_context(reader: Reader) -> "tuple[int, int]":
    for byte in _CONFORMANCE:
        reader.expect(byte)
    return reader.bare(3), reader.bare(2)


def decode_request(reader: Reader) -> Proposal:
    """Return the InitiateRequest that `reader` holds to its end; FrameError if it is none."""
    reader.expect(INITIATE_REQUEST)
    key = reader.octets(reader.length()) if _optional(reader) else b""
    if _optional(reader):
        reader.byte()  # response-allowed: an association that nobody may answer is answered all the same
    if _optional(reader):
        reader.byte()  # quality of service: there is one
    version = reader.byte()
    conformance, pdu_max = _read_context(reader)
    reader.finish()
    return Proposal(conformance, pdu_max, key, version)


def decode_answer(reader: Reader) -> "tuple[int, int]":
    """Return (conformance, pdu_max) of the InitiateResponse that `reader` holds to its end.

    FrameError if it is none.
    """
    reader.expect(INITIATE_RESPONSE)
    if _optional(reader):
        reader.byte()
    if reader.byte() != VERSION:
        raise FrameError("version")
    agreed = _read_context(reader)
    for byte in VAA_NAME:
        reader.expect(byte)
    reader.finish()
    return agreed
