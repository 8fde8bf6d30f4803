"""What the real firmware notices of its cover and of its flash."""

import asyncio
from pathlib import Path
from typing import Any

from keiki_host.bench.bench import Bench
from keiki_host.bench.meter import Meter
from keiki_host.bench.options import BenchOptions

from tests.conformance.desk import own_address

MINUTE_MS = 60_000


async def live(state: Path, ms: int, prepare: Any = None) -> tuple[dict[str, int], dict[str, Any]]:
    """Run a bench for so much world time; returns the counts of events, and the status."""
    bench = Bench(BenchOptions(udp4=own_address(), load="constant:1000W", state=state, start_s=1_781_146_800))
    try:
        await bench.start()
        meter: Meter = bench.meters[0]
        if prepare is not None:
            prepare(meter)
        await meter.clock.run_to(meter.clock.now_ms + ms)
        counts: dict[str, int] = (await meter.firmware.call("events"))["counts"]
        return counts, await meter.firmware.call("status")
    finally:
        await bench.close()


def test_a_cover_that_is_opened_is_one_event(tmp_path: Path) -> None:
    counts, _ = asyncio.run(live(tmp_path, MINUTE_MS, lambda meter: (meter.folder / "pin0").write_bytes(b"")))
    assert counts["tamper"] == 1


def test_a_record_that_went_bad_on_flash_is_told_within_hours(tmp_path: Path) -> None:
    counts, status = asyncio.run(live(tmp_path, 20 * MINUTE_MS))
    assert status["lost"] == [] and "flash_lost" not in counts
    path = tmp_path / "keiki-1" / "flash.bin"
    image = bytearray(path.read_bytes())
    for start in range(0, len(image), 4096):
        if image[start + 7] == 3:  # kind 3: the minutes, whose first record lies behind the header
            image[start + 40 + 23 + 6] ^= 0x10
    path.write_bytes(image)
    counts, status = asyncio.run(live(tmp_path, 30 * MINUTE_MS))
    assert status["lost"] == ["minutes 1 to 1 are lost"]
    assert counts["flash_lost"] == 1
