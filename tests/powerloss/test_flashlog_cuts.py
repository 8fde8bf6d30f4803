"""Power cuts in the flash log: at every operation of a scenario, before, inside, after it, and again at boot.

    python tests/powerloss/test_flashlog_cuts.py [CUTS] [SEED] [PROCESSES]   100,000 over all cores by default

Checked after each cut: every record whose `append` returned is there unchanged unless its block was due to
go, none that was not appended appears, sequences and order hold, what was once seen stays, and the log goes
on.
"""

import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in ("tests/pure", "firmware"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))

from keiki.drivers import flashlog_pool  # noqa: E402
from keiki.drivers.flashlog import Flash, Log  # noqa: E402
from nor import AFTER, BEFORE, INSIDE, Nor  # noqa: E402

BLOCKS = 24
SIZE = 512
#       kind: record size, keep, wear; one record of how many ticks
LOGS = {
    1: (32, 2, "fast", 1),  # checkpoints
    2: (21, 4, "slow", 5),  # half-hours
    3: (21, 3, "fast", 2),  # minutes
    4: (32, 2, "slow", 7),  # events
    5: (150, 2, "slow", 40),  # configuration: three to a block
    6: (21, 2, "slow", 397),  # calibration: rests
}


class World:
    """The logs over a device, and what they must hold: `sure` {sequence: payload} per kind, all appended."""

    def __init__(self, nor: Nor, page: int) -> None:
        self.page = page
        self.sure: dict[int, dict[int, bytes]] = {kind: {} for kind in LOGS}
        self.oldest = dict.fromkeys(LOGS, 0)
        self.begun: tuple[int, bytes] | None = None
        self.number = 0
        self.boot(nor)

    def boot(self, nor: Nor) -> None:
        """Start on a device as after a power cut."""
        self.nor = nor
        self.flash = Flash(nor, self.page)
        self.logs = {kind: Log(self.flash, kind, *LOGS[kind][:3]) for kind in LOGS}

    def fork(self, nor: Nor) -> "World":
        """Return another world on another device, with the same past."""
        other = World.__new__(World)
        other.page, other.begun, other.number = self.page, self.begun, self.number
        other.sure = {kind: dict(records) for kind, records in self.sure.items()}
        other.oldest = dict(self.oldest)
        other.nor = nor
        return other

    def append(self, kind: int) -> None:
        """Append the next payload, distinct from all others, to one log."""
        self.number += 1
        size = LOGS[kind][0] - 4
        payload = (self.number.to_bytes(4, "little") + bytes([self.number * 31 & 255]) * size)[:size]
        log = self.logs[kind]
        self.begun = (kind, payload)
        end = log.end
        sequence = log.append(payload)
        assert sequence >= end, (kind, sequence, end)
        self.sure[kind][sequence] = payload
        self.oldest[kind] = log.oldest
        self.begun = None

    def run(self, ticks: int, start: int = 0) -> None:
        """Append as a meter does; an event storm now and then."""
        for tick in range(start, start + ticks):
            for kind, (_, _, _, every) in LOGS.items():
                if not tick % every:
                    self.append(kind)
            if tick % 50 == 49:
                for _ in range(6):
                    self.append(4)

    def check(self) -> None:
        """Hold what the logs have against what was appended; take what has newly appeared as committed."""
        assert not [note for note in self.flash.lost if note[0] == "records"], self.flash.lost
        for kind, log in self.logs.items():
            sure = self.sure[kind]
            # The oldest block may have gone for the record that was being written, and no other.
            first = self.oldest[kind]
            buffer = bytearray(LOGS[kind][0] - 4)
            found = {}
            for sequence in range(log.oldest, log.end):
                if log.read_into(sequence, buffer):
                    found[sequence] = bytes(buffer)
                else:
                    assert not log.is_lost(sequence), "a cut loses nothing, and nothing is said to be lost"
            known = sorted(sequence for sequence in sure if sequence >= first)
            if log.oldest > first:
                assert self.begun is not None and self.begun[0] == kind, (
                    "blocks went without a record to write"
                )
                assert bytes(self.flash.kinds).count(kind) == LOGS[kind][1], "a block went before its time"
                known = [sequence for sequence in known if sequence >= log.oldest]
            for sequence in known:
                assert found.get(sequence) == sure[sequence], (kind, sequence, log.oldest, log.end)
            for sequence in sorted(set(found) - set(known)):
                if sequence in sure:  # an older block that was still to be released
                    assert found[sequence] == sure[sequence]
                    continue
                assert self.begun == (kind, found[sequence]), (kind, sequence)
                assert not known or sequence > known[-1]
                sure[sequence] = found[sequence]
            self.oldest[kind] = log.oldest
            numbers = [int.from_bytes(found[sequence][:4], "little") for sequence in sorted(found)]
            assert numbers == sorted(set(numbers)), kind


def cut(world: World, operation: tuple, how: int, chance: random.Random) -> int:
    """Cut `world` at `operation`, boot and check; return the number of cuts, with those at the boot."""
    nor = world.nor.reboot()
    if how == INSIDE:
        nor.tear(*operation)
    elif how == AFTER:
        nor.finish(*operation)
    other = world.fork(nor)
    cuts = 1
    while chance.random() < 0.4:  # again, during the boot or soon after
        nor.cut_at = nor.ops + chance.randrange(14)
        nor.cut_how = chance.choice((BEFORE, INSIDE, INSIDE, AFTER))
        try:
            other.boot(nor)
            other.check()
            other.begun = None
            other.run(4, other.number)
        except OSError:
            assert nor.dead
        if nor.dead:
            cuts += 1
        nor = nor.reboot()
    other.boot(nor)
    other.check()
    other.begun = None
    # What is there stays, however often it is read and booted: nothing hangs on a weak bit.
    other.boot(nor)
    other.check()
    other.run(6, other.number)
    other.boot(nor)
    other.check()
    return cuts


def powerloss(cuts: int, seed: int, page: int = 1) -> dict[str, int]:
    """Make at least `cuts` cuts over scenarios from `seed` on; return what was done."""
    done = {"cuts": 0, "operations": 0, "scenarios": 0, "moves": 0}
    flashlog_pool._MARGIN = 1  # resting data is moved all the time, not once in months
    while done["cuts"] < cuts:
        chance = random.Random(seed)
        nor = Nor(BLOCKS, SIZE, page, seed)
        world = World(nor, page)
        world.run(chance.randrange(2500), 1)  # rings have gone round, or not yet

        def at_each(
            *operation: object, world: World = world, chance: random.Random = chance, seed: int = seed
        ) -> None:
            done["operations"] += 1
            for how in (BEFORE, INSIDE, INSIDE, AFTER):
                if done["cuts"] < cuts:
                    try:
                        done["cuts"] += cut(world, operation, how, chance)
                    except Exception as error:
                        error.add_note(f"seed {seed} page {page} operation {operation[:3]} how {how}")
                        raise

        nor.on_op = at_each
        world.run(160, 1)
        done["scenarios"] += 1
        done["moves"] += world.flash.counts["moved"]
        seed += 1
    return done


def test_no_cut_loses_or_changes_a_record() -> None:
    assert powerloss(3500, seed=1)["cuts"] >= 3500


def test_no_cut_loses_or_changes_a_record_on_pages_of_256() -> None:
    assert powerloss(1500, seed=100001, page=256)["cuts"] >= 1500


def main(args: list[str]) -> None:
    """Spread the cuts over processes; two thirds on a byte-programmable device, one third on pages."""
    import multiprocessing
    import os

    cuts = int(args[0]) if args else 100000
    seed = int(args[1]) if len(args) > 1 else 1
    processes = int(args[2]) if len(args) > 2 else os.cpu_count() or 1
    share = -(-cuts // (3 * processes))
    jobs = [
        (share * (2 if page == 1 else 1), seed + 1000 * i + page, page)
        for i in range(processes)
        for page in (1, 256)
    ]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        parts = pool.starmap(powerloss, jobs)
    total = {key: sum(part[key] for part in parts) for key in parts[0]}
    print(
        f"flashlog: {total['cuts']} cuts at {total['operations']} operations "
        f"of {total['scenarios']} scenarios "
        f"with {total['moves']} blocks moved, seed {seed}: nothing lost or changed"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
