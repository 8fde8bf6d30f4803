"""The pulses that a meter sends to its output, against the energy of the reference and of its own register.

Ref: IEC 62053-31. Pulses are whole: of what lies between two moments, a count tells the energy to within one.
"""

from math import sqrt

from pydantic import BaseModel, Field

_ENDS = 1 / sqrt(6)
"""Standard uncertainty of a count between two moments, in pulses: both ends lie anywhere in one."""
_REGISTER_PULSES = 1.01
"""How far counts of the same energy may be apart: one whole pulse, and the register's last digit."""
WH_X1000 = 1_000_000
"""In a kWh."""


class PulseState(BaseModel):
    """The pulse output at a snapshot: `pulses` sent since the start, of them `late`, and `dropped` besides.

    `imp_per_kwh` None: the board has no output. `cf_wrong`: for each pulse pin of the metering IC that is
    wired, whether it does not count what the IC's register counts.
    """

    ticks_ms: int = 0
    imp_per_kwh: int | None = Field(None, gt=0)
    pulses: int = 0
    late: int = 0
    dropped: int = 0
    cf_wrong: list[bool] = []


class PulseCount(BaseModel):
    """So many pulses between two snapshots, beside what the register counted for all phases meanwhile.

    `held`: pulses that were late or dropped meanwhile. `imp_per_kwh` None: there is no output.
    """

    imp_per_kwh: int | None
    pulses: int
    seconds: float
    register_wh_x1000: int
    held: int
    cf_wrong: list[bool]

    @property
    def wh(self) -> float:
        """The energy that these pulses mean."""
        return self.pulses * 1000 / self._constant

    @property
    def due(self) -> float:
        """The pulses that the register's energy means."""
        return abs(self.register_wh_x1000) * self._constant / WH_X1000

    @property
    def follows_register(self) -> bool:
        """No pulse is missing or too many, by the meter's own register."""
        return abs(self.pulses - self.due) <= _REGISTER_PULSES

    def error(self, power_w: float) -> float:
        """Error of the pulses against the reference's mean power, relative; they tell no direction."""
        return self.wh / (abs(power_w) * self.seconds / 3600) - 1

    def u(self, power_w: float) -> float:
        """Standard uncertainty that whole pulses bring to it, relative."""
        return _ENDS / (abs(power_w) * self.seconds / 3.6e6 * self._constant)

    def seconds_for(self, power_w: float, u: float) -> float:
        """Return how long to count at this power until whole pulses bring no more than `u`."""
        return self.u(power_w) * self.seconds / u

    @property
    def _constant(self) -> int:
        assert self.imp_per_kwh is not None
        return self.imp_per_kwh


def counted(begun: PulseState, ended: PulseState, register_wh_x1000: int) -> PulseCount:
    """Return what was sent between two states of one run of the firmware."""
    return PulseCount(
        imp_per_kwh=ended.imp_per_kwh,
        pulses=ended.pulses - begun.pulses,
        seconds=(ended.ticks_ms - begun.ticks_ms) / 1000,
        register_wh_x1000=register_wh_x1000,
        held=ended.late - begun.late + ended.dropped - begun.dropped,
        cf_wrong=ended.cf_wrong,
    )
