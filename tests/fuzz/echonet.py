"""Long run: random and mutated datagrams into the ECHONET node, which must go on serving.

    python tests/fuzz/echonet.py [DATAGRAMS] [SEED] [PROCESSES]     10,000,000 over all cores by default
    micropython tests/fuzz/echonet.py [DATAGRAMS] [SEED]            20,000 by default

After each chunk a good Get, a Set and a Get of a day's history must be answered to the byte.
Prints one line of counters per run; exits 1 on any exception or wrong answer.
"""

import random
import sys

ROOT = __file__.rsplit("/", 3)[0] if __file__.count("/") >= 3 else "."
for folder in ("/tests/pure", "/firmware"):
    if ROOT + folder not in sys.path:
        sys.path.insert(0, ROOT + folder)

from echonet_vectors import VECTORS  # noqa: E402
from fake_view import START, FakeView  # noqa: E402
from keiki.wire.echonet import frame  # noqa: E402
from keiki.wire.echonet.node import Node  # noqa: E402

CHUNK = 1000
MICROPYTHON = sys.implementation.name == "micropython"
HEAD = b"\x10\x81\x00\x01\x05\xff\x01\x02\x88\x01"
SERVICES = b"\x60\x61\x61\x62\x62\x62\x63\x6e\x74"
KNOWN = bytes.fromhex("808182888A8D97989D9E9FC0D0D3D7E0E1E2E3E4E5E5E7E8EAEBECEDEDEEEFEF")
SEEDS = [
    "1081000105FF010288016201E700",
    "1081000205FF01028801620482009D009E009F00",
    "1081000305FF0102880162068D00D300D700E100EA00EB00",
    "1081000405FF010288016101E50101",
    "1081000505FF010288016202E200E400",
    "1081000605FF010288016101ED0707EA03010C000C",
    "1081000705FF010288016103EF0707EA03010C000AE501008101" + "61",
    "1081000805FF010288016203EC00EE00D000",
    "1081000905FF010EF0006204D500D600D7009F00",
    "1081000A05FF010288006301EA00",
    "1081000B0EF0010EF0017301D5040105FF01",
    "1081000C05FF010288016E02E50101ED0001E200",
]
CHECKS = [
    ("1081AAAA05FF010288016201E700", "1081AAAA02880105FF017201E704000001F8"),
    ("1081AAAB05FF010288016101E50100", "1081AAAB02880105FF017101E500"),
    (
        "1081AAAC05FF010288016201E200",
        "1081AAAC02880105FF017201E2C20000" + "FFFFFFFE" * 24 + "0000000000000708" + "FFFFFFFE" * 22,
    ),
]


def random_bytes(rng, size):
    """Return `size` random bytes, on either interpreter."""
    if hasattr(rng, "randbytes"):
        return rng.randbytes(size)
    return bytes([rng.getrandbits(8) for _ in range(size)])


def mutate(rng, seed):
    """Return a seed with one or two bytes changed, dropped, inserted or cut off."""
    raw = bytearray(seed)
    for _ in range(1 + (rng.getrandbits(2) == 0)):
        kind = rng.getrandbits(3)
        at = rng.getrandbits(16) % (len(raw) or 1)
        if kind < 4 and raw:
            raw[at] = rng.getrandbits(8)
        elif kind == 4:
            raw = raw[:at] + raw[at + 1 :]
        elif kind == 5:
            raw = raw[:at] + random_bytes(rng, 1 + rng.getrandbits(2)) + raw[at:]
        elif kind == 6:
            raw = raw[:at]
        elif len(raw) > 10:
            raw[10] = frame.ESVS[rng.getrandbits(8) % len(frame.ESVS)]
    return raw


def compose(rng):
    """Return a well-formed request for one to eight random properties, some with random values."""
    raw = bytearray(HEAD)
    raw[2] = rng.getrandbits(8)
    raw.append(SERVICES[rng.getrandbits(8) % len(SERVICES)])
    for _ in range(2 if raw[10] == frame.SETGET else 1):
        count = 1 + rng.getrandbits(3)
        raw.append(count)
        for _ in range(count):
            kind = rng.getrandbits(2)
            raw.append(KNOWN[rng.getrandbits(8) % len(KNOWN)] if kind else rng.getrandbits(8))
            if kind < 2:
                raw.extend(b"\x00")
            elif kind == 2:
                raw.extend(bytes((1, rng.getrandbits(7))))
            else:
                raw.extend(b"\x07\x07\xea\x03\x01")
                raw.extend(bytes((rng.getrandbits(5), rng.getrandbits(1) * 30, rng.getrandbits(4))))
    return raw


def datagram(rng, seeds):
    """Return the next datagram: an eighth is noise, a quarter well formed, the rest mutated."""
    kind = rng.getrandbits(3)
    if kind == 0:
        return random_bytes(rng, rng.getrandbits(6))
    if kind < 3:
        return compose(rng)
    return mutate(rng, seeds[rng.getrandbits(16) % len(seeds)])


def check(node):
    """Ask what has a known answer; raise if the answer is another one."""
    for question, answer in CHECKS:
        node.receive(bytes.fromhex(question), ("udp4", "check"), 0)
        sent = node.to_send()
        if sent != [(("udp4", "check"), bytes.fromhex(answer))]:
            raise AssertionError("wrong answer to " + question)


def fuzz(count, seed):
    """Feed `count` datagrams and return the node's counters."""
    random.seed(seed)
    seeds = [bytes.fromhex(text) for text in SEEDS] + [bytes.fromhex(text) for _, text, _ in VECTORS]
    node = Node(FakeView(time_s=START + 1900))
    keys = sorted(node.stats)
    now_ms = 0
    done = 0
    while done < count:
        peer = ("udp4", random.getrandbits(4))
        for _ in range(min(CHUNK, count - done)):
            raw = datagram(random, seeds)
            try:
                node.receive(raw, peer, now_ms)
                sent = node.to_send()
                if len(sent) > 2 or (sent and len(sent[0][1]) > frame.PAYLOAD_MAX):
                    raise AssertionError("too much said")
                for where, answer in sent:
                    if where != peer or frame.decode(answer).tid not in (
                        raw[2] << 8 | raw[3],
                        node_tid(answer),
                    ):
                        raise AssertionError("wrong answer")
            except Exception:
                print(f"seed {seed}, datagram {bytes(raw).hex()}")
                raise
        done += CHUNK
        now_ms += 1000
        node.view.place = b"\x00"
        node.tick(now_ms)
        node.to_send()
        check(node)
        if sorted(node.stats) != keys or len(node.controllers) > 8:
            raise AssertionError("the node has grown")
    return node.stats


def node_tid(answer):
    """Return the TID of an answer if it is an announcement of the node's own, else -1."""
    return answer[2] << 8 | answer[3] if answer[10] == frame.INF else -1


def report(count, seed, stats):
    """Print the one line of counters."""
    counters = " ".join([f"{key}={stats[key]}" for key in sorted(stats)])
    print(f"echonet: {count} datagrams, seed {seed}: {counters}")


def spread(count, seed, processes):
    """Run on several cores (CPython) and return the summed counters."""
    import multiprocessing

    share = -(-count // processes)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.starmap(fuzz, [(share, seed + i) for i in range(processes)])
    return {key: sum(part[key] for part in parts) for key in parts[0]}


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
