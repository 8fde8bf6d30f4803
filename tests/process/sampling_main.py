"""Runs on MicroPython, in place of the meter's main program: what a sample of the metering loop costs.

Plays a recording of a metering IC's lines (sampling_record.py) to its driver, in virtual time, and prints one
JSON line. The driver has to say what it said when that was recorded. Nothing of this file allocates while a
sample is taken, but for a coroutine where a stream would have one.
"""

import asyncio
import gc
import json
import os
import time
from asyncio import core

from keiki.drivers import line_reader
from keiki.meter import ics
from keiki.meter.history import History
from keiki.meter.metering import Metering
from keiki.meter.registers import Registers
from keiki.wire import record
from ring import RingLog

_WARM_UP = 100
_SAMPLES = 300
_UNCOLLECTED = 2
_SILENCE = 255


class Line:
    """An SPI, or both streams of a UART, as recorded."""

    def __init__(self, file) -> None:
        self._file = file
        self._head = bytearray(2)
        self._bytes = [bytearray(length) for length in range(80)]
        self._now = bytearray(8)

    def next(self, kind: int) -> int:
        """Be at the next event, which is of this kind; returns its length."""
        if self._file.readinto(self._head) != 2:
            raise EOFError
        if self._head[0] != kind:
            raise ValueError("the driver does %s, not %s" % (chr(kind), chr(self._head[0])))
        return self._head[1]

    def sample_ms(self) -> int:
        """Return when the next sample is."""
        self.next(84)
        self._file.readinto(self._now)
        return int.from_bytes(self._now, "little")

    def _said(self, data) -> None:
        mine = self._bytes[len(data)]
        self._file.readinto(mine)
        if mine != data:
            raise ValueError("the driver says something else")

    def transfer(self, tx, rx) -> None:
        """SPI."""
        self.next(83)
        self._said(tx)
        self._file.readinto(rx)

    def write(self, data) -> None:
        """UART."""
        self.next(87)
        self._said(data)

    async def drain(self) -> None:
        """UART."""

    async def readinto(self, view) -> int:
        """UART."""
        length = self.next(82)
        if length == _SILENCE:
            await asyncio.sleep_ms(100000)
        mine = self._bytes[length]
        self._file.readinto(mine)
        for at in range(length):
            view[at] = mine[at]
        return length


class Desk:
    """Stands in for hal, clock, and the streams of asyncio."""

    unsure = False

    def __init__(self, line) -> None:
        self._line = line
        self.now_ms = 0

    def uart(self, *_):
        return self._line

    def spi(self, *_):
        return self._line

    def StreamReader(self, line):
        return line

    def StreamWriter(self, line, _extra):
        return line

    def utc_ms(self) -> int:
        return 1790000000000 + self.now_ms

    def ticks_ms(self) -> int:
        return self.now_ms


class Time:
    """Virtual time of asyncio: what waits has waited."""

    def __init__(self) -> None:
        # the queue in C stamps tasks with the host's ticks: ours must never be below
        self.now_ms = 1 << 40
        core.ticks = self.ticks
        core.IOQueue.wait_io_event = lambda _queue, ms: self.wait(ms)

    def ticks(self) -> int:
        return self.now_ms

    def wait(self, ms: int) -> None:
        if ms > 0:
            self.now_ms += ms


async def main() -> None:
    """Sample, and print what it cost."""
    with open(os.getenv("KEIKI_RECORDING"), "rb") as file:
        about = json.loads(file.readline())
        line = Line(file)
        desk = Desk(line)
        before, line_reader.asyncio = line_reader.asyncio, desk
        ic = ics.build(about["board"], about["rating_a"], about["phases"], desk)
        line_reader.asyncio = before
        registers = Registers(History(RingLog(record.SIZE, 50), RingLog(record.SIZE, 50)), gap_s=30)
        metering = Metering(ic, desk, registers, desk.ticks_ms, phases=about["phases"])

        async def sample() -> int:
            desk.now_ms = line.sample_ms()
            start_us = time.ticks_us()
            await metering.sample()
            return time.ticks_diff(time.ticks_us(), start_us)

        for _ in range(_WARM_UP):
            await sample()
        used = []
        total_us = most_us = 0
        for _ in range(3):
            gc.collect()
            used.append(gc.mem_alloc())
            for _ in range(_SAMPLES):
                took_us = await sample()
                total_us += took_us
                most_us = max(most_us, took_us)
        gc.collect()
        used.append(gc.mem_alloc())
        gc.disable()
        start = gc.mem_alloc()
        for _ in range(_UNCOLLECTED):
            await sample()
        allocated = gc.mem_alloc() - start
        gc.enable()
        if metering.stale or ic.stats["missed"]:
            raise ValueError("stale")
        result = {
            "used": used,
            "bytes": allocated // _UNCOLLECTED,
            "us": total_us // (3 * _SAMPLES),
            "most_us": most_us,
            "heap": gc.mem_alloc() + gc.mem_free(),
            "import_wh_x1000": registers.import_wh_x1000,
        }
        print(json.dumps(result))


Time()
asyncio.run(main())
