"""What a disciplined clock makes of slots: drift, bad servers, jumps, leap days, ends of years.

A slot is listed as (day and time in JST, status, true seconds from the start to its closing).
"""

from clock_world import HOUR_MS, MINUTE_MS, Dice, World
from keiki.meter.clock import HELD, HOST, REFUSED, RTC, SET, SLEW, SNTP, STEP, WAITING
from keiki.wire.record import CLOCK_UNSURE, NORMAL, POWER_WAS_OFF
from keiki.wire.slots import jst

BOGUS_2036_MS = 2085978496000


def thirty_days(ppm, *, warm_ppm=0):
    """Two servers, 50 ms to either side, asked hourly, silent on days 21 to 23: worst ms before, and then."""
    world, dice = World(2026, 6, 1, ppm=ppm), Dice(5)
    settled_ms = lost_ms = 0
    for hour in range(720):
        world.worst_ms = 0
        lost = 480 <= hour < 552
        if hour == 480:
            world.warm(ppm + warm_ppm)
        if hour == 552:
            world.warm(ppm)
        if not lost:
            for name in "ab":
                assert world.sntp(name, dice.between(-50, 50)) == SLEW
        world.run(HOUR_MS)
        # the last word was of the hour before: the hour that finds the servers again counts as lost
        if lost or hour == 552:
            lost_ms = max(lost_ms, world.worst_ms)
        elif 2 <= hour <= 552:
            settled_ms = max(settled_ms, world.worst_ms)
    world.run_to(2026, 7, 1, 0, 10)
    assert abs(world.off_ms()) <= 100
    return world, settled_ms, lost_ms


def test_30_days_at_100_ppm_with_sntp_lost_for_3_stay_within_a_fifth_of_a_second():
    for ppm in (-100, 100):
        world, settled_ms, lost_ms = thirty_days(ppm)
        assert settled_ms <= 100 and lost_ms <= 200, (ppm, settled_ms, lost_ms)
        assert abs(world.clock.drift_ppb + ppm * 1000) <= 1000
        # ("01 00:00", 0, 0), ("01 00:30", 0, 1800) .. ("30 23:30", 0, 1439 x 1800), 1 July 00:00
        assert world.is_regular() and world.history.log.end == 1441
        assert world.events == []


def test_a_crystal_that_warms_by_5_ppm_while_sntp_is_lost_for_3_days_is_off_by_a_second_and_a_half():
    world, _, lost_ms = thirty_days(100, warm_ppm=5)
    # and it is made good in three quarters of an hour, with no slot missing
    assert 1000 <= lost_ms <= 1500, lost_ms
    assert world.is_regular(within_s=1)


def test_an_rtc_bridges_3_days_without_sntp():
    world = World(2026, 6, 1, ppm=100)
    for hour in range(96):
        if hour < 24:
            for name in "ab":
                world.sntp(name)
            world.warm(100 if hour < 23 else 60)  # so that what was learnt is 40 ppm wrong
        # a chip 2 ppm off since the last hour of SNTP
        rtc_ms = world.true_ms() + max(0, hour - 24) * HOUR_MS * 2 // 1_000_000
        result = world.clock.offer(RTC, rtc_ms, world.ticks)
        assert result == (HELD if hour < 29 else SLEW)
        world.worst_ms = 0
        world.run(HOUR_MS)
        # 6 hours alone at 40 ppm, then at the RTC's word
        assert world.worst_ms <= (1000 if hour < 36 else 700), (hour, world.worst_ms)


def test_a_clock_59_seconds_behind_catches_up_without_a_gap():
    world = World(2026, 7, 1, 10, off_ms=-59_000)
    assert world.sntp() == SLEW
    world.run_to(2026, 7, 1, 13, 1)
    assert world.slots() == [
        ("01 10:00", POWER_WAS_OFF, 59),
        ("01 10:30", 0, 1858),
        ("01 11:00", 0, 3657),
        ("01 11:30", 0, 5456),
        ("01 12:00", 0, 7255),
        ("01 12:30", 0, 9054),
        ("01 13:00", 0, 10854),
    ]
    world.run_to(2026, 7, 2, 19, 1)
    assert world.off_ms() == 0
    assert world.slots()[-1] == ("02 19:00", 0, 33 * 3600)
    assert len(world.slots()) == 67


def test_a_clock_59_seconds_ahead_waits_without_closing_twice():
    world = World(2026, 7, 1, 10, off_ms=59_000)
    assert world.sntp() == SLEW
    world.run_to(2026, 7, 1, 12, 1)
    assert world.slots() == [
        ("01 10:30", POWER_WAS_OFF, 1742),
        ("01 11:00", 0, 3543),
        ("01 11:30", 0, 5344),
        ("01 12:00", 0, 7145),
    ]


def test_slots_are_unsure_until_two_servers_agree():
    world = World(2026, 7, 1, 10, off_ms=-3 * HOUR_MS, sure=False)
    world.run(40 * MINUTE_MS)
    assert world.sntp("a") == WAITING
    world.run(MINUTE_MS)
    assert world.sntp("b") == SET
    world.run(60 * MINUTE_MS)
    assert world.slots() == [
        ("01 07:00", CLOCK_UNSURE, 0),
        ("01 07:30", CLOCK_UNSURE, 1800),
        ("01 11:00", NORMAL, 3600),
        ("01 11:30", NORMAL, 5400),
    ]
    before_ms = world.began_ms + 41 * MINUTE_MS - 3 * HOUR_MS
    assert world.events == [(SET, before_ms, before_ms + 3 * HOUR_MS, SNTP)]


def test_an_rtc_at_start_leaves_no_unsure_slot():
    world = World(2026, 7, 1, 9, 59, off_ms=-3 * HOUR_MS, sure=False)
    assert world.clock.offer(RTC, world.true_ms() + 500, world.ticks) == SET
    world.run(32 * MINUTE_MS)
    # it was off before 9:59, whatever the clock showed then
    assert world.slots() == [("01 10:00", POWER_WAS_OFF, 60), ("01 10:30", NORMAL, 1860)]


def test_a_jump_forward_over_slots_leaves_them_missing():
    world = World(2026, 7, 1, 11, off_ms=-70 * MINUTE_MS)
    world.run(20 * MINUTE_MS)
    assert [world.sntp("a"), world.sntp("b")] == [REFUSED, STEP]
    world.run(70 * MINUTE_MS)
    assert world.slots() == [
        ("01 10:00", POWER_WAS_OFF, 600),
        # 10:30 and 11:00 never were
        ("01 11:30", 0, 1800),
        ("01 12:00", 0, 3600),
        ("01 12:30", 0, 5400),
    ]


def test_a_jump_back_over_slots_rewrites_none():
    world = World(2026, 7, 1, 11, off_ms=40 * MINUTE_MS)
    world.run(25 * MINUTE_MS)
    assert world.slots() == [("01 12:00", POWER_WAS_OFF, 1200)]
    assert [world.sntp("a"), world.sntp("b")] == [REFUSED, STEP]
    world.run(70 * MINUTE_MS)
    assert world.slots() == [
        # 11:30 would lie before what is closed; 12:00 stays what it was
        ("01 12:00", POWER_WAS_OFF, 1200),
        ("01 12:30", 0, 5400),
    ]


def test_a_jump_forward_over_midnight():
    world = World(2026, 7, 2, 0, 0, off_ms=-40 * MINUTE_MS)
    world.run(15 * MINUTE_MS)
    assert world.clock.offer(HOST, world.true_ms(), world.ticks) == STEP
    world.run(50 * MINUTE_MS)
    assert world.slots() == [("01 23:30", POWER_WAS_OFF, 600), ("02 00:30", 0, 1800), ("02 01:00", 0, 3600)]
    assert [event[0] for event in world.events] == [STEP]


def test_a_jump_back_over_midnight():
    world = World(2026, 7, 1, 23, 20, off_ms=30 * MINUTE_MS)
    world.run(20 * MINUTE_MS)
    assert world.slots() == [("02 00:00", POWER_WAS_OFF, 600)]
    assert world.clock.offer(HOST, world.true_ms(), world.ticks) == STEP
    world.run(90 * MINUTE_MS)
    assert world.slots() == [("02 00:00", POWER_WAS_OFF, 600), ("02 00:30", 0, 4200), ("02 01:00", 0, 6000)]


def test_a_jump_that_ends_on_a_boundary_closes_it():
    world = World(2026, 7, 1, 11, 30, off_ms=-50 * MINUTE_MS)
    world.run(30 * MINUTE_MS)
    assert world.clock.offer(HOST, world.true_ms(), world.ticks) == STEP
    world._read()
    world.run(31 * MINUTE_MS)
    assert world.slots() == [("01 11:00", POWER_WAS_OFF, 1200), ("01 12:00", 0, 1800), ("01 12:30", 0, 3600)]


def test_a_wrong_year_costs_no_slot_of_the_right_one():
    world = World(2026, 7, 1, 10, 0)
    world.run(40 * MINUTE_MS)
    wrong_ms = 6 * 365 * 24 * HOUR_MS
    assert world.clock.offer(HOST, world.true_ms() + wrong_ms, world.ticks) == STEP
    world.run(60 * MINUTE_MS)
    assert world.clock.offer(HOST, world.true_ms(), world.ticks) == STEP
    world.run_to(2026, 7, 1, 13, 1)
    assert world.slots() == [
        ("01 10:00", NORMAL, 0),
        ("01 10:30", NORMAL, 1800),
        ("29 11:00", NORMAL, 3600),  # of June 2032
        ("29 11:30", NORMAL, 5400),
        ("01 12:00", NORMAL, 7200),
        ("01 12:30", NORMAL, 9000),
        ("01 13:00", NORMAL, 10800),
    ]
    assert world.history.half_hours.find(world.began_ms // 1000 + 9000) == (9_000_000, 0)
    assert world.history.half_hours.find(world.began_ms // 1000 + 3600) is None
    assert [event[0] for event in world.events] == [STEP, STEP]


def test_a_leap_day_has_48_slots():
    world = World(2028, 2, 28, 23, 0, ppm=50)
    for _ in range(26):
        for name in "ab":
            world.sntp(name)
        world.run(HOUR_MS)
    slots = world.slots()
    assert world.is_regular()
    assert [slot[0] for slot in slots if slot[0].startswith("29")] == [
        "29 %02d:%02d" % divmod(30 * index, 60) for index in range(48)
    ]
    assert slots[1:3] == [("28 23:30", 0, 1800), ("29 00:00", 0, 3600)]
    assert slots[49:51] == [("29 23:30", 0, 49 * 1800), ("01 00:00", 0, 50 * 1800)]


def test_a_year_without_leap_day_goes_from_28_february_to_1_march():
    world = World(2027, 2, 28, 23, 29)
    world.run(92 * MINUTE_MS)
    assert world.slots() == [
        ("28 23:30", POWER_WAS_OFF, 60),
        ("01 00:00", 0, 1860),
        ("01 00:30", 0, 3660),
        ("01 01:00", 0, 5460),
    ]


def test_the_end_of_a_year():
    world = World(2026, 12, 31, 23, 29, ppm=-100)
    for name in "ab":
        world.sntp(name)
    world.run(62 * MINUTE_MS)
    assert world.slots() == [("31 23:30", POWER_WAS_OFF, 60), ("01 00:00", 0, 1860), ("01 00:30", 0, 3660)]
    assert jst(world.clock.utc_s())[0] == 2027


def test_jumps_over_the_end_of_a_year():
    world = World(2027, 1, 1, 0, 10, off_ms=-30 * MINUTE_MS)
    world.run(5 * MINUTE_MS)
    assert [world.sntp("a"), world.sntp("b")] == [REFUSED, STEP]
    world.run(20 * MINUTE_MS)
    assert world.slots() == [("01 00:30", POWER_WAS_OFF, 1200)]
    world.clock.step(-HOUR_MS)
    world.run(70 * MINUTE_MS)
    assert world.slots() == [("01 00:30", POWER_WAS_OFF, 1200)]
    world.run(35 * MINUTE_MS)
    assert world.slots() == [("01 00:30", POWER_WAS_OFF, 1200), ("01 01:00", NORMAL, 6600)]


def test_bad_servers_change_no_slot():
    world = World(2026, 7, 1, 10, ppm=100)
    for hour in range(48):
        assert world.clock.offer(SNTP, BOGUS_2036_MS, world.ticks, "2036") == REFUSED
        assert world.clock.offer(SNTP, 1000 * hour, world.ticks, "1970") == REFUSED
        assert world.sntp("slow", -HOUR_MS) == REFUSED
        assert world.sntp("good") == SLEW
        world.run(HOUR_MS)
    assert world.is_regular()
    # each once a day
    assert [event[0] for event in world.events] == [REFUSED] * 6


def test_a_server_30_seconds_off_moves_no_slot_by_more_than_a_second_before_the_next_is_heard():
    world = World(2026, 7, 1, 10)
    for _ in range(24):
        world.sntp("off", 30_000)
        world.run(30 * MINUTE_MS)
        assert abs(world.off_ms()) <= 900
        world.sntp("good")
        world.run(30 * MINUTE_MS)
    assert world.is_regular(within_s=1)
