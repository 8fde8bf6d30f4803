"""Associations under HLS5: opened, proved, used in both forms; and everything that must not open one."""

from check import raises
from cosem_guards import AK, EK, HEAD_END, METER, TestGuard, head_end, opened, secured
from cosem_world import IMPORT, MANAGEMENT, READER, SWITCH, TEXT, Connection, member
from keiki.wire.cosem import acse, apdu, initiate, results
from keiki.wire.cosem.axdr import I8, OCTETS, Reader
from keiki.wire.cosem.client import Client, Refused
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.security import Cipher, SecurityError
from keiki.wire.cosem.server import IDLE, OPEN, PENDING
from keiki.wire.cosem.session import CounterError
from keiki.wire.cosem.values import encode

NOT_ALLOWED = b"\xd8\x01\x01"
NOT_DECIPHERED = b"\xd8\x01\x05"


def test_both_forms_open_serve_and_release():
    for general in (True, False):
        world, connection, client = opened(general)
        assert connection.association.state == OPEN
        assert connection.do(client.get(IMPORT)) == 123456
        connection.do(client.set(TEXT, encode(OCTETS, b"new")))
        assert world.text == b"new"
        connection.do(client.act(member(SWITCH, 1), encode(I8, 0)))
        assert world.view.log == [("disconnect", 0, "management")]
        connection.do(client.release())
        assert connection.association.state == IDLE


def test_an_answer_has_the_form_of_its_request():
    for general, first in ((True, 0xDB), (False, 0xCC)):
        _, connection, client = opened(general)
        operation = client.get(IMPORT)
        answer = connection.ask(next(operation))
        assert answer[0] == first
        raises(StopIteration, operation.send, answer)
    # and it may change from one request to the next
    client.session.general = True
    assert connection.ask(next(client.get(IMPORT)))[0] == 0xDB


def test_the_answer_to_an_association_request_is_as_clients_want_it():
    world, guards = secured()
    connection = Connection(world, MANAGEMENT)
    answer = connection.ask(next(Client(head_end()).open()))
    found = acse.decode_answer(Reader(answer))
    assert (found.context, found.result, found.diagnostic) == (3, acse.ACCEPTED, 14)
    assert (found.title, found.mechanism, len(found.challenge)) == (METER, acse.GMAC, 16)
    assert found.info[:3] == b"\x28\x1f\x30"
    assert connection.association.state == PENDING
    assert guards[MANAGEMENT].counter == 101


def test_before_the_proof_nothing_is_served():
    world, _ = secured()
    connection = Connection(world, MANAGEMENT)
    client = Client(head_end())
    opening = client.open()
    proof = opening.send(connection.ask(next(opening)))
    for service in (client.get(IMPORT), client.set(TEXT, b"\x09\x00"), client.act(SWITCH, b"\x0f\x00")):
        assert connection.ask(next(service)) == NOT_ALLOWED
    assert world.text == b"keiki" and not world.view.log
    # the proof was made before: its counter is an old one now
    assert connection.ask(proof)[:3] == b"\xd8\x01\x06"
    assert connection.association.state == PENDING


def test_a_wrong_proof_ends_the_attempt():
    world, guards = secured()
    connection = Connection(world, MANAGEMENT)
    client = Client(head_end())
    opening = client.open()
    opening.send(connection.ask(next(opening)))
    wrong = encode(OCTETS, b"\x10" + bytes(16))
    error = raises(AccessError, connection.do, client.act((15, b"\0\0\x28\0\0\xff", 1), wrong))
    assert error.code == results.OTHER
    assert connection.association.state == IDLE
    assert connection.ask(next(client.get(IMPORT))) == NOT_ALLOWED
    assert len(guards[MANAGEMENT].failures) == 1


def test_who_has_other_keys_is_refused_and_noted():
    world, guards = secured()
    connection = Connection(world, MANAGEMENT)
    for guard in (head_end(ek=bytes(16)), head_end(ak=bytes(16))):
        refused = raises(Refused, connection.do, Client(guard).open())
        assert refused.code == acse.AUTHENTICATION_FAILED
        assert connection.association.state == IDLE
    assert len(guards[MANAGEMENT].failures) == 2
    assert guards[MANAGEMENT].last == 0


def test_the_reader_s_keys_do_not_open_the_management_association():
    from cosem_guards import READ_AK, READ_EK

    world, _ = secured()
    connection = Connection(world, MANAGEMENT)
    raises(Refused, connection.do, Client(head_end(READ_EK, READ_AK)).open())
    connection = Connection(world, READER)
    client = Client(head_end(READ_EK, READ_AK))
    connection.do(client.open())
    assert connection.do(client.get(IMPORT)) == 123456
    for service in (client.set(TEXT, b"\x09\x00"), client.act(member(SWITCH, 1), b"\x0f\x00")):
        assert raises(AccessError, connection.do, service).code == results.DENIED
    assert world.text == b"keiki" and not world.view.log


def test_an_association_request_that_will_not_do_is_refused_with_its_diagnostic():
    def request(**changes):
        guard = head_end()
        found = acse.Associate(acse.LN_CIPHERED, HEAD_END, acse.GMAC, b"12345678")
        for name, value in changes.items():
            setattr(found, name, value)
        if "info" not in changes:
            buffer = bytearray(64)
            plain = initiate.encode_request(initiate.Proposal(initiate.OURS, 1024))
            buffer[7 : 7 + len(plain)] = plain
            end = guard.cipher.seal(buffer, 7, 7 + len(plain), HEAD_END, 1)
            found.info = bytes((0x21, end - 2, 0x30, 0, 0, 0, 1)) + buffer[7:end]
        return acse.encode_request(found)

    cases = [
        ({"context": acse.LN}, acse.CONTEXT_NOT_SUPPORTED),
        ({"mechanism": 0}, acse.MECHANISM_REQUIRED),
        ({"mechanism": 2}, acse.MECHANISM_NOT_RECOGNIZED),
        ({"title": b""}, acse.TITLE_NOT_RECOGNIZED),
        ({"title": b"SHORT"}, acse.TITLE_NOT_RECOGNIZED),
        ({"title": METER}, acse.TITLE_NOT_RECOGNIZED),
        ({"title": b"OTHER\0\0\1"}, acse.AUTHENTICATION_FAILED),
        ({"challenge": b"1234567"}, acse.AUTHENTICATION_FAILED),
        ({"info": b""}, acse.AUTHENTICATION_FAILED),
        ({"info": b"\x01\x00\x00\x00\x06\x5f\x1f\x04\x00\x40\x1e\x9d\x04\x00"}, acse.AUTHENTICATION_FAILED),
    ]
    for changes, diagnostic in cases:
        world, guards = secured()
        connection = Connection(world, MANAGEMENT)
        answer = acse.decode_answer(Reader(connection.ask(request(**changes))))
        assert (answer.result, answer.diagnostic) == (acse.REJECTED, diagnostic), changes
        assert connection.association.state == IDLE
        assert guards[MANAGEMENT].counter == 100  # nothing was made with the keys
    world, guards = secured()
    answer = acse.decode_answer(Reader(Connection(world, MANAGEMENT).ask(request())))
    assert answer.result == acse.ACCEPTED


def test_our_own_challenge_is_not_taken_back():
    world, guards = secured()
    connection = Connection(world, MANAGEMENT)
    guard = head_end()
    guard.challenge = lambda: bytes((0xC0, METER[7], guards[MANAGEMENT].challenges + 1)) + bytes(13)
    refused = raises(Refused, connection.do, Client(guard).open())
    assert refused.code == acse.AUTHENTICATION_FAILED


def test_a_client_that_must_wait_is_refused_for_now():
    world, guards = secured()
    guards[MANAGEMENT].open = False
    connection = Connection(world, MANAGEMENT)
    answer = acse.decode_answer(Reader(connection.ask(next(Client(head_end()).open()))))
    assert answer.result == acse.REJECTED_FOR_NOW
    assert not guards[MANAGEMENT].failures


def test_an_old_counter_is_refused_and_the_expected_one_told():
    world, connection, client = opened()
    request = next(client.set(TEXT, encode(OCTETS, b"1")))
    assert connection.ask(request)[0] == 0xDB
    world.text = b"keiki"
    expected = client.guard.counter + 1
    for replay in (request, request):
        assert connection.ask(replay) == b"\xd8\x01\x06" + expected.to_bytes(4, "big")
    assert world.text == b"keiki"
    assert connection.association.state == OPEN
    client.guard.counter = 0
    refused = raises(Refused, connection.do, client.get(IMPORT))
    assert refused.counter == expected
    client.guard.counter = refused.counter - 1
    assert connection.do(client.get(IMPORT)) == 123456


def test_a_replayed_association_request_is_refused():
    world, _ = secured()
    connection = Connection(world, MANAGEMENT)
    client = Client(head_end())
    opening = client.open()
    request = next(opening)
    assert connection.ask(request)[0] == apdu.AARE
    assert connection.ask(request)[:3] == b"\xd8\x01\x06"
    assert connection.association.state == IDLE
    refused = raises(Refused, connection.do, Client(head_end()).open())
    assert refused.counter == 2


def test_a_service_without_protection_is_not_allowed():
    world, connection, _ = opened()
    assert connection.ask("C001C1 0003 0100010800FF 02 00") == NOT_ALLOWED
    assert connection.ask("C101C1 0001 0000600100FF 02 00 0900") == NOT_ALLOWED
    assert world.text == b"keiki"


def test_every_flipped_bit_and_every_truncation_of_a_protected_set_does_nothing():
    for general in (True, False):
        world, connection, client = opened(general)
        request = next(client.set(TEXT, encode(OCTETS, b"new")))
        for size in range(1, len(request)):
            assert connection.ask(request[:size]) == NOT_DECIPHERED
        for at in range(len(request)):
            for bit in range(8):
                wrong = bytearray(request)
                wrong[at] ^= 1 << bit
                assert connection.ask(wrong)[0] in (apdu.EXCEPTION, apdu.AARE, apdu.RLRE)
                if connection.association.state != OPEN:
                    # the first byte became that of another APDU
                    assert at == 0
                    world, connection, client = opened(general)
        for tail in (b"\0", request):
            assert connection.ask(request + tail) == NOT_DECIPHERED
        assert world.text == b"keiki"
        assert connection.ask(request)[0] in (0xDB, 0xCD)
        assert world.text == b"new"


def test_a_form_that_does_not_fit_the_service_inside_does_nothing():
    world, connection, client = opened(general=False)
    request = bytearray(next(client.set(TEXT, encode(OCTETS, b"new"))))
    assert request[0] == 0xC9
    request[0] = 0xC8
    assert connection.ask(request) == NOT_DECIPHERED
    assert world.text == b"keiki"


def test_the_client_refuses_a_server_that_is_not_who_it_should_be():
    class Forger(Cipher):
        def proof(self, title, counter, challenge):
            made = Cipher.proof(self, title, counter, challenge)
            return bytes(17) if title == METER else made

    world, guards = secured()
    guards[MANAGEMENT].cipher = Forger(EK, AK)
    raises(SecurityError, Connection(world, MANAGEMENT).do, Client(head_end()).open())


def test_the_client_refuses_an_answer_that_comes_again_or_changed():
    _, connection, client = opened()
    first = client.get(IMPORT)
    answer = connection.ask(next(first))
    raises(StopIteration, first.send, answer)
    again = client.get(IMPORT)
    next(again)
    raises(CounterError, again.send, answer)
    wrong = client.get(IMPORT)
    answer = bytearray(connection.ask(next(wrong)))
    answer[-1] ^= 1
    raises(SecurityError, wrong.send, answer)


def test_a_release_that_carries_a_protected_proposal_is_answered_in_kind():
    _, connection, client = opened()
    session = client.session
    session.general = False
    proposal = session.seal_bytes(initiate.encode_request(initiate.Proposal(initiate.OURS, 1024)))
    answer = connection.ask(acse.encode_release(apdu.RLRQ, 0, proposal))
    reason, info = acse.decode_release(Reader(answer), apdu.RLRE)
    assert reason == 0
    assert initiate.decode_answer(Reader(session.open_bytes(info)))[0] == 0x401E9D
    assert connection.association.state == IDLE


def test_a_release_with_a_wrong_proposal_releases_and_proves_nothing():
    _, connection, _ = opened()
    answer = connection.ask(acse.encode_release(apdu.RLRQ, 0, b"\x21\x00"))
    assert acse.decode_release(Reader(answer), apdu.RLRE) == (0, b"")
    assert connection.association.state == IDLE


def test_the_guard_of_the_tests_is_one():
    assert isinstance(head_end(), TestGuard)
