"""Keys and counters of an open association: changed, taken away, used up, not to be kept."""

from check import raises
from cosem_guards import AK, EK, METER, head_end, opened, secured
from cosem_world import IMPORT, MANAGEMENT, TEXT, Connection
from keiki.wire.cosem import acse, apdu, initiate
from keiki.wire.cosem.axdr import OCTETS, Reader
from keiki.wire.cosem.client import Client, Refused
from keiki.wire.cosem.security import Cipher
from keiki.wire.cosem.server import IDLE
from keiki.wire.cosem.values import encode

NOT_ALLOWED = b"\xd8\x01\x01"


def test_other_keys_hold_from_the_request_after_the_one_that_brought_them():
    world, connection, client = opened()
    guard = world.server.clients[MANAGEMENT].guard

    def transfer(value, association):
        guard.cipher = Cipher(value[0][1], bytes(16))

    world.view.transfer_keys = transfer
    keys = bytes.fromhex("0101 0202 1600 0910".replace(" ", "")) + bytes(range(16))
    assert connection.do(client.act((64, b"\0\0\x2b\0\0\xff", 2), keys)) is None
    raises(Refused, connection.do, client.get(IMPORT))
    client.guard.cipher = Cipher(bytes(range(16)), bytes(16))
    assert connection.do(client.get(IMPORT)) == 123456


def test_every_invocation_counter_is_used_once():
    seen = []

    class Noting(Cipher):
        def seal(self, buffer, start, end, title, counter):
            seen.append((title, counter))
            return Cipher.seal(self, buffer, start, end, title, counter)

        def proof(self, title, counter, challenge):
            seen.append((title, counter, "proof") if title == METER else (title, -len(seen)))
            return Cipher.proof(self, title, counter, challenge)

    world, guards = secured()
    guards[MANAGEMENT].cipher = Noting(EK, AK)
    client_guard = head_end()
    for _ in range(3):
        connection = Connection(world, MANAGEMENT)
        client = Client(client_guard)
        connection.do(client.open())
        connection.do(client.get(IMPORT))
        connection.do(client.release())
    ours = [counter[1] for counter in seen if counter[0] == METER]
    assert len(ours) == len(set(ours)) == 3 * 4  # AARE, proof, its answer, the value


def test_a_client_that_used_the_last_counter_is_told_so():
    _, connection, client = opened()
    client.guard.counter = 0xFFFFFFFE
    assert connection.do(client.get(IMPORT)) == 123456
    client.guard.counter = 5
    refused = raises(Refused, connection.do, client.get(IMPORT))
    assert refused.counter == 0xFFFFFFFF


def test_keys_that_are_taken_away_end_the_association():
    world, connection, client = opened()
    world.server.clients[MANAGEMENT].guard.cipher = None
    request = next(client.set(TEXT, encode(OCTETS, b"new")))
    assert connection.ask(request) == NOT_ALLOWED
    assert connection.association.state == IDLE and world.text == b"keiki"
    world, connection, client = opened()
    client.session.general = False
    proposal = client.session.seal_bytes(initiate.encode_request(initiate.Proposal(initiate.OURS, 1024)))
    world.server.clients[MANAGEMENT].guard.cipher = None
    assert connection.ask(acse.encode_release(apdu.RLRQ, 0, proposal)) == bytes.fromhex("6303800100")


def test_counters_that_cannot_be_kept_end_in_a_refusal_or_silence():
    def refuse(*_):
        raise OSError(28)

    for where, expected in (("accept", NOT_ALLOWED), ("next_counter", b"")):
        world, connection, client = opened()
        request = next(client.get(IMPORT))
        setattr(world.server.clients[MANAGEMENT].guard, where, refuse)
        assert connection.ask(request) == expected
        proposal = initiate.encode_request(initiate.Proposal(initiate.OURS, 1024))
        client.session.general = False
        request = acse.encode_release(apdu.RLRQ, 0, client.session.seal_bytes(proposal))
        assert connection.ask(request) in (bytes.fromhex("6303800100"), NOT_ALLOWED)
        assert connection.association.state == IDLE
        connection.association.reset()
        answer = acse.decode_answer(Reader(connection.ask(next(Client(client.guard).open()))))
        assert answer.result == acse.REJECTED_FOR_NOW
