"""What the meter pushes is understood by other clients: dlms-cosem and pydlms-client, unmodified."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from keiki.wire.cosem import datetime12
from keiki.wire.cosem.security import Cipher

from tests.conformance.desk import desk
from tests.conformance.rpc import A_ROUTE, BlockingClient
from tests.host.push_receiver import HeadEnd

RECEIVER = "10.0.0.1:4059"
START_S = 1_795_839_000.0
SLOT_S = 1800


@dataclass
class Recorder(HeadEnd):
    """A head-end that keeps what comes as it came."""

    apdus: list[bytes] = field(default_factory=list)

    def take(self, data: bytes) -> bytes:
        self.apdus.append(bytes(data))
        return super().take(data)


async def recorded(acknowledged: str) -> tuple[Recorder, dict[str, str], str]:
    """Three half hours and alarms as they are on the wire, the meter's keys and its system title."""
    settings = {
        "push_to": RECEIVER,
        "push_window_s": 0,
        "push_ack": acknowledged,
        "sample_s": 60,
        "gap_s": 60,
    }
    async with desk(load="constant:1000W", start_s=START_S, settings=settings) as bench:
        meter = bench.meters[0]
        route = meter.ready()["route_a"]
        keys = route["keys"]
        headend = Recorder(Cipher(bytes.fromhex(keys["ek"]), bytes.fromhex(keys["ak"])))
        meter.uplink.receivers[RECEIVER] = headend.connection
        await meter.clock.run_to(meter.clock.now_ms + 3 * SLOT_S * 1000 + 60_000)
        return headend, keys, route["system_title"]


@pytest.fixture(scope="module", params=["confirm", "none"])
def pushes(request: pytest.FixtureRequest) -> tuple[Recorder, dict[str, str], str]:
    """Pushes that are confirmed, over TCP, and some that are not, as datagrams."""
    return asyncio.run(recorded(request.param))


@pytest.mark.parametrize("name", ["dlms_cosem", "pydlms"])
def test_a_push_is_decoded(name: str, pushes: tuple[Recorder, dict[str, str], str]) -> None:
    headend, keys, title = pushes
    kinds = [message.kind for message in headend.messages]
    assert kinds.count("values") == 3
    # a datagram that tells of the start was gone before anybody listened
    assert ("alarm" in kinds) is headend.messages[0].confirmed
    with BlockingClient(name, python=A_ROUTE) as client:
        for apdu, message, counter in zip(headend.apdus, headend.messages, headend.counters, strict=True):
            found: dict[str, Any] = client.call(
                "push", apdu=apdu.hex(), ek=keys["ek"], ak=keys["ak"], title=title
            )
            assert found["counter"] == counter and found["confirmed"] is message.confirmed
            setup, when, *values = found["body"]
            assert bytes.fromhex(setup)[2:4] == b"\x19\x09"
            assert datetime12.instant(bytes.fromhex(when)) == message.utc_s
            assert tuple(values) == message.fields[1:]
        with pytest.raises(Exception, match=r"[Tt]ag|decrypt|authenti"):
            client.call("push", apdu=headend.apdus[0].hex(), ek=keys["ak"], ak=keys["ek"], title=title)
