"""A COSEM client without I/O: what to send and what the answers mean.

Document: IEC 62056-5-3 (Green Book 9). Each operation is a generator: it yields an APDU to be sent, is sent
the APDU that answers it, and returns its result. `run` drives one over a function.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import acse, apdu, client_services, initiate
from keiki.wire.cosem.axdr import FrameError, Reader
from keiki.wire.cosem.client_services import Refused, value_of
from keiki.wire.cosem.results import AccessError

PDU_MAX = const(0xFFFF)


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

    `pdu_max` is the longest APDU that this side takes. Once open, `conformance` and `server_pdu_max` are what
    was agreed. Operations raise Refused if the server refuses, AccessError with the code if one service is
    refused, FrameError if what comes is not an answer.
    """

    def __init__(self, *, pdu_max: int = PDU_MAX) -> None:
        self.pdu_max = pdu_max
        self.conformance = 0
        self.server_pdu_max = 0

    def open(self):
        """Associate without security."""
        info = initiate.encode_request(initiate.Proposal(initiate.OURS, self.pdu_max))
        answer = yield acse.encode_request(acse.Associate(acse.LN, info=info))
        answer = self._accepted(answer)
        self._agree(answer.info)

    def _accepted(self, data) -> acse.Associate:
        """Return what an AARE says; Refused if it refuses."""
        answer = acse.decode_answer(Reader(data))
        if answer.result != acse.ACCEPTED:
            raise Refused("association", answer.diagnostic)
        return answer

    def _agree(self, info: bytes) -> None:
        self.conformance, self.server_pdu_max = initiate.decode_answer(Reader(info))

    def release(self):
        """End the association."""
        answer = yield acse.encode_release(apdu.RLRQ)
        self.conformance = 0
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
        return (yield from service)


def decode_notification(data) -> "tuple[int, bytes, object]":
    """Return (long invoke id and priority, date-time or b"", value) of a data-notification in plain."""
    key, fields = apdu.decode(Reader(data))
    if key != apdu.NOTIFICATION << 8:
        raise FrameError("no notification")
    invoke, when, body = fields
    return invoke, bytes(data[when[0] : when[1]]), value_of(data, body[0], body[1])
