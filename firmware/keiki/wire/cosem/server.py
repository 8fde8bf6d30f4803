"""A COSEM server without I/O: APDUs in, APDUs out, one association for each connection.

Document: IEC 62056-5-3 (Green Book 9). Three clients may associate: see `Client`.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import apdu, initiate, server_get, server_opening, server_set
from keiki.wire.cosem.apdu import UnknownService
from keiki.wire.cosem.axdr import FrameError, Reader, Writer
from keiki.wire.cosem.protection import is_protected
from keiki.wire.cosem.results import HARDWARE_FAULT
from keiki.wire.cosem.security import COUNTER, SecurityError
from keiki.wire.cosem.server_blocks import PIECE_MAX, Transfer
from keiki.wire.cosem.server_get import BODY
from keiki.wire.cosem.server_long import Intake
from keiki.wire.cosem.session import OVERHEAD, CounterError, Session

PDU_MAX = const(1024)
PDU_MIN = const(128)
"""Shortest APDU that a client must be able to receive."""

CURRENT = b"\x00\x00\x28\x00\x00\xff"
"""The association that asks, by the name that every client may use for it."""

_SET_LISTS = initiate.MULTIPLE_REFERENCES | initiate.BLOCK_SET
_ACTION_LISTS = initiate.MULTIPLE_REFERENCES | initiate.BLOCK_ACTION
_SERVICES = {
    # what must have been agreed for it, what carries it out
    apdu.GET << 8 | apdu.NORMAL: (initiate.SERVICE_GET, server_get.get_normal),
    apdu.GET << 8 | apdu.GET_NEXT: (initiate.BLOCK_GET, server_get.get_next),
    apdu.GET << 8 | apdu.GET_LIST: (initiate.MULTIPLE_REFERENCES, server_get.get_list),
    apdu.SET << 8 | apdu.NORMAL: (initiate.SERVICE_SET, server_set.set_normal),
    apdu.SET << 8 | apdu.SET_FIRST: (initiate.BLOCK_SET, server_set.set_first),
    apdu.SET << 8 | apdu.SET_BLOCK: (initiate.BLOCK_SET, server_set.set_block),
    apdu.SET << 8 | apdu.SET_LIST: (initiate.MULTIPLE_REFERENCES, server_set.set_list),
    apdu.SET << 8 | apdu.SET_LIST_FIRST: (_SET_LISTS, server_set.set_list_first),
    apdu.ACTION << 8 | apdu.NORMAL: (initiate.SERVICE_ACTION, server_set.act_normal),
    apdu.ACTION << 8 | apdu.ACTION_FIRST: (initiate.BLOCK_ACTION, server_set.act_first),
    apdu.ACTION << 8 | apdu.ACTION_BLOCK: (initiate.BLOCK_ACTION, server_set.act_block),
    apdu.ACTION << 8 | apdu.ACTION_LIST: (initiate.MULTIPLE_REFERENCES, server_set.act_list),
    apdu.ACTION << 8 | apdu.ACTION_LIST_FIRST: (_ACTION_LISTS, server_set.act_list_first),
    apdu.ACTION << 8 | apdu.ACTION_NEXT: (initiate.BLOCK_ACTION, server_set.act_next),
}

_COUNTER_MAX = const(0xFFFFFFFF)
_REPLY = (15, 1)  # reply_to_HLS_authentication

IDLE = const(0)
PENDING = const(1)  # asked for, and the client has still to prove that it has the keys
OPEN = const(2)


class Client:
    """Who may associate: `sap`, `name` (for the event log), `guard` (session.Guard; None: no security).

    `associate` is the name of the object (class 15) that stands for its association.
    """

    __slots__ = ("associate", "guard", "name", "sap")

    def __init__(self, sap: int, name: str, guard=None, associate: bytes = CURRENT) -> None:
        self.sap = sap
        self.name = name
        self.guard = guard
        self.associate = associate


class Server:
    """What all associations share: objects by name, clients by SAP, sizes.

    `objects` (objects.Objects, or alike) are those of the logical device at SAP `sap`. `pdu_max` is the
    longest APDU given, and taken: some clients do not count what protects it, so `apdu_max` is taken.
    """

    def __init__(self, objects, clients: "list[Client]", *, sap: int = 1, pdu_max: int = PDU_MAX) -> None:
        self.objects = objects
        self.clients = {client.sap: client for client in clients}
        self.sap = sap
        self.pdu_max = pdu_max
        self.pdu_min = PDU_MIN
        self.apdu_max = pdu_max + OVERHEAD

    def is_current(self, name: bytes, association) -> bool:
        """Tell whether this is a name of the association that asks."""
        return name in (CURRENT, association.client.associate)

    def find(self, name: bytes, association):
        """Return the object of this name as `association` sees it, None if there is none."""
        if name == CURRENT:
            name = association.client.associate
        return self.objects.get(name)


class Association:
    """The server's side of one connection; it answers in its own buffer, `answer`.

    `client` is who has associated (None before), `session` what protects it (None: nothing), `conformance`
    what was agreed. An answer to who has no keys is `plain_max` bytes long at most.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.answer = bytearray(BODY + server.pdu_max + PIECE_MAX)
        self.writer = Writer(self.answer)
        spare = bytearray(PIECE_MAX)
        self.transfer = Transfer(spare)
        self.intake = Intake(spare)
        self.plain_max = server.pdu_max
        self.waits_for = None
        self.code_in = self.answer
        self.code_at = -1
        self._held = (0, 0)
        self.reset()

    def reset(self) -> None:
        """Forget the association: the connection is gone, or it was released."""
        self.state = IDLE
        self.client = None
        self.session = None
        self.conformance = 0
        self.pdu_limit = self.server.pdu_max
        self.transfer.stop()
        self.intake.stop()

    def receive(
        self, buffer: bytearray, start: int, end: int, client_sap: int, server_sap: int, now_ms: int
    ) -> "tuple[int, int] | None":
        """Take the APDU at `start`..`end` of `buffer`, which is opened there.

        Returns the range of the answer in `answer`, None if there is none. Before the answer are at least 14
        bytes that the transport may use. Nothing that a peer sends raises anything. If `waits_for` is not
        None afterwards, the answer has to wait: `conclude(await waits_for())` returns its range.
        """
        self.waits_for = None
        self.code_in = self.answer
        self.code_at = -1
        if server_sap != self.server.sap or start >= end:
            return None
        self.writer.at = BODY
        self.writer.end = len(self.answer)
        if end - start > self.server.apdu_max:
            return self._refuse(apdu.TOO_LONG)
        tag = buffer[start]
        if tag == apdu.AARQ:
            return server_opening.associate(self, Reader(buffer, start, end), client_sap, now_ms)
        if self.client is None or client_sap != self.client.sap:
            return self._refuse(apdu.NOT_ALLOWED)
        if tag == apdu.RLRQ:
            return server_opening.release(self, Reader(buffer, start, end))
        if self.session is None:
            self._held = self._serve(Reader(buffer, start, end)), self.writer.at
            return self._held
        return self._receive_protected(self.session, buffer, start, end, now_ms)

    def _receive_protected(
        self, session: Session, buffer: bytearray, start: int, end: int, now_ms: int
    ) -> "tuple[int, int] | None":
        if session.guard.cipher is None:  # the keys were taken away meanwhile
            self.reset()
            return self._refuse(apdu.NOT_ALLOWED)
        try:
            start, end = session.open(buffer, start, end)
        except SecurityError as error:
            if session.guard.failed(now_ms, str(error)):
                self.reset()
                return None
            return self._refuse(apdu.NOT_DECIPHERED if is_protected(buffer[start]) else apdu.NOT_ALLOWED)
        except CounterError as error:
            session.guard.failed(now_ms, COUNTER)
            return self.refuse_counter(error.expected)
        except OSError:  # the counters cannot be kept: nothing may be done
            return self._refuse(apdu.NOT_ALLOWED)
        reader = Reader(buffer, start, end)
        begin = self._serve(reader) if self.state == OPEN else self._prove(reader, now_ms)
        self._held = begin, self.writer.at
        return self._held if self.waits_for is not None else self._protect(session)

    def _protect(self, session: Session) -> "tuple[int, int] | None":
        begin, end = self._held
        try:
            if self.answer[begin] != apdu.EXCEPTION:  # which has no protected form
                begin, end = session.seal(self.answer, begin, end)
        except OSError:  # no counter is left to answer with
            self.reset()
            return None
        if self.state == IDLE:
            self.reset()
        return begin, end

    def wait_for(self, settled) -> None:
        """For an object in an ACTION: its result is HARDWARE_FAULT unless `await settled()` is true."""
        self.waits_for = settled

    def conclude(self, done: bool) -> "tuple[int, int] | None":
        """Return the range of the answer that had to wait, as `receive`; `done`: it has come true."""
        self.waits_for = None
        if self.client is None:  # it was reset meanwhile
            return None
        if not done:
            self.code_in[self.code_at] = HARDWARE_FAULT
        return self._held if self.session is None else self._protect(self.session)

    def _serve(self, reader: Reader) -> int:
        """Carry out a service, write the answer and return where it begins."""
        try:
            key, fields = apdu.decode(reader, False)
        except UnknownService:
            return self.refuse(apdu.NOT_SUPPORTED)
        except FrameError:
            return self.refuse(apdu.MALFORMED)
        if key not in _SERVICES:
            return self.refuse(apdu.NOT_SUPPORTED)
        needs, serve = _SERVICES[key]
        if needs & ~self.conformance:
            return self.refuse(apdu.NOT_SUPPORTED)
        return serve(self, reader.buffer, *fields)

    def _prove(self, reader: Reader, now_ms: int) -> int:
        """Take the one service that there is before the client has proved itself."""
        try:
            key, fields = apdu.decode(reader)
            if key != apdu.ACTION << 8 | apdu.NORMAL:
                return self.refuse(apdu.NOT_ALLOWED)
            invoke, (class_id, name, method), value = fields
            ours = self.server.is_current(name, self)
            if (class_id, method) != _REPLY or not ours or not value:
                return self.refuse(apdu.NOT_ALLOWED)
            proof = Reader(reader.buffer, value[0], value[1]).string()
        except FrameError:
            return self.refuse(apdu.MALFORMED)
        return server_opening.prove(self, invoke, proof, now_ms)

    def begin(self, client: Client, session: Session) -> None:
        """Wait for the proof of `client`."""
        self.client = client
        self.session = session
        self.state = PENDING

    def open(self, client: Client) -> None:
        """Begin to serve `client`."""
        self.client = client
        self.state = OPEN

    def end_after_answer(self) -> None:
        """Forget the association once the answer is protected."""
        self.state = IDLE

    def room(self) -> int:
        """Return how long an answer may be before it is protected."""
        return self.pdu_limit - (0 if self.session is None else self.session.overhead())

    def send(self, data: bytes) -> "tuple[int, int]":
        """Answer with `data` as it is."""
        self.writer.at = BODY
        self.writer.raw(data)
        return BODY, self.writer.at

    def refuse(self, error: "tuple[int, int]") -> int:
        """Write the exception `error` (apdu.NOT_ALLOWED and the like) and return where it begins."""
        self.send(bytes((apdu.EXCEPTION, error[0], error[1])))
        return BODY

    def refuse_counter(self, expected: int) -> "tuple[int, int]":
        """Answer that the invocation counter is an old one; `expected` is the least that will do."""
        expected = min(expected, _COUNTER_MAX)  # a client may have used the last one
        return self.send(bytes((apdu.EXCEPTION, 1, apdu.COUNTER_WRONG)) + expected.to_bytes(4, "big"))

    def _refuse(self, error: "tuple[int, int]") -> "tuple[int, int]":
        return self.refuse(error), self.writer.at
