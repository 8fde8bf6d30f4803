"""Power cuts in the whole meter core on segment files: before and after every operation of the file system.

What littlefs promises is taken for granted: a synced write is there whole or not at all. Boards that keep
their logs so have checkpoints every 60 s at least, and lose that much.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import test_meter_cuts as cuts
from keiki.drivers import filelog
from keiki.meter import store as stores
from meter_checks import TrackedFileLog, Watched
from meter_world import T0_MS, PowerCut
from test_filelog import Handle, Memory

PLAN = {"folder": "/log", "days": 2, "minute_days": 1}


class CutMemory(Memory):
    """A file system whose power can go at any operation: `ops` counts them, at `cut_at` it goes."""

    def __init__(self, content: dict[str, bytes] | None = None) -> None:
        super().__init__()
        self.content = dict(content or {})
        self.world: Any = None
        self.on_op: Any = None
        self.ops = 0
        self.cut_at = -1
        self.cut_after = False

    def _operation(self, do: Any) -> Any:
        if self.on_op is not None:
            self.on_op(do)
        at, self.ops = self.ops, self.ops + 1
        if at == self.cut_at and not self.cut_after:
            raise PowerCut
        result = do(self)
        if at == self.cut_at:
            raise PowerCut
        return result

    def open(self, path: str, mode: str) -> Handle:
        """Open; to begin a file is an operation."""
        if mode == "wb":
            self._operation(lambda system: system.content.update({path: b""}))
            mode = "ab"
        return Handle(self, path, mode)

    def listdir(self, folder: str) -> list[str]:
        """Name the files of the one folder."""
        return [path[len(folder) + 1 :] for path in self.content]

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._operation(lambda system: system.content.pop(path))

    def step(self, path: str, data: bytes) -> None:
        """Make what was written durable."""
        self._operation(lambda system: system.content.update({path: system.content[path] + data}))


@contextmanager
def small_files() -> Iterator[None]:
    """Segments of a quarter of a block: they go round within the scenario."""
    before = filelog.FileLog, filelog._SEGMENT, stores.EVENTS_KEPT
    filelog.FileLog, filelog._SEGMENT, stores.EVENTS_KEPT = TrackedFileLog, 1400, 100
    try:
        yield
    finally:
        filelog.FileLog, filelog._SEGMENT, stores.EVENTS_KEPT = before


def cut(world: Watched, do: Any, after: bool, chance: random.Random) -> int:
    """Cut before or after one operation, start again and check; return the number of cuts."""
    files = CutMemory(world.medium.content)
    if after:
        do(files)
    other = world.fork(files)
    other.ic_silent = False
    other.lose_power(chance.choice(cuts.OFF_MS))
    done = 1
    while chance.random() < 0.4:
        files.cut_at, files.cut_after = files.ops + chance.randrange(12), chance.random() < 0.5
        try:
            other.boot(files)
            other.check()
            other.run(3)
        except PowerCut:
            done += 1
        files = CutMemory(files.content)
        other.lose_power(chance.choice(cuts.OFF_MS))
    other.boot(files)
    other.check()
    cuts.go_on(other, chance)
    return done


def powerloss(count: int, seed: int) -> int:
    """Make at least `count` cuts; return how many."""
    done = 0
    with small_files():
        while done < count:
            chance = random.Random(seed)
            world = Watched(CutMemory(), PLAN, true_ms=T0_MS + chance.randrange(10**8) * 1000)
            for _ in range(chance.randrange(3)):
                world.run(chance.randrange(1000), cuts.MINUTE_MS)
                world.run(chance.randrange(60), cuts.HALF_HOUR_MS)

            def at_each(do: Any, world: Watched = world, chance: random.Random = chance) -> None:
                nonlocal done
                for after in (False, True):
                    if done < count:
                        done += cut(world, do, after, random.Random(chance.random()))

            world.medium.on_op = at_each
            for _ in range(40):
                cuts.live(world, chance)
                assert world.app.registers.checkpoint_s >= 60
            seed += 1
    return done


def test_no_cut_between_file_operations_loses_or_changes_what_the_meter_has_committed() -> None:
    assert powerloss(400, seed=1) >= 400


def test_a_board_with_files_takes_no_checkpoint_more_often_than_every_minute() -> None:
    with small_files():
        world = Watched(CutMemory(), PLAN)
        world.changed_settings(checkpoint_s=10)
        world.run(61)
        assert len(world.sure[stores.CHECKPOINTS]) == 11
        world.changed_settings(checkpoint_s=120)
        world.run(60)
        assert len(world.sure[stores.CHECKPOINTS]) == 16
