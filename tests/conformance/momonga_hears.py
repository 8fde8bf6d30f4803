"""What happens to momonga in the course of a session: announcements, a boundary without data, its end."""

import asyncio
import datetime as dt

import pytest
from keiki_host.bench.wisun.registers import REAUTH

from tests.conformance.rpc import ClientError
from tests.conformance.stage import CALM, Stage
from tests.conformance.truth import MINUTE, PUSH_DELAY_S, SLOT, START, Truth, hold, leap, local, utc_s


async def half_hours_are_announced(at: Stage, truth: Truth) -> None:
    """EA and EB after 12:30 by INF, after 13:00 by INFC, which is confirmed and not repeated."""
    boundary = START.replace(minute=30)
    for mode, esv in (("inf", "73"), ("infc", "74")):
        assert await at.meter.firmware.call("set", values={"inf_mode": mode}) == {"inf_mode": True}
        before = await at.counters()
        await hold(at, boundary + dt.timedelta(seconds=PUSH_DELAY_S - 1))
        assert (await at.counters())["echonet.pushes"] == before["echonet.pushes"], "too early"
        await leap(at, boundary + dt.timedelta(seconds=PUSH_DELAY_S + 1))
        [notification] = await at.client.call("notifications", seconds=30, count=1)
        assert notification["esv"] == esv
        assert list(notification["properties"]) == ["EA", "EB"]
        for direction, value in enumerate(notification["properties"].values()):
            assert value["timestamp"] == local(boundary)
            truth.holds(direction, utc_s(boundary), value["cumulative energy"])
            assert value == await at.get("cumulative_energy_measured_at_fixed_time", reverse=bool(direction))
        after = await at.counters()
        for _ in range(100):
            if after["echonet.infc_res"] != before["echonet.infc_res"] or mode == "inf":
                break
            await asyncio.sleep(0.1)
            after = await at.counters()
        moved = {
            name: after[f"echonet.{name}"] - before[f"echonet.{name}"] for name in ("pushes", "infc_res")
        }
        assert moved == {"pushes": 1, "infc_res": int(mode == "infc")}
        boundary += SLOT
    await leap(at, boundary - SLOT + dt.timedelta(seconds=90))
    assert await at.client.call("notifications", seconds=0.5) == [], "a confirmed INFC was repeated"
    assert (await at.counters())["echonet.infc_lost"] == 0


async def a_metering_ic_that_is_silent_at_a_boundary_leaves_it_without_data(at: Stage, truth: Truth) -> None:
    """88 is announced, 13:30 is missing for good, nothing of the energy is lost."""
    boundary = START.replace(hour=13, minute=30)
    moment = dt.timedelta(seconds=5)
    await leap(at, boundary - MINUTE + moment)
    async with at.fault("ic_silence"):
        await leap(at, boundary + MINUTE + moment)
        [notification] = await at.client.call("notifications", seconds=30, count=1)
        assert notification == {"esv": "73", "properties": {"88": True}}
        assert await at.get("fault_status") is True
        assert await at.get("instantaneous_power") is None
        assert await at.get("instantaneous_current") == {"r phase current": None, "t phase current": None}
    await leap(at, boundary + 2 * MINUTE)
    [notification] = await at.client.call("notifications", seconds=30, count=1)
    assert notification == {"esv": "73", "properties": {"88": False}}
    assert await at.get("fault_status") is False
    await leap(at, boundary + 4 * MINUTE)
    slots = await at.client.call("history_day", day=0)
    assert [slot["cumulative energy"] is None for slot in slots[25:29]] == [False, False, True, True]
    rows = await at.client.call("history_30min", timestamp=local(boundary), points=2)
    assert list(rows[0]["cumulative energy"].values()) == [None, None]
    assert None not in rows[1]["cumulative energy"].values()
    rows = await at.client.call("history_1min", timestamp=local(boundary + 3 * MINUTE), points=8)
    missing = [row["cumulative energy"]["normal direction"] is None for row in rows]
    assert missing == [False, False, True, True, False, False, False, False]
    for direction, kwh in enumerate(rows[0]["cumulative energy"].values()):
        truth.holds(direction, utc_s(boundary + 3 * MINUTE), kwh)
    last = await at.get("cumulative_energy_measured_at_fixed_time")
    assert last["timestamp"] == local(boundary - SLOT)


async def a_session_is_renewed_and_when_it_expires_a_reopen_brings_it_back(at: Stage) -> None:
    """Re-authentication at 80 % of the lifetime keeps everything; without it the session expires."""
    now = START.replace(hour=13, minute=35)
    module, paa = at.module, at.meter.module.sessions.paa
    joins = (await at.counters())["radio.joins"]
    await at.client.call("set_day", day=2)
    await leap(at, now + dt.timedelta(seconds=500))
    assert (await at.counters())["radio.joins"] > joins, "authenticated again"
    assert await at.get("day_for_historical_data_1") == 2, "E5 holds as long as the session"

    module.registers.put(REAUTH, 0)  # as SKSREG S17 0
    await leap(at, now + dt.timedelta(seconds=500 + 700))
    await at.until(lambda: paa.session is None and module.sessions.pac.session is None, "the session expires")
    await at.client.call("settings", xmit_timeout=3, recv_timeout=1, xmit_retries=1)
    with pytest.raises(ClientError) as expired:
        await at.get("instantaneous_power")
    assert expired.value.name in ("MomongaXmitTimeout", "MomongaNeedToReopen")
    await at.client.call("settings", **CALM)
    await at.client.call("reopen")
    assert paa.session is not None
    assert await at.get("day_for_historical_data_1") == 0xFF, "a new session chooses anew"
    assert await at.get("operation_status") is True
