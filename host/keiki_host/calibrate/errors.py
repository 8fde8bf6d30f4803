"""Why a calibration does not go on: one line for whoever does it."""


class CalibrateError(Exception):
    """It cannot be done so: one line that says why."""
