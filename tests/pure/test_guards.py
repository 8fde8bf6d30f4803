"""The meter's guards: what happens to who fails, and to who has the keys meanwhile."""

from check import raises
from cosem_guards import AK, EK, METER, READ_AK, READ_EK, TestGuard, head_end
from cosem_world import IMPORT, MANAGEMENT, READER, TEXT, Connection, World
from keiki.meter.counters import Counters
from keiki.meter.guards import ClientGuard
from keiki.wire.cosem import acse
from keiki.wire.cosem.axdr import OCTETS, Reader
from keiki.wire.cosem.client import Client, Refused
from keiki.wire.cosem.security import REASONS, Cipher
from keiki.wire.cosem.server import IDLE, OPEN
from keiki.wire.cosem.values import encode
from test_counters import ListLog

FREE = 3


class Desk:
    """A server whose guards are the meter's; `now_ms` moves when told, `failures` is what they report."""

    def __init__(self):
        self.now_ms = 0
        self.failures = []
        self.seed = 1
        self.log = ListLog()
        self.counters = Counters(self.log, self.random)
        self.guards = {}
        for sap, ek, ak in ((MANAGEMENT, EK, AK), (READER, READ_EK, READ_AK)):
            guard = ClientGuard(sap, METER, self.counters, self.random, self.note)
            guard.rekey(ek, ak)
            self.guards[sap] = guard
        self.world = World(guards=self.guards)

    def random(self, below):
        self.seed = (self.seed * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.seed >> 8) % below

    def note(self, sap, reason):
        assert REASONS.index(reason) > 0
        self.failures.append((sap, reason))

    def connect(self, sap=MANAGEMENT):
        """Return a connection whose server lives in this desk's time."""
        return Connection(self.world, sap, lambda: self.now_ms)

    def forge(self, connection=None):
        """Ask for an association with wrong keys; return what comes back."""
        connection = connection or self.connect()
        return connection.ask(next(Client(head_end(ek=bytes(range(1, 17)))).open()))


def test_three_failures_are_answered_the_fourth_starts_a_pause():
    desk = Desk()
    for _ in range(FREE + 1):
        answer = acse.decode_answer(Reader(desk.forge()))
        assert (answer.result, answer.diagnostic) == (acse.REJECTED, acse.AUTHENTICATION_FAILED)
        desk.now_ms += 300
    assert desk.forge() == b""
    assert desk.failures == (FREE + 2) * [(MANAGEMENT, "tag")]


def test_pauses_grow_from_one_second_to_a_minute():
    desk = Desk()
    guard = desk.guards[MANAGEMENT]
    pauses = []
    for _ in range(FREE + 10):
        guard.failed(desk.now_ms, "tag")
        start_ms = desk.now_ms
        while not (guard.may_try(desk.now_ms) and guard.may_try(desk.now_ms)):  # two at once: only without
            desk.now_ms += 250
        pauses.append(desk.now_ms - start_ms)
    assert pauses == [0, 0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 64000, 64000, 64000]


def test_in_a_pause_four_tries_a_second_are_looked_at():
    desk = Desk()
    for _ in range(20):
        desk.forge()
        desk.now_ms += 300
    before = len(desk.failures)
    heard = []
    for _ in range(100):
        desk.now_ms += 10
        heard.append(desk.forge())
    assert 3 <= len(desk.failures) - before <= 4
    refused = [acse.decode_answer(Reader(answer)) for answer in heard if answer]
    assert len(refused) >= 96 and all(answer.result == acse.REJECTED_FOR_NOW for answer in refused)


def test_who_has_the_keys_gets_in_while_another_fails_and_ends_the_pause():
    desk = Desk()
    honest = head_end()
    for _ in range(30):
        for _ in range(3):
            desk.forge()
            desk.now_ms += 300
        connection = desk.connect()
        client = Client(honest)
        connection.do(client.open())
        assert connection.do(client.get(IMPORT)) == 123456
        desk.now_ms += 300
    for _ in range(6):
        desk.forge()
        desk.now_ms += 300
    connection = desk.connect()
    connection.do(Client(honest).open())
    assert desk.forge() != b""


def test_failing_as_one_client_does_not_slow_another():
    desk = Desk()
    for _ in range(10):
        desk.forge()
    connection = desk.connect(READER)
    connection.do(Client(head_end(READ_EK, READ_AK)).open())
    assert connection.association.state == OPEN


def test_an_open_association_is_over_when_too_many_of_its_apdus_fail():
    desk = Desk()
    connection = desk.connect()
    client = Client(head_end())
    connection.do(client.open())
    request = bytearray(next(client.set(TEXT, encode(OCTETS, b"new"))))
    good = bytes(request)
    request[-1] ^= 1
    for _ in range(FREE + 1):
        assert connection.ask(request) == b"\xd8\x01\x05"
    assert connection.ask(request) == b""
    assert connection.association.state == IDLE
    assert connection.ask(good) == b"\xd8\x01\x01"
    assert desk.world.text == b"keiki"


def test_a_replay_is_noted_and_told_the_counter():
    desk = Desk()
    connection = desk.connect()
    client = Client(head_end())
    connection.do(client.open())
    request = next(client.get(IMPORT))
    connection.ask(request)
    for _ in range(10):
        assert connection.ask(request)[:3] == b"\xd8\x01\x06"
    assert desk.failures == 10 * [(MANAGEMENT, "counter")]
    assert connection.association.state == OPEN


def test_without_protection_nothing_is_done_and_it_is_noted():
    desk = Desk()
    connection = desk.connect()
    connection.do(Client(head_end()).open())
    assert connection.ask("C101C1 0001 0000600100FF 02 00 0900") == b"\xd8\x01\x01"
    assert desk.failures == [(MANAGEMENT, "not protected")]
    assert desk.world.text == b"keiki"


def test_keys_that_are_all_zero_are_none():
    desk = Desk()
    for ek, ak in ((bytes(16), AK), (EK, bytes(16)), (bytes(16), bytes(16))):
        desk.guards[MANAGEMENT].rekey(ek, ak)
        refused = raises(
            Refused, desk.connect().do, Client(TestGuard(Cipher(ek, ak), b"HES\0\0\0\0\1")).open()
        )
        assert refused.code == acse.NO_REASON
    desk.guards[MANAGEMENT].rekey(EK, AK)
    desk.connect().do(Client(head_end()).open())


def test_flash_that_keeps_no_counters_opens_nothing_and_does_nothing():
    desk = Desk()
    desk.log.full = True
    refused = raises(Refused, desk.connect().do, Client(head_end()).open())
    assert refused.code == acse.NO_REASON
    desk.log.full = False
    connection = desk.connect()
    guard = head_end(counter=10)
    client = Client(guard)
    connection.do(client.open())
    desk.log.full = True
    guard.counter += 1000  # beyond what is reserved
    assert connection.ask(next(client.set(TEXT, encode(OCTETS, b"new")))) == b"\xd8\x01\x01"
    assert desk.world.text == b"keiki"
    assert not desk.failures


def test_challenges_are_sixteen_bytes_and_never_the_same():
    guard = Desk().guards[MANAGEMENT]
    seen = {guard.challenge() for _ in range(100)}
    assert len(seen) == 100 and all(len(challenge) == 16 for challenge in seen)
