"""How a server opens, proves and releases an association.

Document: IEC 62056-5-3 9.2 (Green Book), COSEM-OPEN, high-level security mechanism 5 (GMAC), COSEM-RELEASE.
"""

from keiki.wire.cosem import acse, apdu, initiate, results
from keiki.wire.cosem.axdr import OCTETS, FrameError, Reader
from keiki.wire.cosem.security import CHALLENGE, COUNTER, PROOF, TITLE, SecurityError, acceptable
from keiki.wire.cosem.server_get import BODY
from keiki.wire.cosem.session import CounterError, Session


class _Refused(Exception):
    """No association: what the AARE is to say.

    `diagnostic` of ACSE, `error` (-1: none) of the initiate service, `transient`: it may be tried later,
    `silent`: there is to be none.
    """

    def __init__(
        self, diagnostic: int, error: int = -1, transient: bool = False, silent: bool = False
    ) -> None:
        super().__init__(diagnostic)
        self.silent = silent
        self.diagnostic = diagnostic
        self.error = error
        self.transient = transient


def associate(association, reader: Reader, client_sap: int, now_ms: int) -> "tuple[int, int] | None":
    """Answer an AARQ, or not if its sender has failed too often. Whatever was associated before is over."""
    association.reset()
    context = acse.LN
    try:
        request = acse.decode_request(reader)
        if request.context == acse.LN_CIPHERED:
            context = request.context
        client = association.server.clients.get(client_sap)
        if client is None:
            raise _Refused(acse.NO_REASON)
        answer = _open(association, client, request, now_ms)
    except FrameError:
        answer = acse.Associate(context, result=acse.REJECTED, diagnostic=acse.NO_REASON)
    except _Refused as refused:
        if refused.silent:
            return None
        answer = acse.Associate(context, result=acse.REJECTED, diagnostic=refused.diagnostic)
        if refused.transient:
            answer.result = acse.REJECTED_FOR_NOW
        if refused.error >= 0:
            answer.info = initiate.encode_error(refused.error)
    except CounterError as error:
        return association.refuse_counter(error.expected)
    except OSError:  # the counters cannot be kept
        answer = acse.Associate(context, result=acse.REJECTED_FOR_NOW, diagnostic=acse.NO_REASON)
    return association.send(acse.encode_answer(answer))


def _open(association, client, request: acse.Associate, now_ms: int) -> acse.Associate:
    """Open an association, or begin to, and return what to answer."""
    if client.guard is not None:
        return _open_secured(association, client, request, now_ms)
    if request.context != acse.LN:
        raise _Refused(acse.CONTEXT_NOT_SUPPORTED)
    if request.mechanism:
        raise _Refused(acse.MECHANISM_NOT_RECOGNIZED)
    info = _agree(association, request.info)
    association.pdu_limit = min(association.pdu_limit, association.plain_max)
    association.open(client)
    return acse.Associate(request.context, info=info)


def _open_secured(association, client, request: acse.Associate, now_ms: int) -> acse.Associate:
    """Begin an association that the client has still to prove."""
    guard = client.guard
    if request.context != acse.LN_CIPHERED:
        raise _Refused(acse.CONTEXT_NOT_SUPPORTED)
    if request.mechanism != acse.GMAC:
        raise _Refused(acse.MECHANISM_NOT_RECOGNIZED if request.mechanism else acse.MECHANISM_REQUIRED)
    if len(request.title) != TITLE or request.title == guard.title:
        raise _Refused(acse.TITLE_NOT_RECOGNIZED)
    if not guard.may_try(now_ms):
        raise _Refused(acse.NO_REASON, transient=True)
    session = Session(guard, request.title, request.challenge)
    if not acceptable(request.challenge, session.ours):
        raise _failure(guard, now_ms, CHALLENGE)
    try:
        proposal = session.open_bytes(request.info)
    except SecurityError as error:
        raise _failure(guard, now_ms, str(error)) from None
    except CounterError:
        guard.failed(now_ms, COUNTER)
        raise
    info = session.seal_bytes(_agree(association, proposal))
    association.begin(client, session)
    return acse.Associate(
        request.context,
        guard.title,
        acse.GMAC,
        session.ours,
        info,
        diagnostic=acse.AUTHENTICATION_REQUIRED,
    )


def _failure(guard, now_ms: int, reason: str) -> _Refused:
    return _Refused(acse.AUTHENTICATION_FAILED, silent=guard.failed(now_ms, reason))


def _agree(association, data: bytes) -> bytes:
    """Set what the association may do and how long its answers may be; return the InitiateResponse."""
    server = association.server
    proposal = initiate.decode_request(Reader(data))
    if proposal.version != initiate.VERSION:
        raise _Refused(acse.NO_REASON, initiate.VERSION_TOO_LOW)
    if proposal.dedicated_key:
        raise _Refused(acse.NO_REASON, initiate.REFUSED)
    if not proposal.conformance & initiate.SERVICE_GET:
        raise _Refused(acse.NO_REASON, initiate.CONFORMANCE_INCOMPATIBLE)
    if proposal.pdu_max and proposal.pdu_max < server.pdu_min:
        raise _Refused(acse.NO_REASON, initiate.PDU_TOO_SHORT)
    association.conformance = proposal.conformance & initiate.OURS
    association.pdu_limit = min(proposal.pdu_max or server.pdu_max, server.pdu_max)
    return initiate.encode_answer(association.conformance, server.pdu_max)


def prove(association, invoke: int, proof: bytes, now_ms: int) -> int:
    """Answer reply_to_HLS_authentication: the association is open, or over, after it.

    Writes the answer and returns where it begins.
    """
    session = association.session
    writer = association.writer
    writer.at = BODY
    code = results.SUCCESS
    if session.proves(proof):
        association.open(association.client)
    else:
        session.guard.failed(now_ms, PROOF)
        association.end_after_answer()
        code = results.OTHER
    writer.raw(bytes((apdu.ACTION_ANSWER, apdu.NORMAL, invoke, code)))
    if code:
        writer.byte(0)
    else:
        writer.raw(b"\x01\x00")
        writer.string(OCTETS, session.prove())
    return BODY


def release(association, reader: Reader) -> "tuple[int, int]":
    """Answer an RLRQ: the association is over, whatever else it says."""
    session = association.session
    info = b""
    try:
        _, given = acse.decode_release(reader, apdu.RLRQ)
        if session is not None and session.guard.cipher is not None and given:
            proposal = session.open_bytes(given)
            initiate.decode_request(Reader(proposal))
            info = initiate.encode_answer(association.conformance, association.server.pdu_max)
            info = session.seal_bytes(info)
    except (FrameError, SecurityError, CounterError, OSError):
        pass
    association.reset()
    return association.send(acse.encode_release(apdu.RLRE, 0, info))
