"""The clock: exact, monotone, moved by those only who may move it."""

from clock_world import HOUR_MS, Dice
from keiki.meter.clock import (
    HEADEND,
    HELD,
    HOST,
    REFUSED,
    RTC,
    SET,
    SLEW,
    SNTP,
    SNTP_AHEAD_MS,
    STEP,
    WAITING,
    Clock,
)
from keiki.wire.slots import utc_from_jst

T0 = utc_from_jst(2026, 7, 1, 12) * 1000
DAY_MS = 24 * HOUR_MS


class Bench:
    def __init__(self, utc_ms=T0, **kwargs):
        self.ticks = 1000
        self.events = []
        self.clock = Clock(lambda: self.ticks, utc_ms, **kwargs)
        self.clock.on_event = lambda *event: self.events.append(event)

    def offer(self, source, by_ms, name=""):
        return self.clock.offer(source, self.clock.utc_ms() + by_ms, self.ticks, name)


def test_a_clock_that_nobody_disciplines_counts_ticks():
    bench = Bench()
    for _ in range(50):
        bench.ticks += 86_399_999
        assert bench.clock.utc_ms() == T0 + bench.ticks - 1000
    assert bench.clock.utc_s() == bench.clock.utc_ms() // 1000
    assert bench.clock.unsure and bench.clock.age_s() is None and not bench.clock.disciplined


def test_a_small_offset_is_slewed_at_500_ppm_and_then_is_gone():
    for by_ms in (7000, -7000):
        bench = Bench(sure=True)
        assert bench.offer(SNTP, by_ms, "a") == SLEW
        assert bench.clock.utc_ms() == T0
        bench.ticks += 2_000_000
        assert bench.clock.utc_ms() == T0 + 2_000_000 + by_ms // 7
        assert bench.clock.slew_ms == by_ms * 6 // 7
        bench.ticks += 12_000_000
        assert bench.clock.utc_ms() == T0 + 14_000_000 + by_ms
        bench.ticks += 1_000_000
        assert bench.clock.utc_ms() == T0 + 15_000_000 + by_ms
        assert bench.clock.slew_ms == 0
        assert bench.events == [(SLEW, T0, T0 + by_ms, SNTP)]


def test_a_slew_below_two_seconds_is_no_event_and_one_that_goes_on_is_none_either():
    bench = Bench(sure=True)
    bench.offer(SNTP, 1999, "a")
    assert bench.events == []
    bench.offer(SNTP, -30_000, "a")
    assert [event[0] for event in bench.events] == [SLEW]
    for _ in range(5):
        bench.ticks += HOUR_MS
        bench.offer(SNTP, bench.clock.slew_ms + 15, "a")
    assert len(bench.events) == 1


def test_time_never_goes_back_and_never_runs_more_than_700_ppm_off_whatever_small_is_offered():
    dice = Dice(3)
    for drift_ppb in (-200_000, 0, 200_000):
        bench = Bench(sure=True, drift_ppb=drift_ppb)
        for _ in range(300):
            before_ms, before = bench.clock.utc_ms(), bench.ticks
            bench.offer(SNTP, dice.between(-59_000, 59_000), "abc"[dice.between(0, 2)])
            assert bench.clock.utc_ms() == before_ms
            bench.ticks += dice.between(1, 3_000)
            passed = bench.ticks - before
            # a thousandth of what passed, and one for rounding
            assert abs(bench.clock.utc_ms() - before_ms - passed) <= passed * 7 // 10_000 + 1
            assert bench.clock.utc_ms() >= before_ms


def test_no_fraction_of_a_millisecond_is_lost_however_often_the_clock_is_offered_its_own_time():
    bench = Bench(sure=True, drift_ppb=12_345)
    for _ in range(3000):
        bench.ticks += 7
        bench.offer(HEADEND, 0)
    assert bench.clock.utc_ms() == T0 + 21_000 + 21_000 * 12_345 // 10**9


def test_the_wait_for_the_next_minute_ends_on_it_whichever_way_the_clock_is_slewed():
    for drift_ppb in (-200_000, -1, 0, 1, 200_000):
        for by_ms in (-50_000, 0, 50_000):
            for period_ms in (1000, 60_000, 1_800_000):
                bench = Bench(sure=True, drift_ppb=drift_ppb)
                bench.offer(HEADEND, by_ms)
                due_ms = T0
                for _ in range(20):
                    wait_ms = bench.clock.ms_to_next(period_ms)
                    assert wait_ms >= 1
                    due_ms += period_ms
                    bench.ticks += wait_ms - 1
                    assert bench.clock.utc_ms() < due_ms
                    bench.ticks += 1
                    assert due_ms <= bench.clock.utc_ms() <= due_ms + 1


# -- who may set it ------------------------------------------------------------------------------------


def test_one_trusted_rtc_sets_an_unsure_clock():
    bench = Bench()
    assert bench.offer(RTC, 5 * DAY_MS) == SET
    assert not bench.clock.unsure and bench.clock.age_s() == 0
    assert bench.events == [(SET, T0, T0 + 5 * DAY_MS, RTC)]


def test_an_rtc_that_is_behind_the_meters_own_records_is_not_believed():
    bench = Bench()
    assert bench.offer(RTC, -60_000) == REFUSED
    assert bench.clock.unsure
    assert bench.events == [(REFUSED, T0, T0 - 60_000, RTC)]
    assert bench.offer(SNTP, -60_500, "a") == SET, "a server says the same: it is the records that are ahead"


def test_one_server_alone_does_not_set_an_unsure_clock_however_often_it_says_so():
    bench = Bench()
    for _ in range(5):
        assert bench.offer(SNTP, 90_000, "a") == WAITING
        bench.ticks += 1000
    assert bench.clock.unsure and bench.events == []


def test_two_servers_that_agree_set_an_unsure_clock():
    for apart_ms, result in ((2000, SET), (-2000, SET), (2001, WAITING), (-2001, WAITING)):
        bench = Bench()
        assert bench.offer(SNTP, 90_000, "a") == WAITING
        bench.ticks += 30_000
        assert bench.offer(SNTP, 90_000 + apart_ms, "b") == result
        assert bench.clock.unsure == (result == WAITING)


def test_what_a_server_said_more_than_ten_minutes_ago_seconds_nothing():
    bench = Bench()
    bench.offer(SNTP, 90_000, "a")
    bench.ticks += 600_001
    assert bench.offer(SNTP, 90_000, "b") == WAITING
    bench.ticks += 600_000
    assert bench.offer(SNTP, 90_000, "a") == SET


def test_who_is_authenticated_sets_and_moves_the_clock_alone():
    for source in (HEADEND, HOST):
        bench = Bench()
        assert bench.offer(source, -DAY_MS) == SET
        assert bench.offer(source, 60_000) == STEP
        assert bench.offer(source, -60_000) == STEP
        assert bench.offer(source, 59_999) == SLEW
        assert [event[0] for event in bench.events] == [SET, STEP, STEP, SLEW]


def test_a_jump_of_a_sure_clock_needs_two_servers():
    for by_ms in (60_000, -60_100, 3 * DAY_MS, -3 * DAY_MS):
        bench = Bench(sure=True)
        assert bench.offer(SNTP, by_ms, "a") == REFUSED
        assert bench.clock.utc_ms() == T0
        assert bench.offer(SNTP, by_ms + 40, "b") == STEP
        assert bench.clock.utc_ms() == T0 + by_ms + 40
        assert bench.events == [(REFUSED, T0, T0 + by_ms, SNTP), (STEP, T0, T0 + by_ms + 40, SNTP)]


def test_an_rtc_seconds_a_server():
    bench = Bench(sure=True)
    assert bench.offer(RTC, 100_000) == REFUSED
    assert bench.offer(SNTP, 100_900, "a") == STEP


def test_a_server_that_came_to_reason_is_no_witness_any_more():
    bench = Bench(sure=True)
    assert bench.offer(SNTP, DAY_MS, "a") == REFUSED
    assert bench.offer(SNTP, 10, "a") == SLEW
    assert bench.offer(SNTP, DAY_MS, "b") == REFUSED


def test_a_refusal_is_logged_once_a_day_for_each_source():
    bench = Bench(sure=True)
    for hour in range(48):
        assert bench.offer(SNTP, 10 * 365 * DAY_MS, "a") == REFUSED
        if hour % 2:
            assert bench.offer(RTC, -90_000) == REFUSED
        bench.ticks += HOUR_MS
    assert [event[3] for event in bench.events].count(SNTP) == 2
    assert [event[3] for event in bench.events].count(RTC) == 2


def test_nobody_brings_the_clock_out_of_2025_to_2099():
    for utc_ms in (0, 946684800000, 1735689599999, 4102444800000, 1 << 45):
        for source in (RTC, SNTP, HEADEND, HOST):
            for sure in (False, True):
                bench = Bench(sure=sure)
                for name in "ab":
                    assert bench.clock.offer(source, utc_ms, bench.ticks, name) == REFUSED
                assert bench.clock.utc_ms() == T0 and bench.clock.unsure is not sure
                assert bench.events[0] == (REFUSED, T0, utc_ms, source)


def test_2036_changes_nothing_however_many_servers_say_it():
    bogus_ms = 2085978496000  # 2036-02-07 06:28:16: what an empty NTP timestamp says
    for sure in (True, False):
        bench = Bench(sure=sure)
        for _ in range(100):
            for name in "acd":
                assert bench.clock.offer(SNTP, bogus_ms, bench.ticks, name) == REFUSED
            bench.ticks += HOUR_MS
            if sure:
                assert bench.offer(SNTP, 0, "b") == SLEW
        assert bench.clock.utc_ms() == T0 + 100 * HOUR_MS
        assert bench.clock.drift_ppb == 0


def test_servers_are_believed_up_to_five_years_ahead_of_what_the_meter_knows():
    for sure in (True, False):
        for by_ms, result in ((SNTP_AHEAD_MS, SET if not sure else STEP), (SNTP_AHEAD_MS + 1, REFUSED)):
            bench = Bench(sure=sure)
            bench.offer(SNTP, by_ms, "a")
            assert bench.offer(SNTP, by_ms, "b") == result
    for source in (RTC, HEADEND, HOST):  # a meter that lay in a cupboard for longer is set by these
        bench = Bench()
        assert bench.offer(source, SNTP_AHEAD_MS + 1) == SET


def test_an_offer_is_of_the_moment_it_was_made():
    bench = Bench()
    bench.ticks += 5000
    bench.clock.offer(HOST, T0 + DAY_MS, bench.ticks - 3000)
    assert bench.clock.utc_ms() == T0 + DAY_MS + 3000


def test_the_rtc_follows_while_better_sources_lead_and_leads_when_they_are_silent_for_6_hours():
    bench = Bench(sure=True)
    bench.offer(SNTP, 10, "a")
    assert bench.clock.disciplined
    bench.ticks += 6 * HOUR_MS - 1
    assert bench.offer(RTC, 700) == HELD
    bench.ticks += 1
    assert not bench.clock.disciplined
    assert bench.offer(RTC, 700) == SLEW
    assert not bench.clock.disciplined


def test_the_age_counts_from_the_last_agreement_and_refusals_are_none():
    bench = Bench(sure=True)
    bench.offer(SNTP, 10, "a")
    bench.ticks += 7_200_999
    bench.offer(SNTP, DAY_MS, "b")
    assert bench.clock.age_s() == 7200
    bench.offer(HEADEND, 0)
    assert bench.clock.age_s() == 0


def test_a_step_of_the_host_tool_is_at_once_ends_a_slew_and_is_logged():
    bench = Bench()
    bench.offer(HOST, 0)
    bench.offer(HOST, 5000)
    bench.clock.step(-1000)
    assert bench.clock.utc_ms() == T0 - 1000 and bench.clock.slew_ms == 0
    assert bench.events[-1] == (STEP, T0, T0 - 1000, HOST)


def test_a_step_does_not_make_an_unsure_clock_sure():
    bench = Bench()
    bench.clock.step(1000)
    assert bench.clock.unsure


def test_many_names_do_not_fill_the_heap():
    bench = Bench(sure=True)
    for number in range(200):
        bench.offer(SNTP, DAY_MS * number + 70_000, str(number))
        bench.offer(SNTP, 5, str(-number))
    clock = bench.clock
    assert len(clock._witnesses._lines) <= 8 and len(clock._witnesses._told) <= 8
    assert len(clock._drift._lines) <= 8


def test_sources_stand_in_order_of_trust():
    assert RTC < SNTP < HEADEND < HOST
