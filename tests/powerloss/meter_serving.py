"""What a meter says after a start, and what it serves: exactly what its history holds."""

import random
import struct
from typing import Any

from echonet_talk import get, put
from keiki.meter import eventlog
from keiki.meter import store as stores
from keiki.wire import record
from keiki.wire.echonet.energy import UNITS_WH_X1000
from keiki.wire.slots import jst, jst_midnight
from keiki.wire.sntp import MIN_UTC_MS

NO_DATA = 0xFFFFFFFE
JUMP_MS = 60_000
_EVENT = struct.Struct("<IBBHqq")


def decoded(payload: bytes) -> tuple[int, ...]:
    """Return (utc_s, kind, source, count, before, after) of an event's record."""
    return _EVENT.unpack_from(payload)


def check_start(world: Any) -> None:
    """Hold the events of this start against what they must be, and the order of all against their counts."""
    app, past = world.app, newest_time(world)
    wanted = []
    if past is not None and not world.cause:
        wanted.append((past, eventlog.POWER_DOWN, 0))
    kept_ms = MIN_UTC_MS if past is None else past * 1000
    rtc_ms = None if world.rtc_off_ms is None else world.true_ms + world.rtc_off_ms
    refused = rtc_ms is not None and rtc_ms - kept_ms <= -JUMP_MS
    if rtc_ms is None or refused:
        now_s = kept_ms // 1000
        assert app.clock.unsure and app.clock.utc_ms() == kept_ms
    else:
        now_s = rtc_ms // 1000
        assert not app.clock.unsure and app.clock.utc_ms() == rtc_ms
    if rtc_ms is not None:
        wanted.append((now_s, eventlog.CLOCK_REFUSED if refused else eventlog.CLOCK_SET, 1))
    wanted.append((now_s, eventlog.POWER_UP, world.cause))
    if app.clock.unsure:
        wanted.append((now_s, eventlog.CLOCK_UNSURE, 0))
    said = [event[:3] for event in world.events if (event[1], event[2]) != (eventlog.FLASH_LOST, 0)]
    assert said == wanted, (said, wanted)
    counts = [0] * len(eventlog.NAMES)
    for block in world.blocks[stores.EVENTS]:
        for sequence in sorted(block.found):
            event = decoded(block.found[sequence])
            if event[1] == 255:  # the counts so far
                continue
            assert event[3] > counts[event[1]], "events out of order"
            counts[event[1]] = event[3]


def newest_time(world: Any) -> int | None:
    """Return the UTC seconds of the newest checkpoint that was found, else of the newest slot, else None."""
    for block in reversed(world.blocks[stores.CHECKPOINTS]):
        if block.last:
            return record.time_of(block.last)
    slots = [utc_s for kind in (stores.HALF_HOURS, stores.MINUTES) for utc_s in newest_slot(world, kind)]
    return max(slots, default=None)


def newest_slot(world: Any, kind: int) -> list[int]:
    """Return the time of the newest slot, in a list that may be empty."""
    return [record.time_of(block.last) for block in world.blocks[kind] if block.last][-1:]


def serve(world: Any, chance: random.Random, days: bool = True) -> None:
    """Ask for registers, history and live values over the B-route; all must be what flash has."""
    app = world.app
    node, settings, now_s = app.broute.node, app.settings, app.clock.utc_s()
    scale = UNITS_WH_X1000[settings.unit] * (settings.coefficient or 1)
    wrap = 10**settings.digits
    peer = ("udp4", "hems%d" % chance.randrange(4))

    def count(wh_x1000: int) -> str:
        return "%08X" % (wh_x1000 // scale % wrap)

    def pair(row: Any) -> str:
        return "%08X" % NO_DATA * 2 if row is None else count(row[0]) + count(row[1])

    assert get(node, 0xE0) == count(app.registers.import_wh_x1000)
    assert get(node, 0xE3) == count(app.registers.export_wh_x1000)
    row = world.newest(stores.HALF_HOURS)
    for epc, direction in ((0xEA, 1), (0xEB, 2)):
        if row is None:
            assert get(node, epc)[14:] == "%08X" % NO_DATA
        else:
            assert get(node, epc) == stamp(row[0]) + count(row[direction])
    row = world.newest(stores.MINUTES)
    answer = get(node, 0xD0)
    assert answer[14:] == pair(None) if row is None else answer == stamp(row[0]) + pair(row[1:]), (
        row,
        answer,
    )

    for choice, epc, kind, step_s, most in (
        (0xED, 0xEC, stores.HALF_HOURS, 1800, 12),
        (0xEF, 0xEE, stores.MINUTES, 60, 10),
    ):
        utc_s = now_s // step_s * step_s - chance.randrange(3 * most) * step_s
        points = chance.randrange(1, most + 1)
        window = stamp(utc_s)[:12] + "%02X" % points
        assert put(node, choice, window, peer=peer)
        wanted = window + "".join(pair(world.known(kind, utc_s - i * step_s)) for i in range(points))
        assert get(node, epc, peer=peer) == wanted, hex(epc)

    if not days:
        return
    day = chance.choice((0, 0, 1, 2, chance.randrange(100)))
    assert put(node, 0xE5, "%02X" % day, peer=peer)
    start_s = jst_midnight(now_s, day)
    epc, direction = chance.choice(((0xE2, 0), (0xE4, 1)))
    wanted = "%04X" % day
    for utc_s in range(start_s, start_s + 86400, 1800):
        row = world.known(stores.HALF_HOURS, utc_s) if utc_s <= now_s else None
        wanted += "%08X" % NO_DATA if row is None else count(row[direction])
    assert get(node, epc, peer=peer) == wanted, (epc, day)


def stamp(utc_s: int) -> str:
    """Return a time as EA has it: year, month, day, hour, minute, second."""
    year, *rest = jst(utc_s)
    return "%04X" % year + "".join("%02X" % part for part in rest)
