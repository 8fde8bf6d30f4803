"""Everything that must survive, and the logs of the board's flash that it lies on.

A kind and its record size are for ever: records of another size need another kind.
"""

from keiki.meter import checkpoints, counters, eventlog, kept_state
from keiki.wire import record
from keiki.wire.compat import const

CHECKPOINTS = const(1)
HALF_HOURS = const(2)
MINUTES = const(3)
EVENTS = const(4)
SETTINGS = const(5)
CALIBRATION = const(6)
COUNTERS = const(7)
STATE = const(8)

NAMES = {
    CHECKPOINTS: "checkpoints",
    HALF_HOURS: "half-hours",
    MINUTES: "minutes",
    EVENTS: "events",
    SETTINGS: "settings",
    CALIBRATION: "calibration",
    COUNTERS: "counters",
    STATE: "state",
}

EVENTS_KEPT = const(500)
SETTINGS_KEPT = const(2)
SETTINGS_SIZE = const(1344)  # three copies to a block
CALIBRATION_SIZE = const(1008)  # four to a block
_SUM = const(4)


class Store:
    """The logs, each found again as it was: `checkpoints`, `half_hours`, `minutes`, `events`, `settings`,
    `calibration`, `counters`, `state`.

    `kept` is what `state` holds.
    `plan` is the board's FLASH: "days" of half-hours (100 at least) and "minute_days", on raw flash also
    "page" (1 or 256): `device` is a block device then. With "folder" it is a file system (see filelog.Files).
    `days` and `minute_days` are those of the plan. `checkpoint_s` is the shortest interval of checkpoints
    that the flash stands for years.
    OSError if the device does not read; ValueError if the plan does not fit it.
    """

    def __init__(self, device, plan: dict) -> None:
        if "folder" in plan:
            from keiki.drivers.filelog import CHECKPOINT_S as FILES_S
            from keiki.drivers.filelog import FileLog as InFiles
            from keiki.drivers.filelog import Files as Folder
            from keiki.drivers.filelog import blocks_for as files_for

            make, blocks, self.checkpoint_s = InFiles, files_for, FILES_S
            pool = Folder(device, plan["folder"], SETTINGS_SIZE + _SUM)
        else:
            from keiki.drivers.flashlog import CHECKPOINT_S as BLOCKS_S
            from keiki.drivers.flashlog import Flash as Region
            from keiki.drivers.flashlog import Log as InBlocks
            from keiki.drivers.flashlog import blocks_for

            make, blocks, self.checkpoint_s = InBlocks, blocks_for, BLOCKS_S
            pool = Region(device, plan["page"])
        self.flash = pool
        self.days, self.minute_days = plan["days"], plan["minute_days"]

        def log(kind: int, payload_size: int, records: int, wear: str):
            size = payload_size + _SUM
            keep = blocks(records, size, pool.size)
            return make(pool, kind, size, keep, wear)  # pyright: ignore[reportArgumentType] - they go together

        self.checkpoints = log(CHECKPOINTS, checkpoints.SIZE, 1, "fast")
        self.half_hours = log(HALF_HOURS, record.SIZE, 48 * plan["days"] + 1, "slow")
        self.minutes = log(MINUTES, record.SIZE, 1440 * plan["minute_days"] + 1, "fast")
        self.events = log(EVENTS, eventlog.SIZE, EVENTS_KEPT, "slow")
        self.settings = log(SETTINGS, SETTINGS_SIZE, SETTINGS_KEPT, "slow")
        self.calibration = log(CALIBRATION, CALIBRATION_SIZE, SETTINGS_KEPT, "slow")
        self.counters = log(COUNTERS, counters.SIZE, 1, "slow")
        self.state = log(STATE, kept_state.SIZE, 1, "slow")
        self.kept = kept_state.KeptState(self.state)

    def logs(self):
        """Yield every log."""
        for name in NAMES.values():
            log = getattr(self, name.replace("-", "_"), None)
            if log is not None:
                yield log

    def to_grow(self) -> int:
        """Return how many bytes of the file system the logs may still take; 0: they lie on raw flash."""
        return sum(log.to_grow() for log in self.logs() if hasattr(log, "to_grow"))

    def losses(self):
        """Yield in words what could not be read at this start."""
        for what, number, first, end in self.flash.lost:
            if what == "records":
                yield "%s %d to %d are lost" % (NAMES.get(number, "records"), first, end - 1)
            else:
                yield "block %d was unreadable" % number
