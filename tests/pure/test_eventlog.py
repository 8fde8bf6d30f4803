"""The event log: order, counters over a restart, storms, a flash that refuses."""

from keiki.meter import eventlog
from keiki.meter.eventlog import SIZE, EventLog
from ring import RingLog


class Desk:
    """An event log on a ring of 16, at a time that the test sets."""

    def __init__(self, ring=None):
        self.now_s = 1767193200
        self.ring = ring or RingLog(SIZE, 16)
        self.log = EventLog(self.ring, lambda: self.now_s)


def test_events_come_back_newest_first_with_all_they_hold():
    desk = Desk()
    desk.log.add(eventlog.POWER_UP, 2, 5)
    desk.now_s += 10
    desk.log.add(eventlog.CLOCK_SET, 1, 1767193200123, -5)
    found = list(desk.log.newest(10))
    assert found == [
        (1767193210, eventlog.CLOCK_SET, 1, 1, 1767193200123, -5),
        (1767193200, eventlog.POWER_UP, 2, 1, 5, 0),
    ]


def test_counts_go_on_after_a_restart():
    desk = Desk()
    for _ in range(3):
        desk.log.add(eventlog.CLOCK_SET)
    desk.log.add(eventlog.TAMPER)
    again = Desk(desk.ring)
    again.log.add(eventlog.CLOCK_SET)
    assert again.log.counts[eventlog.CLOCK_SET] == 4
    assert again.log.all_counts() == {"clock_set": 4, "tamper": 1}


def test_a_start_reads_back_only_to_the_newest_counts():
    desk = Desk(RingLog(SIZE, 500))
    desk.log.add(eventlog.TAMPER)
    for _ in range(400):
        desk.log.add(eventlog.REGISTER_SET)
    again = Desk(desk.ring)
    reads = []
    read_into = desk.ring.read_into
    desk.ring.read_into = lambda *of: reads.append(of[0]) or read_into(*of)
    again.log.add(eventlog.POWER_UP)
    assert len(reads) <= 19
    assert again.log.all_counts() == {"tamper": 1, "register_set": 400, "power_up": 1}
    events = [event[3] for event in again.log.newest(1000)]
    assert events[0] == 1 and len(events) >= 400
    assert events[1:] == list(range(400, 400 - len(events) + 1, -1))


def test_counts_outlive_the_events_they_count():
    desk = Desk()
    for _ in range(3):
        desk.log.add(eventlog.TAMPER)
        desk.now_s += 86400
    for _ in range(100):
        desk.log.add(eventlog.CLOCK_SET)
    assert Desk(desk.ring).log.all_counts() in ({"tamper": 3, "clock_set": 100}, {"clock_set": 100})
    whole = Desk(RingLog(SIZE, 70))
    whole.log.add(eventlog.TAMPER)
    for _ in range(700):
        whole.log.add(eventlog.CLOCK_SET)
    assert Desk(whole.ring).log.all_counts() == {"tamper": 1, "clock_set": 700}


def test_counts_cut_in_the_middle_are_made_good_by_the_events():
    desk = Desk(RingLog(SIZE, 500))
    for _ in range(10):
        desk.log.add(eventlog.CLOCK_SET)
    desk.log.add(eventlog.REGISTER_SET)
    append = desk.ring.append
    left = [2]

    def cut(data):
        if not left[0]:
            raise OSError(5)
        left[0] -= 1
        return append(data)

    desk.ring.append = cut
    desk.log.add(eventlog.REGISTER_SET)
    assert desk.log.failed == 1 and desk.ring.end == 13
    assert Desk(desk.ring).log.all_counts() == {"clock_set": 10, "register_set": 2}


def test_an_event_may_be_of_an_earlier_time():
    desk = Desk()
    desk.log.add(eventlog.POWER_DOWN, utc_s=1767190000)
    assert next(desk.log.newest(1))[0] == 1767190000


def test_a_storm_is_written_after_a_minute_with_its_number():
    desk = Desk()
    desk.log.add(eventlog.CLOCK_SET)
    for _ in range(1000):
        desk.log.add(eventlog.AUTHENTICATION_FAILED)
    assert desk.ring.end == 2
    desk.now_s += 60
    desk.log.add(eventlog.AUTHENTICATION_FAILED)
    newest = next(desk.log.newest(1))
    assert newest[1] == eventlog.AUTHENTICATION_FAILED and newest[3] == 1001 and newest[5] == 1000
    assert [event[1] for event in desk.log.newest(9)][-1] == eventlog.CLOCK_SET


def test_a_storm_of_a_month_leaves_most_of_the_log_to_others():
    desk = Desk(RingLog(SIZE, 500))
    desk.log.add(eventlog.REGISTER_SET)
    for _ in range(30 * 24 * 60):
        desk.log.add(eventlog.AUTHENTICATION_FAILED)
        desk.now_s += 60
    events = len(list(desk.log.newest(500)))
    assert events <= 41 and desk.ring.end <= events * 5 // 4, (events, desk.ring.end)
    assert desk.log.counts[eventlog.AUTHENTICATION_FAILED] == 43200


def test_after_two_quiet_minutes_the_next_of_a_kind_is_written_at_once():
    desk = Desk()
    for _ in range(3):
        assert desk.log.add(eventlog.TAMPER)
        desk.now_s += 120


def test_a_clock_set_back_does_not_silence_events():
    desk = Desk()
    desk.log.add(eventlog.TAMPER)
    desk.now_s -= 86400
    assert desk.log.add(eventlog.TAMPER)


def test_rare_kinds_are_never_held_back():
    desk = Desk()
    for _ in range(5):
        assert desk.log.add(eventlog.REGISTER_SET)
    assert desk.ring.end == 5


def test_a_flash_that_refuses_is_counted_and_harms_nothing():
    desk = Desk()

    def refuse(_data):
        raise OSError(5)

    desk.ring.append = refuse
    assert not desk.log.add(eventlog.TAMPER)
    assert desk.log.failed == 1


def test_every_kind_has_a_name():
    kinds = [
        getattr(eventlog, name)
        for name in dir(eventlog)
        if name.isupper() and name[0] != "_" and name not in ("SIZE", "NAMES")
    ]
    assert sorted(kinds) == list(range(1, len(eventlog.NAMES)))


def test_a_sequence_that_is_not_held_is_no_event():
    desk = Desk()
    assert desk.log.read(0) is None
    for _ in range(20):
        desk.log.add(eventlog.CLOCK_SET)
    oldest = desk.log.oldest
    assert oldest > 0 and desk.log.read(oldest - 1) is None
    assert [desk.log.read(oldest + n) for n in range(3)] != [None] * 3
