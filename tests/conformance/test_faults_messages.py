"""Faults of lines (L1, L4) for programs that take a read for a message, or want payloads in binary.

The client is our own, clients/sk_client.py: it does what some programs do and momonga does not.
"""

import asyncio
from typing import Any

import pytest

from tests.conformance.rpc import ClientError
from tests.conformance.stage import Stage, perform, plays, stage


class SkStage(Stage):
    """The stage with our own client. Its read of the port may hold too much by chance: it tries again."""

    async def open(self, **options: Any) -> None:
        """Scan and join."""
        await self.client.call("open", **self.access, sided=self.module.core.dialect.sided)
        await self.join()

    async def join(self) -> None:
        """Join, and again."""
        for _ in range(20):
            try:
                await self.client.call("join")
                return
            except ClientError as error:
                assert error.name == "JoinFailed", error
        raise AssertionError("never joined")

    async def get(self, name: str, **args: Any) -> Any:
        """A property by its code, as a number."""
        for _ in range(20):
            try:
                return int(await self.client.call("get", epc=name, **args), 16)
            except ClientError as error:
                assert error.name == "NoAnswer", error
        raise AssertionError("never answered")

    async def client_reads(self) -> None:
        """E0 and E7."""
        before = await self.status()
        count = await self.get("E0")
        self.register_between(count, "import_wh_x1000", before, await self.status())
        self.power_right(await self.get("E7"))


@plays("erxudp_tokens")
async def a_line_with_other_tokens_is_unreadable(at: Any) -> None:
    for tokens in ("more", "fewer"):
        async with at.fault("erxudp_tokens", tokens=tokens):
            await at.fails("Unreadable", "ERXUDP", at.client.call("get", epc="E7", wait_s=20))


@plays("ipv6_short")
async def a_short_address_is_unreadable(at: Any) -> None:
    async with at.fault("ipv6_short"):
        await at.fails("Unreadable", "ERXUDP FE80::", at.client.call("get", epc="E7", wait_s=20))


@plays("hex_lowercase")
async def lower_case_is_unreadable_to_who_compares_texts(at: Any) -> None:
    async with at.fault("hex_lowercase"):
        await at.fails("Unreadable", "0e1a", at.client.call("get", epc="E7", wait_s=20))


@plays("binary_output")
async def a_line_break_inside_a_binary_payload_is_payload(at: Any) -> None:
    """97 at 13:10 is 0D 0A. The dongle is binary from the factory; the fault makes one so that is not."""
    assert at.module.output_mode == 0
    assert await at.get("97") == 0x0D0A
    at.module.set_output_mode(1)
    async with at.fault("binary_output"):
        assert await at.get("97") == 0x0D0A
    at.module.set_output_mode(0)


@plays("glued")
async def a_join_that_comes_with_the_instance_list_looks_failed(at: Any) -> None:
    async with at.fault("glued"):
        await at.fails("JoinFailed", "ERXUDP", at.client.call("join"))
    await at.join()


@plays("glued")
async def an_answer_that_comes_with_ok_is_lost(at: Any) -> None:
    async with at.fault("glued"):
        await at.fails("NoAnswer", "", at.client.call("get", epc="E7", wait_s=2))


@plays("ok_before_event")
async def ok_before_its_event_is_as_good(at: Any) -> None:
    async with at.fault("ok_before_event"):
        await at.client_reads()


SCENARIOS = (
    a_line_break_inside_a_binary_payload_is_payload,
    a_line_with_other_tokens_is_unreadable,
    a_short_address_is_unreadable,
    lower_case_is_unreadable_to_who_compares_texts,
    a_join_that_comes_with_the_instance_list_looks_failed,
    an_answer_that_comes_with_ok_is_lost,
    ok_before_its_event_is_as_good,
)
TEN_PAST_ONE_S = 1_795_839_000.0  # 2026-11-28 13:10:00 in Japan


@pytest.mark.parametrize("dialect", ["bp35a1", "bp35c2"])
def test_a_client_of_messages_meets_faults_of_lines(dialect: str) -> None:
    async def session() -> None:
        async with stage("sk", dialects=(dialect,), start_s=TEN_PAST_ONE_S) as plain:
            at = SkStage(plain.bench, plain.client)
            await at.open()
            await perform(at, SCENARIOS)
            await at.client.call("close")

    asyncio.run(session())
