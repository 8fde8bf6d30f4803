"""SIGKILL to the firmware at any moment, while momonga reads the meter: what it has ever read stays.

    python tests/powerloss/sigkill.py [KILLS] [SEED]     200 by default, about 20 minutes

Checked after each kill, against the house: the registers lost no more than what lay between the last
checkpoint and the first reading after the start, and never say more than was used; every half hour that was
ever read stays exactly as it was; new ones come; those without power are no-data; the time is right. At the
end the whole bench is started anew from its state folder.
"""

import asyncio
import datetime as dt
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from keiki_host.bench.options import JST  # noqa: E402

from tests.conformance.rpc import ClientError  # noqa: E402
from tests.conformance.stage import AWAY, Stage, stage  # noqa: E402

START = dt.datetime(2026, 6, 11, 18, 40, tzinfo=JST)
SPEED = 60
SLOT_MS = 1_800_000
DAY_MS = 86_400_000

CHECKPOINT_MS = 10_000 + 1_000 + 500
"""Age of the newest checkpoint at most: checkpoint_s, a reading, and what a reading takes."""
SETTLE_MS = 2_000
"""The metering IC starts with a window of half a second; a reading a second."""
CLOSE_MS = 2_500
"""A boundary is closed by the first reading after it."""
COUNT_WH = 0.1
TOLERANCE_WH = 1.0
"""A count of the metering IC's counter is 0.93 Wh."""

KINDS = {"idle": 5, "reading": 3, "rush": 5, "boundary": 4, "boot": 3, "cut": 2}
"""When the kill comes, and how often of each: while nobody asks; in the midst of a day of history; while the
firmware computes nearly all the time; around hh:00 and hh:30; again while it starts; with the mains gone for
long."""


class Wrong(AssertionError):
    """The meter is not as it must be."""


def check(true: object, *what: object) -> None:
    """Unless `true`, say what is wrong."""
    if not true:
        raise Wrong(" ".join(str(item) for item in what))


@dataclass
class Reading:
    """Import and export as momonga read them, in counts of 0.1 Wh; begun and done in the world's UTC ms."""

    begun_ms: int
    done_ms: int
    counts: tuple[int, int]


@dataclass
class Outage:
    """Times of the world, UTC ms: it still ran; it was gone; the next was started; that one has measured.

    lost_ms, served_ms   of the last kill, if several fell into one outage
    """

    struck_ms: int
    lost_ms: int = 0
    served_ms: int = 0
    metered_ms: int = 0

    def may_be_missing(self, boundary_ms: int) -> bool:
        """The boundary may have come too near to the kill or the start."""
        return self.struck_ms - CLOSE_MS <= boundary_ms <= self.metered_ms + SETTLE_MS

    def must_be_missing(self, boundary_ms: int) -> bool:
        """There was no firmware at the boundary."""
        return self.lost_ms < boundary_ms < self.served_ms


@dataclass
class Summary:
    """What a run has found."""

    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    worst_wh: float = 0.0
    worst_s: float = 0.0
    lost_wh: list[float] = field(default_factory=lambda: [0.0, 0.0])
    used_wh: list[float] = field(default_factory=lambda: [0.0, 0.0])
    world_s: float = 0.0
    wall_s: float = 0.0
    boundaries: int = 0
    no_data: int = 0
    compared: int = 0

    def text(self) -> str:
        """The run in a table."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kills.items() if count)
        rows = (
            ("kills", f"{sum(self.kills.values())} ({kinds})"),
            ("time", f"{self.world_s / 3600:.1f} h of the meter in {self.wall_s / 60:.1f} min"),
            ("worst loss of one outage", f"{self.worst_wh:.2f} Wh; {self.worst_s:.1f} s of load"),
            ("import", f"{self.used_wh[0]:.1f} Wh used, {self.lost_wh[0]:.1f} Wh lost"),
            ("export", f"{self.used_wh[1]:.1f} Wh made, {self.lost_wh[1]:.1f} Wh lost"),
            ("half hours read", f"{self.boundaries} with values, {self.no_data} without power"),
            ("values compared with what was read before", f"{self.compared}, none differs"),
        )
        return "\n".join(f"{name:<42}{value}" for name, value in rows)


def stamp(utc_ms: int) -> str:
    """A time of Japan as momonga takes and gives it."""
    return dt.datetime.fromtimestamp(utc_ms / 1000, JST).replace(tzinfo=None).isoformat()


def to_count(kwh: float | None) -> int | None:
    """Counts of 0.1 Wh."""
    return None if kwh is None else round(kwh * 10_000)


class Run:
    """Kills and readings on one stage. `summary` and `seen` go on from one stage to the next."""

    def __init__(self, at: Stage, chance: random.Random, summary: Summary, seen: dict[int, Any]) -> None:
        self.at = at
        self.clock = at.meter.clock
        self.chance = chance
        self.summary = summary
        self.seen = seen
        self.outages: list[Outage] = []
        self.first_ms = self.clock.utc_ms()

    def energy_wh(self, since_ms: int, until_ms: int) -> tuple[float, float]:
        """Import and export of the house from one time to another; negative if that is earlier."""
        if until_ms < since_ms:
            imported, exported = self.energy_wh(until_ms, since_ms)
            return -imported, -exported
        found: tuple[float, float] = self.at.meter.house.energy_wh(since_ms / 1000, until_ms / 1000)
        return found

    # -- what momonga reads -------------------------------------------------------------------------

    async def read(self) -> Reading:
        """E0 and E3 of one instant, with the time that the meter says."""
        begun_ms = self.clock.utc_ms()
        values = await self.at.client.call("request_to_get", epcs=["E0", "E3", "97", "98"])
        done_ms = self.clock.utc_ms()
        minute = dt.datetime.fromisoformat(f"{values['98']}T{values['97']}").replace(tzinfo=JST)
        told_ms = round(minute.timestamp() * 1000)
        check(begun_ms - 61_000 < told_ms <= done_ms + 1_000, "the meter's time is", minute)
        return Reading(begun_ms, done_ms, (to_count(values["E0"]), to_count(values["E3"])))

    async def read_history(self) -> None:
        """EC: the twelve newest half hours."""
        newest_ms = self.clock.utc_ms() // SLOT_MS * SLOT_MS
        rows = await self.at.client.call("history_30min", timestamp=stamp(newest_ms), points=12)
        check(len(rows) == 12, "not twelve half hours", rows)
        for index, row in enumerate(rows):
            boundary_ms = newest_ms - index * SLOT_MS
            check(row["timestamp"] == stamp(boundary_ms), row, "is not", stamp(boundary_ms))
            energy = row["cumulative energy"]
            pair = tuple(to_count(energy[f"{name} direction"]) for name in ("normal", "reverse"))
            self.holds(boundary_ms, pair)

    async def read_days(self) -> None:
        """E2 and E4 of today and yesterday, and of the day before the meter was new."""
        for day in range(3):
            found = []
            today_ms = self.midnight_ms()
            for reverse in (False, True):
                rows = await self.at.client.call("history_day", day=day, reverse=reverse)
                found.append([to_count(row["cumulative energy"]) for row in rows])
            if today_ms != self.midnight_ms():
                return
            for slot, pair in enumerate(zip(*found, strict=True)):
                self.holds(today_ms - day * DAY_MS + slot * SLOT_MS, pair)

    def midnight_ms(self) -> int:
        """When this day began in Japan."""
        now = dt.datetime.fromtimestamp(self.clock.utc_ms() / 1000, JST)
        return round(now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)

    def holds(self, boundary_ms: int, pair: tuple[int | None, ...]) -> None:
        """A half hour is as it was, or new and right."""
        now_ms = self.clock.utc_ms()
        if boundary_ms > now_ms - CLOSE_MS - SETTLE_MS * 2:
            check(
                boundary_ms <= now_ms or pair == (None, None), "a half hour of the future", stamp(boundary_ms)
            )
            return  # it may just come
        if boundary_ms in self.seen:
            check(
                self.seen[boundary_ms] == pair, stamp(boundary_ms), "was", self.seen[boundary_ms], "is", pair
            )
            self.summary.compared += 1
            return
        self.seen[boundary_ms] = pair
        if boundary_ms <= self.first_ms:
            return  # made before
        missing = pair == (None, None)
        check(missing or None not in pair, stamp(boundary_ms), "is half a value:", pair)
        if any(outage.must_be_missing(boundary_ms) for outage in self.outages):
            check(missing, stamp(boundary_ms), "passed without power, and is", pair)
        elif not any(outage.may_be_missing(boundary_ms) for outage in self.outages):
            check(not missing, stamp(boundary_ms), "is missing")
        self.summary.no_data += missing
        self.summary.boundaries += not missing
        if not missing:
            self.is_true(boundary_ms, pair)

    def is_true(self, boundary_ms: int, pair: tuple[int | None, ...]) -> None:
        """The gain since the half hour before is what the house used, less what outages may have cost."""
        earlier = [ms for ms, kept in self.seen.items() if ms < boundary_ms and kept != (None, None)]
        if not earlier or max(earlier) < self.first_ms:
            return
        since_ms = max(earlier)
        used = self.energy_wh(since_ms, boundary_ms)
        between = [
            self.energy_wh(first_ms, last_ms)
            for first_ms, last_ms in (self.clipped(outage, since_ms, boundary_ms) for outage in self.outages)
            if first_ms < last_ms
        ]
        for direction in (0, 1):
            gain_wh = (pair[direction] - self.seen[since_ms][direction]) * COUNT_WH  # type: ignore[operator]
            may_lack_wh = sum(lost[direction] for lost in between)
            tolerance_wh = TOLERANCE_WH * (1 + len(between)) + used[direction] / 1000
            what = (stamp(since_ms), stamp(boundary_ms), direction, gain_wh, used[direction], may_lack_wh)
            check(gain_wh <= used[direction] + tolerance_wh, "more than was used:", *what)
            check(gain_wh >= used[direction] - may_lack_wh - tolerance_wh, "too little:", *what)

    def clipped(self, outage: Outage, since_ms: int, until_ms: int) -> tuple[int, int]:
        """The part of a span in which an outage may have cost energy."""
        return (
            max(since_ms, outage.struck_ms - CHECKPOINT_MS),
            min(until_ms, outage.metered_ms + SETTLE_MS),
        )

    # -- kills --------------------------------------------------------------------------------------

    async def kill(self, kind: str) -> Outage:
        """Kill the firmware as `kind` says, and wait until the next one measures."""
        chance, clock = self.chance, self.clock
        if kind == "boundary":
            boundary_ms = (clock.utc_ms() // SLOT_MS + 1) * SLOT_MS
            await clock.run_to(boundary_ms - chance.randrange(2500) - clock.start_utc_ms)
            clock.pace(SPEED)
            outage = await self.strike(chance.uniform(0, 0.06))
        elif kind == "rush":
            clock.pace(1e6)
            outage = await self.strike(chance.uniform(0, 0.3))
            clock.pace(SPEED)
        elif kind == "reading":
            reading = asyncio.create_task(self.try_reading())
            outage = await self.strike(chance.uniform(0, 0.8))
            await reading
        elif kind == "boot":
            outage = await self.strike(chance.uniform(0, 1))
            for _ in range(chance.randint(1, 2)):
                await until(lambda: self.at.meter.firmware.running)
                await self.strike(chance.uniform(0, 0.15))
                self.summary.kills[kind] += 1
        elif kind == "cut":
            outage = Outage(clock.utc_ms())
            self.at.faults.enable("power_cut", for_s=chance.randint(60, 5400), hold_up_ms=0)
            clock.pace(1e6)
            await until(lambda: self.at.meter.keeper.powered)
            clock.pace(SPEED)
        else:
            outage = await self.strike(chance.uniform(0, 2))
        self.summary.kills[kind] += 1
        await self.back(outage)
        return outage

    async def strike(self, after_s: float) -> Outage:
        """Send SIGKILL after so much wall time, from a thread, so that it hits whatever is being done."""
        process, keeper = self.at.meter.firmware.process, self.at.meter.keeper
        assert process is not None
        outage, ends = Outage(0), len(keeper.ends)

        def now() -> None:
            outage.struck_ms = self.clock.utc_ms()
            os.kill(process.pid, signal.SIGKILL)

        threading.Timer(after_s, now).start()
        await until(lambda: len(keeper.ends) > ends)
        return outage

    async def try_reading(self) -> None:
        """A day of history, which the kill interrupts or not."""
        async with self.at.hasty():
            try:
                await self.at.client.call("history_day", day=0)
            except ClientError as error:
                check(error.name in AWAY, error)

    async def back(self, outage: Outage) -> None:
        """Wait until the firmware that was started again has measured; it knows the time and lost nothing."""
        firmware, clock = self.at.meter.firmware, self.clock
        while True:
            begun_ms = clock.utc_ms()
            status = await firmware.call("status", wait_s=60)
            if status["ic_answers"]:
                break
            await asyncio.sleep(0.005)
        outage.metered_ms = clock.utc_ms()
        outage.lost_ms = clock.lost_ms + clock.start_utc_ms
        outage.served_ms = clock.served_ms + clock.start_utc_ms
        self.outages.append(outage)
        check(status["lost"] == [] and not status["clock_unsure"] and not status["safe_mode"], status)
        check(begun_ms - 1500 <= status["utc_ms"] <= outage.metered_ms + 1500, status, begun_ms)

    async def rejoin(self) -> None:
        """As users do: reopen until it works."""
        for _ in range(10):
            try:
                async with self.at.hasty():
                    await self.at.client.call("reopen", timeout=100.0)
                return
            except ClientError as error:
                check(error.name in AWAY, error)
        raise Wrong("momonga cannot join any more")

    # -- registers ----------------------------------------------------------------------------------

    def compare(self, before: Reading, outage: Outage, after: Reading) -> None:
        """The registers gained no more than was used, and lost no more than since the last checkpoint."""
        most = self.energy_wh(before.begun_ms, after.done_ms)
        kept = self.energy_wh(before.done_ms, outage.struck_ms - CHECKPOINT_MS)
        since = self.energy_wh(outage.metered_ms + SETTLE_MS, after.begun_ms)
        middle = self.energy_wh(
            (before.begun_ms + before.done_ms) // 2, (after.begun_ms + after.done_ms) // 2
        )
        lost_wh = 0.0
        for direction in (0, 1):
            gain_wh = (after.counts[direction] - before.counts[direction]) * COUNT_WH
            least_wh = kept[direction] + since[direction]
            tolerance_wh = TOLERANCE_WH + most[direction] / 1000
            what = (("import", "export")[direction], gain_wh, before, outage, after)
            check(gain_wh <= most[direction] + tolerance_wh, "more than was used:", most[direction], *what)
            check(gain_wh >= least_wh - tolerance_wh, "lost more than may be:", least_wh, *what)
            self.summary.used_wh[direction] += middle[direction]
            self.summary.lost_wh[direction] += middle[direction] - gain_wh
            lost_wh += middle[direction] - gain_wh
        span = (outage.struck_ms - CHECKPOINT_MS, outage.metered_ms + SETTLE_MS)
        load_wh = sum(self.energy_wh(*span))
        bright_s = (span[1] - span[0] - max(0, outage.served_ms - outage.lost_ms)) / 1000
        self.summary.worst_wh = max(self.summary.worst_wh, lost_wh)
        if load_wh > TOLERANCE_WH:
            self.summary.worst_s = max(self.summary.worst_s, lost_wh / load_wh * bright_s)


async def until(true: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Wait for something in the emulated world."""
    end_s = time.monotonic() + limit_s
    while not true():
        check(time.monotonic() < end_s, "never came true")
        await asyncio.sleep(0.001)


def schedule(kills: int, chance: random.Random) -> list[str]:
    """Kinds of kills, each as often as KINDS says, in any order."""
    kinds = [kind for kind, times in KINDS.items() for _ in range(times)]
    found: list[str] = []
    while len(found) < kills:
        chance.shuffle(kinds)
        found += kinds
    return found[:kills]


async def play(kills: int, seed: int, folder: Path, tell: Callable[[str], None]) -> Summary:
    """Kill the firmware `kills` times at least, then start the bench anew. Wrong: it is not as it must be."""
    chance, summary, seen = random.Random(seed), Summary(), {}
    options = {"load": "house", "seed": seed, "speed": SPEED, "state": folder}
    began_s = time.monotonic()
    async with stage(**options, start_s=START.timestamp(), history_days=1) as at:
        await at.open()
        run = Run(at, chance, summary, seen)
        await run.read_days()
        for kind in schedule(kills, chance):
            if sum(summary.kills.values()) >= kills:
                break
            before = await run.read()
            outage = await run.kill(kind)
            await run.rejoin()
            after = await run.read()
            run.compare(before, outage, after)
            await run.read_history()
            if len(run.outages) % 10 == 0:
                await run.read_days()
                tell(f"{sum(summary.kills.values())} kills, {len(seen)} half hours")
        await run.read_days()
        last = await run.read()
        await at.client.call("close")
        ended_ms = at.meter.clock.utc_ms()
        kept_wh = run.energy_wh(last.done_ms, ended_ms - CHECKPOINT_MS)
        summary.world_s = (ended_ms - run.first_ms) / 1000
    async with stage(**options, start_s=ended_ms / 1000 + 600) as at:
        await at.open()
        run = Run(at, chance, summary, seen)
        await run.read_days()
        found = await run.read()
        for now, then, least_wh in zip(found.counts, last.counts, kept_wh, strict=True):
            gain_wh = (now - then) * COUNT_WH
            check(gain_wh >= least_wh - TOLERANCE_WH, "the state folder lost energy:", gain_wh, least_wh)
        await at.client.call("close")
    summary.wall_s = time.monotonic() - began_s
    return summary


def main() -> None:
    """Run from the command line."""
    kills, seed = (int(word) for word in [*sys.argv[1:], "200", "1"][: max(2, len(sys.argv) - 1)])
    os.environ["CLIENT_LIFE_S"] = str(60 * kills)
    with tempfile.TemporaryDirectory(prefix="keiki-sigkill-") as folder:
        summary = asyncio.run(play(kills, seed, Path(folder), print))
    print(summary.text())


if __name__ == "__main__":
    main()
