"""The real firmware with a part that hangs, fails or crashes: what the supervisor makes of it."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keiki.wire.echonet import frame
from keiki_host.bench import firmware_image
from keiki_host.bench.bench import Bench
from keiki_host.bench.keeper import COMMAND, CRASH, WATCHDOG
from keiki_host.bench.meter import Meter
from keiki_host.bench.options import BenchOptions

from tests.conformance.desk import own_address

HOUR_MS = 3_600_000
MAIN = """
import asyncio, os, sys
import board
from keiki.meter import app, metering

sample = metering.Metering.sample
samples = 0

async def spoilt(self):
    global samples
    samples += 1
    if samples > 250 and os.getenv("KEIKI_CAUSE") in {when}:
        {how}
    await sample(self)

metering.Metering.sample = spoilt
app.run(board)
"""


@pytest.fixture
def spoil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give the bench a firmware whose metering goes wrong after 250 samples."""
    packages, _, board = firmware_image.firmware_paths()

    def make(how: str, when: tuple[str, ...]) -> None:
        path = tmp_path / "main.py"
        path.write_text(MAIN.format(how=how, when=when))
        monkeypatch.setattr(firmware_image, "firmware_paths", lambda: (packages, path, board))

    return make


async def live(ms: int, then: Callable[[Meter], Any]) -> None:
    """Run a bench for so much world time, and look at its meter."""
    bench = Bench(BenchOptions(udp4=own_address(), load="constant:1000W"))
    try:
        await bench.start()
        [meter] = bench.meters
        await meter.clock.run_to(ms)
        await then(meter)
    finally:
        await bench.close()


async def kinds(meter: Meter) -> list[str]:
    """All events of a meter, oldest first."""
    log = await meter.firmware.call("events", most=16)
    return [event[2] for event in reversed(log["events"])]


async def ask(meter: Meter, epc: int) -> bytes:
    """Get one property over UDP."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind((meter.udp4.rsplit(".", 1)[0] + ".254", 3610))
        sock.connect((meter.udp4, 3610))
        meter.clock.pace(1)
        await loop.sock_sendall(sock, frame.encode(7, 0x05FF01, 0x028801, 0x62, [(epc, b"")]))
        answer = frame.decode(await asyncio.wait_for(loop.sock_recv(sock, 1500), 10))
    assert answer.tid == 7
    return bytes(answer.props[0][1])


def test_a_service_that_hangs_lets_the_watchdog_bite(spoil: Callable[..., None]) -> None:
    spoil("await asyncio.Event().wait()", ("0",))

    async def then(meter: Meter) -> None:
        assert [end.cause for end in meter.keeper.ends] == [WATCHDOG]
        assert [kind for kind in await kinds(meter) if kind in ("watchdog", "stable")] == [
            "watchdog",
            "stable",
        ]
        assert (await meter.firmware.call("status"))["ic_answers"]

    asyncio.run(live(HOUR_MS, then))


def test_a_service_that_fails_is_started_again_and_nothing_else_stops(spoil: Callable[..., None]) -> None:
    spoil("raise ValueError('as this test expects')", ("0",))

    async def then(meter: Meter) -> None:
        assert meter.keeper.ends == []
        restarts = (await meter.firmware.call("statistics"))["restarts"]
        assert restarts["metering"] > 3 and restarts["broute"] == 0
        counts = (await meter.firmware.call("events"))["counts"]
        assert counts["task_failed"] == restarts["metering"]

    asyncio.run(live(HOUR_MS // 4, then))


def test_the_third_crash_in_a_row_leaves_route_and_host_tool_and_then_all_is_tried_again(
    spoil: Callable[..., None],
) -> None:
    spoil("sys.exit(1)", ("0", "2"))

    async def in_safe_mode(meter: Meter) -> None:
        status = await meter.firmware.call("status")
        assert [end.cause for end in meter.keeper.ends] == [CRASH] * 3
        assert status["safe_mode"] and not status["ic_answers"] and status["import_wh_x1000"] > 0
        assert await ask(meter, 0x88) == b"\x41"
        assert int.from_bytes(await ask(meter, 0xE0), "big") > 0

    asyncio.run(live(900_000, in_safe_mode))

    async def afterwards(meter: Meter) -> None:
        assert [end.cause for end in meter.keeper.ends] == [CRASH] * 3 + [COMMAND]
        status = await meter.firmware.call("status")
        assert not status["safe_mode"] and status["ic_answers"]
        assert "safe_mode" in await kinds(meter)

    asyncio.run(live(HOUR_MS // 2, afterwards))
