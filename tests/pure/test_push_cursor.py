"""How far the half hours have been delivered: over starts, cuts, and logs that were lost."""

from keiki.meter.kept_state import SIZE, KeptState
from keiki.meter.push_cursor import Cursor
from ring import RingLog

RECORD = bytes(20)


def series(count, capacity=100):
    log = RingLog(len(RECORD), capacity)
    for _ in range(count):
        log.append(RECORD)
    return log


def deliver(cursor, count):
    for _ in range(count):
        cursor.done(cursor.at)


def test_a_meter_that_never_delivered_begins_with_what_comes_next():
    kept, log = RingLog(SIZE, 8), series(30)
    cursor = Cursor(KeptState(kept), log)
    assert cursor.waiting == 0
    cursor.begin()
    assert (cursor.at, cursor.waiting) == (30, 0)
    log.append(RECORD)
    again = Cursor(KeptState(kept), log)
    again.begin()
    assert (again.at, again.waiting) == (30, 1)


def test_after_a_power_cut_at_most_32_come_again_and_none_is_left_out():
    for delivered in range(1, 90):
        kept, log = RingLog(SIZE, 8), series(0)
        cursor = Cursor(KeptState(kept), log)
        cursor.begin()
        for _ in range(90):
            log.append(RECORD)
        deliver(cursor, delivered)
        again = Cursor(KeptState(kept), log)
        assert delivered - 32 < again.at <= delivered


def test_what_was_delivered_last_is_kept_at_once():
    kept, log = RingLog(SIZE, 8), series(0)
    cursor = Cursor(KeptState(kept), log)
    cursor.begin()
    for _ in range(3):
        log.append(RECORD)
    deliver(cursor, 3)
    assert Cursor(KeptState(kept), log).at == 3


def test_what_has_gone_from_the_log_is_passed_over():
    kept, log = RingLog(SIZE, 8), series(0, capacity=10)
    cursor = Cursor(KeptState(kept), log)
    cursor.begin()
    for _ in range(25):
        log.append(RECORD)
    assert (cursor.at, cursor.waiting) == (15, 10)


def test_a_log_that_begins_anew_is_delivered_from_its_beginning():
    kept = RingLog(SIZE, 8)
    cursor = Cursor(KeptState(kept), series(50))
    cursor.begin()
    log = series(4)
    again = Cursor(KeptState(kept), log)
    again.begin()
    assert (again.at, again.waiting) == (0, 4)
    deliver(again, 4)
    assert (again.at, again.waiting) == (4, 0)
    assert Cursor(KeptState(kept), log).at == 4


def test_a_flash_that_refuses_costs_no_delivery():
    kept, log = RingLog(SIZE, 8), series(0)
    state = KeptState(kept)
    cursor = Cursor(state, log)
    cursor.begin()
    log.append(RECORD)

    def refuse(_data):
        raise OSError(28)

    kept.append = refuse
    deliver(cursor, 1)
    assert cursor.waiting == 0 and state.cursor == 0
