"""Feeds random and mutated SK lines to the coordinator: python tests/fuzz/sk.py [LINES] [SEED].

Default 2,000,000 lines, shared between two processes; one process under MicroPython:
MICROPYPATH=firmware:tests/pure:.frozen micropython -X heapsize=128wK tests/fuzz/sk.py 20000
Exits 1 on any exception, when the coordinator spins, or when it does not serve again in bounded
virtual time. The same seed gives the same run on the same interpreter.
"""

import random
import sys

if sys.implementation.name != "micropython":
    sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/../pure")

from fake_sk_module import HEMS, IP, MAC, OTHER, FakeModule, World
from keiki.wire.sk import lines
from keiki.wire.sk.dialect import BP35A1, BP35C2, parse_field
from keiki.wire.sk.lines import SkError

LINES = 2000000
PROCESSES = 2
BATCH = 4 if sys.implementation.name == "micropython" else 16  # lines between two steps of time
CHECK = 128  # batches between two proofs that it still serves
RECOVERY_MS = 300000


def corpus(d):
    """Return good lines of one dialect to start from."""
    good = [
        b"OK\r\n",
        b"OK 00\r",
        b"OK 01\r",
        b"FAIL ER04\r\n",
        b"FAIL ER10\r\n",
        b"ESREG 8888\r\n",
        b"EVER 1.5.2\r\n",
        b"SKSETPWD C 0123456789AB\r\n",
        d.einfo(MAC, 0x2F, 0x8000),
        d.einfo(MAC, 0x21, 0xFFFF),
        d.eedscan([(0x21, 3), (0x23, 9), (0x2F, 1)]),
        d.epandesc(MAC, 0x2F, 0x8888, 0xE1, "CCDDEEFF"),
    ]
    for sender in (HEMS, OTHER, IP):
        for num in (0x01, 0x02, 0x1F, 0x20, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x32, 0x33, 0xC0):
            good.append(d.event(num, sender, random.randrange(3) if num == 0x21 else None))
        good.append(d.erxudp(sender, IP, b"\x10\x81\x00\x01\x05\xff\x01\x02\x88\x01\x62\x01\xe7\x00"))
        good.append(d.erxudp(sender, IP, bytes(40), rport=0x02CC, lport=0x02CC, sec=0, lqi=0xE1))
        good.append(d.erxudp(sender, IP, b"\r\nOK\r\nEVENT 25", binary=True))
        good.append(d.sendto(1, sender, 0x0E1A, 2, b"\x10\x81\r\n"))
    return good


def mutate(line):
    """Return `line` damaged once, in one of ten ways."""
    way = random.randrange(10)
    at = random.randrange(len(line))
    to = random.randrange(at, len(line)) + 1
    if way == 0:
        return line[:at]
    if way == 1:
        return line[:at] + line[to:]
    if way == 2:
        return line[:to] + line[at:]
    if way == 3:
        return line[:at] + bytes([random.getrandbits(8)]) + line[at + 1 :]
    if way == 4:
        return line[:at] + bytes([random.getrandbits(8)]) + line[at:]
    if way == 5:
        return line.lower()
    if way == 6:
        return line[:at] + b" " + line[at:]
    if way == 7:
        return line[:at] + b"\r\n" + line[at:]
    if way == 8:
        return bytes([random.getrandbits(8) for _ in range(random.randrange(80))]) + b"\r\n"
    return line[:at] + line[at : at + 1] * random.randrange(3000)


def parse_all(d, line):
    """Give the line to every parser; only parse_sendto may raise, and only SkError."""
    for parse in (d.parse_erxudp, d.parse_event, d.parse_einfo, d.parse_levels):
        parse(line)
    for parse in (lines.parse_fail, lines.parse_ropt, lines.parse_esreg, parse_field):
        parse(line)
    try:  # noqa: SIM105 (MicroPython has no contextlib)
        d.parse_sendto(line)
    except SkError:
        pass


def prove(world):
    """Demand that a well module is served again: up, a join, a datagram in, an answer out."""
    module = world.module
    module.dead = False
    module.mute.clear()
    module.fail.clear()
    module.results = []
    start_ms = world.now_ms
    world.up(RECOVERY_MS)
    world.run(70000)
    world.up(RECOVERY_MS)
    took_ms = world.now_ms - start_ms
    world.hear(module.d.event(0x33, IP) + module.d.event(0x25, HEMS))
    world.run(20000)
    module.sent = []
    world.take()
    module.datagram(b"\x10\x81")
    world.settle()
    assert ("datagram", HEMS, b"\x10\x81") in world.take(), "a datagram was not delivered"
    assert world.c.send(HEMS, b"\x10\x82"), "an answer was not accepted"
    world.run(20000)
    assert b"\x10\x82" in module.sent, "an answer was not sent"
    return took_ms


def fuzz(count, seed):
    """Feed `count` lines; print what happened and the longest recovery in virtual time."""
    random.seed(seed)
    d = (BP35A1, BP35C2)[seed % 2]
    good = corpus(d)
    world = World(FakeModule(d, hex_mode=bool(seed & 2)))
    module = world.module
    fed = batches = worst_ms = 0
    while fed < count:
        noise = []
        for _ in range(BATCH):
            line = good[random.randrange(len(good))]
            if random.randrange(4):
                line = mutate(line)
            noise.append(line)
            parse_all(d, line)
        fed += BATCH
        module.say(b"".join(noise))
        world.chunk = random.randrange(1, 400)
        world.run(random.randrange(2000))
        if not random.randrange(8):
            world.c.send(None, b"\x10\x81")
        module.results = [(0, 1, 2, None)[random.randrange(4)]]
        if not random.randrange(40):
            module.power_cycle(b"boot\r\n")
        if not random.randrange(40):
            module.dead = not module.dead
        if not random.randrange(60):
            module.receive(d.sendto(1, HEMS, 0x0E1A, 1, bytes(1232))[: -random.randrange(1, 1232)])
        batches += 1
        if batches % CHECK == 0:
            worst_ms = max(worst_ms, prove(world))
        module.commands = []
        module.sent = []
        world.take()
    worst_ms = max(worst_ms, prove(world))
    print(f"sk: {fed} lines, seed {seed}, {world.c.stats}, longest recovery {worst_ms // 1000} s")


def main(arguments):
    """Run here, or in PROCESSES processes on CPython; return the exit code."""
    count = int(arguments[0]) if arguments else LINES
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    if sys.implementation.name == "micropython" or count < 10000:
        fuzz(count, seed)
        return 0
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        parts = [(count // PROCESSES, seed + i) for i in range(PROCESSES)]
        pool.starmap(fuzz, parts)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
