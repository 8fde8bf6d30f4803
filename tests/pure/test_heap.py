"""The heap is tidied when the first reading is there, and collected when nobody waits for an answer."""

import asyncio

from keiki.meter import heap


class World:
    """gc, hal and asyncio of a meter, in its own time; `busy` and `measured_ms` say what happens when."""

    COLLECT_MS = 1000

    def __init__(self, measured_ms=0, busy=()):
        self.now_ms = 0
        self.did = []
        self._measured_ms = measured_ms
        self._busy = busy

    def measured(self):
        return self.now_ms >= self._measured_ms

    def busy(self):
        return any(first <= self.now_ms < end for first, end in self._busy)

    def free_code(self, more):
        assert not more
        self.did.append(("free_code", self.now_ms))

    def collect(self):
        self.did.append(("collect", self.now_ms))

    def mem_free(self):
        return 100000

    def threshold(self, count):
        self.did.append(("threshold", count))

    async def sleep_ms(self, ms):
        self.now_ms += ms

    def beat(self):
        if len(self.did) >= 6:
            raise OSError

    def live(self):
        """Return what is done until three collections are over."""
        kept = heap.gc, heap.asyncio
        heap.gc = heap.asyncio = self
        try:
            asyncio.run(heap.Heap(self, self.measured, self.busy).run(self.beat))
        except OSError:
            return self.did
        finally:
            heap.gc, heap.asyncio = kept


def test_code_leaves_the_heap_when_the_first_reading_is_there():
    did = World(measured_ms=200).live()
    assert did[:3] == [("free_code", 200), ("collect", 200), ("threshold", 75000)]
    assert did[3:] == [("collect", 1200), ("collect", 2200), ("collect", 3200)]


def test_a_chip_that_never_answers_is_waited_for_a_second():
    assert World(measured_ms=1 << 30).live()[0] == ("free_code", 1000)


def test_a_request_that_is_under_way_is_not_stopped():
    did = World(busy=[(900, 1090)]).live()
    assert did[3:] == [("collect", 1090), ("collect", 2090), ("collect", 3090)]


def test_a_line_that_is_always_busy_does_not_put_it_off_for_ever():
    did = World(busy=[(0, 1 << 30)]).live()
    assert did[3:] == [("collect", 1500), ("collect", 3000), ("collect", 4500)]
