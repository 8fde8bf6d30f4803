"""Faults of the J11 dongle (L10) while they last, against broute-j11; once each they are in test_j11.py."""

import asyncio
from typing import Any

import pytest

from tests.conformance.stage import Scenario, Stage, perform, plays, stage

HASTY = {"command_timeout": 1, "echonet_timeout": 1, "startup_timeout": 3, "backoff_s": 0.1}
CALM = {"backoff_s": 0.1}


class J11Stage(Stage):
    """The stage with broute-j11 as its client."""

    async def open(self, **options: Any) -> Any:
        """Begin anew: another session object, connected."""
        return await self.client.call("open", **self.access, **{**CALM, **options})

    async def client_reads(self) -> None:
        """E0, E3, E7 and E8 in one request."""
        before = await self.status()
        reading = await self.client.call("read", timeout=100.0)
        after = await self.status()
        for name, register in (("forward", "import_wh_x1000"), ("reverse", "export_wh_x1000")):
            count = round(reading[f"cumulative_{name}_energy"] * 10_000)
            self.register_between(count, register, before, after)
        self.power_right(reading["instantaneous_power"])
        mains = self.meter.house.at(self.meter.clock.utc_ms() / 1000)
        for name, phase in zip("rt", mains.phases, strict=True):
            assert abs(reading[f"current_{name}_phase"] - phase.i) < 0.2

    async def stats(self) -> dict[str, Any]:
        """What the session counts."""
        found: dict[str, Any] = (await self.client.call("state"))["stats"]
        return found


async def reads_fail(at: J11Stage, fault: str, error: tuple[str, str]) -> None:
    """While the fault lasts reading fails, each time; afterwards the same session object reads."""
    await at.client.call("close")
    await at.open(**HASTY)
    async with at.fault(fault):
        for _ in range(2):
            await at.fails(*error, at.client.call("read", timeout=100.0))
    await at.client_reads()
    await at.client.call("close")
    await at.open()


async def connects_fail(at: J11Stage, fault: str, error: tuple[str, str], attempts: int) -> None:
    """While the fault lasts connecting fails, after so many attempts; afterwards it succeeds."""
    await at.client.call("close")
    struck = at.faults.struck.get(fault, 0)
    async with at.fault(fault):
        await at.fails(*error, at.open())
        assert at.faults.struck[fault] == struck + attempts
    await at.client.call("connect")


@plays("j11_header_checksum")
async def requests_whose_header_is_refused_are_not_answered(at: Any) -> None:
    await reads_fail(
        at, "j11_header_checksum", ("SessionClosedError", "could not re-establish the B-route session")
    )


@plays("j11_data_checksum")
async def requests_whose_data_is_refused_fail(at: Any) -> None:
    await reads_fail(at, "j11_data_checksum", ("CommandFailedError", "0xF1"))


@plays("j11_send_no_ack")
async def frames_without_acknowledgement_are_sent_again_then_the_session_is_rebuilt(at: Any) -> None:
    before = await at.stats()
    async with at.fault("j11_send_no_ack", count=2):
        await at.client_reads()
    assert (await at.stats())["echonet_retries"] == before["echonet_retries"] + 2
    await reads_fail(
        at, "j11_send_no_ack", ("TransmissionError", "could not transmit the request (result 0x5)")
    )


@plays("j11_start_fail")
async def a_start_that_fails_is_tried_three_times(at: Any) -> None:
    await connects_fail(at, "j11_start_fail", ("CommandFailedError", "0x0E"), 3)


@plays("j11_pana_silent")
async def a_meter_that_does_not_answer_pana_may_be_tried_again(at: Any) -> None:
    await connects_fail(at, "j11_pana_silent", ("SessionClosedError", "did not answer the PANA exchange"), 1)


@plays("j11_pana_failed")
async def refused_credentials_are_not_tried_again_by_the_same_session(at: Any) -> None:
    await at.client.call("close")
    async with at.fault("j11_pana_failed"):
        await at.fails("AuthenticationError", "result 0x02", at.open())
    await at.fails("AuthenticationError", "create a new session", at.client.call("connect"))
    await at.open()


@plays("j11_pana_down")
async def a_session_that_goes_down_is_rebuilt_at_the_next_reading(at: Any) -> None:
    lost = (await at.client.call("state"))["disconnects"]
    for number in (1, 2):
        async with at.fault("j11_pana_down"):
            assert await at.client.call("wait_disconnect", seconds=20, count=lost + number) == lost + number
            await at.client_reads()


@plays("j11_burst")
async def replies_and_notices_in_one_piece_are_taken_apart(at: Any) -> None:
    async with at.fault("j11_burst"):
        await at.client_reads()
        await at.client.call("close")
        await at.open()
        await at.client_reads()
    assert (await at.stats())["frames"]["checksum_errors"] == 0


LINES = (
    requests_whose_header_is_refused_are_not_answered,
    requests_whose_data_is_refused_fail,
    frames_without_acknowledgement_are_sent_again_then_the_session_is_rebuilt,
)
SESSIONS = (
    a_start_that_fails_is_tried_three_times,
    a_meter_that_does_not_answer_pana_may_be_tried_again,
    refused_credentials_are_not_tried_again_by_the_same_session,
    a_session_that_goes_down_is_rebuilt_at_the_next_reading,
    replies_and_notices_in_one_piece_are_taken_apart,
)


@pytest.mark.parametrize("scenarios", [LINES, SESSIONS], ids=["lines", "sessions"])
def test_broute_j11_meets_faults_of_its_dongle(scenarios: tuple[Scenario, ...]) -> None:
    async def session() -> None:
        async with stage("j11", dialects=("j11",)) as plain:
            at = J11Stage(plain.bench, plain.client)
            await at.open()
            await perform(at, scenarios)
            await at.client.call("close")

    asyncio.run(session())
