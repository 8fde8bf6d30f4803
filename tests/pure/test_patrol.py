"""The patrol: what went bad in a sound block is found, told once; what a power cut burnt is nothing."""

import asyncio

from keiki.drivers.filelog import FileLog, Files
from keiki.drivers.flashlog import Flash, Log
from keiki.meter.patrol import AT_ONCE, EVERY_MS, Patrol
from nor import INSIDE, Nor
from test_filelog import Memory
from test_flashlog import record


class Store:
    """One log or two."""

    def __init__(self, flash, *logs):
        self.flash = flash
        self._logs = logs

    def logs(self):
        return self._logs


def told(store):
    """What one round says, and after how many pauses it ends."""
    said = []
    pauses = len(list(Patrol(store, lambda *note: said.append(note)).round()))
    return said, pauses


def filled(nor, count):
    flash = Flash(nor, nor.page)
    log = Log(flash, 3, 21, 4)
    for n in range(count):
        log.append(record(n))
    return Store(flash, log), log


def test_records_that_went_bad_are_told_in_rows_and_not_twice():
    nor = Nor(16, 512)
    store, log = filled(nor, 80)
    assert told(store) == ([], 80 // AT_ONCE)
    for sequence in (20, 21, 22, 23, 79):
        block = log._order[log._find(sequence)]
        nor.flip(block * 512 + 40 + (sequence - log._flash.firsts[block]) * 21 + 2, 1)
    log._has = -1
    assert told(store)[0] == [("records", 3, 20, 24), ("records", 3, 79, 80)]
    assert store.flash.lost == [("records", 3, 20, 24), ("records", 3, 79, 80)]
    assert told(store)[0] == []


def test_what_a_power_cut_burnt_is_not_lost():
    for seed in range(30):
        nor = Nor(16, 512, 1, seed)
        for at in range(40, 60):
            nor.cut_at, nor.cut_how = nor.ops + at % 7, INSIDE
            try:
                filled(nor, 9)
            except OSError:
                assert nor.dead
            nor = nor.reboot()
        store, _ = filled(nor, 3)
        assert told(store)[0] == [], seed


def test_sixteen_notes_are_enough():
    nor = Nor(16, 512)
    store, log = filled(nor, 80)
    for sequence in range(0, 80, 2):
        block = log._order[log._find(sequence)]
        nor.flip(block * 512 + 40 + (sequence - log._flash.firsts[block]) * 21 + 2, 1)
    assert len(told(store)[0]) == 16 and len(store.flash.lost) == 16
    assert told(store)[0] == []


def test_corrupt_records_in_files_are_told_too():
    system = Memory()
    files = Files(system, "")
    log = FileLog(files, 3, 500, 3)
    for n in range(20):
        log.append(record(n))
    assert told(Store(files, log))[0] == []
    path = files.path(3, 8)
    content = bytearray(system.content[path])
    content[500 + 3] ^= 1
    system.content[path] = bytes(content)
    log = FileLog(Files(system, ""), 3, 500, 3)
    assert told(Store(log._files, log))[0] == [("records", 3, 9, 10)]


def test_it_rests_a_minute_between_its_looks():
    nor = Nor(16, 512)
    store, _ = filled(nor, 80)
    slept = []

    class _Enough(Exception):
        pass

    async def sleep_ms(ms):
        slept.append(ms)
        if len(slept) == 5:
            raise _Enough

    before = getattr(asyncio, "sleep_ms", None)
    asyncio.sleep_ms = sleep_ms
    try:
        asyncio.run(Patrol(store, None).run(lambda: None))
    except _Enough:
        pass
    finally:
        if before is None:
            del asyncio.sleep_ms
        else:
            asyncio.sleep_ms = before
    assert slept == [EVERY_MS] * 5
