"""A bench in the test's own event loop, so that a test can switch faults and look at the truth."""

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from keiki_host.bench.bench import Bench
from keiki_host.bench.keeper import CRASH, WATCHDOG
from keiki_host.bench.options import BenchOptions

_numbers = itertools.count()


def own_address() -> str:
    """An address of 127/8 that no other test has, of another run either, nor a bench that a person runs."""
    pid = os.getpid()
    return f"127.{10 + (pid >> 8) % 240}.{pid & 0xFF}.{1 + next(_numbers) % 250}"


@asynccontextmanager
async def desk(**options: Any) -> AsyncIterator[Bench]:
    """A running bench; `options` as of BenchOptions. Ends, and checks that no firmware ended by itself."""
    bench = Bench(BenchOptions(**{"udp4": own_address(), **options}))
    await bench.start()
    try:
        yield bench
        for meter in bench.meters:
            fell = [end.words for end in meter.keeper.ends if end.cause in (WATCHDOG, CRASH)]
            assert not fell, f"{meter.name}: {fell}"
    finally:
        await bench.close()
