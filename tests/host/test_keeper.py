"""A firmware that ends is started again: what ended it, what its parts keep, and when that is no use."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from keiki_host.bench import firmware_image, keeper
from keiki_host.bench.bench import Bench
from keiki_host.bench.errors import BenchError
from keiki_host.bench.faults import Entry
from keiki_host.bench.keeper import BOOT_MS, COMMAND, CRASH, POWER, WATCHDOG, how_it_ended
from keiki_host.bench.options import BenchOptions

from tests.conformance.desk import own_address

RTC_MS = 1000  # a start takes the time from the clock chip, which has whole seconds
MAIN = """
import asyncio, os, sys
import board
from keiki.hal import unix
from keiki.meter import app

cause = os.getenv("KEIKI_CAUSE")
start = unix.start

async def end():
    await asyncio.sleep({after_s})
    sys.exit({status})

def start_and_end(main):
    async def both():
        asyncio.create_task(end())
        await main
    start(both())

if cause in {when}:
    if {after_s} is None:
        sys.exit({status})
    unix.start = start_and_end
app.run(board)
"""


@pytest.mark.parametrize(
    ("status", "cause", "words"),
    [
        (-signal.SIGKILL, POWER, "power cut"),
        (-signal.SIGTERM, POWER, "power cut"),
        (3, WATCHDOG, "watchdog"),
        (4, COMMAND, "restart as asked"),
        (0, CRASH, "crash (status 0)"),
        (1, CRASH, "crash (status 1)"),
        (-signal.SIGSEGV, CRASH, "crash (signal 11)"),
    ],
)
def test_a_status_says_how_a_firmware_ended(status: int, cause: int, words: str) -> None:
    assert how_it_ended(status) == (cause, words)


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give the bench a firmware that ends by itself."""
    packages, _, board = firmware_image.firmware_paths()

    def make(status: int, after_s: int | None, when: tuple[str, ...] = ("0",)) -> None:
        path = tmp_path / "main.py"
        path.write_text(MAIN.format(status=status, after_s=after_s, when=when))
        monkeypatch.setattr(firmware_image, "firmware_paths", lambda: (packages, path, board))

    return make


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    """A bench whose firmware may end."""
    bench = Bench(BenchOptions(udp4=own_address(), load="constant:1000W"))
    try:
        await bench.start()
        yield bench
    finally:
        await bench.close()


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("status", "cause"), [(1, CRASH), (3, WATCHDOG), (4, COMMAND)])
def test_a_firmware_that_ends_is_started_again_and_its_parts_go_on(
    status: int, cause: int, main: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        main(status, 200)  # the start is at 180
        async with running() as bench:
            [meter] = bench.meters
            before = meter.firmware.process
            counted = meter.ic.chips[0].cf_cnt
            end_ms = meter.clock.start_utc_ms + 300_000
            await meter.clock.run_to(300_000)
            assert [end.cause for end in meter.keeper.ends] == [cause]
            assert meter.firmware.process is not before
            status_now = await meter.firmware.call("status")
            assert abs(status_now["utc_ms"] - end_ms) < RTC_MS and status_now["ic_answers"]
            assert meter.ic.chips[0].cf_cnt > counted > 0
            environment = Path(f"/proc/{meter.firmware.process.pid}/environ").read_bytes()
            assert f"KEIKI_CAUSE={cause}\0".encode() in environment

    asyncio.run(scenario())
    said = capfd.readouterr().err
    assert said.endswith(f"keiki-1: {how_it_ended(status).words}: started again\n")


def test_a_power_cut_takes_the_parts_along_and_time_goes_on() -> None:
    async def scenario() -> None:
        async with running() as bench:
            [meter] = bench.meters
            meter.clock.pace(0.001)
            counted, cut_ms = meter.ic.chips[0].cf_cnt, meter.clock.now_ms
            meter.radio_line.write(b"ERXUDP half of a line")
            os.kill(meter.firmware.process.pid, signal.SIGKILL)
            await until(lambda: meter.keeper.ends != [])
            assert meter.keeper.ends == [(POWER, "power cut")]
            assert not meter.module.radio.beaconing and counted > meter.ic.chips[0].cf_cnt == 0
            await meter.firmware.call("status")
            assert meter.radio_line.unread() == 0
            await meter.clock.run_to(cut_ms + 60_000)
            assert meter.module.radio.beaconing and (await meter.firmware.call("status"))["ic_answers"]

    asyncio.run(scenario())


def test_without_a_firmware_time_goes_on_for_as_long_as_a_board_takes_to_start() -> None:
    async def scenario() -> None:
        async with running() as bench:
            [meter] = bench.meters
            meter.clock.pace(0.001)
            ended_ms, boot = meter.clock.now_ms, meter.keeper._boot
            started, may_start = asyncio.Event(), asyncio.Event()

            async def late(cause: int) -> None:
                started.set()
                await may_start.wait()
                await boot(cause)

            meter.keeper._boot = late
            os.kill(meter.firmware.process.pid, signal.SIGSEGV)
            await started.wait()
            running_on = asyncio.create_task(meter.clock.run_to(ended_ms + 100_000))
            await asyncio.sleep(0.1)
            assert BOOT_MS <= meter.clock.now_ms - ended_ms <= BOOT_MS + 1 and not running_on.done()
            may_start.set()
            await running_on
            assert meter.clock.now_ms == ended_ms + 100_000
            assert abs((await meter.firmware.call("status"))["utc_ms"] - meter.clock.utc_ms()) < RTC_MS

    asyncio.run(scenario())


def test_a_firmware_that_hangs_is_ended_by_the_watchdog(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        async with running() as bench:
            [meter] = bench.meters
            monkeypatch.setattr(keeper, "HANG_S", 2)
            meter.clock.pace(0.01)
            await asyncio.sleep(2.5)
            assert meter.keeper.ends == [], "a firmware that sleeps does not hang"
            os.kill(meter.firmware.process.pid, signal.SIGSTOP)
            meter.ic.lines[0].write(b"\0")  # it would wake
            counted = meter.ic.chips[0].cf_cnt
            await until(lambda: meter.keeper.ends == [(WATCHDOG, "watchdog")])
            await meter.firmware.call("status")
            assert meter.ic.chips[0].cf_cnt >= counted > 0

    asyncio.run(scenario())
    assert capfd.readouterr().err == (
        "keiki-1: asked for no time for 2 s: ended\nkeiki-1: watchdog: started again\n"
    )


@pytest.mark.parametrize("after_s", [None, 0, 5])
def test_a_firmware_that_ends_right_after_each_start_ends_the_bench(
    after_s: int | None, main: Callable[..., None]
) -> None:
    async def scenario() -> None:
        main(1, after_s, when=("2",))
        async with running() as bench:
            [meter] = bench.meters
            meter.clock.pace(50)
            os.kill(meter.firmware.process.pid, signal.SIGSEGV)
            with pytest.raises(BenchError) as error:
                await asyncio.wait_for(bench.wait(), 20)
            assert str(error.value) == (
                "keiki-1: the firmware ended 5 times right after its start: crash (status 1)"
            )
            with pytest.raises(BenchError, match="there is no firmware"):
                await meter.firmware.call("status", wait_s=0.1)

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [1, 2, 3])
def test_a_firmware_that_does_not_start_at_all_ends_the_bench_at_once(
    status: int, main: Callable[..., None]
) -> None:
    async def scenario() -> None:
        async with running():
            raise AssertionError

    main(status, None, when=("0",))
    with pytest.raises(BenchError) as error:
        asyncio.run(scenario())
    assert str(error.value) == f"keiki-1: the firmware ended with status {status}"


def test_settings_that_cannot_be_end_the_bench_at_a_restart_too(main: Callable[..., None]) -> None:
    async def scenario() -> None:
        async with running() as bench:
            os.kill(bench.meters[0].firmware.process.pid, signal.SIGSEGV)
            await bench.wait()

    main(2, None, when=("2",))
    with pytest.raises(BenchError, match="keiki-1: the firmware ended with status 2"):
        asyncio.run(scenario())


def test_a_call_waits_for_the_next_firmware() -> None:
    async def scenario() -> None:
        async with running() as bench:
            [meter] = bench.meters
            os.kill(meter.firmware.process.pid, signal.SIGKILL)
            assert (await meter.firmware.call("settings"))["unit"] == meter.settings["unit"]
            os.kill(meter.firmware.process.pid, signal.SIGSTOP)
            asking = asyncio.create_task(meter.firmware.call("status"))
            stepping = asyncio.create_task(meter.firmware.call("step_clock", by_ms=1000))
            await asyncio.sleep(0.05)
            os.kill(meter.firmware.process.pid, signal.SIGKILL)
            assert "utc_ms" in await asking and await stepping

    asyncio.run(scenario())


def test_a_planned_cut_takes_its_world_time_and_no_energy_flows_in_it() -> None:
    async def scenario() -> None:
        async with running() as bench:
            [meter] = bench.meters
            begun_ms, counted = meter.clock.now_ms, meter.ic.chips[0].cf_cnt
            meter.faults.enable("power_cut", for_s=600)
            await meter.clock.run_to(begun_ms + 599_999)
            await until(lambda: not meter.firmware.running)
            assert not meter.keeper.powered and not meter.module.radio.on
            with pytest.raises(BenchError, match="keiki-1: there is no firmware"):
                await meter.firmware.call("status", wait_s=0)
            await meter.clock.run_to(begun_ms + 700_000)
            assert meter.keeper.ends == [(POWER, "power cut")] and meter.module.radio.on
            status = await meter.firmware.call("status")
            assert abs(status["utc_ms"] - meter.clock.utc_ms()) < RTC_MS and status["ic_answers"]
            assert 0 < meter.ic.chips[0].cf_cnt < counted
            start_s = meter.clock.start_utc_ms / 1000 + begun_ms / 1000
            used_wh, _ = meter.house.energy_wh(start_s - 36, start_s + 600 + 36)
            # on a busy host the fault begins some ms of world time later than it was asked for
            assert used_wh == pytest.approx(20, abs=0.01)

    asyncio.run(scenario())


def test_cuts_that_overlap_are_one_and_one_may_come_while_it_starts() -> None:
    async def scenario() -> None:
        async with running() as bench:
            [meter] = bench.meters
            at_ms = meter.clock.now_ms
            plan = [
                Entry("power_cut", at_s=at_s, for_s=for_s) for at_s, for_s in ((10, 20), (20, 30), (51, 5))
            ]
            meter.faults.plan(plan, meter.clock.utc_ms() / 1000)
            for at_s, powered in (
                (9, True),
                (11, False),
                (35, False),
                (49, False),
                (50.5, True),
                (52, False),
            ):
                await meter.clock.run_to(at_ms + int(at_s * 1000))
                assert meter.keeper.powered is powered, at_s
            await meter.clock.run_to(at_ms + 200_000)
            assert (await meter.firmware.call("status"))["ic_answers"]
            assert {end.cause for end in meter.keeper.ends} == {POWER}
            assert await meter.firmware.call("memory")

    asyncio.run(scenario())


def test_a_cut_of_a_firmware_that_is_just_crashing_is_a_cut() -> None:
    async def scenario() -> None:
        async with running() as bench:
            [meter] = bench.meters
            os.kill(meter.firmware.process.pid, signal.SIGSEGV)
            meter.faults.enable("power_cut", for_s=5, hold_up_ms=0)
            await meter.clock.run_to(meter.clock.now_ms + 60_000)
            assert meter.keeper.ends == [(POWER, "power cut")]
            assert (await meter.firmware.call("status"))["ic_answers"]

    asyncio.run(scenario())


def test_a_setting_that_a_fault_changes_in_a_cut_holds_when_the_meter_is_back() -> None:
    async def scenario() -> None:
        async with running() as bench:
            [meter] = bench.meters
            unit = meter.settings["unit"]
            meter.faults.enable("power_cut", for_s=30)
            meter.faults.enable("meter_setting", unit=4)
            await meter.clock.run_to(meter.clock.now_ms + 60_000)
            await meter.settled()
            assert (await meter.firmware.call("settings"))["unit"] == 4 != unit
            meter.faults.disable("meter_setting")
            await meter.settled()
            assert (await meter.firmware.call("settings"))["unit"] == unit

    asyncio.run(scenario())


def test_a_bench_may_end_while_its_meter_has_no_power() -> None:
    async def scenario() -> None:
        async with running() as bench:
            bench.meters[0].faults.enable("power_cut", hold_up_ms=0)
            await asyncio.sleep(0.1)
            assert not bench.meters[0].firmware.running

    asyncio.run(scenario())


def test_nothing_is_left_of_a_firmware_that_was_started_again(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with running() as bench:
            [meter] = bench.meters
            os.kill(meter.firmware.process.pid, signal.SIGKILL)
            await meter.firmware.call("status")
            assert {path.name for path in meter.folder.iterdir()}.isdisjoint({"start.json"})
            return meter.firmware.process.pid

    pid = asyncio.run(scenario())
    alive = subprocess.run(["kill", "-0", str(pid)], capture_output=True, check=False).returncode == 0
    assert not alive
