"""Limits of error of electricity meters, for comparison.

Ref: IEC 62053-21:2003, direct connected, and the Japanese ordinary grade. Informal: nobody has verified this.
"""

from typing import NamedTuple

PLAIN_PF = 0.95
"""Above it a power factor counts as 1."""


class Grade(NamedTuple):
    """A grade: its name, also in short; rows of (least share of the base current, percent), at power
    factor 1 and below.
    """

    name: str
    short: str
    plain: tuple[tuple[float, float], ...]
    low_pf: tuple[tuple[float, float], ...]

    def limit_percent(self, share: float, power_factor: float) -> float | None:
        """Return the limit at a share of the rated current, None: the grade has none there."""
        found = None
        # a current that was set to the edge is measured a little beside it
        for least, percent in self.plain if power_factor > PLAIN_PF else self.low_pf:
            if share >= least * 0.98:
                found = percent
        return found


CLASS_1 = Grade("class 1", "cl. 1", ((0.05, 1.5), (0.1, 1.0)), ((0.1, 1.5), (0.2, 1.0)))
CLASS_2 = Grade("class 2", "cl. 2", ((0.05, 2.5), (0.1, 2.0)), ((0.1, 2.5), (0.2, 2.0)))
ORDINARY = Grade("Japan, ordinary", "ordinary", ((0.05, 2.0),), ((0.1, 2.0),))
GRADES = (CLASS_1, CLASS_2, ORDINARY)

CREEP_SHARE = 1e-4
"""Without a load, class 1 allows a pulse in 600e6 / (k m Un Imax) minutes: 1/10,000 of full power."""
COARSEST_STEP_J = 2700
"""What the metering IC with the coarsest counter counts at once: a BL0942 on a shunt of 0.25 milliohms."""
START_SHARE = 0.004
"""The starting current of class 1, as a share of the base current."""
