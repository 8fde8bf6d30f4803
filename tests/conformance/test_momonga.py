"""momonga, unmodified, against the whole meter: every getter, history, choices, notifications, sessions."""

import asyncio
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from keiki_host.bench.house import House
from keiki_host.bench.options import JST
from keiki_host.bench.wisun.registers import REAUTH

from tests.conformance.rpc import Client, ClientError
from tests.conformance.stage import CALM, Stage, stage

DAY = """time,power_w,pf
00:00,240,0.9
05:40,1900,0.97
06:50,0,1
06:51,-800,1
09:17,-2450,1
15:02,-310,0.8
16:29,0,1
16:30,760,0.95
21:44,3300,1
23:10,240,0.9
"""
"""Import and export, changing direction on full minutes: a history is made from one reading a minute."""

START = dt.datetime(2026, 6, 11, 12, 20, tzinfo=JST)
PUSH_DELAY_S = 2
SETTINGS = {
    "unit": 2,  # 10 Wh
    "digits": 7,
    "coefficient": 1,
    "serial": "CONF-0042",
    "maker": "0000AB",
    "production": "2026-04-01",
    "import_start_wh": 1_234_567,
    "export_start_wh": 54_321,
    "push_delay_s": PUSH_DELAY_S,
    "session_s": 600,
}
COUNT_WH = 10
GEN1 = [
    *("80", "81", "82", "88", "8A", "8D", "8E", "97", "98", "9D", "9E", "9F"),
    *("D3", "D7", "E0", "E1", "E2", "E3", "E4", "E5", "E7", "E8", "EA", "EB", "EC", "ED"),
]
GEN2 = sorted([*GEN1, "C0", "D0", "EE", "EF"])
SLOT = dt.timedelta(minutes=30)
MINUTE = dt.timedelta(minutes=1)


def utc_s(when: dt.datetime | str) -> int:
    """UTC seconds of a time, or of a client's ISO text in Japan's time."""
    if isinstance(when, str):
        when = dt.datetime.fromisoformat(when).replace(tzinfo=JST)
    return round(when.timestamp())


def local(when: dt.datetime) -> str:
    """A time of Japan as momonga takes and gives it."""
    return when.astimezone(JST).replace(tzinfo=None).isoformat()


class Truth:
    """Registers as the house has them, against those that a client reads.

    A meter knows nothing of what its IC counted before the first reading, so everything is held against the
    first half hour, and that one may lack the first minute.
    """

    def __init__(self, at: Stage) -> None:
        self._house: House = at.meter.house
        self.began_s = at.meter.clock.start_utc_ms // 1000
        self.first_s = -(-self.began_s // 1800) * 1800
        self._base: tuple[float, float] | None = None

    def gain_wh(self, since_s: int, until_s: int) -> tuple[float, float]:
        """Import and export from one time to another."""
        return self._house.energy_wh(since_s, until_s)

    def set_base(self, import_kwh: float, export_kwh: float) -> None:
        """Take the first half hour as the client read it."""
        base = (import_kwh * 1000, export_kwh * 1000)
        gains = self.gain_wh(self.began_s, self.first_s)
        for found, start_wh, gain in zip(base, (1_234_567, 54_321), gains, strict=True):
            assert start_wh + gain - 60 - COUNT_WH <= found <= start_wh + gain + COUNT_WH
        self._base = base

    def holds(self, direction: int, when_s: int, kwh: float | None, margin: float = 0.001) -> None:
        """A value (0 import, 1 export) must be right within 0.1 % and one count."""
        assert self._base is not None and kwh is not None, when_s
        gain = self.gain_wh(self.first_s, when_s)[direction]
        assert abs(kwh * 1000 - self._base[direction] - gain) <= margin * gain + COUNT_WH, (when_s, direction)

    def slots_hold(self, direction: int, midnight: dt.datetime, slots: list[dict[str, Any]]) -> int:
        """A day of half hours: labels, values, and the energy of each slot. Returns how many are known."""
        assert len(slots) == 48
        now_s = self.now_s
        known = 0
        for index, slot in enumerate(slots):
            when_s = utc_s(midnight) + 1800 * index
            assert slot["timestamp"][11:] == local(midnight + index * SLOT)[11:]
            kwh = slot["cumulative energy"]
            if not self.first_s <= when_s <= now_s:
                assert kwh is None, (index, kwh)
                continue
            known += 1
            self.holds(direction, when_s, kwh)
            before = slots[index - 1]["cumulative energy"] if index else None
            if before is not None:
                gain = self.gain_wh(when_s - 1800, when_s)[direction]
                assert abs((kwh - before) * 1000 - gain) <= 0.001 * gain + COUNT_WH, (index, direction)
        return known

    def window_holds(self, first: dt.datetime, step: dt.timedelta, rows: list[dict[str, Any]]) -> int:
        """EC or EE: from `first` backwards. Returns how many are known."""
        known = 0
        for index, row in enumerate(rows):
            when = first - index * step
            assert row["timestamp"] == local(when)
            pair = (row["cumulative energy"][f"{name} direction"] for name in ("normal", "reverse"))
            kept = self.began_s + 60 <= utc_s(when) <= self.now_s
            for direction, kwh in enumerate(pair):
                if kept and utc_s(when) >= self.first_s:
                    self.holds(direction, utc_s(when), kwh)
                elif not kept:
                    assert kwh is None
            known += kept
        return known

    now_s = 0


async def hold(at: Stage, until: dt.datetime) -> None:
    """Let the meter's time run to `until` as fast as it goes, and stop it there."""
    await at.meter.clock.run_to(utc_s(until) * 1000 - at.meter.clock.start_utc_ms)


async def leap(at: Stage, until: dt.datetime) -> None:
    """Let the meter's time run to `until` as fast as it goes, then at its pace again."""
    await hold(at, until)
    at.meter.clock.pace(1)


@contextmanager
def log_of(at: Stage) -> Iterator[None]:
    """Add what the client logged to whatever goes wrong."""
    try:
        yield
    except BaseException as error:
        error.add_note(at.client.log())
        raise


# -- what one session reads ---------------------------------------------------------------------------


async def nothing_is_chosen_yet(at: Stage, gen2: bool = True) -> None:
    """E5, ED and EF before any set."""
    assert await at.get("day_for_historical_data_1") == 0xFF
    for number in (2, 3) if gen2 else (2,):
        chosen = await at.get(f"time_for_historical_data_{number}")
        assert chosen == {"timestamp": None, "number of data points": 1}


async def every_getter_says_what_the_meter_is(at: Stage, truth: Truth) -> None:
    """All public getters without arguments; none may be forgotten here."""
    meter, settings = at.meter, at.meter.settings
    before = await at.status()
    values = await at.client.call("get_all")
    after = await at.status()
    now = [dt.datetime.fromtimestamp(status["utc_ms"] / 1000, JST) for status in (before, after)]
    assert values.keys() == set(await at.client.call("getters"))
    day, windows = values.pop("get_historical_cumulative_energy_1"), []
    truth.now_s = before["utc_ms"] // 1000
    truth.slots_hold(0, now[0].replace(hour=0, minute=0, second=0, microsecond=0), day)
    for number, step, count in ((2, SLOT, 12), (3, MINUTE, 10)):
        # momonga asks for the host's own time here; windows_are_the_truth has the values
        rows = values.pop(f"get_historical_cumulative_energy_{number}")
        times = [dt.datetime.fromisoformat(row["timestamp"]) for row in rows]
        assert len(rows) == count and times == [times[0] - index * step for index in range(count)]
        windows.append({"timestamp": rows[0]["timestamp"], "number of data points": count})
    for number, window in zip((2, 3), windows, strict=True):
        assert values.pop(f"get_time_for_historical_data_{number}") == window

    mains = meter.house.at(now[0].timestamp())
    assert abs(values.pop("get_instantaneous_power") - mains.power_w) <= 2 + abs(mains.power_w) / 100
    current = values.pop("get_instantaneous_current")
    for name, phase in zip(("r phase current", "t phase current"), mains.phases, strict=True):
        assert abs(current[name] - (phase.i if phase.p > 0 else -phase.i)) <= 0.1 + phase.i / 100

    energy = values.pop("get_measured_cumulative_energy")
    assert (
        before["import_wh_x1000"] // 10_000_000 / 100
        <= round(energy, 2)
        <= after["import_wh_x1000"] / 1_000_000
    )
    scheduled = values.pop("get_cumulative_energy_measured_at_fixed_time")
    assert utc_s(scheduled["timestamp"]) == before["utc_ms"] // 1_800_000 * 1800
    truth.holds(0, utc_s(scheduled["timestamp"]), scheduled["cumulative energy"])
    minute = values.pop("get_one_minute_measured_cumulative_energy")
    # a minute is closed by the reading that follows it
    assert now[0] - MINUTE - dt.timedelta(seconds=2) < dt.datetime.fromisoformat(minute["timestamp"]).replace(
        tzinfo=JST
    )
    assert utc_s(minute["timestamp"]) <= after["utc_ms"] // 1000 and utc_s(minute["timestamp"]) % 60 == 0
    for direction, name in enumerate(("normal", "reverse")):
        truth.holds(direction, utc_s(minute["timestamp"]), minute["cumulative energy"][f"{name} direction"])
    assert values.pop("get_current_date_setting") in {when.date().isoformat() for when in now}
    time = dt.time.fromisoformat(values.pop("get_current_time_setting"))
    assert now[0].time().replace(second=0, microsecond=0) <= time <= now[1].time()
    assert values == {
        "get_coefficient_for_cumulative_energy": settings["coefficient"],
        "get_day_for_historical_data_1": 0xFF,
        "get_fault_status": False,
        "get_installation_location": "location not set",
        "get_manufacturer_code": "0000AB",
        "get_number_of_effective_digits_for_cumulative_energy": settings["digits"],
        "get_operation_status": True,
        "get_properties_for_status_notification": ["80", "81", "88", "EA", "EB"],
        "get_properties_to_get_values": GEN2,
        "get_properties_to_set_values": ["81", "E5", "ED", "EF"],
        "get_route_b_id": {
            "authentication id": settings["route_b_id"][8:],
            "manufacturer code": "0000AB",
        },
        "get_serial_number": "CONF-0042\0\0\0",
        "get_standard_version": "R.4",
        "get_unit_for_cumulative_energy": 0.01,
    }


async def every_getter_with_a_direction_has_the_other_one(at: Stage, truth: Truth) -> None:
    """E3, EB."""
    before = await at.status()
    energy = await at.get("measured_cumulative_energy", reverse=True)
    scheduled = await at.get("cumulative_energy_measured_at_fixed_time", reverse=True)
    after = await at.status()
    assert (
        before["export_wh_x1000"] // 10_000_000 / 100
        <= round(energy, 2)
        <= after["export_wh_x1000"] / 1_000_000
    )
    assert after["export_wh_x1000"] > 54_321_000
    truth.holds(1, utc_s(scheduled["timestamp"]), scheduled["cumulative energy"])


async def each_day_of_history_is_the_truth(at: Stage, truth: Truth) -> None:
    """E5 with E2 and E4, from today back to a day before the meter was new."""
    truth.now_s = (await at.status())["utc_ms"] // 1000
    today = START.replace(hour=0, minute=0)
    for direction, reverse in enumerate((False, True)):
        known = []
        for day in range(4):
            slots = await at.client.call("history_day", day=day, reverse=reverse)
            known.append(truth.slots_hold(direction, today - dt.timedelta(days=day), slots))
            assert await at.get("day_for_historical_data_1") == day
        assert known == [25, 48, 23, 0]


async def windows_are_the_truth(at: Stage, truth: Truth) -> None:
    """EC and EE: now, across midnight, before the meter was new, in the future."""
    truth.now_s = (await at.status())["utc_ms"] // 1000
    midnight = START.replace(hour=0, minute=0)
    new = dt.datetime.fromtimestamp(truth.first_s, JST)
    for first, points, known in (
        (midnight + 24 * SLOT, 12, 12),
        (midnight + 2 * SLOT, 12, 12),
        (new + 2 * SLOT, 7, 3),
        (midnight + 26 * SLOT, 4, 2),
        (midnight - 30 * SLOT, 1, 1),
        (midnight - 400 * SLOT, 12, 0),
    ):
        asked = local(first + 29 * MINUTE)  # momonga rounds down
        rows = await at.client.call("history_30min", timestamp=asked, points=points)
        assert (len(rows), truth.window_holds(first, SLOT, rows)) == (points, known)
    for first, points, known in (
        (START, 10, 10),
        (midnight + 3 * MINUTE, 10, 10),
        (midnight - 500 * MINUTE, 1, 1),
        (START + 24 * 60 * MINUTE, 10, 0),
        (midnight - 9000 * MINUTE, 10, 0),
    ):
        rows = await at.client.call("history_1min", timestamp=local(first), points=points)
        assert (len(rows), truth.window_holds(first, MINUTE, rows)) == (points, known)


async def what_is_set_is_what_is_read(at: Stage, truth: Truth) -> None:
    """E5, ED and EF one by one, and all in one frame; then several properties in one Get."""
    await at.client.call("set_day", day=99)
    assert await at.get("day_for_historical_data_1") == 99
    await at.client.call("set_time_30min", timestamp="2026-06-10T11:59:00", points=5)
    await at.client.call("set_time_1min", timestamp="2026-06-10T11:59:00", points=7)
    assert await at.get("time_for_historical_data_2") == {
        "timestamp": "2026-06-10T11:30:00",
        "number of data points": 5,
    }
    assert await at.get("time_for_historical_data_3") == {
        "timestamp": "2026-06-10T11:59:00",
        "number of data points": 7,
    }
    assert await at.get("day_for_historical_data_1") == 99
    await at.client.call(
        "request_to_set", day=1, time_30min=("2026-06-11T00:00:00", 12), time_1min=("2026-06-11T00:00:00", 10)
    )
    values = await at.client.call("request_to_get", epcs=["E5", "ED", "EF", "E2", "EC", "EE", "8D", "D7"])
    midnight = START.replace(hour=0, minute=0)
    assert (values["E5"], values["8D"], values["D7"]) == (1, "CONF-0042\0\0\0", 7)
    assert values["ED"] == {"timestamp": local(midnight), "number of data points": 12}
    assert values["EF"] == {"timestamp": local(midnight), "number of data points": 10}
    assert truth.slots_hold(0, midnight - dt.timedelta(days=1), values["E2"]) == 48
    assert truth.window_holds(midnight, SLOT, values["EC"]) == 12
    assert truth.window_holds(midnight, MINUTE, values["EE"]) == 10


async def a_second_controller_is_refused(at: Stage) -> None:
    """Another dongle with the right ID and password, while the session is up."""
    other = at.meter.ready()["route_b"]["dongles"][1]["port"]
    async with Client("momonga") as second:
        with pytest.raises(ClientError) as refused:
            await second.call("open", **{**at.access, "dev": other}, join_retries=2)
        assert refused.value.name == "MomongaSkJoinFailure"
    assert await at.get("operation_status") is True
    assert at.meter.dongles[1].module.sessions.pac.session is None


# -- what happens in the course of a session -----------------------------------------------------------


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


@pytest.mark.parametrize("dialect", ["bp35c2", "bp35a1"])
def test_a_session_reads_everything_hears_everything_and_comes_back(dialect: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        load = tmp_path / "day.csv"
        load.write_text(DAY)
        options = {
            "load": str(load),
            "start_s": START.timestamp(),
            "history_days": 2,
            "dialects": (dialect, "bp35c2"),
            "settings": SETTINGS,
        }
        async with stage(**options) as at:
            with log_of(at):
                state = await at.open()
                radio = at.meter.module.radio
                assert (state["energy_unit"], state["energy_coefficient"]) == (0.01, 1)
                assert state["channel"] == radio.channel
                assert bytes.fromhex(state["meter"].replace(":", "")) == radio.ip
                truth = Truth(at)
                await nothing_is_chosen_yet(at)
                await set_base(at, truth)
                await every_getter_says_what_the_meter_is(at, truth)
                await every_getter_with_a_direction_has_the_other_one(at, truth)
                await each_day_of_history_is_the_truth(at, truth)
                await windows_are_the_truth(at, truth)
                await what_is_set_is_what_is_read(at, truth)
                await a_second_controller_is_refused(at)
                await half_hours_are_announced(at, truth)
                await a_metering_ic_that_is_silent_at_a_boundary_leaves_it_without_data(at, truth)
                await a_session_is_renewed_and_when_it_expires_a_reopen_brings_it_back(at)
                await at.client.call("close")
                assert at.meter.module.sessions.paa.session is None

    asyncio.run(scenario())


async def set_base(at: Stage, truth: Truth) -> None:
    """Read the first half hour of all, without choosing anything by E5."""
    first = dt.datetime.fromtimestamp(truth.first_s, JST)
    [row] = await at.client.call("history_30min", timestamp=local(first), points=1)
    truth.set_base(*row["cumulative energy"].values())


async def refused(at: Stage, op: str, **args: Any) -> None:
    """The meter must say no."""
    with pytest.raises(ClientError) as error:
        await at.client.call(op, **args)
    assert error.value.name == "MomongaResponseNotPossible"


def test_a_meter_of_the_first_generation_has_no_minutes() -> None:
    async def scenario() -> None:
        settings = {**SETTINGS, "profile": "gen1", "coefficient": 40}
        async with stage(settings=settings, start_s=START.timestamp(), dialects=("bp35a1",)) as at:
            with log_of(at):
                state = await at.open()
                assert (state["energy_unit"], state["energy_coefficient"]) == (0.01, 40)
                assert await at.get("standard_version") == "F.0"
                assert await at.get("properties_to_get_values") == GEN1
                assert await at.get("properties_to_set_values") == ["81", "E5", "ED"]
                assert await at.get("properties_for_status_notification") == ["80", "81", "88", "EA", "EB"]
                await nothing_is_chosen_yet(at, gen2=False)
                for name in (
                    "route_b_id",
                    "one_minute_measured_cumulative_energy",
                    "time_for_historical_data_3",
                ):
                    await refused(at, "get", name=f"get_{name}")
                await refused(at, "history_1min", timestamp=local(START))
                await refused(at, "request_to_get", epcs=["EE"])
                await refused(at, "set_time_1min", timestamp=local(START))
                before = await at.status()
                energy = await at.get("measured_cumulative_energy")
                after = await at.status()
                count = round(energy / 0.4)
                assert before["import_wh_x1000"] // 400_000 <= count <= after["import_wh_x1000"] // 400_000
                await at.client.call("close")

    asyncio.run(scenario())


def test_a_two_wire_meter_without_export_and_coefficient_says_so() -> None:
    async def scenario() -> None:
        settings = {**SETTINGS, "coefficient": None, "phases": 1, "reverse": False, "push_eb": True}
        async with stage(settings=settings, start_s=START.timestamp(), dialects=("rl7023ips",)) as at:
            with log_of(at):
                assert (await at.open())["energy_coefficient"] == 1
                absent = {"D3", "E3", "E4", "EB"}
                assert await at.get("properties_to_get_values") == [e for e in GEN2 if e not in absent]
                assert await at.get("properties_for_status_notification") == ["80", "81", "88", "EA"]
                await refused(at, "get", name="get_coefficient_for_cumulative_energy")
                await refused(at, "get", name="get_measured_cumulative_energy", reverse=True)
                await refused(at, "get", name="get_cumulative_energy_measured_at_fixed_time", reverse=True)
                await refused(at, "history_day", day=0, reverse=True)
                current = await at.get("instantaneous_current")
                assert current["t phase current"] is None and abs(current["r phase current"] - 12) < 0.2
                minute = await at.get("one_minute_measured_cumulative_energy")
                assert minute["cumulative energy"]["normal direction"] >= 1234.56
                assert minute["cumulative energy"]["reverse direction"] is None
                await leap(at, START.replace(minute=30, second=PUSH_DELAY_S + 1))
                [notification] = await at.client.call("notifications", seconds=30, count=1)
                assert list(notification["properties"]) == ["EA"]
                await at.client.call("close")

    asyncio.run(scenario())


def test_wrong_credentials_are_momongas_own_errors_and_the_meter_goes_on() -> None:
    dialects = ("bp35c2", "bp35a1", "bp35c2", "bp35a1")

    async def attempt(at: Stage, port: str, wrong: dict[str, str]) -> str:
        async with Client("momonga") as client:
            with pytest.raises(ClientError) as error:
                await client.call("open", **{**at.access, "dev": port, **wrong}, scan_retries=1)
            return error.value.name

    async def scenario() -> None:
        async with stage(start_s=START.timestamp(), dialects=dialects) as at:
            ports = [dongle.path for dongle in at.meter.dongles]
            wrong = [{"pwd": "X" * 12}, {"pwd": "X" * 12}, {"rbid": "F" * 32}, {"rbid": "F" * 32}]
            names = await asyncio.gather(*(attempt(at, *pair) for pair in zip(ports, wrong, strict=True)))
            assert names == ["MomongaSkJoinFailure"] * 2 + ["MomongaSkScanFailure"] * 2
            assert at.meter.module.sessions.paa.session is None
            await at.open()
            await at.client_reads()

    asyncio.run(scenario())
