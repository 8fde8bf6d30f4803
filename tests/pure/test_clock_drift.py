"""What the clock learns of its crystal, and from whom."""

from clock_world import HOUR_MS, Dice
from keiki.meter.clock import HOST, RTC, SNTP, Clock
from keiki.meter.clock_drift import MAX_PPB, Drift
from keiki.wire.slots import utc_from_jst

T0 = utc_from_jst(2026, 7, 1, 12) * 1000
DAY_MS = 24 * HOUR_MS


def test_drift_is_learnt_from_an_hour_on_and_better_from_a_day_on():
    for ppm in (-100, -7, 0, 33, 100):
        dice, drift = Dice(9), Drift()
        for hour in range(49):
            now_ms = hour * HOUR_MS
            drift.learn((SNTP, "a"), T0 + now_ms * ppm // 1_000_000 + dice.between(-20, 20), now_ms)
            if hour == 0:
                assert drift.ppb == 0
            elif hour == 1:
                assert abs(drift.ppb - ppm * 1000) <= 12_000
            elif hour >= 12:
                assert abs(drift.ppb - ppm * 1000) <= 1_000


def test_a_source_that_jumped_teaches_no_drift():
    drift = Drift()
    for hour in range(30):
        drift.learn((SNTP, "a"), T0 + 50 * hour, hour * HOUR_MS)
    learnt = drift.ppb
    assert not drift.learn((SNTP, "a"), T0 + 1450 + 59_000, 30 * HOUR_MS)
    assert not drift.learn((SNTP, "b"), T0 + 30_000, 30 * HOUR_MS)
    assert drift.ppb == learnt == 50 * 1_000_000_000 // HOUR_MS
    assert not drift.learn((SNTP, "b"), T0 + 30_000, 31 * HOUR_MS), "an hour is nothing against a day"


def test_drift_stays_within_200_ppm():
    assert Drift(10**9).ppb == MAX_PPB and Drift(-(10**9)).ppb == -MAX_PPB
    drift = Drift()
    drift.learn((RTC, ""), 0, 0)
    drift.learn((RTC, ""), 721, HOUR_MS)
    assert drift.ppb == 0


def test_what_an_earlier_run_learnt_is_applied_at_once():
    ticks = [1000]
    clock = Clock(lambda: ticks[0], T0, drift_ppb=-100_000)
    ticks[0] += DAY_MS
    assert clock.utc_ms() == T0 + DAY_MS - 8640
    assert clock.drift_ppb == -100_000


def test_the_times_of_people_teach_no_drift():
    ticks = [1000]
    clock = Clock(lambda: ticks[0], T0, True)
    for by_ms in (0, 500):
        clock.offer(HOST, clock.utc_ms() + by_ms, ticks[0])
        ticks[0] += HOUR_MS
    assert clock.drift_ppb == 0
