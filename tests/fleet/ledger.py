"""A count from the fleet's own log, that owes nothing to the head-end: what must be there, and in what time.

The log knows when a message left and when its confirm came; what is between is the head-end's. So each time
of arrival that it claims must lie between the two, and what is counted of these must be what it says.
"""

import csv
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

SLOT_S = 1800
DAY_S = 86400
JST_S = 32400

Key = tuple[str, int]
"""Serial of a meter, and a slot."""


class Between(NamedTuple):
    """So many at least, and at most, of so many."""

    least: int
    most: int
    of: int

    def holds(self, part: int, of: int) -> bool:
        """Whether a share is as it must be."""
        return self.least <= part <= self.most and of == self.of


def day_of(utc_s: float) -> int:
    """The beginning of a JST day."""
    return math.floor((utc_s + JST_S) / DAY_S) * DAY_S - JST_S


class Ledger:
    """What `logs` and the file of meters say.

    `truth` has import, export and status of each value; `earliest` and `latest` are whole seconds between
    which it arrived (`latest` only where a confirm came).
    """

    def __init__(self, registration: Path, logs: Iterable[Path]) -> None:
        meters = json.loads(registration.read_text())["meters"]
        self.meters: dict[str, dict[str, object]] = {meter["serial"]: meter for meter in meters}
        self.truth: dict[Key, tuple[int, int, int]] = {}
        self.earliest: dict[Key, int] = {}
        self.latest: dict[Key, int] = {}
        self.cut: set[str] = set()
        self.repeated = 0
        self._heard: set[Key] = set()
        self._perhaps_heard: set[Key] = set()
        for path in logs:
            with path.open() as file:
                for kind, *row in csv.reader(file):
                    getattr(self, f"_{kind}")(*row)

    def _slot(self, serial: str, slot: str, imported: str, exported: str, status: str) -> None:
        key = (serial, int(slot))
        assert key not in self.truth, f"{key} was measured twice"
        self.truth[key] = (int(imported), int(exported), int(status))

    def _sent(self, serial: str, slot: str, from_s: str, to_s: str, confirmed: str) -> None:
        key, began_s, ended_s = (serial, int(slot)), math.floor(float(from_s)), math.floor(float(to_s))
        self.repeated += key in self.earliest
        self.earliest[key] = min(began_s, self.earliest.get(key, began_s))
        days = {(serial, day_of(began_s)), (serial, day_of(ended_s))}
        self._perhaps_heard |= days
        if confirmed == "1":
            self.latest[key] = min(ended_s, self.latest.get(key, ended_s))
            if len(days) == 1:
                self._heard |= days

    def _read(self, serial: str, first: str, last: str, at_s: str) -> None:
        began_s = math.floor(float(at_s))
        for slot_s in range(int(first), int(last) + 1, SLOT_S):
            key = (serial, slot_s)
            self.earliest[key] = min(began_s, self.earliest.get(key, began_s))

    def _session(self, serial: str, at_s: str) -> None:
        # what is read in it may be stored a little later
        self._perhaps_heard |= {(serial, day_of(float(at_s) + late_s)) for late_s in (0, SLOT_S)}

    def _cut(self, serial: str, _from: str, _to: str) -> None:
        self.cut.add(serial)

    def areas(self) -> list[str]:
        """The areas there are."""
        return sorted({str(meter["area"]) for meter in self.meters.values()})

    def within(self, area: str, day_s: int, arrived: dict[Key, int], limit_s: int) -> Between:
        """Values of a day that arrived in time."""
        day = [key for key in self._of(area) if day_s <= key[1] < day_s + DAY_S]
        count = sum(key in arrived and arrived[key] - key[1] <= limit_s for key in day)
        return Between(count, count, len(day))

    def connection(self, area: str, day_s: int) -> Between:
        """Meters that were heard on a day; a message at midnight may be of either."""
        serials = [serial for serial, meter in self.meters.items() if meter["area"] == area]
        surely = sum((serial, day_s) in self._heard for serial in serials)
        return Between(surely, sum((s, day_s) in self._perhaps_heard for s in serials), len(serials))

    def reading(self, area: str, day_s: int, arrived: dict[Key, int]) -> Between:
        """Meters whose value of a day's end came, whenever."""
        there = [key for key in self._of(area) if key[1] == day_s + DAY_S]
        came = sum(key in arrived for key in there)
        return Between(came, came, len(there))

    def _of(self, area: str) -> list[Key]:
        return [key for key in self.truth if self.meters[key[0]]["area"] == area]
