"""Checkpoints and what a start makes of them: registers never go down, and a set register counts."""

from check import raises
from keiki.meter import checkpoints as cp
from keiki.meter.checkpoints import Checkpoints, restore
from keiki.meter.history import History
from keiki.meter.registers import Registers
from keiki.wire import record
from ring import RingLog

T0 = 1767193200  # 2026-01-01 00:00:00 JST


class Desk:
    """The logs of a meter; each `start` is one after a power cut."""

    def __init__(self):
        self.logs = RingLog(record.SIZE, 100), RingLog(record.SIZE, 2000), RingLog(cp.SIZE, 50)
        self.start()

    def start(self, **kwargs):
        self.history = History(*self.logs[:2])
        self.checkpoints = Checkpoints(self.logs[2])
        self.kept = restore(self.checkpoints, self.history)
        if self.kept is not None:
            kwargs.update(import_wh_x1000=self.kept[1], export_wh_x1000=self.kept[2], generation=self.kept[3])
        self.registers = Registers(self.history, self.checkpoints, **kwargs)
        return self

    def run(self, start_s, seconds, gain=10):
        for second in range(start_s, start_s + seconds):
            self.registers.advance((T0 + second) * 1000, gain)


def test_a_new_meter_has_nothing_to_go_on_from():
    assert Desk().kept is None


def test_a_power_cut_costs_what_came_after_the_newest_checkpoint():
    desk = Desk()
    desk.run(5, 97)
    assert desk.registers.import_wh_x1000 == 970
    desk.start()
    # checkpoints at 5, 15 .. 95 s; the minute at 60 s is older
    assert desk.kept == (T0 + 95, 910, 0, 0, 0)


def test_a_checkpoint_is_taken_with_the_first_reading_and_then_every_interval():
    desk = Desk()
    desk.start(checkpoint_s=60)
    desk.run(0, 301)
    assert desk.logs[2].end == 6


def test_a_clock_that_jumps_does_not_stop_checkpoints():
    desk = Desk()
    desk.run(7200, 10)
    desk.run(0, 30)
    assert desk.logs[2].end >= 4


def test_a_slot_that_closed_after_the_newest_checkpoint_counts():
    desk = Desk()
    desk.start(checkpoint_s=3600)
    desk.run(1795, 6)
    desk.start()
    assert desk.kept[:3] == (T0 + 1795, 60, 0)


def test_without_checkpoints_the_slots_tell():
    desk = Desk()
    desk.run(0, 4000)
    desk.logs = (desk.logs[0], desk.logs[1], RingLog(cp.SIZE, 50))
    desk.start()
    assert desk.kept[:3] == (T0 + 3960, 39610, 0)


def test_a_register_that_was_set_lower_stays_lower_and_the_slots_before_stay_too():
    desk = Desk()
    desk.run(0, 1801)
    before = desk.history.half_hours.find(T0 + 1800)
    assert desk.registers.set(False, 5000, (T0 + 1801) * 1000) == 18010
    desk.start()
    assert desk.kept[1:4] == (5000, 0, 1)
    desk.run(1802, 60)
    assert desk.start().kept[1] > 5000
    assert desk.history.half_hours.find(T0 + 1800) == before


def test_generations_go_round():
    assert record.is_newer(0, 65535) and not record.is_newer(65535, 0) and not record.is_newer(3, 3)


def test_a_register_that_flash_refuses_is_not_set():
    desk = Desk()
    desk.run(0, 3)

    def refuse(_data):
        raise OSError(5)

    desk.logs[2].append = refuse
    raises(OSError, desk.registers.set, True, 1, T0 * 1000)
    assert desk.registers.export_wh_x1000 == 0 and desk.registers.generation == 0
    desk.run(3, 30)
    assert desk.registers.import_wh_x1000 == 330 and desk.checkpoints.failed >= 3


def test_what_the_clock_learnt_is_kept():
    desk = Desk()
    desk.checkpoints.drift_ppb = lambda: -98765
    desk.run(0, 1)
    assert desk.start().kept[4] == -98765
