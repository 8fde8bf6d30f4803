"""A COSEM client without I/O: what to send and what the answers mean.

Document: IEC 62056-5-3 (Green Book 9). Each operation is a generator: it yields an APDU to be sent, is sent
the APDU that answers it, and returns its result. `run` drives one over a function.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import acse, apdu, client_services, initiate, values
from keiki.wire.cosem.axdr import OCTETS, FrameError, Reader
from keiki.wire.cosem.client_services import Refused, value_of
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.security import TITLE, SecurityError, acceptable
from keiki.wire.cosem.session import Session

PDU_MAX = const(0xFFFF)
_REPLY = (15, b"\x00\x00\x28\x00\x00\xff", 1)  # reply_to_HLS_authentication


def run(operation, exchange):
    """Drive an operation: `exchange(request)` returns the answer. Returns what the operation returns."""
    answer = None
    while True:
        try:
            request = operation.send(answer)
        except StopIteration as done:
            return done.value
        answer = exchange(request)


class Client:
    """One association with a server.

    `guard` (session.Guard): our keys, title and counters; None: an association without security. `general`:
    protect as general-glo, else each service by its own tag. `pdu_max` is the longest APDU that this side
    takes. Once open, `conformance` and `server_pdu_max` are what was agreed. Operations raise Refused if the
    server refuses, AccessError with the code if one service is refused, FrameError if what comes is not an
    answer, SecurityError or CounterError if it is not protected as it must be.
    """

    def __init__(self, guard=None, *, general: bool = True, pdu_max: int = PDU_MAX) -> None:
        self.guard = guard
        self.general = general
        self.pdu_max = pdu_max
        self.conformance = 0
        self.server_pdu_max = 0
        self.session = None

    def open(self):
        """Associate, and with a guard prove who we are and have the server do so."""
        self.session = None
        proposal = initiate.encode_request(initiate.Proposal(initiate.OURS, self.pdu_max))
        if self.guard is None:
            answer = _accepted((yield acse.encode_request(acse.Associate(acse.LN, info=proposal))))
            self._agree(answer.info)
        else:
            yield from self._open_secured(self.guard, proposal)

    def _open_secured(self, guard, proposal: bytes):
        session = Session(guard, b"")
        request = acse.Associate(acse.LN_CIPHERED, guard.title, acse.GMAC, session.ours)
        request.info = session.seal_bytes(proposal)
        answer = _accepted((yield acse.encode_request(request)))
        if answer.mechanism != acse.GMAC or len(answer.title) != TITLE or answer.title == guard.title:
            raise SecurityError("server")
        if not acceptable(answer.challenge, session.ours):
            raise SecurityError("challenge")
        session.peer = answer.title
        session.theirs = answer.challenge
        self._agree(session.open_bytes(answer.info))
        session.general = self.general and bool(self.conformance & initiate.GENERAL_PROTECTION)
        self.session = session
        proof = yield from self.act(_REPLY, values.encode(OCTETS, session.prove()))
        if not isinstance(proof, bytes) or not session.proves(proof):
            self.session = None
            raise SecurityError("proof")

    def _agree(self, info: bytes) -> None:
        self.conformance, self.server_pdu_max = initiate.decode_answer(Reader(info))

    def release(self):
        """End the association."""
        answer = yield acse.encode_release(apdu.RLRQ)
        self.conformance = 0
        self.session = None
        acse.decode_release(Reader(answer), apdu.RLRE)

    def get(self, descriptor: "tuple[int, bytes, int]", selection: "bytes | None" = None):
        """Read one attribute and return its value, see values.py; `selection`: see selection.py."""
        data, start, end = yield from self._protected(client_services.get(descriptor, selection))
        return value_of(data, start, end)

    def get_raw(self, descriptor: "tuple[int, bytes, int]", selection: "bytes | None" = None):
        """Read one attribute and return its value as A-XDR."""
        data, start, end = yield from self._protected(client_services.get(descriptor, selection))
        return bytes(data[start:end])

    def get_list(self, wanted: "list[tuple[tuple[int, bytes, int], bytes | None]]"):
        """Read several attributes; return for each its value, or the AccessError that came instead."""
        data, found = yield from self._protected(client_services.get_list(wanted))
        return [
            AccessError(part) if isinstance(part, int) else value_of(data, part[0], part[1]) for part in found
        ]

    def set(self, descriptor: "tuple[int, bytes, int]", value: bytes):
        """Write one attribute; `value` is A-XDR, see values.encode."""
        yield from self._protected(
            client_services.give(apdu.SET, (descriptor, None), value, self.server_pdu_max)
        )

    def act(self, descriptor: "tuple[int, bytes, int]", value: "bytes | None" = None):
        """Invoke a method, its parameter in A-XDR; return what it returns, None if nothing."""
        data, fields = yield from self._protected(
            client_services.give(apdu.ACTION, (descriptor,), value, self.server_pdu_max)
        )
        returned = fields[2]
        if isinstance(returned, int):
            raise AccessError(returned)
        return None if returned is None else value_of(data, returned[0], returned[1])

    def _protected(self, service):
        """Drive a service: its APDUs go out and come in as this association protects them."""
        session = self.session
        if session is None:
            return (yield from service)
        answer = None
        while True:
            try:
                request = service.send(answer)
            except StopIteration as done:
                return done.value
            session.cipher = session.guard.cipher  # it may be another one since the last request
            answer = yield session.seal_bytes(request)
            if answer and answer[0] != apdu.EXCEPTION:
                buffer = bytearray(answer)
                start, end = session.open(buffer, 0, len(buffer))
                answer = memoryview(buffer)[start:end]


def _accepted(data) -> acse.Associate:
    """Return what an AARE says; Refused if it refuses, or is the exception that takes its place."""
    if data and data[0] == apdu.EXCEPTION:
        _, (_, (error, counter)) = apdu.decode(Reader(data))
        raise Refused("exception", error, counter)
    answer = acse.decode_answer(Reader(data))
    if answer.result != acse.ACCEPTED:
        raise Refused("association", answer.diagnostic)
    return answer


def decode_notification(data) -> "tuple[int, bytes, object]":
    """Return (long invoke id and priority, date-time or b"", value) of a data-notification in plain."""
    key, fields = apdu.decode(Reader(data))
    if key != apdu.NOTIFICATION << 8:
        raise FrameError("no notification")
    invoke, when, body = fields
    return invoke, bytes(data[when[0] : when[1]]), value_of(data, body[0], body[1])
