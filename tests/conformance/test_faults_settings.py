"""Settings of the meter that clients must cope with (L6), its clock (L7), its announcements (L8); momonga."""

import asyncio
import datetime
from typing import Any

from keiki_host.bench.faults import Entry

from tests.conformance.stage import Stage, perform, plays, stage

JST = datetime.timezone(datetime.timedelta(hours=9))
HALF_HOUR_MS = 1_800_000


def jst_s(text: str) -> float:
    """UTC seconds of a time in Japan."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=JST).timestamp()


async def energy_in_kwh(at: Stage, unit_wh: int, coefficient: int) -> None:
    """E0 is the register, cut down to whole counts of unit x coefficient."""
    before = await at.status()
    found_wh = round(await at.get("measured_cumulative_energy") * 1_000_000) / 1000
    after = await at.status()
    count_wh = unit_wh * coefficient
    low, high = (status["import_wh_x1000"] // 1000 // count_wh * count_wh for status in (before, after))
    assert low <= found_wh <= high


# -- L6 ---------------------------------------------------------------------------------------------


@plays("rollover")
async def counters_roll_over_at_their_digits(at: Stage) -> None:
    """One digit of 0.1 Wh is over every 3 s with 1200 W."""
    async with at.fault("rollover", digits=1, unit=4):
        assert await at.get("number_of_effective_digits_for_cumulative_energy") == 1
        counts = []
        while len(counts) < 2 or counts[-1] >= counts[-2]:
            counts.append(round(await at.get("measured_cumulative_energy") * 10_000))
            assert 0 <= counts[-1] <= 9 and len(counts) < 1000
    assert await at.get("number_of_effective_digits_for_cumulative_energy") == 8


@plays("rollover")
async def after_a_change_of_unit_the_client_opens_again(at: Stage) -> None:
    async with at.fault("rollover"):
        await at.reopen()
        assert await at.get("unit_for_cumulative_energy") == 0.01
        energy_kwh = await at.get("measured_cumulative_energy")
        register_wh = (await at.status())["import_wh_x1000"] // 1000
        assert abs(energy_kwh * 1000 - register_wh % 10_000) <= 10 + 0.001
    await at.reopen()


@plays("meter_setting", counts=("echonet.sna",))
async def every_unit_and_coefficient_gives_the_same_energy(at: Stage) -> None:
    for unit, unit_kwh, coefficient in ((3, 0.001, 40), (1, 0.1, 1), (1, 0.1, "absent"), (3, 0.001, 0)):
        async with at.fault("meter_setting", unit=unit, coefficient=coefficient):
            await at.reopen()
            state = await at.client.call("state")
            expected = {"absent": 1}.get(coefficient, coefficient)  # type: ignore[call-overload]
            assert (state["energy_unit"], state["energy_coefficient"]) == (unit_kwh, expected)
            if coefficient == 0:
                assert await at.get("measured_cumulative_energy") == 0  # D3 says 0, momonga multiplies
            else:
                await energy_in_kwh(at, round(1000 * unit_kwh), expected)
    await at.reopen()


@plays("meter_setting", counts=("echonet.sna",))
async def without_a_coefficient_its_getter_is_refused(at: Stage) -> None:
    async with at.fault("meter_setting", coefficient="absent"):
        await at.fails(
            "MomongaResponseNotPossible",
            "could not do this. ESV: 52",
            at.get("coefficient_for_cumulative_energy"),
        )
    assert await at.get("coefficient_for_cumulative_energy") == 1


# -- L7 ---------------------------------------------------------------------------------------------


@plays("clock_offset")
async def a_clock_that_is_off_is_seen_and_loses_no_energy(at: Stage) -> None:
    for seconds in (300, -300, 86400):
        async with at.fault("clock_offset", seconds=seconds):
            assert abs(await clock_ahead_s(at) - seconds) < 60
            await at.client_reads()
        assert abs(await clock_ahead_s(at)) < 60


async def clock_ahead_s(at: Stage) -> float:
    """How far the meter's clock is ahead of its world's, as the client sees it (to the minute)."""
    before_s = at.meter.clock.utc_ms() / 1000
    for _ in range(2):
        date, time = await at.get("current_date_setting"), await at.get("current_time_setting")
        if date == await at.get("current_date_setting"):
            break
    found_s = jst_s(f"{date}T{time}")
    return found_s - before_s if found_s > before_s else min(0.0, found_s + 60 - before_s)


@plays("midnight")
async def at_midnight_the_same_question_has_another_answer(at: Stage) -> None:
    """E5 = 0 before midnight, E2 after it: the day that has just begun."""
    now = datetime.datetime.fromtimestamp(at.meter.clock.utc_ms() / 1000, JST)
    assert (now.hour, now.minute) == (23, 59), "the bench started just before midnight"
    await at.client.call("set_day", day=0)
    evening = (await at.client.call("request_to_get", epcs=["E2"]))["E2"]
    assert all(slot["cumulative energy"] is not None for slot in evening)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=1)
    await at.run_until(1000 * midnight.timestamp() + 2000)
    morning = [
        slot["cumulative energy"] for slot in (await at.client.call("request_to_get", epcs=["E2"]))["E2"]
    ]
    assert morning[1:] == [None] * 47
    assert morning[0] > evening[-1]["cumulative energy"]
    yesterday = await at.client.call("history_day", day=1)
    assert [slot["cumulative energy"] for slot in yesterday] == [
        slot["cumulative energy"] for slot in evening
    ]


# -- L8 ---------------------------------------------------------------------------------------------


async def half_hour(at: Stage, *, after_s: float) -> int:
    """Run on to so long after (or before) the next half hour; returns that boundary (UTC ms)."""
    await notifications(at, 0.2)  # what came before
    boundary_ms = (at.meter.clock.utc_ms() // HALF_HOUR_MS + 1) * HALF_HOUR_MS
    await at.run_until(boundary_ms + 1000 * after_s)
    return boundary_ms


async def notifications(at: Stage, seconds: float, count: int | None = None) -> list[dict[str, Any]]:
    """What the meter announces to the client meanwhile."""
    found: list[dict[str, Any]] = await at.client.call("notifications", seconds=seconds, count=count)
    return found


@plays("infc_unacked", "meter_setting", counts=("echonet.infc_lost",))
async def an_unconfirmed_announcement_is_repeated_twice_and_given_up(at: Stage) -> None:
    async with at.fault("meter_setting", inf_mode="infc"):
        before = await at.counters()
        async with at.fault("infc_unacked"):
            await half_hour(at, after_s=75)
            found = await notifications(at, 60, count=3)  # momonga confirms what its user takes
            assert [(each["esv"], sorted(each["properties"])) for each in found] == [("74", ["EA", "EB"])] * 3
            assert found[0]["properties"] == found[1]["properties"] == found[2]["properties"]
        assert at.faults.struck["infc_unacked"] == 3
        assert (await at.counters())["echonet.infc_lost"] == before["echonet.infc_lost"] + 1
        assert await notifications(at, 0.5) == []
        boundary_ms = await half_hour(at, after_s=4)
        found = await notifications(at, 60, count=1)
        await at.run_until(boundary_ms + 75_000)
        assert [each["esv"] for each in found + await notifications(at, 0.5)] == ["74"]
        after = await at.counters()
        assert after["echonet.infc_res"] == before["echonet.infc_res"] + 1
        assert after["echonet.infc_lost"] == before["echonet.infc_lost"] + 1


@plays("clock_offset")
async def a_boundary_that_a_fast_clock_has_passed_is_not_passed_again(at: Stage) -> None:
    boundary_ms = await half_hour(at, after_s=-500)
    async with at.fault("clock_offset", seconds=300):
        await at.run_until(boundary_ms - 300_000)
        early = await notifications(at, 60, count=1)
        assert at.meter.clock.utc_ms() < boundary_ms - 200_000
        assert jst_s(early[0]["properties"]["EA"]["timestamp"]) * 1000 == boundary_ms
    await at.run_until(boundary_ms + 30_000)
    assert await notifications(at, 0.5) == []
    await half_hour(at, after_s=6)
    later = await notifications(at, 60, count=1)
    energy_kwh = [each[0]["properties"]["EA"]["cumulative energy"] for each in (early, later)]
    assert abs(energy_kwh[1] - energy_kwh[0] - 1.2 * 2100 / 3600) < 0.001


@plays("push_ea_only")
async def ea_may_come_without_eb(at: Stage) -> None:
    async with at.fault("push_ea_only"):
        await half_hour(at, after_s=6)
        found = await notifications(at, 60, count=1)
        assert [(each["esv"], sorted(each["properties"])) for each in found] == [("73", ["EA"])]
    await half_hour(at, after_s=6)
    found = await notifications(at, 60, count=1)
    assert [(each["esv"], sorted(each["properties"])) for each in found] == [("73", ["EA", "EB"])]


@plays("push_late")
async def the_push_may_come_at_the_end_of_its_five_minutes(at: Stage) -> None:
    async with at.fault("push_late"):
        before = await at.counters()
        boundary_ms = await half_hour(at, after_s=298)
        assert (await at.counters())["echonet.pushes"] == before["echonet.pushes"]
        assert await notifications(at, 0.2) == []
        found = await notifications(at, 60, count=1)
        assert at.meter.clock.utc_ms() >= boundary_ms + 299_000
        stamp = found[0]["properties"]["EA"]["timestamp"]
        assert jst_s(stamp) * 1000 == boundary_ms


@plays("inf_during_get")
async def an_announcement_in_the_middle_of_a_request_is_not_its_answer(at: Stage) -> None:
    await half_hour(at, after_s=6)
    pushed = await notifications(at, 60, count=1)
    async with at.fault("inf_during_get"):
        at.power_right(await at.get("instantaneous_power"))
        energy_kwh = await at.get("measured_cumulative_energy")
        assert energy_kwh > pushed[0]["properties"]["EA"]["cumulative energy"]
    assert await notifications(at, 5, count=2) == pushed * 2


SETTINGS = (
    counters_roll_over_at_their_digits,
    after_a_change_of_unit_the_client_opens_again,
    every_unit_and_coefficient_gives_the_same_energy,
    without_a_coefficient_its_getter_is_refused,
    a_clock_that_is_off_is_seen_and_loses_no_energy,
)
ANNOUNCEMENTS = (
    an_unconfirmed_announcement_is_repeated_twice_and_given_up,
    a_boundary_that_a_fast_clock_has_passed_is_not_passed_again,
    ea_may_come_without_eb,
    the_push_may_come_at_the_end_of_its_five_minutes,
    an_announcement_in_the_middle_of_a_request_is_not_its_answer,
)


def test_momonga_meets_settings_and_clocks() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35c2",)) as at:
            await at.open()
            await perform(at, SETTINGS)
            await at.client.call("close")

    asyncio.run(session())


def test_momonga_meets_announcements() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35a1",), start_s=jst_s("2026-05-18T14:29:30")) as at:
            await at.open()
            await perform(at, ANNOUNCEMENTS)
            await at.client.call("close")

    asyncio.run(session())


def test_momonga_meets_midnight() -> None:
    midnight = (Entry("midnight", {"seconds": 50}),)

    async def session() -> None:
        options: dict[str, Any] = {"history_days": 1, "start_s": jst_s("2026-05-17T12:00:00")}
        async with stage(dialects=("bp35c2",), faults=midnight, **options) as at:
            await at.open()
            await perform(at, (at_midnight_the_same_question_has_another_answer,))
            await at.client.call("close")

    asyncio.run(session())
