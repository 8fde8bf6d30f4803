"""Long run: mutated and random APDUs into the COSEM server, which must do nothing and go on serving.

    python tests/fuzz/cosem.py [APDUS] [SEED] [PROCESSES]     10,000,000 over all cores by default
    micropython tests/fuzz/cosem.py [APDUS] [SEED]            20,000 by default

Two kinds of connections: one under HLS5, where nothing that was not protected with the keys may have any
effect; and one without security that may do everything, where only whole and right requests may. After each
chunk both must serve a known answer. Prints one line of counters per run; exits 1 on any exception, on an
answer that is no standard one, and on any effect.
"""

import random
import sys

ROOT = __file__.rsplit("/", 3)[0] if __file__.count("/") >= 3 else "."
for folder in ("/tests/pure", "/firmware"):
    if ROOT + folder not in sys.path:
        sys.path.insert(0, ROOT + folder)

from cosem_guards import opened  # noqa: E402
from cosem_vectors import VECTORS  # noqa: E402
from cosem_world import IMPORT, MANAGEMENT, PROFILE, TEXT, Connection, World  # noqa: E402
from keiki.wire.cosem import acse, apdu, initiate  # noqa: E402
from keiki.wire.cosem.axdr import OCTETS, FrameError, Reader  # noqa: E402
from keiki.wire.cosem.client import Client  # noqa: E402
from keiki.wire.cosem.protection import is_protected  # noqa: E402
from keiki.wire.cosem.selection import by_entry, by_range  # noqa: E402
from keiki.wire.cosem.server import OPEN  # noqa: E402
from keiki.wire.cosem.values import encode  # noqa: E402

CHUNK = 500
MICROPYTHON = sys.implementation.name == "micropython"
ROWS = 60
MINE = b"written by a good request"
ANSWERS = (apdu.GET_ANSWER, apdu.SET_ANSWER, apdu.ACTION_ANSWER, apdu.AARE, apdu.RLRE, apdu.EXCEPTION)
NAME = bytes.fromhex("00010000600100FF02")
PROPOSAL = initiate.encode_request(initiate.Proposal(initiate.OURS, 300))
MAY_BE_NEWER = (apdu.AARQ, apdu.RLRQ)  # what is around the protected part of these may be anything


def random_bytes(rng, size):
    """Return `size` random bytes, on either interpreter."""
    if hasattr(rng, "randbytes"):
        return rng.randbytes(size)
    return bytes([rng.getrandbits(8) for _ in range(size)])


def mutate(rng, seed):
    """Return a seed with a bit flipped, a byte changed, or a part dropped, inserted, moved or cut off."""
    raw = bytearray(seed)
    size = len(raw) or 1
    at = rng.getrandbits(16) % size
    kind = rng.getrandbits(4)
    if kind < 6 and raw:
        raw[at] ^= 1 << rng.getrandbits(3)
    elif kind < 8 and raw:
        raw[at] = rng.getrandbits(8)
    elif kind == 8:
        raw = raw[:at] + raw[at + 1 + rng.getrandbits(2) :]
    elif kind == 9:
        raw = raw[:at] + random_bytes(rng, 1 + rng.getrandbits(3)) + raw[at:]
    elif kind == 10:
        raw = raw[:at]
    elif kind == 11:
        raw = raw + random_bytes(rng, 1 + rng.getrandbits(4))
    elif kind == 12:
        raw = raw + raw
    elif kind == 13:
        raw = raw[at:] + raw[:at]
    elif kind == 14:
        raw = raw[:at] + b"\x84\xff\xff\xff\xff" + raw[at:]
    else:
        raw = raw + bytes(1024 + rng.getrandbits(4))
    return raw


class Secured:
    """A connection under HLS5: whatever does not come through its client changes nothing."""

    name = "secured"

    def __init__(self):
        self.world, self.connection, self.client = opened(rows=ROWS, pdu_max=300)
        self.counts = {}

    def seeds(self):
        """Return APDUs that are good if they are sent next and unchanged, each protected anew."""
        client = self.client
        session = client.session
        found = []
        for general in (True, False):
            session.general = general
            for _, text, _, _ in VECTORS[:17]:
                plain = bytes.fromhex(text.replace(" ", ""))
                found.append(session.seal_bytes(plain))
            found.append(session.seal_bytes(b"\xc1\x01\xc1" + NAME + b"\x00" + encode(OCTETS, b"evil")))
        found.append(next(Client(client.guard).open()))
        session.general = False
        found.append(acse.encode_release(apdu.RLRQ, 0, session.seal_bytes(PROPOSAL)))
        return found

    def check(self):
        """Ask what has a known answer, after the association is opened anew."""
        self.connection.association.reset()
        self.connection.do(self.client.open())
        self.world.server.clients[MANAGEMENT].guard.failures = []
        if self.connection.do(self.client.get(IMPORT)) != 123456:
            raise AssertionError("wrong value")
        if len(self.connection.do(self.client.get(PROFILE, by_entry(1, 9)))) != 9:
            raise AssertionError("wrong rows")

    def is_good(self, raw, seed):
        """Tell whether an APDU may have an effect: it is one that the client made.

        How its length is written is nothing that could be protected.
        """
        return raw[:1] == seed[:1] and contents(raw) == contents(seed)

    def counter(self):
        """Return the last counter that the server took."""
        return self.world.server.clients[MANAGEMENT].guard.last


class Plain:
    """A connection without security: what is well formed is served, the rest changes nothing."""

    name = "plain"

    def __init__(self):
        self.world = World(guards={MANAGEMENT: None}, rows=ROWS)
        self.connection = Connection(self.world, MANAGEMENT)
        self.client = Client(pdu_max=300)
        self.counts = {}
        self.check()

    def seeds(self):
        """Return good APDUs."""
        found = [bytes.fromhex(text.replace(" ", "")) for _, text, _, _ in VECTORS]
        read = b"\xc0\x01\xc1\x00\x07" + PROFILE[1] + b"\x02"
        found.append(read + b"\x00")
        found.append(read + b"\x01" + by_range(0, 1 << 32))
        found.append(read + b"\x01" + by_entry(2, 0, 2, 3))
        found.append(b"\xc0\x02\xc1\x00\x00\x00\x01")
        found.append(b"\xc0\x02\xc1\x00\x00\x00\x02")
        found.append(b"\xc1\x01\xc1" + NAME + b"\x00" + encode(OCTETS, MINE))
        found.append(acse.encode_request(acse.Associate(acse.LN, info=PROPOSAL)))
        found.append(acse.encode_release(apdu.RLRQ))
        return found

    def check(self):
        """Ask what has a known answer, after the association is opened anew."""
        self.connection.association.reset()
        self.connection.do(self.client.open())
        self.connection.do(self.client.set(TEXT, encode(OCTETS, MINE)))
        if self.connection.do(self.client.get(TEXT)) != MINE:
            raise AssertionError("wrong value")
        if len(self.connection.do(self.client.get(PROFILE))) != ROWS:
            raise AssertionError("wrong rows")
        self.world.view.log = []

    def is_good(self, raw, seed):
        """Tell whether an APDU may have an effect: it is a whole one."""
        try:
            apdu.decode(Reader(raw))
        except FrameError:
            return False
        return True

    def counter(self):
        """Return what never changes: there is no counter."""
        return 0


def judge(target, raw, seed, answer):
    """Raise if an answer is no standard one, or if what was sent had an effect that it must not have."""
    connection, world = target.connection, target.world
    if answer:
        tag = answer[0]
        if len(answer) > 1024 + 32 or not (
            tag in ANSWERS or (is_protected(tag) and target.name == "secured")
        ):
            raise AssertionError("no standard answer")
        target.counts[tag] = target.counts.get(tag, 0) + 1
    if not target.is_good(raw, seed):
        if answer and answer[0] not in (apdu.EXCEPTION, apdu.AARE, apdu.RLRE):
            raise AssertionError("a service was carried out")
        if world.text != target.text or world.view.log:
            raise AssertionError("an effect")
        if target.counter() != target.counted and raw[0] not in MAY_BE_NEWER:
            raise AssertionError("a counter was taken")
    world.view.log = []
    remember(target)
    association = connection.association
    if association.state != OPEN and association.session is None and association.client is not None:
        raise AssertionError("state")


def contents(raw):
    """Return what a protected APDU has behind its length, and the title before it."""
    at = 10 if raw[:1] == b"\xdb" else 1
    size = raw[at] if at < len(raw) else 0
    return raw[:at], raw[at + 1 + (size & 0x7F if size & 0x80 else 0) :]


def remember(target):
    """Keep what a bad APDU must not change."""
    target.text = target.world.text
    target.counted = target.counter()


def fuzz(count, seed):
    """Send `count` APDUs and return counters of what was answered, by target and first byte."""
    random.seed(seed)
    totals = {}
    for target in (Secured(), Plain()):
        remember(target)
        sent = 0
        share = count // 2
        while sent < share:
            seeds = target.seeds()
            for i in range(min(CHUNK, share - sent)):
                good = seeds[random.getrandbits(16) % len(seeds)]
                kind = random.getrandbits(6)
                raw = random_bytes(random, random.getrandbits(6)) if kind == 0 else mutate(random, good)
                if kind == 1 and target.name == "plain":
                    raw = good
                try:
                    judge(target, bytes(raw), good, target.connection.ask(raw))
                except Exception:
                    print("seed %d, %s: %s" % (seed, target.name, bytes(raw).hex()))
                    raise
                if i % 16 == 15 and target.connection.association.state != OPEN:
                    target.connection.do(target.client.open())
                    remember(target)
            sent += CHUNK
            target.check()
            remember(target)
        for tag, number in target.counts.items():
            totals["%s_%02X" % (target.name, tag)] = number
    return totals


def report(count, seed, totals):
    """Print the one line of counters."""
    counters = " ".join(["%s=%d" % (key, totals[key]) for key in sorted(totals)])
    print("cosem: %d APDUs, seed %d: %s" % (count, seed, counters))


def spread(count, seed, processes):
    """Run on several cores (CPython) and return the summed counters."""
    import multiprocessing

    share = -(-count // processes)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.starmap(fuzz, [(share, seed + i) for i in range(processes)])
    totals = {}
    for part in parts:
        for key, number in part.items():
            totals[key] = totals.get(key, 0) + number
    return totals


def main(args):
    count = int(args[0]) if args else (20000 if MICROPYTHON else 10000000)
    seed = int(args[1]) if len(args) > 1 else 1
    if MICROPYTHON:
        report(count, seed, fuzz(count, seed))
        return
    import os

    processes = int(args[2]) if len(args) > 2 else os.cpu_count() or 1
    report(count, seed, fuzz(count, seed) if processes == 1 else spread(count, seed, processes))


if __name__ == "__main__":
    main(sys.argv[1:])
