"""How many pushes a second the collector takes, and what each costs it. Only prints.

    python tests/bench_collector.py [METERS ..]    100, 1,000 and 10,000 meters, on SQLite and on PostgreSQL

`keiki headend serve` is a process of its own. Messages are made beforehand, with the firmware's own code,
and go over concentrators' connections, each as soon as one before it is confirmed. CPU is that of collector
and PostgreSQL, which makes every commit durable. The sender has the same two cores.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from keiki_host.headend.database import Store
from keiki_host.headend.keys import Safe, make_key_file

from tests.bench_headend import GOAL_PER_S, SERVER, fresh, make_fleet, new_database, postmaster
from tests.bench_process import KEIKI
from tests.headend.fleet_of_few import DAY, SLOT, WHO
from tests.headend.postgresql_server import running
from tests.headend.pushing_meter import AK, EK, PushingMeter

PUSHES = 60_000
CONNECTIONS = 40
UNANSWERED = 60
TITLES = {
    True: "UPDATE meter SET system_title = '4b4549' || lpad(to_hex(meter_id), 10, '0')",
    False: "UPDATE meter SET system_title = printf('4b4549%010x', meter_id)",
}


class Sender(asyncio.Protocol):
    """One connection: sends its messages, so many before they are confirmed."""

    def __init__(self, messages: list[bytes]) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._messages = messages
        self._sent = self._bytes = 0
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send(UNANSWERED)

    def _send(self, count: int) -> None:
        self._transport.write(b"".join(self._messages[self._sent : self._sent + count]))
        self._sent = min(self._sent + count, len(self._messages))

    def data_received(self, data: bytes) -> None:
        """Confirms are all of one length."""
        self._size = self._size or 8 + int.from_bytes(data[6:8], "big")
        before = self._bytes // self._size
        self._bytes += len(data)
        if self._bytes == self._size * len(self._messages):
            self.done.set_result(None)
        self._send(self._bytes // self._size - before)

    def connection_lost(self, exc: Exception | None) -> None:
        """It should not end."""
        if not self.done.done():
            self.done.set_exception(RuntimeError("the collector has closed the connection"))


def messages(meters: int) -> list[list[bytes]]:
    """What each connection sends: the values of its meters, slot after slot."""
    found: list[list[bytes]] = [[] for _ in range(CONNECTIONS)]
    fleet = [PushingMeter(b"KEI" + n.to_bytes(5, "big")) for n in range(1, meters + 1)]
    for slot in range(-(-PUSHES // meters)):
        for n, meter in enumerate(fleet):
            found[n % CONNECTIONS].append(meter.values(slot, DAY + slot * SLOT, 150 * slot + n))
    return found


async def send(port: int, groups: list[list[bytes]]) -> float:
    """Send everything; how long it took, s."""
    loop = asyncio.get_running_loop()
    start_s = time.perf_counter()
    made = [await loop.create_connection(lambda g=g: Sender(g), "127.0.0.1", port) for g in groups]  # type: ignore[misc]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    took_s = time.perf_counter() - start_s
    for transport, _ in made:
        transport.close()
    return took_s


def cpu_s(processes: list[psutil.Process]) -> float:
    """CPU time of processes and their children, s."""
    everybody = [each for process in processes for each in (process, *process.children(recursive=True))]
    times = [process.cpu_times() for process in everybody]
    return sum(each.user + each.system for each in times)


def measure(url: str, meters: int, folder: Path, server: list[psutil.Process]) -> None:
    """Print what a collector does with the pushes of so many meters."""
    store: Store = fresh(url)
    make_fleet(store, meters)
    key_file = folder / f"key{time.time()}"
    make_key_file(key_file)
    safe = Safe(store, key_file)
    with store.write() as connection:
        connection.execute(text(TITLES[store.is_postgresql]))
        for meter_id in range(1, meters + 1):
            safe.put(meter_id, {"ek": EK, "ak": AK}, who=WHO, now_s=DAY)
    kind = "PostgreSQL" if store.is_postgresql else "SQLite"
    store.close()
    groups = messages(meters)
    count = sum(map(len, groups))
    clock = f"{DAY + len(groups[0]) * SLOT},0,1e-9"
    options = ("--database", url, "--key-file", str(key_file), "--clock", clock)
    ports = ("--push", "127.0.0.1:0", "--http", "127.0.0.1:0")
    with subprocess.Popen([KEIKI, "headend", "serve", *options, *ports], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        own, all_of_it = [psutil.Process(process.pid)], [psutil.Process(process.pid), *server]
        before_s, own_before_s = cpu_s(all_of_it), cpu_s(own)
        took_s = asyncio.run(send(int(ready["push"].rpartition(":")[2]), groups))
        spent_us = (cpu_s(all_of_it) - before_s) / count * 1e6
        own_us = (cpu_s(own) - own_before_s) / count * 1e6
        memory_mb = own[0].memory_info().rss / 1e6
        process.terminate()
    print(
        f"{kind:11}{meters:>9,} meters {count / took_s:>9,.0f} pushes/s {spent_us:>6.0f} us CPU per push, "
        f"{own_us:.0f} of them the collector's; {memory_mb:.0f} MB",
        flush=True,
    )


def main(fleets: list[int]) -> None:
    """Measure each fleet on both databases."""
    with tempfile.TemporaryDirectory() as name, running(f"collector {time.time()}", SERVER) as url:
        for meters in fleets:
            measure(f"sqlite:///{name}/store{meters}.db", meters, Path(name), [])
        for meters in fleets:
            measure(new_database(url, f"collector{meters}"), meters, Path(name), postmaster(url))
    print(f"goal: {GOAL_PER_S:,} pushes/s: 10 million meters, a value in half an hour each, into PostgreSQL")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100, 1000, 10_000])
