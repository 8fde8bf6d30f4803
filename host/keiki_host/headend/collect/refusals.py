"""Values that are not kept because they cannot be: whose clock is wrong, the meter's or this computer's?"""

from collections.abc import Callable, Iterable

from keiki.wire.slots import SLOT_S

from keiki_host.headend.collect.roster import Meter
from keiki_host.headend.values import Reading

TELL_EVERY_S = 3600
"""One line for each meter, and one for this computer, in so many seconds."""
SUSPECT_METERS = 3
"""So many meters whose values are refused, and more than have theirs kept: it is not they."""


class Refusals:
    """Takes note of each meter's newest value, kept or refused; `tell` hears a line now and then."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._kept: set[int] = set()
        self._refused: set[int] = set()
        self._told: dict[int, int] = {}

    @property
    def ours(self) -> bool:
        """Whether it looks as if this computer's clock were wrong."""
        return len(self._refused) >= SUSPECT_METERS and len(self._refused) > len(self._kept)

    def note(self, meters: Iterable[Meter], refused: Iterable[Reading]) -> None:
        """Values of these meters came; these of them were refused."""
        known = {meter.meter_id: meter for meter in meters}
        wrong = {reading.meter_id: reading for reading in refused}
        self._kept = (self._kept | known.keys()) - wrong.keys()
        self._refused = (self._refused - known.keys()) | {
            meter_id for meter_id, reading in wrong.items() if not reading.slot_s % SLOT_S
        }
        for meter_id, reading in wrong.items():
            if self.ours:
                self._once(
                    0, reading, "values of most meters are ahead of this computer's clock: is it right?"
                )
                return
            ahead_s = reading.slot_s - reading.arrived_s
            words = "no half hour" if reading.slot_s % SLOT_S else f"its clock is {ahead_s} s ahead"
            self._once(meter_id, reading, f"meter {known[meter_id].serial}: a value is not kept: {words}")

    def _once(self, key: int, reading: Reading, line: str) -> None:
        last_s = self._told.get(key)
        if last_s is None or not 0 <= reading.arrived_s - last_s < TELL_EVERY_S:
            self._told[key] = reading.arrived_s
            self._tell(line)
