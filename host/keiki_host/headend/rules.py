"""What a value is held against, and what a failure means."""

from enum import IntEnum


class Quality(IntEnum):
    """How far a value may be trusted; a higher number is worse."""

    VALID = 0
    SUSPECT = 1
    ESTIMATED = 2
    INVALID = 3
    MISSING = 4
