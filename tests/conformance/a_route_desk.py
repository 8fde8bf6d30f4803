"""A meter of `keiki bench` as an A-route client sees it: where it is, its keys, its counters."""

import datetime as dt
import runpy
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keiki.meter.store import Store
from keiki.wire import record
from keiki.wire.cosem import client as cosem
from keiki_host.bench.options import DLMS_KEYS
from keiki_host.device import Device
from nor import Nor

from tests.bench_process import BenchProcess
from tests.conformance.cosem_peer import MANAGEMENT, PUBLIC, READER, Peer
from tests.conformance.desk import own_address

COUNTERS = {MANAGEMENT: bytes((0, 0, 43, 1, 0, 255)), READER: bytes((0, 0, 43, 1, 2, 255))}
START = "2026-06-11T12:10:00+09:00"
HISTORY_DAYS = 100
LOAD_W = 1000
KEYS = {name: bytes((number + 1,) * 16) for number, name in enumerate(DLMS_KEYS)}
"""Those of a meter with a history."""
BOARD = Path(__file__).resolve().parents[2] / "boards" / "unix" / "board.py"


class Desk:
    """One meter: `host`, `port`, `keys` {SAP: (encryption, authentication)} and `kek` in hex, `title`."""

    mode = 4
    """Its disconnect control mode, which nobody changes."""
    pdu_max = 1024

    def __init__(self, bench: BenchProcess) -> None:
        self.bench = bench
        meter = bench.ready["meters"][0]
        route = meter["route_a"]
        self.host, _, port = route["tcp"].rpartition(":")
        self.port = int(port)
        keys = route["keys"]
        self.keys = {MANAGEMENT: (keys["ek"], keys["ak"]), READER: (keys["read_ek"], keys["read_ak"])}
        self.kek = keys["kek"]
        self.title = route["system_title"]
        self.serial = meter["serial"]
        self.now = dt.datetime.fromisoformat(bench.ready["clock"]["now"])
        self._console = meter["console"]

    def counter(self, sap: int = MANAGEMENT) -> int:
        """The last counter that the meter has taken from this client, as anybody may read it."""
        with Peer(self.host, self.port, PUBLIC) as peer:
            client = cosem.Client()
            peer.do(client.open())
            return int(peer.do(client.get((1, COUNTERS[sap], 2))))

    def failures(self) -> int:
        """How many failed authentications the event log counts."""
        with Device(self._console) as meter:
            return int(meter.ask("events", before=None, most=1)["counts"].get("route_a_refused", 0))


def last_boundary() -> dt.datetime:
    """The newest half-hour of a meter that starts at START."""
    return dt.datetime.fromisoformat(START).replace(minute=0)


def make_history(state: Path) -> None:
    """Write HISTORY_DAYS of half-hours of a house that takes LOAD_W, as the firmware's own logs do.

    In the folder of `keiki bench --state`; --history does the same in minutes, not in seconds.
    """
    plan = runpy.run_path(str(BOARD))["FLASH"]
    nor = Nor(blocks=plan["blocks"], page=plan["page"])
    store = Store(nor, plan)
    row = bytearray(record.SIZE)
    end_s, count = int(last_boundary().timestamp()), 48 * HISTORY_DAYS
    for number in range(count):
        wh_x1000 = (number + 1) * LOAD_W * 500
        record.pack_into(row, end_s - (count - 1 - number) * 1800, record.NORMAL, wh_x1000, 0)
        store.half_hours.append(row)
    folder = state / "keiki-1"
    folder.mkdir(mode=0o700)
    (folder / "flash.bin").write_bytes(nor.image)


@contextmanager
def a_route(*options: str, history: bool = False) -> Iterator[Desk]:
    """A bench with one meter, on an address of its own; `history`: with that behind it."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        if history:
            make_history(state)
            # a meter that is not new is given only the keys that are asked for
            config = state / "keys.toml"
            config.write_text("".join(f'{name} = "{key.hex()}"\n' for name, key in KEYS.items()))
            options = (*options, "--config", str(config))
        where = ("--udp4", own_address(), "--state", folder)
        load = ("--load", f"constant:{LOAD_W}W")
        with BenchProcess(*where, *load, "--seed", "5", "--start", START, *options) as bench:
            yield Desk(bench)
