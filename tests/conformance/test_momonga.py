"""momonga, unmodified, against the whole meter: every getter, history, choices, notifications, sessions."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.momonga_hears import (
    a_metering_ic_that_is_silent_at_a_boundary_leaves_it_without_data,
    a_session_is_renewed_and_when_it_expires_a_reopen_brings_it_back,
    half_hours_are_announced,
)
from tests.conformance.momonga_reads import (
    a_second_controller_is_refused,
    each_day_of_history_is_the_truth,
    every_getter_says_what_the_meter_is,
    every_getter_with_a_direction_has_the_other_one,
    nothing_is_chosen_yet,
    set_base,
    what_is_set_is_what_is_read,
    windows_are_the_truth,
)
from tests.conformance.rpc import Client, ClientError
from tests.conformance.stage import Stage, stage
from tests.conformance.truth import DAY, GEN1, GEN2, PUSH_DELAY_S, SETTINGS, START, Truth, leap, local


@contextmanager
def log_of(at: Stage) -> Iterator[None]:
    """Add what the client logged to whatever goes wrong."""
    try:
        yield
    except BaseException as error:
        error.add_note(at.client.log())
        raise


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
