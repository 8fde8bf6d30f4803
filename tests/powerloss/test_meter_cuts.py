"""Power cuts in the whole meter core: at every flash operation of a scenario, before, inside, after it.

    python tests/powerloss/test_meter_cuts.py [CUTS] [SEED] [PROCESSES]   100,000 over all cores by default

The power goes again during the start that follows, and during what comes then. Checked after each: no record
that was committed is lost or changed, registers are neither older than a checkpoint interval nor more than
was measured, order and times are right, and the meter serves exactly what its history holds and closes new
slots.
"""

import random
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import meter_world  # noqa: F401 - finds the firmware
from keiki.drivers import flashlog, flashlog_pool
from keiki.meter import eventlog
from keiki.meter import store as stores
from meter_checks import TrackedLog, Watched
from meter_serving import serve
from meter_world import CELL_MS, HALF_HOUR_MS, T0_MS, PowerCut
from nor import AFTER, BEFORE, INSIDE, Nor

MINUTE_MS = 60_000
HOWS = (BEFORE, INSIDE, INSIDE, AFTER)
# Small and few: rings go round within a scenario. The real size has three copies of the settings to a block.
REGIONS = ((1536, 56), (4096, 30))
AUDITED = (eventlog.SETTING_CHANGED, eventlog.REGISTER_SET)
KINDS = tuple(kind for kind in range(1, len(eventlog.NAMES)) if kind not in AUDITED)
OFF_MS = (0, 40, 3_000, 70_000, 20 * MINUTE_MS, 5 * HALF_HOUR_MS, 30 * HALF_HOUR_MS, 100 * HALF_HOUR_MS)


class CutNor(Nor):
    """A NOR whose power cut ends the firmware too."""

    world: Any = None

    def _cut_program(self, at: int, data: Any) -> None:
        try:
            super()._cut_program(at, data)
        except OSError:
            raise PowerCut from None

    def _cut_erase(self, block: int) -> None:
        try:
            super()._cut_erase(block)
        except OSError:
            raise PowerCut from None

    def reboot(self, move: bool = False) -> "CutNor":
        """Return a living device with a copy of the image."""
        other = super().reboot(move)
        other.__class__ = CutNor
        return other


@contextmanager
def small_meter() -> Iterator[None]:
    """The logs tell the world of each record, few events are kept, and resting data is moved all the time."""
    before = flashlog.Log, stores.EVENTS_KEPT, flashlog_pool._MARGIN
    flashlog.Log, stores.EVENTS_KEPT, flashlog_pool._MARGIN = TrackedLog, 100, 1
    try:
        yield
    finally:
        flashlog.Log, stores.EVENTS_KEPT, flashlog_pool._MARGIN = before


def new_world(seed: int, page: int, chance: random.Random) -> Watched:
    """Return a meter whose rings have gone round, or not yet."""
    size, blocks = REGIONS[seed % 2]
    plan = {"blocks": blocks, "page": page, "days": 2, "minute_days": 1}
    nor = CutNor(blocks, size, page, seed)
    for block in range(blocks):  # a region that was used unevenly: what rests in a block is soon moved
        count = struct.pack("<I", chance.choice((1, 2, 7, 9)))
        nor.image[block * size : block * size + 40] = (count + bytes(16)) * 2
    world = Watched(nor, plan, true_ms=T0_MS + chance.randrange(10**8) * 1000)
    for _ in range(chance.randrange(4)):
        world.run(chance.randrange(900), MINUTE_MS)
        for _ in range(chance.randrange(60)):
            world.app.events.add(chance.choice((eventlog.TASK_FAILED, eventlog.CLOCK_SET)), 7)
        for _ in range(chance.randrange(4)):
            world.changed_settings(digits=chance.randrange(4, 9))
        for _ in range(chance.randrange(30)):
            world.run(1, HALF_HOUR_MS)
    return world


def live(world: Watched, chance: random.Random) -> None:
    """Let one thing happen to the meter."""
    what = chance.random()
    if what < 0.5:
        world.run(chance.randrange(1, 6), chance.choice((CELL_MS, CELL_MS, 1000)))
    elif what < 0.6:
        world.run_to_half_hour(chance.choice((25_000, 8_000)))
        world.run(4)
    elif what < 0.68:
        world.changed_settings(digits=chance.randrange(4, 9), checkpoint_s=chance.choice((10, 10, 60)))
    elif what < 0.74:
        world.set_register(chance.choice(("import", "export")), chance.randrange(10**9))
    elif what < 0.8:
        for _ in range(30):
            world.app.events.add(eventlog.AUTHENTICATION_FAILED)
            world.app.events.add(chance.choice(KINDS), 3)
    elif what < 0.86:
        by_ms = chance.choice((-40, -3, 3, 7, 60)) * MINUTE_MS
        world.ask("step_clock", by_ms=by_ms)
        world.rtc_off_ms = world.utc_ms() - world.true_ms
    elif what < 0.87:  # somebody sets the clock to another day or year, and right again
        by_ms = chance.choice((3, 400)) * 48 * HALF_HOUR_MS
        for sign in (1, -1):
            world.ask("step_clock", by_ms=sign * by_ms)
            world.rtc_off_ms = world.utc_ms() - world.true_ms
            world.run_to_half_hour(8_000)
            world.run(3)
    elif what < 0.9:
        world.ask("set_clock", utc_ms=world.true_ms + chance.choice((0, 0, -9000, 5000, 90_000)))
        world.rtc_off_ms = world.utc_ms() - world.true_ms
    elif what < 0.93:
        world.ic_silent = True
        world.run(chance.randrange(1, 5))
        world.ic_silent = False
    elif what < 0.96:
        world.app.restart()
        world.lose_power(500)
        world.boot(world.medium, cause=3)
        world.check()
    else:
        world.lose_power(chance.choice(OFF_MS))
        world.boot(world.medium)
        world.check()


def go_on(world: Watched, chance: random.Random) -> None:
    """Measure on, over a half hour: a slot closes and is served."""
    world.look()
    serve(world, chance, days=False)
    if chance.random() < 0.5:
        world.run_to_half_hour(chance.choice((5_000, 15_000, 25_000)))
        world.run(4)
    else:
        world.run(2, 1000)
        world.run(1, HALF_HOUR_MS)  # a reading on the boundary itself
    ahead = world.highest_s[stores.HALF_HOURS] * 1000 > world.utc_ms()  # the clock was once
    closed = world.newest_s[stores.HALF_HOURS] * 1000 > world.booted_ms
    # why: when the clock was ahead it may have closed this very slot, and what is closed is not rewritten
    before = world.utc_ms() // HALF_HOUR_MS * (HALF_HOUR_MS // 1000) in world.times(stores.HALF_HOURS)
    assert closed or world.rtc_off_ms or ahead or before
    world.look()
    serve(world, chance)


def cut(world: Watched, operation: tuple[Any, ...], how: int, chance: random.Random) -> int:
    """Cut `world` at `operation`, start again and check; return the number of cuts, with later ones."""
    nor = world.medium.reboot()
    if how == INSIDE:
        nor.tear(*operation)
    elif how == AFTER:
        nor.finish(*operation)
    other = world.fork(nor)
    other.ic_silent = False
    other.lose_power(chance.choice(OFF_MS))
    cuts = 1
    while chance.random() < 0.4:  # again, during the start or soon after
        nor.cut_at = nor.ops + chance.randrange(24)
        nor.cut_how = chance.choice(HOWS)
        try:
            other.boot(nor)
            other.check()
            other.run(3)
        except PowerCut:
            assert nor.dead
            cuts += 1
        nor = nor.reboot()
        other.lose_power(chance.choice(OFF_MS))
    other.boot(nor)
    other.check()
    go_on(other, chance)
    # What is there stays, however often it is read and booted: nothing hangs on a weak bit.
    other.lose_power(1000)
    other.boot(nor)
    other.check()
    return cuts


def powerloss(cuts: int, seed: int, page: int = 1) -> dict[str, int]:
    """Make at least `cuts` cuts over scenarios from `seed` on; return what was done."""
    done = dict.fromkeys(("cuts", "operations", "scenarios", "moves"), 0)
    with small_meter():
        while done["cuts"] < cuts:
            chance = random.Random(seed)
            world = new_world(seed, page, chance)

            def at_each(
                *operation: object, world: Watched = world, chance: random.Random = chance, seed: int = seed
            ) -> None:
                if done["cuts"] >= cuts:
                    return
                done["operations"] += 1
                for how in HOWS:
                    try:
                        done["cuts"] += cut(world, operation, how, random.Random(chance.random()))
                    except Exception as error:
                        error.add_note(f"seed {seed} page {page} operation {operation[:3]} how {how}")
                        raise

            world.moves = 0
            world.medium.on_op = at_each
            for _ in range(40):
                live(world, chance)
            world.medium.on_op = None
            world.lose_power(0)
            done["scenarios"] += 1
            done["moves"] += world.moves
            seed += 1
    return done


def test_no_cut_loses_or_changes_what_the_meter_has_committed() -> None:
    done = powerloss(4500, seed=8)  # two of these four scenarios move blocks
    assert done["cuts"] >= 4500 and done["moves"] and done["scenarios"] >= 4, done


def test_no_cut_loses_or_changes_what_the_meter_has_committed_on_pages_of_256() -> None:
    assert powerloss(1500, seed=100001, page=256)["cuts"] >= 1500


def test_a_clock_that_was_set_is_on_flash_at_once() -> None:
    with small_meter():
        size, blocks = REGIONS[1]
        world = Watched(CutNor(blocks, size), {"blocks": blocks, "page": 1, "days": 2, "minute_days": 1})
        world.run(3)
        set_ms = world.true_ms + 40 * MINUTE_MS
        world.ask("set_clock", utc_ms=set_ms)
        world.lose_power(5_000)
        world.rtc_off_ms = None
        world.boot(world.medium.reboot())
        world.check()
        assert world.app.clock.unsure and world.utc_ms() == set_ms


def main(args: list[str]) -> None:
    """Spread the cuts over processes; two thirds on a byte-programmable device, one third on pages."""
    import multiprocessing
    import os
    import time

    cuts = int(args[0]) if args else 100000
    seed = int(args[1]) if len(args) > 1 else 1
    processes = int(args[2]) if len(args) > 2 else os.cpu_count() or 1
    share = -(-cuts // (3 * processes))
    jobs = [
        (share * (2 if page == 1 else 1), seed + 10000 * i + page, page)
        for i in range(processes)
        for page in (1, 256)
    ]
    began = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.starmap(powerloss, jobs, chunksize=1)
    total = {key: sum(part[key] for part in parts) for key in parts[0]}
    print(
        f"meter: {total['cuts']} cuts at {total['operations']} operations of {total['scenarios']} scenarios "
        f"with {total['moves']} blocks moved, seed {seed}, in {time.perf_counter() - began:.0f} s: "
        f"nothing lost or changed, and every meter serves"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
