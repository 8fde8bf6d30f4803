"""What momonga reads in one session: every getter, every day, every window; what it sets; who is kept out."""

import datetime as dt

import pytest
from keiki_host.bench.options import JST

from tests.conformance.rpc import Client, ClientError
from tests.conformance.stage import Stage
from tests.conformance.truth import GEN2, MINUTE, SLOT, START, Truth, local, utc_s


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


async def set_base(at: Stage, truth: Truth) -> None:
    """Read the first half hour of all, without choosing anything by E5."""
    first = dt.datetime.fromtimestamp(truth.first_s, JST)
    [row] = await at.client.call("history_30min", timestamp=local(first), points=1)
    truth.set_base(*row["cumulative energy"].values())
