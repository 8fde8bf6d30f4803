"""How a server opens, proves and releases an association.

Document: IEC 62056-5-3 9.2 (Green Book), COSEM-OPEN, high-level security mechanism 5 (GMAC), COSEM-RELEASE.
"""

from keiki.wire.cosem import acse, apdu, initiate
from keiki.wire.cosem.axdr import FrameError, Reader


class _Refused(Exception):
    """No association: an ACSE diagnostic, and the initiate error if it is the xDLMS context that is wrong."""

    def __init__(self, diagnostic: int, error: int = -1) -> None:
        super().__init__(diagnostic)
        self.diagnostic = diagnostic
        self.error = error


def associate(association, reader: Reader, client_sap: int) -> "tuple[int, int] | None":
    """Answer an AARQ. Whatever was associated before is not any more."""
    association.reset()
    context = acse.LN
    try:
        request = acse.decode_request(reader)
        context = request.context if request.context in (acse.LN, acse.LN_CIPHERED) else acse.LN
        client = association.server.clients.get(client_sap)
        if client is None:
            raise _Refused(acse.NO_REASON)
        answer = _open(association, client, request)
    except FrameError:
        answer = _refusal(context, acse.NO_REASON)
    except _Refused as refused:
        info = b"" if refused.error < 0 else initiate.encode_error(refused.error)
        answer = _refusal(context, refused.diagnostic, info)
    return association.send(acse.encode_answer(answer))


def _refusal(context: int, diagnostic: int, info: bytes = b"") -> acse.Associate:
    return acse.Associate(context, result=acse.REJECTED, diagnostic=diagnostic, info=info)


def _open(association, client, request: acse.Associate) -> acse.Associate:
    """Open an association without security and return what to answer."""
    if request.context != acse.LN:
        raise _Refused(acse.CONTEXT_NOT_SUPPORTED)
    if request.mechanism:
        raise _Refused(acse.MECHANISM_NOT_RECOGNIZED)
    proposal = initiate.decode_request(Reader(request.info))
    _agree(association, proposal)
    association.open(client)
    return acse.Associate(
        request.context, info=initiate.encode_answer(association.conformance, association.server.pdu_max)
    )


def _agree(association, proposal: initiate.Proposal) -> None:
    """Set what the association may do and how long its answers may be."""
    server = association.server
    if proposal.version != initiate.VERSION:
        raise _Refused(acse.NO_REASON, initiate.VERSION_TOO_LOW)
    if proposal.dedicated_key:
        raise _Refused(acse.NO_REASON, initiate.REFUSED)
    association.conformance = proposal.conformance & initiate.OURS
    if not association.conformance & initiate.SERVICE_GET:
        raise _Refused(acse.NO_REASON, initiate.CONFORMANCE_INCOMPATIBLE)
    if proposal.pdu_max and proposal.pdu_max < server.pdu_min:
        raise _Refused(acse.NO_REASON, initiate.PDU_TOO_SHORT)
    association.pdu_limit = min(proposal.pdu_max or server.pdu_max, server.pdu_max)


def release(association, reader: Reader) -> "tuple[int, int] | None":
    """Answer an RLRQ: the association is over, whatever else it says."""
    association.reset()
    try:
        acse.decode_release(reader, apdu.RLRQ)
    except FrameError:
        pass
    return association.send(acse.encode_release(apdu.RLRE))
