"""Keys and counters for tests: both sides' guards, and a management client that is open."""

from cosem_world import MANAGEMENT, READER, Connection, World
from keiki.wire.cosem.client import Client
from keiki.wire.cosem.security import REASONS, Cipher
from keiki.wire.cosem.session import Guard

EK = bytes(range(16))
AK = bytes(range(16, 32))
READ_EK = bytes(range(32, 48))
READ_AK = bytes(range(48, 64))
METER = b"KEI\x00\x00\x00\x00\x01"
HEAD_END = b"HES\x00\x00\x00\x00\x09"


class TestGuard(Guard):
    """A guard whose counters are in RAM; `failures` are the times of the failures."""

    __test__ = False

    def __init__(self, cipher, title, counter=0):
        Guard.__init__(self, cipher, title)
        self.counter = counter
        self.last = 0
        self.failures = []
        self.open = True
        self.challenges = 0

    def next_counter(self):
        self.counter += 1
        return self.counter

    def accept(self, counter):
        if counter <= self.last:
            return False
        self.last = counter
        return True

    def expected(self):
        return self.last + 1

    def challenge(self):
        self.challenges += 1
        return bytes((0xC0, self.title[7], self.challenges & 0xFF)) + bytes(13)

    def may_try(self, now_ms):
        return self.open

    def failed(self, now_ms, reason):
        assert reason in REASONS[1:], reason
        self.failures.append(now_ms)
        return False


def secured(**world):
    """Return a world with management and reader clients, and the two guards of the server."""
    guards = {
        MANAGEMENT: TestGuard(Cipher(EK, AK), METER, 100),
        READER: TestGuard(Cipher(READ_EK, READ_AK), METER, 200),
    }
    return World(guards=guards, **world), guards


def head_end(ek=EK, ak=AK, title=HEAD_END, counter=0):
    """Return a client's guard."""
    return TestGuard(Cipher(ek, ak), title, counter)


def opened(general=True, sap=MANAGEMENT, pdu_max=0xFFFF, **world):
    """Return a world, an open connection to it, and its client."""
    world, _ = secured(**world)
    connection = Connection(world, sap)
    guard = head_end() if sap == MANAGEMENT else head_end(READ_EK, READ_AK)
    client = Client(guard, general=general, pdu_max=pdu_max)
    connection.do(client.open())
    return world, connection, client
