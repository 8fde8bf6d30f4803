"""What a start reads of a full flash before the first request is answered: little, however full it is."""

import random
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in ("tests/pure", "firmware"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))

from keiki.meter import app, eventlog  # noqa: E402
from keiki.meter.eventlog import EventLog  # noqa: E402
from keiki.meter.store import Store  # noqa: E402
from keiki.wire import record  # noqa: E402
from keiki.wire.echonet import frame  # noqa: E402
from nor import Nor  # noqa: E402

NOW_S = 1_767_236_400  # 2026-01-01 12:00 JST
PLANS = {64: 100, 256: 400}


class Ic:
    """No metering yet: the start is what is measured."""

    ignored = ()
    stats = None


class App(app.App):
    """The meter without a chip."""

    def _metering_ic(self, board: Any) -> Ic:
        self.ic = Ic()
        return self.ic


def hal(nor: Nor) -> Any:
    """The hardware of a start ten seconds after the newest checkpoint."""
    return SimpleNamespace(
        flash=lambda _blocks: nor,
        settings_object=dict,
        ticks_ms=lambda: 0,
        rtc_utc_ms=lambda: (NOW_S + 10) * 1000,
        reset_cause=lambda: 0,
        unique_id=lambda: b"boottest",
        Watchdog=lambda limit_ms: SimpleNamespace(limit_ms=limit_ms, feed=lambda: None),
        report=print,
        restart=lambda: None,
    )


def fill(nor: Nor, plan: dict[str, int]) -> None:
    """Fill every log to its end and beyond; the newest events are of one kind that a start does not write."""
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
    for _ in range(430):
        events.add(eventlog.SETTING_CHANGED)
    for index in range(200):
        record.pack_into(row, NOW_S - 2000 + index * 10, 0, 5_000_000_000, 1_700_000_000)
        store.checkpoints.append(bytes(row) + struct.pack("<i", dice.randrange(1000)))


@pytest.mark.parametrize("blocks", PLANS)
def test_a_start_reads_less_than_a_fiftieth_of_the_region(blocks: int) -> None:
    plan = {"page": 1, "days": PLANS[blocks], "minute_days": 2}
    nor = Nor(blocks)
    fill(nor, plan)
    board = SimpleNamespace(FLASH={"blocks": blocks, **plan}, RTC=None, TAMPER=None, WATCHDOG_MS=1000)
    meter = App(board, hal(nor))
    node = meter.broute.node
    read = {"start": meter.store.flash.bytes_read}
    for esv, epc, edt in ((0x62, 0xE0, b""), (0x60, 0xE5, b"\0"), (0x62, 0xE2, b"")):
        node.receive(frame.encode(1, 0x05FF01, 0x028801, esv, [(epc, edt)]), ("udp", b"peer"), 0, False)
        if esv == 0x60:
            continue
        [(_, data)] = list(node.to_send())
        answer = frame.decode(bytes(data))
        assert answer.esv == 0x72 and len(answer.props[0][1]) == {0xE0: 4, 0xE2: 194}[epc]
        if epc == 0xE2:
            assert answer.props[0][1][2 : 2 + 25 * 4].count(b"\xff\xff\xff\xfe") == 0
        read[f"{epc:X}"] = meter.store.flash.bytes_read
    size = blocks * 4096
    print(
        f"boot: {size // 1024} KiB, {PLANS[blocks]} days: {read['E0']:,} bytes ({read['E0'] / size:.2%}) "
        f"from power-on to the answer to E0, {read['E2']:,} ({read['E2'] / size:.2%}) to that to E2"
    )
    assert read["E0"] < size / 50
