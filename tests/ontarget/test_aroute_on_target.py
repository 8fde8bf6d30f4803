"""What the A-route costs a Pico: an association with keys, and a day of its load profile, in the chip's time.

A Pico has no network: the client passes APDUs through the REPL, and what is measured is the chip's work on
each of them. The server has all objects of a meter, on its logs in files. Together with all else that a meter
has it does not fit a Pico: here are the A-route and what it reads, each module for itself.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aroute_world import AK, EK, KEYS, SERIAL
from cosem_guards import head_end
from keiki.meter.cosem.objects import MANAGEMENT, obis
from keiki.wire import record
from keiki.wire.cosem.client import Client, run
from keiki.wire.cosem.selection import by_range
from keiki_host.bench.firmware_compile import compiled
from keiki_host.board_data import load
from keiki_host.flash import app_files

from tests.ontarget import figures

ASSOCIATION_MS = 500
DAY_MS = 1000
SLOTS = 48
SLOT_S = 1800
BEGIN_S = 1_788_220_800
HALF_HOURS = (7, obis("1.0.99.1.0"), 2)

METER = """
import sys, gc, time
gc.threshold(16384)  # what imports leave behind must not lie between what stays
sys.path.insert(0, '/app')
import board
hal = __import__("keiki.hal.rp2", None, None, ("rp2",))
from keiki.meter.alarms import Alarms
from keiki.meter.clock import Clock
from keiki.meter.config import Settings
from keiki.meter.cosem.server import CosemMeter
from keiki.meter.eventlog import EventLog
from keiki.meter.history import History
from keiki.meter.settings_store import SettingsStore
from keiki.meter.store import Store
from keiki.wire.cosem.server import Association
class Meter:
    pass
meter = Meter()
meter.hal = hal
meter.store = store = Store(hal.files(), board.FLASH)
meter.settings = Settings(SettingsStore(store.settings), hal.settings_object())
meter.history = History(store.half_hours, store.minutes)
meter.clock = Clock(hal.ticks_ms, NOW_MS)
meter.events = EventLog(store.events, meter.clock.utc_s)
meter.metering = meter.registers = meter.supply = None
cosem = CosemMeter(meter, Alarms(), "127.0.0.1", 4059, 1)
gc.collect()
association = Association(cosem.server)
inbox = bytearray(cosem.server.apdu_max)
row = bytearray(ROW)
def keep(data):
    row[:] = data
    store.half_hours.append(row)
def take(data, sap):
    inbox[:len(data)] = data
    gc.collect()
    before = time.ticks_us()
    found = association.receive(inbox, 0, len(data), sap, 1, hal.ticks_ms())
    us = time.ticks_diff(time.ticks_us(), before)
    print(us)
    start, end = found
    for at in range(start, end, 64):
        print(association.answer[at : min(at + 64, end)].hex())
gc.collect()
print(gc.mem_free())
"""


def _loose_code() -> dict[str, bytes]:
    """The code of a Pico W's meter: its modules not bundled, with the names of the sources."""
    board = load("rp2_picow_bl0942")
    native, flags = f"-march={board.of_chip.native}", app_files.flags_of(board)
    made = compiled(app_files.sources(board), native, flags, loose=True)
    return {f"app/{name}": data for name, data in made.files.items()}


class Chip:
    """The server of an emulated Pico; `took_ms` is how long it worked on each APDU."""

    def __init__(self, uf2: Path) -> None:
        from tests.ontarget.repl import ReplBoard

        files = {"config.json": json.dumps({**KEYS, "serial": SERIAL}).encode()}
        self._board = ReplBoard("pico", uf2, {**files, **_loose_code()})
        now_ms = 1000 * (BEGIN_S + SLOT_S * SLOTS)
        free = self._board.run(METER.replace("ROW", str(record.SIZE)).replace("NOW_MS", str(now_ms)))
        figures.tell("A-route: free heap of a Pico with it alone", int(free), "bytes")
        self.took_ms: list[float] = []
        row = bytearray(record.SIZE)
        for slot in range(SLOTS):
            record.pack_into(row, BEGIN_S + SLOT_S * slot, 0, 1_000_000 + 400_000 * slot, 0)
            self._board.run(f"keep({bytes(row)!r})")

    def exchange(self, apdu: Any) -> bytearray:
        """Have the chip answer an APDU."""
        took_us, *answer = self._board.run(f"take({bytes(apdu)!r}, {MANAGEMENT})").split()
        self.took_ms.append(int(took_us) / 1000)
        return bytearray.fromhex("".join(answer))

    def close(self) -> None:
        """Switch it off."""
        self._board.close()


@pytest.fixture(scope="module")
def chip(pico_image: Path) -> Iterator[Chip]:
    """A chip with a day in its log."""
    found = Chip(pico_image)
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(chip: Chip) -> Client:
    """A client that has associated."""
    client = Client(head_end(bytes.fromhex(EK), bytes.fromhex(AK)))
    client.guard.counter = 1
    run(client.open(), chip.exchange)
    return client


def test_an_association_with_keys_takes_so_long(chip: Chip, client: Client) -> None:
    took_ms = sum(chip.took_ms)
    assert client.session is not None and len(chip.took_ms) == 2
    assert figures.tell("A-route: HLS5 association, chip's work", took_ms, "ms", most=ASSOCIATION_MS)


def test_a_day_of_the_load_profile_takes_so_long(chip: Chip, client: Client) -> None:
    chip.took_ms.clear()
    wanted = by_range(BEGIN_S, BEGIN_S + SLOT_S * (SLOTS - 1))
    rows = run(client.get(HALF_HOURS, wanted), chip.exchange)
    assert [row[2] for row in rows] == [1000 + 400 * slot for slot in range(SLOTS)]
    figures.tell("A-route: blocks of a day of the load profile", len(chip.took_ms), "")
    figures.tell("A-route: slowest block", max(chip.took_ms), "ms")
    assert figures.tell(
        "A-route: a day of the load profile, chip's work", sum(chip.took_ms), "ms", most=DAY_MS
    )
