"""What a meter must hold, hold against what it has: after any power cut, and at each reading."""

from typing import Any

from keiki.drivers.filelog import FileLog
from keiki.drivers.flashlog import Log
from keiki.meter import store as stores
from keiki.wire import record
from keiki.wire import settings as table
from meter_audit import check_audit, check_settings, parsed_settings
from meter_blocks import DAY_S, STEPS_S, Held, check_order, held
from meter_serving import check_start, decoded
from meter_world import CELL_MS, HALF_HOUR_MS, HOUSE, World

KINDS = tuple(stores.NAMES)
REGISTERS = (stores.CHECKPOINTS, stores.HALF_HOURS, stores.MINUTES)


class TrackedLog(Log):
    """The flash log, and a world that is told of each record."""

    def append(self, payload: bytes) -> int:
        """Append; the world remembers what was begun and what is sure."""
        return self._flash._device.world.appending(self, payload, super().append)


class TrackedFileLog(FileLog):
    """The log on files, and a world that is told of each record."""

    def append(self, payload: bytes) -> int:
        """Append; the world remembers what was begun and what is sure."""
        return self._files.system.world.appending(self, payload, super().append)


class Watched(World):
    """A world that knows what must be on flash: `sure` {kind: {sequence: payload}}, and what was `begun`.

    `live` are the registers at each reading, (true ms, import, export, generation): what a meter would know
    that never loses power. `base` is where they agreed with the house.
    """

    def __init__(self, medium: Any, plan: dict[str, Any], **of: Any) -> None:
        super().__init__(medium, plan, **of)
        self.sure: dict[int, dict[int, bytes]] = {kind: {} for kind in KINDS}
        self.oldest = dict.fromkeys(KINDS, 0)
        self.begun: list[tuple[int, bytes, int]] = []
        self.newest_s = dict.fromkeys(STEPS_S, -1)
        self.highest_s = dict.fromkeys(STEPS_S, -1)
        self.live: list[tuple[int, int, int, int]] = [(0, 0, 0, 0)]
        self.interval_ms = 0
        self.moves = 0
        self.cut_ms = self.true_ms
        self.most = (0, 0)
        self.read_true_ms = 0
        self.settings: dict[str, Any] = {}
        self.settings_changed = 0
        self.boot(medium)
        self.check()

    def fork(self, medium: Any) -> "Watched":
        """Return another world on another medium, with the same past; its meter is not started yet."""
        other = Watched.__new__(Watched)
        other.__dict__.update(self.__dict__)
        other.medium = medium
        other.sure = {kind: dict(records) for kind, records in self.sure.items()}
        for name in ("oldest", "newest_s", "highest_s"):
            setattr(other, name, dict(getattr(self, name)))
        for name in ("begun", "live"):
            setattr(other, name, list(getattr(self, name)))
        return other

    def boot(self, medium: Any, cause: int = 0) -> None:
        """Start the firmware; what it logs is kept for `check`."""
        self.cause = cause
        self.events: list[tuple[int, ...]] = []
        self.base: tuple[int, int, int] | None = None
        self.read_utc_ms: int | None = None
        self.broken = True
        self.closed: dict[int, list[tuple[int, ...]]] = {kind: [] for kind in STEPS_S}
        super().boot(medium, cause)

    def lose_power(self, off_ms: int) -> None:
        """The power is away for so long."""
        if self.app is not None:
            self.moves += self.app.store.flash.counts.get("moved", 0)
            self.cut_ms = self.true_ms
            self.most = self.live[-1][1:3]
            if self.base is not None:
                before, now = HOUSE.at(self.base[0]), HOUSE.at(self.true_ms)
                self.most = self.base[1] + now[0] - before[0], self.base[2] + now[1] - before[1]
        self.app = None
        self.true_ms += off_ms

    # -- as it happens --------------------------------------------------------------------------------

    def appending(self, log: Any, payload: bytes, append: Any) -> int:
        """Called for each record that the firmware appends."""
        kind, end = log.kind, log.end
        whole = bytes(payload) + b"\xff" * (log.payload_size - len(payload))
        self.begun.append((kind, whole, end))
        sequence: int = append(payload)
        assert sequence >= end, (kind, sequence, end)
        self.sure[kind][sequence] = whole
        self.oldest[kind] = log.oldest
        self.begun.pop()
        if kind in STEPS_S:
            utc_s = record.time_of(whole)
            self.newest_s[kind] = utc_s
            self.highest_s[kind] = max(self.highest_s[kind], utc_s)
            self.closed[kind].append(record.unpack(whole))
        elif kind == stores.EVENTS and whole[4] != 255:  # those are the counts
            self.events.append(decoded(whole))
        return sequence

    def sample(self) -> None:
        """Take a reading, and hold against the house what it booked and what it closed."""
        registers, clock = self.app.registers, self.app.clock
        before = registers.import_wh_x1000, registers.export_wh_x1000
        newest_s = dict(self.newest_s)
        held = {kind: self._held_times(kind) for kind in STEPS_S}
        self.closed = {kind: [] for kind in STEPS_S}
        super().sample()
        if self.ic_silent:
            assert not any(self.closed.values())
            return
        after = registers.import_wh_x1000, registers.export_wh_x1000
        utc_ms, read_ms = clock.utc_ms(), self.read_utc_ms
        if read_ms is None:
            self.base = self.true_ms, *after
            self.broken = utc_ms % HALF_HOUR_MS != 0
        for kind, step_s in STEPS_S.items():
            self._check_closed(kind, step_s, newest_s[kind], held[kind], before, after)
        self.read_utc_ms, self.read_true_ms = utc_ms, self.true_ms
        self._check_truth(after)
        self.live.append((self.true_ms, *after, registers.generation))
        del self.live[:-400]
        self.interval_ms = registers.checkpoint_s * 1000

    def _check_truth(self, after: tuple[int, int]) -> None:
        base_ms, imported, exported = self.base or (0, 0, 0)
        used, given = (
            now - then for now, then in zip(HOUSE.at(self.true_ms), HOUSE.at(base_ms), strict=True)
        )
        assert after[0] - after[1] == imported - exported + used - given, "energy was lost or made up"
        assert imported <= after[0] <= imported + used

    def _held_times(self, kind: int) -> set[int]:
        """The slots that the log has, if the clock shows a time at which one may be closed already."""
        if self.utc_ms() > self.highest_s[kind] * 1000:
            return set()
        return self.times(kind)

    def times(self, kind: int) -> set[int]:
        """The slots that the log has."""
        records, oldest = self.sure[kind], self.oldest[kind]
        return {record.time_of(payload) for sequence, payload in records.items() if sequence >= oldest}

    def _check_closed(
        self,
        kind: int,
        step_s: int,
        newest_s: int,
        held: set[int],
        before: tuple[int, int],
        after: tuple[int, int],
    ) -> None:
        """Exactly the boundaries that this reading can tell must be closed, with the registers of then."""
        utc_ms, read_ms = self.app.clock.utc_ms(), self.read_utc_ms
        step_ms = step_s * 1000
        due = []
        if read_ms is not None and utc_ms - read_ms <= self.app.registers.gap_s * 1000:
            due = [at // 1000 for at in range((read_ms // step_ms + 1) * step_ms, utc_ms + 1, step_ms)]
        elif not utc_ms % step_ms and (read_ms is None or utc_ms > read_ms):
            due = [utc_ms // 1000]
        closed = self.closed[kind]
        wanted_s = []
        for at in due:
            if at not in held and (at > newest_s or at < newest_s - DAY_S):
                wanted_s.append(at)
                newest_s = at
        assert [row[0] for row in closed] == wanted_s, (kind, due, closed)
        same_cell = read_ms is not None and self.read_true_ms // CELL_MS == (self.true_ms - 1) // CELL_MS
        same_pace = read_ms is not None and utc_ms - read_ms == self.true_ms - self.read_true_ms
        for utc_s, status, imported, exported, generation in closed:
            wanted = record.NORMAL
            if self.app.clock.unsure:
                wanted = record.CLOCK_UNSURE
            elif kind == stores.HALF_HOURS and self.broken:
                wanted = record.POWER_WAS_OFF
            assert status == wanted, (utc_s, status, wanted)
            assert generation == self.app.registers.generation
            assert before[0] <= imported <= after[0] and before[1] <= exported <= after[1]
            if same_cell and same_pace:
                then = HOUSE.at(self.true_ms - (utc_ms - utc_s * 1000))
                used, given = (a - b for a, b in zip(then, HOUSE.at(self.read_true_ms), strict=True))
                assert (imported, exported) == (before[0] + used, before[1] + given)
        if kind == stores.HALF_HOURS and due:
            self.broken = False

    def changed_settings(self, **changes: Any) -> None:
        """Change settings at the host tool."""
        wanted = table.checked(self.app.settings._values(), changes)
        self.interval_ms = max(self.interval_ms, 1000 * changes.get("checkpoint_s", 0))
        self.ask("set", values=changes)
        newest = self.sure[stores.SETTINGS]
        assert parsed_settings(newest[max(newest)]) == wanted
        check_audit(self)

    def set_register(self, name: str, wh: int) -> None:
        """Set a register at the host tool; from then on it counts from there."""
        self.ask("set_register", register=name, wh=wh)
        registers = self.app.registers
        now = registers.import_wh_x1000, registers.export_wh_x1000
        assert now[name == "export"] == wh * 1000
        check_audit(self)
        if self.base is not None:
            self.base = self.read_true_ms, *now
        self.live.append((self.true_ms, *now, registers.generation))

    def known(self, kind: int, utc_s: int) -> "tuple[int, int] | None":
        """Return (import, export) at a boundary as flash has them; None: missing, or the clock was unsure."""
        for block in reversed(self.blocks[kind]):
            if utc_s in block.by_time:
                status, imported, exported = block.by_time[utc_s]
                return None if status == record.CLOCK_UNSURE else (imported, exported)
        return None

    def newest(self, kind: int) -> "tuple[int, int, int] | None":
        """Return (utc_s, import, export) of the newest boundary at which the clock was sure, of 48."""
        seen = 0
        for block in reversed(self.blocks[kind]):
            for utc_s in reversed(block.by_time):
                seen += 1
                if seen > 48:
                    return None
                status, imported, exported = block.by_time[utc_s]
                if status != record.CLOCK_UNSURE:
                    return utc_s, imported, exported
        return None

    def look(self) -> None:
        """See what is on flash now."""
        logs = {log.kind: log for log in vars(self.app.store).values() if hasattr(log, "read_into")}
        self.blocks = {kind: held(logs[kind], self.medium) for kind in KINDS}

    # -- after a power cut ----------------------------------------------------------------------------

    def check(self) -> None:
        """Hold what this start has found against what it must have; from here on that is the truth."""
        logs = {log.kind: log for log in vars(self.app.store).values() if hasattr(log, "read_into")}
        assert not [note for note in self.app.store.flash.lost if note[0] == "records"]
        self.blocks = {kind: held(logs[kind], self.medium) for kind in KINDS}
        for kind in KINDS:
            self._check_log(logs[kind], self.blocks[kind])
        self._check_registers()
        check_settings(self)
        check_start(self)
        check_audit(self)
        registers = self.app.registers
        now = registers.import_wh_x1000, registers.export_wh_x1000, registers.generation
        self.live = [(0, *now)]
        self.begun = []

    def _check_log(self, log: Any, blocks: list[Held]) -> None:
        kind, sure = log.kind, self.sure[log.kind]
        first = self.oldest[kind]
        found: dict[int, bytes] = {}
        times: list[int] = []
        for block in blocks:
            found.update(block.found)
            times.extend(block.by_time)
        check_order(times)
        begun = [(payload, end) for of, payload, end in self.begun if of == kind]
        if log.oldest > first:
            assert begun, "a block went without a record to write"
            first = log.oldest
        for sequence in [sequence for sequence in sure if sequence < first]:
            if sequence not in found:
                del sure[sequence]
        if found != sure:
            for sequence, payload in sure.items():
                assert found.get(sequence) == payload, (kind, sequence, log.oldest, log.end)
            for sequence in sorted(set(found) - set(sure)):
                mine = [one for one in begun if one[0] == found[sequence] and one[1] <= sequence]
                assert mine, (kind, sequence)
                begun.remove(mine[0])
                sure[sequence] = found[sequence]
        self.oldest[kind] = log.oldest
        if kind in STEPS_S and times:
            self.newest_s[kind] = times[-1]
            self.highest_s[kind] = max(times)

    def _check_registers(self) -> None:
        registers = self.app.registers
        now = registers.import_wh_x1000, registers.export_wh_x1000
        sure = self.sure[stores.CHECKPOINTS]
        generations = {self.live[-1][3]} if not sure else {record.unpack(sure[max(sure)])[4]}
        kept = []
        for kind in REGISTERS:
            records = [block.last for block in self.blocks[kind] if block.last]
            kept += [record.unpack(payload)[2:] for payload in records[-1:]]
            generations |= {record.unpack(payload)[4] for of, payload, _ in self.begun if of == kind}
        newest = [row for row in kept if row[2] == registers.generation]
        assert registers.generation in generations, (
            "a register that was set is not, or the other way",
            registers.generation,
            self.live[-3:],
            self.begun,
            kept,
        )
        assert not [row for row in kept if record.is_newer(row[2], registers.generation)]
        if not newest:
            assert not kept and now == (0, 0)
            return
        assert now == (max(row[0] for row in newest), max(row[1] for row in newest))
        lived = [row for row in self.live if row[3] == registers.generation]
        if lived:  # else just set: exactly what is kept
            since_ms = self.live[-1][0] - self.interval_ms
            due = max((row for row in lived if row[0] <= since_ms), default=lived[0])
            assert now[0] >= due[1] and now[1] >= due[2], (
                "more is lost than a checkpoint interval",
                now,
                due,
                self.live[-5:],
                self.cut_ms,
                since_ms,
                newest,
                self.begun,
            )
            assert now[0] <= self.most[0] and now[1] <= self.most[1], (
                "more than was measured",
                now,
                self.most,
                self.base,
                self.live[-3:],
                self.cut_ms,
                newest,
                self.begun,
            )
