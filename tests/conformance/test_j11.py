"""broute-j11, unmodified, reads the bench's meter through the emulated BP35C0-J11 dongle (b-route.md E6)."""

import asyncio
from typing import Any

import pytest
from keiki_host.bench.bench import Bench
from keiki_host.bench.meter import Meter

from tests.conformance.desk import desk
from tests.conformance.rpc import Client, ClientError

SETTINGS = {
    "unit": 4,  # 0.1 Wh: fine enough to see the registers move
    "digits": 8,
    "serial": "J11-0001",
    "maker": "000077",
    "import_start_wh": 1_234_567,
    "export_start_wh": 4_321,
}
COUNT_WH_X1000 = 100
J11: dict[str, Any] = {"dialects": ("j11",), "load": "constant:1200W", "settings": SETTINGS}


async def _open(client: Client, meter: Meter, **changed: Any) -> Any:
    """Open a session at the meter's first dongle, with its own credentials unless `changed`."""
    own = {
        "dev": meter.dongles[0].path,
        "rbid": meter.settings["route_b_id"],
        "pwd": meter.settings["route_b_password"],
    }
    return await client.call("open", **{**own, **changed})


async def _read_and_compare(client: Client, meter: Meter) -> None:
    """What is read lies between the meter's registers before and after; the load is constant."""
    before = await meter.firmware.call("status")
    reading = await client.call("read")
    after = await meter.firmware.call("status")
    for name, register in (("forward", "import_wh_x1000"), ("reverse", "export_wh_x1000")):
        count = round(reading[f"cumulative_{name}_energy"] * 10_000)
        assert before[register] // COUNT_WH_X1000 <= count <= after[register] // COUNT_WH_X1000
    mains = meter.house.at(meter.clock.utc_ms() / 1000)
    assert reading["instantaneous_power"] == pytest.approx(mains.power_w, rel=0.01, abs=2)
    for name, phase in zip(("r", "t"), mains.phases, strict=True):
        assert reading[f"current_{name}_phase"] == pytest.approx(phase.i, rel=0.01, abs=0.15)


async def _connects(bench: Bench, client: Client) -> None:
    meter = bench.meters[0]
    link = await _open(client, meter)
    radio = meter.module.radio
    assert link["mac_address"] == radio.mac.hex().upper()
    assert (link["channel"], link["pan_id"]) == ((radio.channel - 33) // 2 + 4, radio.pan_id)
    assert await client.call("profile") == {
        "coefficient": 1,
        "unit": 0.0001,
        "digits": 8,
        "manufacturer_code": "0x000077",
        "standard_version": "0x00005204",
        "serial_number": "J11-0001",
    }
    for _ in range(3):
        await _read_and_compare(client, meter)
    state = await client.call("state")
    assert (state["disconnects"], state["stats"]["timeouts"]) == (0, 0)
    assert state["stats"]["frames"]["checksum_errors"] == 0
    await client.call("close")


def test_it_connects_and_every_value_is_the_meters() -> None:
    async def scenario() -> None:
        async with desk(**J11) as bench, Client("j11") as client:
            await _connects(bench, client)

    asyncio.run(scenario())


@pytest.mark.parametrize("cause", ["fault j11_pana_down", "end by the meter"])
def test_it_hears_that_the_session_is_lost_and_heals_itself(cause: str) -> None:
    async def scenario() -> None:
        async with desk(**J11) as bench, Client("j11") as client:
            meter = bench.meters[0]
            await _open(client, meter)
            await _read_and_compare(client, meter)
            if cause == "end by the meter":
                meter.module.receive(b"SKTERM\r\n")
            else:
                meter.faults.enable("j11_pana_down")
            assert await client.call("wait_disconnect", seconds=20) == 1
            assert not (await client.call("state"))["connected"]
            await _read_and_compare(client, meter)
            state = await client.call("state")
            assert (state["connected"], state["stats"]["connects"]) == (True, 2)
            await client.call("close")

    asyncio.run(scenario())


def test_it_is_back_after_the_meters_module_was_reset() -> None:
    """Nobody tells the dongle; the meter notices within a minute, which `speed` makes short."""

    async def scenario() -> None:
        async with desk(**J11, speed=30) as bench, Client("j11") as client:
            meter = bench.meters[0]
            await _open(client, meter, backoff_s=0.2, echonet_timeout=1)
            await _read_and_compare(client, meter)
            meter.faults.enable("module_reset")
            for _ in range(20):
                try:
                    await _read_and_compare(client, meter)
                    break
                except ClientError:
                    continue
            state = await client.call("state")
            assert state["connected"] and state["stats"]["connects"] >= 2
            await client.call("close")

    asyncio.run(scenario())


def test_a_wrong_password_is_refused_and_not_tried_again() -> None:
    async def scenario() -> None:
        async with desk(**J11) as bench, Client("j11") as client:
            meter = bench.meters[0]
            with pytest.raises(ClientError) as refused:
                await _open(client, meter, pwd="X" * 12)
            assert refused.value.name == "AuthenticationError"
            with pytest.raises(ClientError) as latched:
                await client.call("connect")
            assert latched.value.name == "AuthenticationError"
            assert (await client.call("state"))["authentication_failed"]
            assert (await meter.firmware.call("events"))["counts"]["authentication_failed"] == 1
            await _connects(bench, client)

    asyncio.run(scenario())


def test_a_wrong_id_finds_no_meter() -> None:
    async def scenario() -> None:
        async with desk(**J11) as bench, Client("j11") as client:
            with pytest.raises(ClientError) as error:
                await _open(client, bench.meters[0], rbid="F" * 32, scan_duration=1)
            assert error.value.name == "MeterNotFoundError"
            await _connects(bench, client)

    asyncio.run(scenario())


def test_every_fault_of_the_module_is_reported_and_passes() -> None:
    """b-route.md L10, as broute-j11 takes them: some it survives by itself, some its caller sees once."""

    async def scenario() -> None:
        async with desk(**J11) as bench, Client("j11") as client:
            meter = bench.meters[0]
            await _open(client, meter, command_timeout=1, echonet_timeout=1)
            for fault, survived in (
                ("j11_send_no_ack", True),
                ("j11_header_checksum", True),
                ("j11_data_checksum", False),
                ("j11_burst", True),
            ):
                meter.faults.enable(fault, count=1)
                try:
                    await _read_and_compare(client, meter)
                    assert survived, fault
                except ClientError as error:
                    assert not survived, fault
                    assert (error.name, "0xF1" in error.text) == ("CommandFailedError", True)
                assert meter.faults.struck[fault] == 1
                await _read_and_compare(client, meter)
            for fault, seen in (
                ("j11_start_fail", None),
                ("j11_pana_silent", None),
                ("j11_pana_failed", "AuthenticationError"),
            ):
                await client.call("close")
                meter.faults.enable(fault, count=1)
                try:
                    await client.call("connect")
                    assert seen is None, fault
                except ClientError as error:
                    assert error.name == seen, fault
                assert meter.faults.struck[fault] == 1
            await _connects(bench, client)

    asyncio.run(scenario())
