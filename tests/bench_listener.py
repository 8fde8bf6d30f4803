"""Pushes through the whole listener: received, decrypted, decoded, stored, confirmed. Only prints.

    python tests/bench_listener.py           pushes/s and CPU of each: 100 to 10,000 meters, both databases
    python tests/bench_listener.py decode    opening and decoding alone, beside dlms-cosem 21.3.2

The listener is a process of its own and works as it does in `keiki headend serve`; this process stands for
the meters. Its messages are made beforehand, and its own time is not counted. CPU is that of the listener and
of PostgreSQL, whose commits are durable. The goal is 5,556 pushes/s: 10 million meters.
"""

import asyncio
import itertools
import json
import mmap
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from keiki.meter.push_message import Message
from keiki.wire.cosem import datetime12, wrapper
from keiki.wire.cosem.axdr import OCTETS, STRUCTURE, U8, U32
from keiki.wire.cosem.security import Cipher
from keiki.wire.cosem.values import encode
from keiki_host.fleet.identity import Identity, identity
from keiki_host.headend import migrate
from keiki_host.headend.collect import message
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.collect.intake import Intake
from keiki_host.headend.collect.listener import Listener
from keiki_host.headend.collect.roster import Roster, own_title
from keiki_host.headend.database import Store, make_engine
from keiki_host.headend.keys import Safe, make_key_file
from sqlalchemy import text

from tests.bench_headend import DAY, GOAL_PER_S, SERVER, SLOT, cpu_s, make_fleet, new_database, postmaster
from tests.headend.postgresql_server import running

FLEETS = (100, 1000, 10_000)
FOR_S = 8.0
CONNECTIONS = 200
UNANSWERED = 16
"""Of a connection that speaks for several meters, as a concentrator does."""
AT_ONCE = 1000
"""Of each round, at least: a small fleet sends several slots, its meters one after the other."""
DECODED = 20_000
CLIENT = Path(__file__).parent / "conformance" / "clients" / "dlms_cosem_client.py"
CLIENT_PYTHON = Path(__file__).parent.parent / ".venv" / "clients" / "bin" / "python"
ROW = (STRUCTURE, OCTETS, U8, U32, U32)


class Guard:
    """A meter's keys and counter."""

    def __init__(self, who: Identity) -> None:
        self.cipher = Cipher(who.keys["ek"], who.keys["ak"])
        self.title = who.title
        self.counter = 0

    def next_counter(self) -> int:
        """Each once."""
        self.counter += 1
        return self.counter


def messages(meters: list[Any], slot: int) -> Iterator[bytes]:
    """What every meter sends for a slot."""
    row = bytearray(encode(ROW, (datetime12.pack(DAY + slot * SLOT), 0, slot * 150, 0)))
    for made in meters:
        yield bytes(made.values(slot, True, row))


# -- the listener, in a process of its own -----------------------------------------------------------------


async def collect(url: str, key_file: str, clock_file: str) -> None:
    """Listen until the input ends; time is what the meters' side has written into a file."""
    with Path(clock_file).open("rb") as file:
        shared = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    clock = Clock(wall=lambda: float(struct.unpack("d", shared[:8])[0]))
    store = Store(make_engine(url))
    roster = Roster(store, Safe(store, Path(key_file)))
    roster.apply(roster.load())
    intake = Intake(store, clock, lambda line: print(line, file=sys.stderr))
    listener = Listener(roster, intake, clock, own_title(store))
    port = await listener.open("127.0.0.1", 0)
    print(json.dumps({"port": port}), flush=True)
    work = [asyncio.create_task(part) for part in (intake.run(), listener.run())]
    await asyncio.to_thread(sys.stdin.readline)
    for task in work:
        task.cancel()
    print(json.dumps({**listener.stats, **intake.stats}), flush=True)


# -- the meters ------------------------------------------------------------------------------------------


class Sender(asyncio.Protocol):
    """A connection: sends what `source` gives, so many at once, and counts confirms."""

    def __init__(self, source: Iterator[bytes], unanswered: int) -> None:
        self.confirmed = 0
        self._source = source
        self._unanswered = unanswered
        self._inbox = bytearray()
        self._open = 0
        self.transport: Any = None
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        if not self.ended.done():
            self.ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Confirms."""
        self._inbox += data
        while len(self._inbox) >= wrapper.HEAD:
            size = wrapper.HEAD + int.from_bytes(self._inbox[6:8], "big")
            if len(self._inbox) < size:
                break
            del self._inbox[:size]
            self.confirmed += 1
            self._open -= 1
        self._send()

    def _send(self) -> None:
        for data in itertools.islice(self._source, self._unanswered - self._open):
            self._open += 1
            self.transport.write(data)
        if not self._open:
            self.transport.close()


async def many(port: int, queues: list[list[bytes]]) -> int:
    """Send each queue over one connection; return how many messages were confirmed."""
    loop = asyncio.get_running_loop()
    senders = [
        (await loop.create_connection(lambda q=queue: Sender(iter(q), UNANSWERED), "127.0.0.1", port))[1]
        for queue in queues
    ]
    await asyncio.gather(*(sender.ended for sender in senders))
    return sum(sender.confirmed for sender in senders)


async def single(port: int, queues: list[list[bytes]]) -> int:
    """Send each message over a connection of its own, those of a queue one after the other."""
    loop, confirmed = asyncio.get_running_loop(), 0

    async def work(queue: list[bytes]) -> None:
        nonlocal confirmed
        for data in queue:
            _, sender = await loop.create_connection(
                lambda data=data: Sender(iter([data]), 1), "127.0.0.1", port
            )
            await sender.ended
            confirmed += sender.confirmed

    await asyncio.gather(*(work(queue) for queue in queues))
    return confirmed


def prepared(url: str, folder: Path, count: int) -> list[Any]:
    """A store with a fleet in it and its keys; returns what makes each meter's messages."""
    store = Store(make_engine(url))
    migrate.upgrade(store)
    make_fleet(store, count)
    fleet = [identity(1, number) for number in range(1, count + 1)]
    make_key_file(folder / "key")
    safe = Safe(store, folder / "key")
    with store.write() as connection:
        titles = [{"title": who.title.hex(), "n": who.number} for who in fleet]
        connection.execute(text("UPDATE meter SET system_title = :title WHERE meter_id = :n"), titles)
        for who in fleet:
            safe.put(who.number, {"ek": who.keys["ek"], "ak": who.keys["ak"]}, who="bench", now_s=DAY)
    store.close()
    made: list[Any] = [Message(Guard(who)) for who in fleet]
    return made


def measure(url: str, folder: Path, count: int, server: list[psutil.Process]) -> None:
    """Print what a fleet of a size does to the listener."""
    meters = prepared(url, folder, count)
    clock_file = folder / "clock"
    clock_file.write_bytes(struct.pack("d", float(DAY)))
    with clock_file.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), 8)
    words = [sys.executable, __file__, "collect", url, str(folder / "key"), str(clock_file)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        everybody = [psutil.Process(process.pid), *server]
        slots = itertools.count()
        for name, way in (("over 200 connections", many), ("over one each", single)):
            sent, spent_s, used_s = 0, 0.0, 0.0
            while spent_s < FOR_S:
                some = [next(slots) for _ in range(-(-AT_ONCE // count))]
                slot = some[-1]
                shares = [meters[index::CONNECTIONS] for index in range(min(CONNECTIONS, count))]
                queues = [[data for n in some for data in messages(share, n)] for share in shares]
                shared[:8] = struct.pack("d", float(DAY + slot * SLOT + 60))
                before_s, start_s = cpu_of(everybody), time.perf_counter()
                confirmed = asyncio.run(way(port, queues))
                spent_s += time.perf_counter() - start_s
                used_s += cpu_of(everybody) - before_s
                assert confirmed == count * len(some), f"{confirmed} of {count * len(some)} are confirmed"
                sent += confirmed
            kind, each_us = "PostgreSQL" if server else "SQLite", used_s / sent * 1e6
            print(
                f"{kind:11}{count:>7,} meters {sent / spent_s:>8,.0f} pushes/s {each_us:>5.0f} us CPU "
                f"per push  {name}",
                flush=True,
            )
        process.stdin.write("\n")
        process.stdin.flush()
        stats = json.loads(process.stdout.readline())
        assert stats["stored"] == stats["confirmed"] == stats["pushes"], stats


def cpu_of(processes: list[psutil.Process]) -> float:
    """CPU time of processes and their children, s."""
    return cpu_s(processes) - cpu_s([])


def bench_listener() -> None:
    """Both databases, from 100 to 10,000 meters."""
    for count in FLEETS:
        with tempfile.TemporaryDirectory() as folder:
            measure(f"sqlite:///{folder}/store.db", Path(folder), count, [])
    with running(f"bench {time.time()}", SERVER) as url:
        for count in FLEETS:
            with tempfile.TemporaryDirectory() as folder:
                database = new_database(url, f"listener{count}")
                measure(database, Path(folder), count, postmaster(url))
    print(f"goal: {GOAL_PER_S:,} pushes/s into PostgreSQL")


# -- decoding alone --------------------------------------------------------------------------------------


def bench_decode() -> None:
    """The same protected messages, by us and by dlms-cosem in a process of its own."""
    who = identity(1, 1)
    made: Any = Message(Guard(who))
    apdus = [bytes(next(messages([made], slot)))[wrapper.HEAD :] for slot in range(DECODED)]
    cipher = message.cipher_of(who.keys["ek"], who.keys["ak"])
    start_s = time.process_time()
    for slot, apdu in enumerate(apdus):
        buffer = bytearray(apdu)
        title = message.title_of(buffer, 0, len(buffer))
        _, start, end = message.unlock(cipher, buffer, 0, len(buffer), title)
        assert message.read(buffer, start, end).import_wh == slot * 150
    ours_s = time.process_time() - start_s
    keys = {"ek": who.keys["ek"].hex(), "ak": who.keys["ak"].hex(), "title": who.title.hex()}
    command = {"op": "push_rate", "apdus": [apdu.hex() for apdu in apdus], **keys}
    done = subprocess.run(
        [str(CLIENT_PYTHON), str(CLIENT)],
        input=json.dumps(command) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    theirs_s = answer["result"]["cpu_s"]
    assert answer["result"]["last"] == (DECODED - 1) * 150
    print(f"keiki             {DECODED / ours_s:>9,.0f} pushes decrypted and decoded /s")
    print(f"dlms-cosem 21.3.2 {DECODED / theirs_s:>9,.0f} /s: {theirs_s / ours_s:.1f} times as long")


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            bench_listener()
        case ["decode"]:
            bench_decode()
        case ["collect", *words]:
            asyncio.run(collect(*words))
        case _:
            sys.exit(__doc__)
