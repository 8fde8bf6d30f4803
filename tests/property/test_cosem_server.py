"""The server under hypothesis: every input in every state ends in the state that a model says.

The model holds who is associated, what a long answer or value waits for, and what has been done to the meter.
A service is carried out only if the model says so.
"""

import pytest
from cosem_guards import AK, EK, HEAD_END, METER, TestGuard, head_end, secured
from cosem_world import MANAGEMENT, PUBLIC, Connection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from keiki.wire.cosem import acse, apdu, initiate
from keiki.wire.cosem.axdr import OCTETS, Reader
from keiki.wire.cosem.security import Cipher
from keiki.wire.cosem.server import IDLE, OPEN, PENDING
from keiki.wire.cosem.session import Session
from keiki.wire.cosem.values import encode

NAMES = {IDLE: "idle", PENDING: "pending", OPEN: "open"}
TEXT = bytes.fromhex("00010000600100FF02")
READ_TEXT = b"\xc0\x01\xc1" + TEXT + b"\x00"
READ_ALL = bytes.fromhex("C001C1000701006301 00FF0200".replace(" ", ""))
DISCONNECT = bytes.fromhex("C301C10046000060030AFF01010F00")
PROPOSAL = initiate.encode_request(initiate.Proposal(initiate.OURS, 512))


def _set(value):
    return b"\xc1\x01\xc1" + TEXT + b"\x00" + encode(OCTETS, value)


class Walk(RuleBasedStateMachine):
    """One connection, used by a client that knows the keys, by one that does not, and by noise."""

    @initialize()
    def start(self):
        self.world, self.guards = secured(rows=200)
        self.connection = Connection(self.world, MANAGEMENT)
        self.state = IDLE
        self.sap = None  # who is associated
        self.guard = head_end()
        self.session = None
        self.text = b"keiki"
        self.log = []
        self.block = 0  # of a long answer, the last one sent; 0: none
        self.first = False  # a long value has begun
        self.old = []  # protected APDUs that were sent before

    def _ask(self, raw):
        return self.connection.ask(raw)

    def _reset(self):
        self.state, self.sap, self.session, self.block, self.first = IDLE, None, None, 0, False

    @invariant()
    def the_server_is_where_the_model_says(self):
        if not hasattr(self, "connection"):
            return
        association = self.connection.association
        assert NAMES[association.state] == NAMES[self.state]
        assert (association.client.sap if association.client else None) == self.sap
        assert self.world.text == self.text
        assert self.world.view.log == self.log
        assert association.transfer.running == bool(self.block)
        assert bool(association.intake.service) == self.first

    @rule(sap=st.sampled_from([PUBLIC, MANAGEMENT, 2, 99]))
    def use_another_sap(self, sap):
        self.connection.sap = sap

    # associations

    @rule()
    def associate_public(self):
        raw = acse.encode_request(acse.Associate(acse.LN, info=PROPOSAL))
        answer = acse.decode_answer(Reader(self._ask(raw)))
        self._reset()
        assert (answer.result == acse.ACCEPTED) == (self.connection.sap == PUBLIC)
        if answer.result == acse.ACCEPTED:
            self.state, self.sap = OPEN, PUBLIC

    @rule(good=st.booleans())
    def associate_secured(self, good):
        guard = self.guard if good else TestGuard(Cipher(AK, EK), HEAD_END, 1 << 20)
        session = Session(guard, METER)
        request = acse.Associate(acse.LN_CIPHERED, HEAD_END, acse.GMAC, session.ours)
        request.info = session.seal_bytes(PROPOSAL)
        raw = acse.encode_request(request)
        answer = self._ask(raw)
        self._reset()
        if self.connection.sap == MANAGEMENT:
            self.old.append(raw)
        if self.connection.sap == MANAGEMENT and good:
            found = acse.decode_answer(Reader(answer))
            assert found.result == acse.ACCEPTED
            session.theirs = found.challenge
            session.open_bytes(found.info)
            self.session, self.state, self.sap = session, PENDING, MANAGEMENT
        else:
            assert acse.decode_answer(Reader(answer)).result != acse.ACCEPTED

    def _proof(self, proof):
        return b"\xc3\x01\xc1" + bytes.fromhex("000F0000280000FF0101") + encode(OCTETS, proof)

    @precondition(lambda self: self.session is not None and self.connection.sap == MANAGEMENT)
    @rule(good=st.booleans(), general=st.booleans())
    def prove(self, good, general):
        session = self.session
        session.general = general
        raw = session.seal_bytes(self._proof(session.prove() if good else bytes(17)))
        self.old.append(raw)
        answer = session.open_bytes(self._ask(raw))
        if self.state == PENDING:
            assert (answer[3] == 0) == good
            if good:
                self.state = OPEN
            else:
                self._reset()
        else:
            assert answer[3] != 0

    @rule(form=st.sampled_from(["6200", "6203800100", "62", "6205800101FF"]))
    def release(self, form):
        answer = self._ask(bytes.fromhex(form))
        if self.connection.sap == self.sap:
            assert answer[0] == apdu.RLRE
            self._reset()
        else:
            assert answer == b"\xd8\x01\x01"

    # services, as they are to be sent in this association

    def _serve(self, plain):
        """Send a service as it must be; return what comes back in plain, None if it is not allowed."""
        if self.connection.sap != self.sap:
            assert self._ask(plain) == b"\xd8\x01\x01"
            return None
        if self.session is None:
            return self._ask(plain)
        raw = self.session.seal_bytes(plain)
        self.old.append(raw)
        answer = self._ask(raw)
        if answer[0] == apdu.EXCEPTION:
            assert self.state == PENDING or answer[1] == 2
            return None
        return self.session.open_bytes(answer)

    @rule(value=st.binary(max_size=20))
    def set_text(self, value):
        answer = self._serve(_set(value))
        if answer is not None:
            if self.sap == MANAGEMENT:
                assert answer == b"\xc5\x01\xc1\x00"
                self.text = value
            else:
                assert answer[3] != 0

    @rule()
    def disconnect(self):
        answer = self._serve(DISCONNECT)
        if answer is not None:
            if self.sap == MANAGEMENT:
                assert answer == b"\xc7\x01\xc1\x00\x00"
                self.log.append(("disconnect", 0, "management"))
            else:
                assert answer[3] != 0

    @rule()
    def read_text(self):
        answer = self._serve(READ_TEXT)
        if answer is not None:
            self.block, self.first = 0, False
            if self.sap == MANAGEMENT:
                assert answer == b"\xc4\x01\xc1\x00" + encode(OCTETS, self.text)
            else:
                assert answer[3] == 1

    @rule()
    def begin_a_long_answer(self):
        answer = self._serve(READ_ALL)
        if answer is not None:
            self.block, self.first = 0, False
            if self.sap == MANAGEMENT:
                assert answer[:8] == bytes.fromhex("C402C10000000001")
                self.block = 1

    @rule(wrong=st.sampled_from([0, 0, 0, 0, 1, 5, 0xFFFFFF]))
    def go_on_with_a_long_answer(self, wrong):
        number = self.block + wrong
        answer = self._serve(b"\xc0\x02\xc1" + number.to_bytes(4, "big"))
        if answer is None:
            return
        if self.block and not wrong:
            assert int.from_bytes(answer[4:8], "big") == number + 1 and answer[8] == 0
            self.block = 0 if answer[3] else number + 1
        else:
            assert answer[3] == 1 and answer[8] == 1
            self.block = 0

    @rule()
    def begin_a_long_value(self):
        answer = self._serve(b"\xc1\x02\xc1" + TEXT + bytes.fromhex("00 00 00000001 02 0901"))
        if answer is not None:
            self.first = self.sap == MANAGEMENT
            self.block = 0
            assert answer[1] == (2 if self.first else 3)

    @rule(letter=st.binary(min_size=1, max_size=1), number=st.sampled_from([2, 2, 2, 1, 3]))
    def end_a_long_value(self, letter, number):
        answer = self._serve(b"\xc1\x03\xc1\x01" + number.to_bytes(4, "big") + b"\x01" + letter)
        if answer is None:
            return
        done = self.first and number == 2 and self.sap == MANAGEMENT
        assert (answer[:4] == b"\xc5\x03\xc1\x00") == done
        if done:
            self.text = letter
        self.first = False

    # what must do nothing

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def replay(self, data):
        raw = data.draw(st.sampled_from(self.old))
        answer = self._ask(raw)
        if raw[0] == apdu.AARQ:
            self._reset()
            assert answer[0] in (apdu.EXCEPTION, apdu.AARE)
            if answer[0] == apdu.AARE:
                assert acse.decode_answer(Reader(answer)).result != acse.ACCEPTED
        else:
            assert answer[0] == apdu.EXCEPTION

    @precondition(lambda self: self.state != IDLE and self.session is not None)
    @rule(plain=st.sampled_from([READ_TEXT, DISCONNECT, _set(b"bad"), READ_ALL]))
    def send_without_protection(self, plain):
        assert self._ask(plain) == b"\xd8\x01\x01"

    @precondition(lambda self: self.session is not None)
    @rule(plain=st.sampled_from([DISCONNECT, _set(b"bad")]), bit=st.integers(0, 7), data=st.data())
    def send_with_a_flipped_bit(self, plain, bit, data):
        raw = bytearray(self.session.seal_bytes(plain))
        raw[data.draw(st.integers(1, len(raw) - 1))] ^= 1 << bit
        assert self._ask(raw)[0] == apdu.EXCEPTION

    @rule(raw=st.binary(max_size=60))
    def send_noise(self, raw):
        answer = self._ask(raw)
        if raw[:1] == b"\x60" or (raw[:1] == b"\x62" and self.connection.sap == self.sap):
            self._reset()
        elif answer and (self.session is not None or self.connection.sap != self.sap):
            assert answer[0] == apdu.EXCEPTION
        elif answer and raw[0] in (apdu.GET, apdu.SET) and answer[0] != apdu.EXCEPTION:
            self.block, self.first = 0, False

    @rule()
    def the_connection_is_lost(self):
        self.connection.association.reset()
        self._reset()


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize("state", sorted(NAMES))
def test_every_first_byte_in_every_state_is_answered_with_a_standard_error(state):
    walk = Walk()
    walk.start()
    for tag in range(256):
        if walk.state != state:
            walk.associate_secured(True)
            if state == OPEN:
                walk.prove(True, True)
        answer = walk.connection.ask(bytes((tag, 1, 0, 0)))
        assert answer[0] in (apdu.EXCEPTION, apdu.AARE, apdu.RLRE)
        if answer[0] == apdu.AARE:
            assert acse.decode_answer(Reader(answer)).result == acse.REJECTED
        if tag in (apdu.AARQ, apdu.RLRQ):
            walk._reset()
        walk.the_server_is_where_the_model_says()
    assert walk.world.text == b"keiki" and not walk.world.view.log
