"""What a value is: the register snapshot of a meter at a slot boundary, as it arrived."""

from enum import IntEnum
from typing import NamedTuple

from keiki.wire import record


class Path(IntEnum):
    """How a value came."""

    PUSH = 1
    """The meter sent it when its slot ended."""
    PULL = 2
    """The head-end asked for it."""
    LATE = 3
    """The meter sent it later, after an outage."""


class Status(IntEnum):
    """What the meter says of a value (keiki.wire.record)."""

    NORMAL = record.NORMAL
    CLOCK_UNSURE = record.CLOCK_UNSURE
    POWER_WAS_OFF = record.POWER_WAS_OFF
    ESTIMATED = record.ESTIMATED


class Reading(NamedTuple):
    """One value of one meter, as it came."""

    meter_id: int
    """The registry's number of the meter."""
    slot_s: int
    """The slot boundary, UTC seconds, a multiple of 1800."""
    import_wh: int | None
    """Cumulative import register, Wh; None where the meter itself says that it has no value."""
    export_wh: int | None
    """Cumulative export register, Wh; None as for import."""
    status: int
    """A `Status`."""
    arrived_s: int
    """When the head-end got it, UTC seconds."""
    path: int
    """A `Path`."""


class Ingested(NamedTuple):
    """What became of a batch."""

    batch_no: int
    """Number of the batch; 0 if nothing of it was new."""
    stored: int
    """Values that were new."""
    repeated: int
    """Values that were there already, the same."""
    conflicts: int
    """Values that differ from the one that is there: kept beside it, in `conflict`."""
    refused: tuple[Reading, ...]
    """Values whose slot cannot be: in the future, too old, or no boundary. Kept nowhere."""
