"""History properties over the real series: read record by record from the log, no day lies in memory."""

from echonet_talk import get, put
from fake_view import START, FakeView
from keiki.meter.history import Series
from keiki.wire import record, slots
from keiki.wire.echonet.node import Node
from ring import RingLog

DAY_S = 86400


class LoggedView(FakeView):
    """Answers history from two series, and keeps note of each read: (sequence, buffer)."""

    def __init__(self):
        super().__init__()
        self.reads = []
        self.half_hours = self._series(1800, 4 * 48)
        self.minutes = self._series(60, 600)
        self.time_s = START + 3 * DAY_S
        for series, count in ((self.half_hours, 4 * 48), (self.minutes, 600)):
            for index in range(count, -1, -1):
                utc_s = self.time_s - index * series.step_s
                if utc_s >= START and index % 50 != 20:  # no power then
                    imported, exported = self.registers(utc_s)
                    assert series.close(utc_s, record.NORMAL, imported, exported)

    def _series(self, step_s, records):
        log = RingLog(record.SIZE, records)
        read_into = log.read_into
        log.read_into = lambda *of: self.reads.append(of) or read_into(*of)
        return Series(log, step_s)

    def half_hour(self, utc_s):
        return self.half_hours.find(utc_s)

    def minute(self, utc_s):
        return self.minutes.find(utc_s)


def rows(text):
    """Counts of a day, None for no data."""
    words = [text[i : i + 8] for i in range(4, len(text), 8)]
    return [None if word == "FFFFFFFE" else int(word, 16) for word in words]


def test_a_day_is_read_record_by_record_into_one_buffer():
    view = LoggedView()
    node = Node(view)
    for day in (0, 1, 2):
        assert put(node, 0xE5, "%02X" % day)
        for epc, per_wh in ((0xE2, 1), (0xE4, 4)):
            del view.reads[:]
            counts = rows(get(node, epc))
            midnight_s = slots.jst_midnight(view.time_s, day)
            for index, count in enumerate(counts):
                utc_s = midnight_s + 1800 * index
                late = (view.time_s - utc_s) // 1800
                known = START <= utc_s <= view.time_s and late % 50 != 20
                assert count == ((utc_s - START) // per_wh if known else None), (day, index)
            buffers = {id(buffer) for _, buffer in view.reads}
            assert len(buffers) == 1 and len(view.reads[0][1]) == record.SIZE
            assert len(view.reads) <= 48 * 9, len(view.reads)


def test_windows_are_read_the_same_way():
    view = LoggedView()
    node = Node(view)
    for choice, epc, points in ((0xED, 0xEC, 12), (0xEF, 0xEE, 10)):
        assert put(node, choice, "07EA03040C00%02X" % points)
        del view.reads[:]
        text = get(node, epc)
        assert len(text) == 14 + 16 * points and "FFFFFFFE" not in text
        assert len({id(buffer) for _, buffer in view.reads}) == 1
        assert len(view.reads) == points  # nothing is missing since: each is found where it is guessed
