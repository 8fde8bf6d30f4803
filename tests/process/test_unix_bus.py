"""MicroPython's I2C and SPI of the unix port, on a bus of the bench."""

import asyncio
import json
from typing import Any

import pytest
from keiki_host.bench.bus import Bus
from keiki_host.bench.rtc import Rtc

T0_S = 1_795_838_520
HEAD = """
import gc, json, os
from keiki.hal.unix_bus import i2c, spi
"""


class Echo:
    """Answers each byte inverted; remembers frames as (chip select, length)."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, int]] = []

    def transfer(self, cs: int, data: bytes) -> bytes:
        self.frames.append((cs, len(data)))
        return bytes(byte ^ 0xFF for byte in data)


class Desk:
    """One bus with a clock chip, and a part at chip select 1; MicroPython programs that use it."""

    def __init__(self, micropython: str, env: dict[str, str]) -> None:
        self._command = (micropython, "-X", "heapsize=128wK", "-c")
        self._env = env
        self.bus, self.echo, self.now_ms = Bus(), Echo(), T0_S * 1000
        self.rtc = Rtc(lambda: self.now_ms)
        self.bus.i2c[0x68] = self.rtc.chip
        self.bus.spi[1] = self.echo

    def play(self, *programs: str) -> list[Any]:
        """Run programs one after another on the same bus; what each printed as JSON."""
        return asyncio.run(self._play(programs))

    async def _play(self, programs: tuple[str, ...]) -> list[Any]:
        path = await self.bus.open()
        try:
            return [json.loads(await self._run(path, program)) for program in programs]
        finally:
            self.bus.close()

    async def _run(self, path: str, program: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            HEAD + program,
            env={**self._env, "KEIKI_WORLD": "", "KEIKI_I2C0": path, "KEIKI_SPI0": path},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        return out


@pytest.fixture
def desk(micropython: str, mpy_env: dict[str, str]) -> Desk:
    return Desk(micropython, mpy_env)


DRIVE = """
from keiki.drivers.ds3231 import Ds3231
rtc = Ds3231(i2c(0))
before = rtc.read_utc_s()
print(json.dumps([before, rtc.write_utc_s(%d), rtc.read_utc_s(), rtc.fault]))
"""


def test_the_driver_reads_and_sets_the_chip_and_the_next_start_finds_it(desk: Desk) -> None:
    first, second = desk.play(DRIVE % (T0_S + 1000), DRIVE % (T0_S + 2000))
    assert first == [T0_S, True, T0_S + 1000, ""]
    assert second == [T0_S + 1000, True, T0_S + 2000, ""]
    assert desk.rtc.chip.utc_ms() == (T0_S + 2000) * 1000


def test_nobody_there_is_enodev_and_the_bus_goes_on(desk: Desk) -> None:
    (said,) = desk.play("""
bus, found = i2c(0), []
for address in (0x50, 0x68, 0x51):
    for work, data in ((bus.readfrom_mem_into, bytearray(3)), (bus.writeto_mem, b"ab")):
        try:
            work(address, 7, data)
            found.append(0)
        except OSError as error:
            found.append(error.errno)
print(json.dumps(found))
""")
    assert said == [19, 19, 0, 0, 19, 19]


def test_a_frame_of_any_length_may_be_answered_into_the_buffer_that_was_sent(desk: Desk) -> None:
    (said,) = desk.play("""
bus, found = spi(0, 1, 1000000, 1, 1), []
for length in (0, 1, 4, 300, 40000):
    sent, got = bytes(i & 0xFF for i in range(length)), bytearray(length)
    bus.transfer(sent, got)
    both = bytearray(sent)
    bus.transfer(both, both)
    right = both == got and all(a ^ b == 0xFF for a, b in zip(sent, got))
    found.append(right)
other = bytearray(2)
spi(0, 2, 1000000, 0, 0).transfer(b"ab", other)
try:
    bus.transfer(b"abc", other)
except ValueError:
    found.append("lengths")
print(json.dumps(found + [other.hex()]))
""")
    assert said == [True] * 5 + ["lengths", "ffff"]
    assert desk.echo.frames == [(1, length) for length in (0, 1, 4, 300, 40000) for _ in range(2)]


def test_a_transaction_allocates_nothing(desk: Desk) -> None:
    (said,) = desk.play("""
two_wire, frame, registers, four = i2c(0), spi(0, 1, 1000000, 0, 0), bytearray(16), bytearray(4)
def run(times):
    before = gc.mem_alloc()
    for _ in range(times):
        two_wire.readfrom_mem_into(0x68, 0, registers)
        two_wire.writeto_mem(0x68, 7, four)
        frame.transfer(four, four)
    return gc.mem_alloc() - before
gc.collect()
gc.disable()
print(json.dumps(run(51) - run(1)))
""")
    assert said == 0


def test_a_bus_that_is_not_there_is_none(desk: Desk) -> None:
    assert desk.play("print(json.dumps([i2c(1), spi(1, 0, 1000000, 0, 0)]))") == [[None, None]]


def test_firmware_whose_world_is_gone_ends_quietly(desk: Desk) -> None:
    def gone(cs: int, data: bytes) -> bytes:
        desk.bus.close()
        return data

    desk.echo.transfer = gone  # type: ignore[method-assign]
    assert desk.play("""
print("0")
spi(0, 1, 1000000, 0, 0).transfer(bytes(4), bytearray(4))
print("not reached")
""") == [0]
