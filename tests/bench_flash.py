"""Ten years of a meter's records on emulated flash in virtual time, and the same records on littlefs.

    python tests/bench_flash.py [YEARS] [SEED]

Prints for a 256 KiB and a 1 MiB region: erases per block, what a boot reads, and erases per record of the
flash log and of files to which the same records are appended and synced. Exits 1 if a promise is not kept.
"""

import random
import struct
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
for folder in ("tests/pure", "firmware"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))

from keiki.drivers.flashlog import Log  # noqa: E402
from keiki.meter.store import CHECKPOINTS, EVENTS, HALF_HOURS, MINUTES, NAMES, SETTINGS, Store  # noqa: E402
from keiki.wire import record  # noqa: E402
from littlefs import LittleFS  # noqa: E402
from littlefs.context import UserContext  # noqa: E402
from nor import AFTER, BEFORE, INSIDE, Nor  # noqa: E402

CYCLES = 100_000  # erases that NOR flash is sold for
SAMPLE = 25_000  # records for the comparison
CUTS_PER_YEAR = 20
START_S = 1_767_193_200  # 2026-01-01 00:00 JST


def store_on(nor: Nor) -> Store:
    """Return the logs of a meter: 100 days of half-hours in 64 blocks, 400 in 256."""
    return Store(nor, {"page": nor.page, "days": 100 if nor.blocks < 256 else 400, "minute_days": 2})


def logs_of(store: Store) -> dict[int, Log]:
    """Return {kind: log}."""
    return {
        CHECKPOINTS: store.checkpoints,
        HALF_HOURS: store.half_hours,
        MINUTES: store.minutes,
        EVENTS: store.events,
        SETTINGS: store.settings,
    }


def half_hours(start: int, count: int) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the records of each half hour: 180 checkpoints, 30 minutes, 1 half-hour, all different."""
    pack = struct.Struct("<IBIHIHHi").pack
    for slot in range(start, start + count):
        utc_s = START_S + slot * 1800
        records: list[tuple[int, bytes]] = []
        buffer = bytearray(record.SIZE)
        for tick in range(1, 181):
            wh = slot * 180 + tick
            records.append((CHECKPOINTS, pack(utc_s + tick * 10, 0, wh, 0, wh >> 3, 0, 0, 7)))
            if not tick % 6:
                record.pack_into(buffer, utc_s + tick * 10, record.NORMAL, wh * 1000, wh >> 3)
                records.append((MINUTES, bytes(buffer)))
        records.append((HALF_HOURS, bytes(buffer)))
        yield records


class Meter:
    """The logs of a meter, and the last record of each that must be found."""

    def __init__(self, nor: Nor) -> None:
        self.logs: dict[int, Log] = {}
        self.last: dict[int, tuple[int, bytes]] = {}
        self.records = 0
        self.boot_bytes = 0
        self.boot(nor)

    def boot(self, nor: Nor) -> None:
        """Start again and find the last record of each log."""
        self.nor = nor
        store = store_on(nor)
        flash, self.logs = store.flash, logs_of(store)
        self.boot_bytes = flash.bytes_read
        assert not [note for note in flash.lost if note[0] == "records"], flash.lost
        for kind, (sequence, payload) in self.last.items():
            buffer = bytearray(len(payload))
            assert self.logs[kind].read_into(sequence, buffer), (NAMES[kind], sequence)
            assert buffer == payload, (NAMES[kind], sequence)

    def append(self, kind: int, payload: bytes) -> None:
        """Append one record."""
        self.last[kind] = (self.logs[kind].append(payload), payload)
        self.records += 1


def half_hour_of(meter: Meter, records: list[tuple[int, bytes]]) -> None:
    """Append the records of half an hour as fast as can be."""
    appends = {kind: log.append for kind, log in meter.logs.items()}
    kind, payload, sequences = 0, b"", {}
    for kind, payload in records:
        sequences[kind] = appends[kind](payload)
        if kind != CHECKPOINTS:
            meter.last[kind] = (sequences[kind], payload)
    meter.last[CHECKPOINTS] = (sequences[CHECKPOINTS], records[-3][1])
    meter.records += len(records)


def live(years: float, blocks: int, seed: int) -> dict[str, Any]:
    """Live `years` on `blocks` of 4096 bytes: a nightly reboot, 20 power cuts a year at any operation."""
    chance = random.Random(seed)
    meter = Meter(Nor(blocks, seed=seed))
    slots = int(years * 365.25 * 48)
    dark = set(chance.sample(range(slots), int(years * CUTS_PER_YEAR)))
    cuts = 0
    began = time.perf_counter()
    for slot, records in enumerate(half_hours(0, slots)):
        if slot in dark:
            meter.nor.cut_at = meter.nor.ops + chance.randrange(210)
            meter.nor.cut_how = chance.choice((BEFORE, INSIDE, INSIDE, AFTER))
            try:
                for kind, payload in records:
                    meter.append(kind, payload)
            except OSError:
                cuts += 1
                meter.boot(meter.nor.reboot())
                meter.append(EVENTS, b"power up")
            meter.nor.cut_at = -1
        else:
            half_hour_of(meter, records)
        if slot % 48 == 36:
            meter.boot(meter.nor)
            meter.append(EVENTS, b"power down")
            meter.append(EVENTS, b"power up")
        if slot % (48 * 30) == 0:
            meter.append(SETTINGS, bytes([slot & 255]) * 1280)
    meter.boot(meter.nor)
    erases = meter.nor.erases
    return {
        "blocks": blocks,
        "years": years,
        "records": meter.records,
        "cuts": cuts,
        "erases": (min(erases), sum(erases) / blocks, max(erases)),
        "boot": meter.boot_bytes,
        "per_record": sum(erases) / meter.records,
        "seconds": time.perf_counter() - began,
    }


def on_flashlog(blocks: int) -> float:
    """Append a sample of the records to the flash log; return erases per record."""
    meter = Meter(Nor(blocks))
    for records in half_hours(0, SAMPLE):
        half_hour_of(meter, records)
        if meter.records >= SAMPLE:
            break
    return sum(meter.nor.erases) / meter.records


def on_littlefs(blocks: int) -> tuple[int, float]:
    """Append and sync a sample of the records to files of up to a block; return how many and erases each."""

    class Counting(UserContext):
        """Flash that counts its erases."""

        erases = 0

        def erase(self, cfg: Any, block: int) -> int:
            """Count, and erase."""
            self.erases += 1
            start = block * 4096
            self.buffer[start : start + 4096] = b"\xff" * 4096
            return 0

    context = Counting(blocks * 4096)
    # MicroPython's VfsLfs2 with its defaults: readsize=32, progsize=32, lookahead=32
    sizes = {"read_size": 32, "prog_size": 32, "cache_size": 128, "lookahead_size": 32, "block_cycles": 100}
    files = LittleFS(context, block_size=4096, block_count=blocks, **sizes)
    handles: dict[int, Any] = {}
    written = dict.fromkeys(NAMES, 0)
    done = context.erases = 0
    keeps = {kind: log._keep for kind, log in logs_of(store_on(Nor(blocks))).items()}
    for records in half_hours(0, SAMPLE):
        for kind, payload in records:
            segment, slot = divmod(written[kind], 4096 // len(payload))
            if not slot:
                if kind in handles:
                    handles[kind].close()
                handles[kind] = files.open(f"{NAMES[kind]}.{segment}", "wb", buffering=0)
                if segment >= keeps[kind]:
                    files.remove(f"{NAMES[kind]}.{segment - keeps[kind]}")
            handles[kind].write(payload)
            handles[kind].flush()
            written[kind] += 1
            done += 1
        if done >= SAMPLE:
            break
    return done, context.erases / done


def main(args: list[str]) -> int:
    """Run both regions side by side and print."""
    years = float(args[0]) if args else 10
    seed = int(args[1]) if len(args) > 1 else 1
    kept = True
    with get_context("spawn").Pool(2) as pool:
        lives = pool.starmap(live, [(years, blocks, seed) for blocks in (64, 256)])
    for life in lives:
        low, mean, high = life["erases"]
        size = life["blocks"] * 4096
        spread = max(high - mean, mean - low) / mean
        print(
            f"flash: {size // 1024} KiB: {years:g} years, {life['records']:,} records, {life['cuts']} cuts "
            f"in {life['seconds']:.0f} s: erases per block {low}..{high} (mean {mean:.0f} +-{spread:.1%}, "
            f"{high / CYCLES:.1%} of {CYCLES:,}), {life['per_record']:.5f} per record; "
            f"a boot reads {life['boot']:,} bytes ({life['boot'] / size:.2%})"
        )
        sample, theirs = on_littlefs(life["blocks"])
        ours = on_flashlog(life["blocks"])
        ratio = theirs / max(ours, life["per_record"])
        print(
            f"flash: the first {sample:,} records take {ours:.5f} erases each; on littlefs, appended and "
            f"synced, {theirs:.3f}: {ratio:.0f} times as many"
        )
        kept = kept and high < CYCLES / 5 and life["boot"] < size / 50 and ratio >= 50
        kept = kept and (spread <= 0.1 or years < 10)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
