"""The meter over IPv6, as between two hosts: the real bench in one namespace, a controller in another."""

import asyncio
from pathlib import Path
from typing import Any

from tests.bench_process import BenchProcess
from tests.conformance.network import Namespace, need_namespaces, two_hosts
from tests.conformance.rpc import Client

OPTIONS = ("--load", "constant:1300W", "--start", "2026-06-11T12:00:00")
INSTANCES = {"D5": "01028801"}
SERIAL = b"IPV6".ljust(12, b"\0").hex().upper()


def config(folder: Path) -> tuple[str, ...]:
    """Settings of the meter, in a file."""
    path = folder / "meter.toml"
    path.write_text('serial = "IPV6"\nmaker = "0000AB"\n')
    return ("--config", str(path))


def answer(props: dict[str, Any], host: str, tid: int, seoj: str = "028801") -> dict[str, Any]:
    """A Get_Res of the meter, as the client sees it."""
    return {
        **{"from": host, "port": 3610, "tid": tid, "seoj": seoj, "deoj": "05FF01", "esv": 0x72},
        "props": props,
    }


def test_two_hosts_with_link_local_addresses_speak_unicast_and_multicast(tmp_path: Path) -> None:
    async def scenario(client_host: Namespace, meter_host: Namespace) -> None:
        async with Client("echonet", prefix=client_host.prefix) as client:
            await client.call("open", interface="cable")
            options = (*OPTIONS, *config(tmp_path), "--udp6", "fe80::2%cable")
            with BenchProcess(*options, prefix=meter_host.prefix) as bench:
                heard = await client.call("receive")
                assert 0 <= heard.pop("tid") <= 0xFFFF
                assert heard == {
                    **{"from": "fe80::2", "port": 3610, "seoj": "0EF001", "deoj": "0EF001", "esv": 0x73},
                    "props": INSTANCES,
                }
                assert bench.ready["meters"][0]["route_b"]["udp6"] == "[fe80::2%cable]:3610"

                found = await client.call("get", host="fe80::2", epcs=["8D", "8A", "D7"])
                assert found == answer({"8D": SERIAL, "8A": "0000AB", "D7": "06"}, "fe80::2", 1)
                power = (await client.call("get", host="fe80::2", epcs=["E7"]))["props"]["E7"]
                assert abs(int(power, 16) - 1300) <= 15

                # a question to everybody is answered by the meter's own address, to the sender alone
                found = await client.call("get", host="ff02::1", epcs=["D6"], deoj="0EF001")
                assert found == answer({"D6": "01028801"}, "fe80::2", 3, "0EF001")
                found = await client.call("get", host="ff02::1", epcs=["8D"], deoj="028800")
                assert found == answer({"8D": SERIAL}, "fe80::2", 4)

    with two_hosts() as hosts:
        asyncio.run(scenario(*hosts))


def test_on_one_host_a_second_address_is_enough_for_unicast(tmp_path: Path) -> None:
    need_namespaces()

    async def scenario(host: Namespace) -> None:
        async with Client("echonet", prefix=host.prefix) as client:
            await client.call("open", interface="lo", bind="::1")
            found = await client.call("get", host="fd00:77::2", epcs=["8D", "88"])
            assert found == answer({"8D": SERIAL, "88": "42"}, "fd00:77::2", 1)

    with Namespace() as host:
        host.run("ip -6 addr add fd00:77::2/128 dev lo nodad")
        options = (*OPTIONS, *config(tmp_path), "--udp6", "fd00:77::2")
        with BenchProcess(*options, prefix=host.prefix) as bench:
            assert bench.ready["meters"][0]["route_b"]["udp6"] == "[fd00:77::2]:3610"
            asyncio.run(scenario(host))
