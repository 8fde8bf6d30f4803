"""The meter's calibration: one record on flash, applied at every start; trial values until it is stored.

A record is {"version": 1, "phases": [dict per phase, keys as in drivers/calibration.py], "reference": text,
"date": "YYYY-MM-DD", "who": text, "temperature_c_x10": integer or null}.
"""

from keiki.meter.json_log import JsonLog

VERSION = 1
_TEXTS = ("reference", "date", "who")


def checked(record: dict) -> dict:
    """Return `record` as it is stored; ValueError, KeyError or TypeError: it is none."""
    if record["version"] != VERSION:
        raise ValueError("calibration: version %s" % record["version"])
    kept = {"version": VERSION, "phases": [dict(phase) for phase in record["phases"]]}
    for name in _TEXTS:
        if not isinstance(record[name], str):
            raise ValueError("calibration: %s is not a text" % name)
        kept[name] = record[name]
    temperature = record.get("temperature_c_x10")
    if temperature is not None and not isinstance(temperature, int):
        raise ValueError("calibration: temperature_c_x10 is not an integer")
    kept["temperature_c_x10"] = temperature
    return kept


class Calibration:
    """Keeps the record on a log and has the driver `ic` follow it.

    `record` is the one stored, or None; `followed` is what the driver corrects by now, as `phases` of a
    record, [] for nothing: trial values too, so that who tries some out can tell if they still hold.
    """

    def __init__(self, log, ic) -> None:
        self._log = JsonLog(log)
        self._ic = ic
        self.followed = []
        self.record = self._log.newest(checked)
        if self.record is not None:
            try:
                self._follow(self.record["phases"])
            except ValueError:  # of another number of phases: the board has changed
                self.record = None

    def _follow(self, phases: list) -> None:
        self._ic.apply(phases)
        self.followed = phases

    def try_out(self, phases: list) -> None:
        """Have the driver follow `phases` until the next start or `store`. ValueError: it cannot."""
        self._follow(phases)

    def store(self, record: dict, announce=lambda: None) -> None:
        """Keep a record and follow it, or do neither; `announce()` is called before it is kept.

        ValueError: it is none, or too long; OSError: flash refuses.
        """
        before = self.followed
        record = checked(record)
        self._follow(record["phases"])
        try:
            announce()
            self._log.append(record)
        except Exception:
            self._follow(before or [{} for _ in record["phases"]])
            raise
        self.record = record
