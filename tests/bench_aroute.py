"""The A-route beside the meter simulator of pydlms-client: how long a reader waits for each, in one run.

    python tests/bench_aroute.py [ROUNDS]

Both meters have 100 days of half-hours and are read by dlms-cosem under HLS5, in turns, so that a busy
computer hinders both. The best time of each counts, as what else the computer does is in the others; the
median is shown beside it. CPU is what each process took for all rounds. Memory is what each holds beyond its
bare interpreter. Exits 1 if ours is slower or larger than it may be.
"""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT, ROOT / "tests" / "pure"):
    sys.path.insert(0, str(folder))

from tests.conformance.a_route_desk import HISTORY_DAYS, a_route, last_boundary  # noqa: E402
from tests.conformance.cosem_peer import MANAGEMENT  # noqa: E402
from tests.conformance.rpc import A_ROUTE, BlockingClient  # noqa: E402

TIMES = {"session": 10, "register": 50, "day": 3, "days": 1}
LEAST = {"session": 1.0, "register": 1.0, "day": 5.0, "days": 1.0}
"""How much faster than the simulator each has to be."""
MEMORY_MOST = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


def resident_kb(pid: int) -> int:
    """What a process holds in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def cpu_ms(pid: int) -> float:
    """CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / _TICKS


def bare_kb(*command: str) -> int:
    """What an interpreter holds that only waits."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"print(1)\n")
    process.stdin.flush()
    process.stdout.readline()
    kb = resident_kb(process.pid)
    process.stdin.close()
    process.wait()
    return kb


def child_of(pid: int) -> int:
    """The one process that a process has started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    assert len(children) == 1, children
    return children[0]


def dates() -> tuple[list[str], list[str]]:
    """The times from and to which a day and all days are read."""
    end = last_boundary()
    first = end - timedelta(days=HISTORY_DAYS) + timedelta(minutes=30)
    day = end - timedelta(days=HISTORY_DAYS // 2)
    last_of_day = day + timedelta(hours=23, minutes=30)
    return [day.isoformat(), last_of_day.isoformat()], [first.isoformat(), end.isoformat()]


class Side:
    """One of the two meters, with a reader of its own."""

    def __init__(self, reader: BlockingClient, host: str, port: int, ek: str, ak: str, pid: int) -> None:
        self.reader = reader
        self.pid = pid
        self.arguments: dict[str, Any] = {"host": host, "port": port, "ek": ek, "ak": ak}
        self.counter = 1 + reader.call("counter", host=host, port=port)
        self.rounds: list[dict[str, Any]] = []
        self.cpu: list[float] = []

    def measure(self) -> None:
        """One round of everything."""
        day, days = dates()
        before = cpu_ms(self.pid)
        found = self.reader.call(
            "measure", timeout=600.0, sap=MANAGEMENT, counter=self.counter, day=day, days=days, times=TIMES,
            **self.arguments,
        )  # fmt: skip
        self.cpu.append(cpu_ms(self.pid) - before)
        self.counter = found["counter"]
        self.rounds.append(found)

    def taken(self, name: str) -> list[float]:
        """How long each one took, in ms, the best first."""
        return sorted(time for one in self.rounds for time in one[name])


def main(rounds: int) -> int:
    """Measure, print, and tell whether all is fast and small enough."""
    with (
        a_route(history=True) as meter,
        BlockingClient("pydlms_meter", python=A_ROUTE) as simulator,
        BlockingClient("dlms_cosem", python=A_ROUTE) as one,
        BlockingClient("dlms_cosem", python=A_ROUTE) as other,
    ):
        ek, ak = meter.keys[MANAGEMENT]
        ours = Side(one, meter.host, meter.port, ek, ak, child_of(meter.bench.pid))
        first = dates()[1][0]
        served = simulator.call("start", ek=ek, ak=ak, rows=48 * HISTORY_DAYS, start=first)
        theirs = Side(other, "127.0.0.1", served, ek, ak, simulator.pid)
        for _ in range(rounds):
            ours.measure()
            theirs.measure()
        return report(ours, theirs)


def report(ours: Side, theirs: Side) -> int:
    """Print both sides; 1 if ours is not as good as it has to be."""
    bad = 0
    print(f"{'best (median)':24}{'keiki':>16}{'pydlms':>16}{'ratio':>14}{'least':>8}")
    for name, least in LEAST.items():
        both = ours.taken(name), theirs.taken(name)
        best, median = ([times[at] for times in both] for at in (0, len(both[0]) // 2))
        ratios = [other_ms / mine_ms for mine_ms, other_ms in (best, median)]
        bad += ratios[0] < least
        texts = [f"{one:.2f} ({other:.2f})" for one, other in zip(best, median, strict=True)]
        ratio = f"{ratios[0]:.2f} ({ratios[1]:.2f})"
        print(f"{name + ', ms':24}{texts[0]:>16}{texts[1]:>16}{ratio:>14}{least:8.1f}")
        sizes = ours.rounds[0][name + "_bytes"], theirs.rounds[0][name + "_bytes"]
        assert sizes[0] == sizes[1], f"{name}: {sizes} bytes were read"
    mine, other = sum(ours.cpu), sum(theirs.cpu)
    print(f"{'CPU, ms':24}{mine:16.0f}{other:16.0f}{other / mine:14.2f}")
    micropython = str(Path(sys.executable).parent / "micropython")
    kb = resident_kb(ours.pid), resident_kb(theirs.pid)
    own = kb[0] - bare_kb(micropython, "-i"), kb[1] - bare_kb(str(A_ROUTE), "-i")
    print(f"{'process, kB':24}{kb[0]:16}{kb[1]:16}{kb[1] / kb[0]:14.2f}")
    print(f"{'of it the server, kB':24}{own[0]:16}{own[1]:16}{own[1] / own[0]:14.2f}{1 / MEMORY_MOST:8.1f}")
    bad += own[0] > MEMORY_MOST * own[1]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
