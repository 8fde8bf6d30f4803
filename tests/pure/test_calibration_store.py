"""The calibration record: kept, applied at every start, refused whole if it cannot be."""

from check import raises
from keiki.drivers.calibration import checked
from keiki.meter.calibration import Calibration
from ring import RingLog

PHASES = [{"v_gain_ppm": 120, "p_gain_ppm": -31000}, {"i_offset_ua": -400}]
RECORD = {
    "version": 1, "phases": PHASES, "reference": "WT310E 91AB12", "date": "2026-11-24", "who": "bench",
    "temperature_c_x10": 231,
}  # fmt: skip


class Ic:
    def __init__(self, phases=2):
        self.phases = phases
        self.applied = []

    def apply(self, calibration):
        checked(calibration, self.phases)
        self.applied.append(calibration)


def test_a_stored_record_is_followed_at_once_and_at_every_start():
    ring, ic = RingLog(1008, 8), Ic()
    calibration = Calibration(ring, ic)
    assert calibration.record is None and ic.applied == []
    calibration.store(RECORD)
    assert ic.applied == [PHASES]
    again = Ic()
    assert Calibration(ring, again).record == RECORD and again.applied == [PHASES]


def test_trial_values_are_not_kept():
    ring, ic = RingLog(1008, 8), Ic()
    Calibration(ring, ic).try_out([{"phase_mdeg": 5}, {}])
    assert ic.applied == [[{"phase_mdeg": 5}, {}]] and ring.end == 0


def test_what_is_followed_now_is_told():
    ring = RingLog(1008, 8)
    calibration = Calibration(ring, Ic())
    assert calibration.followed == []
    calibration.try_out([{"phase_mdeg": 5}, {}])
    assert calibration.followed == [{"phase_mdeg": 5}, {}]
    raises(ValueError, calibration.try_out, [{"phase_mdeg": 5}])
    assert calibration.followed == [{"phase_mdeg": 5}, {}]
    calibration.store(RECORD)
    assert calibration.followed == PHASES
    assert Calibration(ring, Ic()).followed == PHASES


def test_a_record_that_flash_refuses_is_not_followed_either():
    ring, ic = RingLog(1008, 8), Ic()
    calibration = Calibration(ring, ic)

    def refuse(_data):
        raise OSError(5)

    for known in ([{}, {}], PHASES):
        append, ring.append = ring.append, refuse
        raises(OSError, calibration.store, dict(RECORD, phases=[{"v_gain_ppm": 1}, {}]))
        assert ic.applied[-1] == known and calibration.followed == known
        ring.append = append
        calibration.store(RECORD)


def test_what_cannot_be_leaves_the_record_in_force():
    ring, ic = RingLog(1008, 8), Ic()
    calibration = Calibration(ring, ic)
    calibration.store(RECORD)
    for change in (
        {"phases": [{}]}, {"phases": [{"v_gain_ppm": 10**9}, {}]}, {"version": 2}, {"who": 3}, {"date": None},
        {"temperature_c_x10": "warm"}, {"phases": 7}, {"who": "x" * 1000},
    ):  # fmt: skip
        wrong = dict(RECORD)
        wrong.update(change)
        try:
            calibration.store(wrong)
        except (ValueError, TypeError):
            continue
        raise AssertionError(change)
    assert calibration.record == RECORD and ring.end == 2
    missing = dict(RECORD)
    del missing["reference"]
    raises(KeyError, calibration.store, missing)


def test_a_record_of_another_board_is_not_followed():
    ring = RingLog(1008, 8)
    Calibration(ring, Ic()).store(RECORD)
    one = Ic(1)
    assert Calibration(ring, one).record is None and one.applied == []
