"""A meter that has run for long: full logs on emulated flash, and the real composition started on them."""

import random
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for folder in ("tests/pure", "firmware"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))

from keiki.meter import app, eventlog  # noqa: E402
from keiki.meter.eventlog import EventLog  # noqa: E402
from keiki.meter.json_log import JsonLog  # noqa: E402
from keiki.meter.settings_store import SettingsStore  # noqa: E402
from keiki.meter.store import Store  # noqa: E402
from keiki.wire import record  # noqa: E402
from keiki.wire import settings as table  # noqa: E402
from keiki.wire.echonet import frame  # noqa: E402
from nor import Nor  # noqa: E402

NOW_S = 1_767_236_400  # 2026-01-01 12:00 JST
PROVISIONED = {"serial": "FULL00000001", "route_b_password": "ABCDEFGHIJKL", "digits": 8}
CALIBRATION = {"version": 1, "phases": [{}, {}], "reference": "WT310E", "date": "2026-11-24", "who": "bench",
               "temperature_c_x10": None}  # fmt: skip
PLANS = {blocks: {"page": 1, "days": days, "minute_days": 2} for blocks, days in ((64, 100), (256, 400))}


class Ic:
    """No metering yet: the start is what is measured."""

    ignored = ()
    stats = None

    def apply(self, phases: Any) -> None:
        """Follow a calibration."""


class App(app.App):
    """The meter without a chip."""

    def _metering_ic(self, board: Any) -> Ic:
        self.ic = Ic()
        return self.ic


def hal(nor: Nor, now_s: int) -> Any:
    """The hardware of a start at `now_s`."""
    return SimpleNamespace(
        flash=lambda _blocks: nor,
        settings_object=dict,
        settings_kept=lambda: None,
        app_files=lambda: None,
        ticks_ms=lambda: 0,
        rtc_utc_ms=lambda: now_s * 1000,
        reset_cause=lambda: 0,
        unique_id=lambda: b"boottest",
        Watchdog=lambda limit_ms: SimpleNamespace(limit_ms=limit_ms, feed=lambda: None),
        report=print,
        restart=lambda: None,
    )


def fill(nor: Nor, plan: dict[str, int]) -> None:
    """Fill every log to its end and beyond; the counts of events are as far back as they ever are."""
    store = Store(nor, plan)
    dice = random.Random(1)
    row = bytearray(record.SIZE)
    for log, step_s, count in (
        (store.half_hours, 1800, 48 * plan["days"] + 300),
        (store.minutes, 60, 1440 * plan["minute_days"] + 300),
    ):
        for index in range(count):
            wh = 1000 * (5_000_000 - (count - index) * step_s // 60)
            record.pack_into(row, NOW_S - (count - 1 - index) * step_s, 0, wh, wh // 3)
            log.append(row)
    events = EventLog(store.events, lambda: NOW_S)
    for kind in (eventlog.POWER_UP, eventlog.POWER_DOWN, eventlog.CLOCK_SET):
        events.add(kind)
    for _ in range(600):
        events.add(eventlog.SETTING_CHANGED)
    while events._since < eventlog._COUNTS_EVERY - 1 or store.events.room < 120:
        events.add(eventlog.SETTING_CHANGED)
    for index in range(200):
        record.pack_into(row, NOW_S - 2000 + index * 10, 0, 5_000_000_000, 1_700_000_000)
        store.checkpoints.append(bytes(row) + struct.pack("<i", dice.randrange(1000)))
    SettingsStore(store.settings).save(table.checked(PROVISIONED))
    JsonLog(store.calibration).append(CALIBRATION)
    for log in (store.counters, store.state):
        for number in range(300):
            log.append(bytes([number & 1]) * log.payload_size)


def started(nor: Nor, plan: dict[str, int], now_s: int = NOW_S + 10) -> App:
    """Return the meter after a start on this flash."""
    board = SimpleNamespace(
        FLASH={"blocks": nor.blocks, **plan}, METERING={}, NAME="b", RTC=None, TAMPER=None, WATCHDOG_MS=1000
    )
    return App(board, hal(nor, now_s))


def ask(meter: App, esv: int, epc: int, edt: bytes = b"") -> bytes:
    """Send one request of class 0x0288; returns the EDT of the answer, b"" if it is refused."""
    node = meter.broute.node
    node.receive(frame.encode(1, 0x05FF01, 0x028801, esv, [(epc, edt)]), ("udp", b"peer"), 0, False)
    [(_, data)] = list(node.to_send())
    answer = frame.decode(bytes(data))
    return bytes(answer.props[0][1])
