"""pychonet, unmodified, against the meter over UDP: discovery, maps, every property, sets, announcements."""

import asyncio
import datetime as dt
from typing import Any

from keiki_host.bench.meter import Meter
from keiki_host.bench.options import JST

from tests.bench_process import BenchProcess
from tests.conformance.desk import desk
from tests.conformance.network import Namespace, loopback_turn, need_namespaces
from tests.conformance.rpc import Client

START = dt.datetime(2026, 6, 11, 12, 28, tzinfo=JST)
SETTINGS = {
    "unit": 3,  # 1 Wh
    "digits": 8,
    "coefficient": 4,
    "maker": "0000AB",
    "production": "2026-04-01",
    "import_start_wh": 1_234_567,
    "export_start_wh": 54_321,
    "push_delay_s": 2,
}
COUNT_WH_X1000 = 4000
NO_ENERGY = "FFFFFFFE"
MAP = (
    *("80", "81", "82", "88", "8A", "8D", "8E", "97", "98", "9D", "9E", "9F", "C0", "D0", "D3", "D7"),
    *("E0", "E1", "E2", "E3", "E4", "E5", "E7", "E8", "EA", "EB", "EC", "ED", "EE", "EF"),
)
RAISES = ("8A", "9D", "9E", "9F")
"""update() fails on these in pychonet itself, whatever the meter does (b-route.md A2.4)."""
UNDECODED = ("C0", "D0", "EE", "EF")
"""update() has no decoder for these, and gives None."""


def counts(status: dict[str, Any], direction: str) -> int:
    """A register as E0 or E3 shows it."""
    wh_x1000: int = status[f"{direction}_wh_x1000"]
    return wh_x1000 // COUNT_WH_X1000


def time_edt(when: dt.datetime) -> str:
    """YYYY MM DD hh mm, in hex."""
    return f"{when.year:04X}{when.month:02X}{when.day:02X}{when.hour:02X}{when.minute:02X}"


async def every_property_is_the_meters(meter: Meter, client: Client) -> None:
    """One update of everything, compared with settings, registers and house."""
    host, settings = meter.udp4, meter.settings
    maps = await client.call("maps", host=host)
    assert maps == {"get": list(MAP), "set": ["81", "E5", "ED", "EF"], "inf": ["80", "81", "88", "EA", "EB"]}
    before = await meter.firmware.call("status")
    values = await client.call("update", host=host, epcs=[epc for epc in MAP if epc not in RAISES])
    after = await meter.firmware.call("status")
    now = [dt.datetime.fromtimestamp(status["utc_ms"] / 1000, JST) for status in (before, after)]
    assert values.keys() == set(MAP) - set(RAISES)
    assert counts(before, "import") <= values.pop("E0") <= counts(after, "import")
    assert counts(before, "export") <= values.pop("E3") <= counts(after, "export")
    mains = meter.house.at(now[0].timestamp())
    assert abs(values.pop("E7") - mains.power_w) <= 2 + abs(mains.power_w) / 100
    current = values.pop("E8")
    for name, phase in zip(("r_phase_amperes", "t_phase_amperes"), mains.phases, strict=True):
        assert abs(current[name] - (phase.i if phase.p > 0 else -phase.i)) <= 0.1 + phase.i / 100
    assert values.pop("97") in {when.strftime("%H:%M") for when in now}
    assert values.pop("98").upper() == time_edt(now[0])[:8]
    scheduled = time_edt(START.replace(minute=0)) + "00" + NO_ENERGY
    assert {epc: value.upper() if isinstance(value, str) else value for epc, value in values.items()} == {
        "80": "ON",
        "81": "00",
        "82": "00005204",
        "88": "OFF",
        "8D": settings["serial"].encode().ljust(12, b"\0").hex().upper(),
        "8E": "07EA0401",
        "D3": 4,
        "D7": 8,
        "E1": 0.001,
        "E2": "00FF" + 48 * NO_ENERGY,
        "E4": "00FF" + 48 * NO_ENERGY,
        "E5": "FF",
        "EA": scheduled,
        "EB": scheduled,
        "EC": "FFFFFFFFFFFF01" + 2 * NO_ENERGY,
        "ED": "FFFFFFFFFFFF01",
        **dict.fromkeys(UNDECODED),
    }
    assert await client.call("get", host=host, epc="C0") == "000000AB" + settings["route_b_id"][8:]
    assert await client.call("get", host=host, epc="EF") == "FFFFFFFFFFFF01"
    assert await client.call("get", host=host, epc="EE") == "FFFFFFFFFFFF01" + 2 * NO_ENERGY
    minute = await client.call("get", host=host, epc="D0")
    assert minute[:12] in {time_edt(when - dt.timedelta(minutes=back)) for when in now for back in (0, 1)}
    assert counts(before, "import") - 60 <= int(minute[14:22], 16) <= counts(after, "import")
    assert int(minute[22:], 16) == 54_321_000 // COUNT_WH_X1000


async def sets_hold_and_bad_ones_are_refused(meter: Meter, client: Client) -> None:
    """E5 by SetC, E5 and ED in one frame; what is out of range changes nothing."""
    host = meter.udp4
    assert await client.call("set", host=host, epc="E5", edt="01") is True
    assert await client.call("get", host=host, epc="E5") == "01"
    assert (await client.call("get", host=host, epc="E2"))[:4] == "0001"
    for epc, edt in (("E5", "64"), ("ED", "07EA060B0C1101"), ("EF", "07EA060B0C110B")):
        assert await client.call("set", host=host, epc=epc, edt=edt) is False, (epc, edt)
    window = time_edt(START.replace(minute=0)) + "02"
    assert await client.call("set_many", host=host, values={"E5": "02", "ED": window}) is True
    values = await client.call("update", host=host, epcs=["E5", "ED", "EC"])
    assert {epc: value.upper() for epc, value in values.items()} == {
        "E5": "02",
        "ED": window,
        "EC": window + 4 * NO_ENERGY,
    }


async def half_hours_are_announced(meter: Meter, client: Client) -> None:
    """EA and EB reach everybody on the network after 12:30, and Get has the same then."""
    await client.call("listen", host=meter.udp4)
    await meter.clock.run_to((round(START.timestamp()) + 123) * 1000 - meter.clock.start_utc_ms)
    meter.clock.pace(1)
    [notification] = await client.call("notifications", seconds=50, count=1)
    slot = time_edt(START.replace(minute=30)) + "00"
    for epc in ("EA", "EB"):
        value = notification[epc]
        assert value[:14] == slot and value[14:] != NO_ENERGY
        assert await client.call("get", host=meter.udp4, epc=epc) == value


def test_it_discovers_reads_sets_and_hears_a_meter() -> None:
    async def scenario() -> None:
        options = {"load": "constant:1300W@pf0.9", "start_s": START.timestamp(), "settings": SETTINGS}
        async with desk(**options) as bench, loopback_turn(), Client("pychonet") as client:
            [meter] = bench.meters
            await client.call("open")
            found = (await client.call("discover", host=meter.udp4))["hosts"]
            unique = meter.unique.encode().ljust(13, b"\0").hex()
            assert found == {
                meter.udp4: {
                    "uid": "0000ab" + unique,
                    "manufacturer": 0xAB,
                    "product_code": None,
                    "discovered": True,
                    "available": True,
                    "instances": ["028801"],
                }
            }
            await every_property_is_the_meters(meter, client)
            await sets_hold_and_bad_ones_are_refused(meter, client)
            await half_hours_are_announced(meter, client)

    asyncio.run(scenario())


def test_two_meters_at_two_addresses_are_told_apart() -> None:
    async def scenario() -> None:
        options = {"meters": 2, "load": "house", "start_s": START.timestamp(), "settings": SETTINGS}
        async with desk(**options) as bench, loopback_turn(), Client("pychonet") as client:
            await client.call("open")
            hosts = [meter.udp4 for meter in bench.meters]
            for host in hosts:
                found = await client.call("discover", host=host)
                await client.call("maps", host=host)
            assert sorted(found["hosts"]) == sorted(hosts)
            assert len({state["uid"] for state in found["hosts"].values()}) == 2
            for day, host in enumerate(hosts):
                assert await client.call("set", host=host, epc="E5", edt=f"{day:02X}") is True
            for day, (host, meter) in enumerate(zip(hosts, bench.meters, strict=True)):
                values = await client.call("update", host=host, epcs=["8D", "E5", "E7"])
                assert bytes.fromhex(values["8D"]).rstrip(b"\0").decode() == f"KEIKI{day + 1:07d}"
                assert values["E5"] == f"{day:02x}"
                route_b_id = meter.settings["route_b_id"]
                assert await client.call("get", host=host, epc="C0") == "000000AB" + route_b_id[8:]
            powers = [meter.house.at(START.timestamp()).power_w for meter in bench.meters]
            assert abs(powers[0] - powers[1]) > 50, "two houses that cannot be told apart"

    asyncio.run(scenario())


def test_multicast_discovery_finds_every_meter() -> None:
    need_namespaces()

    async def scenario(prefix: list[str]) -> None:
        async with Client("pychonet", prefix=prefix) as client:
            await client.call("open")
            # it waits for itself until its time-out, as its own question comes back to it
            await client.call("discover", host=None)
            hosts = {"127.0.0.2", "127.0.0.3", "127.0.0.4"}
            found = await client.call("discover", host="127.0.0.2")
            assert set(found["heard"]) >= hosts
            for host in hosts - {"127.0.0.2"}:
                found = await client.call("discover", host=host)
            assert all(found["hosts"][host]["instances"] == ["028801"] for host in hosts)

    with Namespace() as network, BenchProcess("--meters", "3", prefix=network.prefix) as bench:
        assert [meter["route_b"]["udp4"] for meter in bench.ready["meters"]] == [
            f"127.0.0.{number}:3610" for number in (2, 3, 4)
        ]
        asyncio.run(scenario(network.prefix))
