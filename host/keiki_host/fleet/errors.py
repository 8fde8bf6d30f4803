"""What can go wrong with a fleet, for people."""


class FleetError(Exception):
    """The fleet cannot start or go on: one line."""


class FleetInputError(FleetError):
    """What was asked for is wrong: one line that names it."""
