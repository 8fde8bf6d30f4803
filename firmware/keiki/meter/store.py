"""Everything that must survive, and the logs of the board's flash that it lies on.

A kind and its record size are for ever: records of another size need another kind.
"""

from keiki.drivers.flashlog import Flash, Log, blocks_for
from keiki.meter import checkpoints, eventlog
from keiki.wire import record
from keiki.wire.compat import const

CHECKPOINTS = const(1)
HALF_HOURS = const(2)
MINUTES = const(3)
EVENTS = const(4)
SETTINGS = const(5)
CALIBRATION = const(6)

NAMES = {
    CHECKPOINTS: "checkpoints",
    HALF_HOURS: "half-hours",
    MINUTES: "minutes",
    EVENTS: "events",
    SETTINGS: "settings",
    CALIBRATION: "calibration",
}

EVENTS_KEPT = const(500)
SETTINGS_SIZE = const(1344)  # three copies to a block
CALIBRATION_SIZE = const(1008)  # four to a block
_SUM = const(4)


class Store:
    """The logs, each found again as it was: `checkpoints`, `half_hours`, `minutes`, `events`, `settings`,
    `calibration`.

    `device` is a block device, `plan` the board's FLASH: "page" (1 or 256), "days" of half-hours (100 at
    least) and "minute_days". OSError if the device does not read; ValueError if the plan does not fit it.
    """

    def __init__(self, device, plan: dict) -> None:
        self.flash = flash = Flash(device, plan["page"])
        size = record.SIZE + _SUM
        self.checkpoints = Log(flash, CHECKPOINTS, checkpoints.SIZE + _SUM, 2)
        self.half_hours = Log(flash, HALF_HOURS, size, blocks_for(48 * plan["days"] + 1, size), "slow")
        self.minutes = Log(flash, MINUTES, size, blocks_for(1440 * plan["minute_days"] + 1, size))
        size = eventlog.SIZE + _SUM
        self.events = Log(flash, EVENTS, size, blocks_for(EVENTS_KEPT, size), "slow")
        self.settings = Log(flash, SETTINGS, SETTINGS_SIZE + _SUM, 2, "slow")
        self.calibration = Log(flash, CALIBRATION, CALIBRATION_SIZE + _SUM, 2, "slow")

    def losses(self):
        """Yield in words what could not be read at this start."""
        for what, number, first, end in self.flash.lost:
            if what == "records":
                yield "%s %d to %d are lost" % (NAMES.get(number, "records"), first, end - 1)
            else:
                yield "block %d was unreadable" % number
