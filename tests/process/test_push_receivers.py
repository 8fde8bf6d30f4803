"""Receivers of pushes that are not as they should be: nothing is lost, doubled or sent out of turn for it."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from keiki.wire.cosem import apdu
from keiki.wire.cosem.axdr import Writer
from keiki.wire.cosem.security import Cipher
from keiki_host.bench.meter import Meter

from tests.conformance.desk import desk
from tests.host.push_receiver import Connection, HeadEnd
from tests.process.test_push import HOUR_S, START_S, boundaries, pass_time, statistics, used_bytes

POWER_UP = 1 << 1


@dataclass
class Odd(HeadEnd):
    """A head-end that answers with what `odd(itself, invoke id)` gives; None: as it should."""

    odd: "Callable[[Odd, int], bytes] | None" = None
    held: bytes = b""
    wrong: Cipher = field(default_factory=lambda: Cipher(bytes(range(16)), bytes(range(16, 32))))

    def confirm(self, invoke: int) -> bytes:
        return super().confirm(invoke) if self.odd is None else self.odd(self, invoke)

    def right(self, invoke: int) -> bytes:
        """The confirm that there should be."""
        return super().confirm(invoke)

    def forged(self, invoke: int) -> bytes:
        """The same made with other keys."""
        return HeadEnd(self.wrong, counter=self.counter).confirm(invoke)

    def late(self, invoke: int) -> bytes:
        """The confirm of what came before; this one's is held back until more comes."""
        held, self.held = self.held, self.right(invoke)
        return held


def in_plain(_: Odd, invoke: int) -> bytes:
    """A confirm that nothing protects."""
    writer = Writer(bytearray(32))
    apdu.encode(writer, apdu.NOTIFICATION_CONFIRM << 8, invoke, b"")
    return bytes(writer.buffer[: writer.at])


def flipped(data: bytes) -> bytes:
    """The same with another last bit."""
    return data[:-1] + bytes([data[-1] ^ 1])


NEVER: dict[str, Callable[[Odd, int], bytes]] = {
    "nothing": lambda headend, invoke: b"",
    "of another": lambda headend, invoke: headend.right(invoke + 1),
    "with other keys": Odd.forged,
    "in plain": in_plain,
    "long": lambda headend, invoke: bytes(200),
    "cut off": lambda headend, invoke: headend.right(invoke)[:-1],
    "a bit changed": lambda headend, invoke: flipped(headend.right(invoke)),
}
"""Answers that confirm nothing."""


class Twice(Connection):
    """Says everything two times."""

    def receive(self, data: bytes) -> bytes:
        return 2 * super().receive(data)


@contextmanager
def closed_port() -> Iterator[str]:
    """A port of this host where connections are refused."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def numbers(headend: Odd) -> list[int]:
    """The numbers of the values in the order of their coming."""
    return [message.number for message in headend.messages if message.kind == "values"]


async def values_of(meter: Meter, headend: Odd) -> None:
    """Let an hour pass and check that all there is has come, each once at the application, in order."""
    await pass_time(meter, HOUR_S)
    slots = list(headend.slots)
    assert slots == boundaries(START_S, meter.clock.utc_ms() / 1000)[: len(slots)]
    assert (await statistics(meter))["waiting"] == 0


async def scenario(name: str) -> None:
    fast = {"push_to": name, "push_window_s": 0, "sample_s": 60, "gap_s": 60, "checkpoint_s": 600}
    async with desk(load="constant:1000W", start_s=START_S, settings=fast) as bench:
        meter = bench.meters[0]
        keys = [bytes.fromhex(meter.settings[key]) for key in ("dlms_ek", "dlms_ak")]
        headend = Odd(Cipher(*keys))

        # refused: tried again, less and less often
        await pass_time(meter, 2 * HOUR_S)
        counts = await statistics(meter)
        assert counts["delivered"] == 0 and 12 <= counts["failed"] <= 20, counts
        meter.uplink.receivers[name] = headend.connection
        await values_of(meter, headend)
        assert headend.again == 0
        # the power has come back: that is an alarm
        assert [m.fields[1] & POWER_UP for m in headend.messages if m.kind == "alarm"] == [POWER_UP]
        early = await used_bytes(meter)

        for what, answer in NEVER.items():
            headend.odd = answer
            headend.messages.clear()
            before = (await statistics(meter))["delivered"]
            await pass_time(meter, HOUR_S)
            assert (await statistics(meter))["delivered"] == before, what
            first = numbers(headend)[0]
            assert numbers(headend) == [first] * len(numbers(headend)) and len(numbers(headend)) > 3, what
            headend.odd = None
            headend.messages.clear()
            await values_of(meter, headend)
            found = numbers(headend)
            assert found == list(range(first, first + len(found))) and len(found) >= 2, what

        # twice: the second one confirms nothing more
        meter.uplink.receivers[name] = lambda: Twice(headend)
        await values_of(meter, headend)
        await values_of(meter, headend)
        meter.uplink.receivers[name] = headend.connection

        # late: the meter has hung up, and takes it when it has sent the same again
        headend.odd = Odd.late
        headend.messages.clear()
        await pass_time(meter, 2 * HOUR_S)
        assert (await statistics(meter))["waiting"] <= 1
        found = numbers(headend)
        assert found == sorted(found) and set(found) == set(range(found[0], found[-1] + 1))
        assert max(found.count(number) for number in found) == 2
        headend.odd = None
        await values_of(meter, headend)
        late = await used_bytes(meter)
        assert abs(late - early) <= 1024


def test_no_odd_receiver_loses_a_value_doubles_one_or_takes_memory() -> None:
    with closed_port() as name:
        asyncio.run(scenario(name))
