"""The uplink of the meter: while it is cut or deaf the B-route is what it always was; momonga."""

import asyncio

from keiki.wire.cosem.security import Cipher

from tests.conformance.stage import Stage, perform, plays, stage
from tests.host.push_receiver import HeadEnd

NAME = "10.0.0.1:4059"
SLOT_S = 1800


def headend_of(at: Stage) -> HeadEnd:
    """A head-end that the meter sends to from now on."""
    keys = at.meter.settings
    headend = HeadEnd(Cipher(bytes.fromhex(keys["dlms_ek"]), bytes.fromhex(keys["dlms_ak"])))
    at.meter.uplink.receivers[NAME] = headend.connection
    return headend


@plays("uplink_cut", "uplink_deaf")
async def what_was_held_up_arrives_and_the_client_notices_nothing(at: Stage) -> None:
    headend = headend_of(at)
    await at.meter.firmware.call("set", values={"push_to": NAME, "push_window_s": 0})
    async with at.fault("uplink_cut"):
        await at.run_on(2 * SLOT_S)
        assert await at.get("instantaneous_power") == 1200
        assert headend.slots == {}
    async with at.fault("uplink_deaf", count=2):
        await at.run_on(SLOT_S)
        assert await at.get("instantaneous_power") == 1200
        await at.run_on(SLOT_S)
    times = sorted(headend.slots)
    assert len(times) >= 3 and times == list(range(times[0], times[-1] + 1, SLOT_S))
    numbers = [message.number for message in headend.messages]  # that the power is back is one of them
    assert len(numbers) - len(set(numbers)) == 2
    await at.meter.firmware.call("set", values={"push_to": ""})


SCENARIOS = (what_was_held_up_arrives_and_the_client_notices_nothing,)


def test_momonga_reads_a_meter_whose_uplink_fails() -> None:
    async def session() -> None:
        async with stage(dialects=("bp35c2",)) as at:
            await at.open()
            await perform(at, SCENARIOS)
            await at.client.call("close")

    asyncio.run(session())
