"""Invocation counters over power cuts, lost records and flash that refuses."""

from check import raises
from keiki.drivers.flashlog import Flash, Log
from keiki.meter.counters import CLIENTS, RX_AHEAD, SIZE, TX_AHEAD, Counters
from nor import Nor

MANAGEMENT, READER, RECEIVER = CLIENTS
KIND = 7
TOP = 0xFFFFFFFF


def log_on(device):
    return Log(Flash(device, device.page), KIND, SIZE + 4, 2, "slow")


def first(_below):
    return 5000


def never(_below):
    raise AssertionError("asked for a random number")


class ListLog:
    """Records in a list; None is one that cannot be read. `full`: it refuses more."""

    oldest = 0

    def __init__(self):
        self.records = []
        self.full = False

    @property
    def end(self):
        return len(self.records)

    def append(self, record):
        if self.full:
            raise OSError(28)
        self.records.append(bytes(record))

    def read_into(self, sequence, buffer):
        if self.records[sequence] is None:
            return False
        buffer[:] = self.records[sequence]
        return True


def test_a_new_meter_begins_at_a_random_number_and_counts_on():
    log = ListLog()
    counters = Counters(log, first)
    assert [counters.next_tx() for _ in range(3)] == [5001, 5002, 5003]
    assert counters.tx == 5003
    assert len(log.records) == 1
    assert all(counters.last_rx(client) == 0 for client in CLIENTS)


def test_a_step_of_ours_costs_one_record():
    log = ListLog()
    counters = Counters(log, first)
    for _ in range(3 * TX_AHEAD):
        counters.next_tx()
    assert len(log.records) == 3


def test_a_start_goes_on_behind_what_was_reserved():
    log = ListLog()
    counters = Counters(log, first)
    counters.accept_rx(MANAGEMENT, 10)
    last = counters.next_tx()
    again = Counters(log, never)
    assert again.next_tx() == last + TX_AHEAD
    assert again.last_rx(MANAGEMENT) == 10 + RX_AHEAD
    assert not again.accept_rx(MANAGEMENT, 10 + RX_AHEAD)
    assert again.accept_rx(MANAGEMENT, 11 + RX_AHEAD)
    assert again.last_rx(READER) == 0


def test_the_counters_of_a_client_only_rise_and_are_its_own():
    counters = Counters(ListLog(), first)
    assert not counters.accept_rx(MANAGEMENT, 0)
    for counter in (1, 2, 100, 5000):
        assert counters.accept_rx(MANAGEMENT, counter)
        for old in (counter, counter - 1, 0):
            assert not counters.accept_rx(MANAGEMENT, old)
        assert counters.last_rx(MANAGEMENT) == counter
    assert counters.accept_rx(READER, 1)
    assert counters.accept_rx(RECEIVER, 1)
    raises(ValueError, counters.accept_rx, 16, 1)


def test_a_request_that_was_taken_can_be_answered_without_flash():
    log = ListLog()
    counters = Counters(log, first)
    for request in range(1, 2000):
        log.full = False
        assert counters.accept_rx(MANAGEMENT, request)
        log.full = True
        for _ in range(2):
            counters.next_tx()


def test_flash_that_refuses_gives_nothing_and_takes_nothing():
    log = ListLog()
    log.full = True
    counters = Counters(log, first)
    raises(OSError, counters.next_tx)
    raises(OSError, counters.accept_rx, MANAGEMENT, 7)
    assert counters.last_rx(MANAGEMENT) == 0 and counters.tx == 5000
    log.full = False
    assert counters.accept_rx(MANAGEMENT, 7)
    assert counters.next_tx() == 5001


def test_newest_records_that_are_lost_cost_a_step_each():
    log = ListLog()
    counters = Counters(log, first)
    counters.accept_rx(READER, 1)
    for _ in range(5 * TX_AHEAD):
        last = counters.next_tx()
    log.records[-1] = log.records[-2] = None
    again = Counters(log, never)
    assert last < again.next_tx() <= last + 2 * TX_AHEAD
    assert again.last_rx(READER) == 1 + 3 * RX_AHEAD


def test_a_log_in_which_all_is_lost_begins_anew():
    log = ListLog()
    counters = Counters(log, first)
    counters.next_tx()
    log.records[0] = None
    assert Counters(log, lambda below: below - 1).next_tx() == 1 << 30


def test_doubt_about_a_block_skips_as_many_steps_as_a_block_has_records():
    log = ListLog()
    log.slots = 169
    counters = Counters(log, first)
    last = counters.next_tx()
    assert Counters(log, never, doubt=True).next_tx() == last + 170 * TX_AHEAD


def test_the_last_counters_are_not_passed():
    log = ListLog()
    counters = Counters(log, lambda _below: TOP - 20)
    given = []
    while True:
        try:
            given.append(counters.next_tx())
        except OSError:
            break
    assert given == list(range(TOP - 19, TOP + 1))[: len(given)] and len(given) >= 12
    raises(OSError, Counters(log, never).next_tx)
    counters = Counters(ListLog(), first)
    assert counters.accept_rx(MANAGEMENT, TOP)
    assert not counters.accept_rx(MANAGEMENT, TOP) and not counters.accept_rx(MANAGEMENT, TOP + 1)
    assert counters.last_rx(MANAGEMENT) == TOP


def test_no_power_cut_makes_a_counter_come_twice():
    for seed in range(12):
        device = Nor(blocks=8, page=256 if seed & 1 else 1, seed=seed)
        state = seed * 7919 + 1
        highest_tx = 0
        highest_rx = [0, 0, 0]
        for _ in range(60):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            device.cut_at = device.ops + 1 + (state >> 10) % 9
            device.cut_how = (state >> 20) % 3
            try:
                log = log_on(device)
                counters = Counters(log, first)
                while True:
                    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
                    at = (state >> 8) % 3
                    wanted = counters.last_rx(CLIENTS[at]) + 1 + (state >> 12) % 100
                    assert wanted > highest_rx[at], "a replay would be taken"
                    if counters.accept_rx(CLIENTS[at], wanted):
                        highest_rx[at] = wanted
                    for _ in range((state >> 20) % 400):
                        given = counters.next_tx()
                        assert given > highest_tx, (seed, given, highest_tx)
                        highest_tx = given
            except OSError:
                assert device.dead
            device = device.reboot(move=True)
        assert highest_tx > 20000
