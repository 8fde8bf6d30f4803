"""What is measured, step by step, and what the load must be: one table for people, one for test benches.

A step that solves gives values; one that verifies is measured with the new values, and none of it was used to
find them. Currents are shares of the meter's rated current.
"""

from dataclasses import dataclass
from math import inf

from keiki_host.calibrate.reference import Sample

SOLVE, VERIFY, REGISTER, START, CREEP = "solve", "verify", "register", "start", "creep"
"""What a step is for; the last three: that energy is counted and sent as pulses as it flows, the starting
current, and that nothing is counted without a load."""


@dataclass(frozen=True)
class Load:
    """What a load must be: watts, and power factor as the reference shows it; `share` and `power_factor`
    (`kind` L: the current lags, C: it leads) are what a programmable load is set to.
    """

    share: float
    power_factor: float = 1.0
    kind: str = "L"
    least_w: float = 0.0
    most_w: float = inf
    least_pf: float = 0.0
    most_pf: float = 1.0


@dataclass(frozen=True)
class Step:
    """One step. `words` tell a person what to switch on; an `optional` one may be left out."""

    name: str
    title: str
    purpose: str
    load: Load
    words: str = ""
    optional: bool = False
    seconds: int = 20
    """Least length of its windows."""
    apart: tuple[tuple[str, float], ...] = ()
    """Steps from whose power this one's must be away, at least by that factor."""

    @property
    def loaded(self) -> bool:
        """There is a load at all."""
        return self.load.share > 0

    @property
    def turns_phase(self) -> bool:
        """It is measured twice, with two values of the phase."""
        return self.purpose == SOLVE and self.load.most_pf < 1

    def fault(self, seen: Sample) -> str | None:
        """Return what is wrong with a load for this step, or None."""
        load = self.load
        if not self.loaded:
            # the reference's own zero counts too
            most_w = 0.5 + seen.limits.p
            return f"{seen.p:.1f} W still flow: switch everything off" if abs(seen.p) > most_w else None
        if seen.p < -load.least_w:
            return f"the reference shows {seen.p:.1f} W: turn its current input round"
        if seen.p < load.least_w:
            return f"the load of {seen.p:.1f} W is too small: {load.least_w:g} W at least"
        if seen.p > load.most_w:
            return f"the load of {seen.p:.1f} W is too large: {load.most_w:g} W at most"
        if not seen.i or not seen.p:
            return "no current flows: the load is off, or not behind the reference"
        # a reference that errs in V, I and P cannot tell a power factor any better
        slack = 0.002 + seen.limits.v_rel + seen.limits.i_rel + seen.limits.p_rel
        slack += seen.limits.v / seen.v + seen.limits.i / seen.i + seen.limits.p / seen.p
        if not load.least_pf - slack <= seen.power_factor <= load.most_pf + slack:
            wanted = (
                f"{load.least_pf:g} or more"
                if load.most_pf == 1
                else f"{load.least_pf:g} to {load.most_pf:g}"
            )
            return f"the load has a power factor of {seen.power_factor:.3f}: {wanted} is needed"
        return None


_PLAIN = 0.99
_OFF = Load(0)
_SOLVE_OFF = Step("no_load", "no load", SOLVE, _OFF, "Switch everything off.", seconds=60)
_CREEP = Step("creep", "no load, new values", CREEP, _OFF, "Switch everything off.", seconds=120)

PERSON = (
    _SOLVE_OFF,
    Step(
        "light", "light load", SOLVE, Load(0.05, least_w=25, most_w=300, least_pf=_PLAIN),
        "Switch on a light bulb (no LED), a soldering iron or a small heater: 40 to 300 W.",
    ),
    Step(
        "high", "high load", SOLVE, Load(0.8, least_w=500, least_pf=_PLAIN),
        "Switch on a heater of 1 kW or more, without a fan: a kettle full of water, an oil radiator.",
        apart=(("light", 3),),
    ),
    Step(
        "low_pf", "low power factor", SOLVE, Load(0.4, 0.5, least_w=20, least_pf=0.1, most_pf=0.75),
        "Switch on a load of power factor 0.2 to 0.7: an idle motor, a large transformer with a lamp.",
        optional=True,
    ),
    Step(
        "medium", "medium load", VERIFY, Load(0.3, least_w=100, least_pf=_PLAIN),
        "Switch on a heater of another power than before, between both: 300 to 800 W.",
        apart=(("light", 1.3), ("high", 1.2)),
    ),
    Step(
        "low_pf_other", "low power factor, another load", VERIFY, Load(0.2, 0.7, least_w=20, most_pf=0.9),
        "Switch on another load of low power factor, or the motor or transformer with some heater beside it.",
        optional=True, apart=(("low_pf", 1.2),),
    ),
    Step(
        "energy", "energy of ten minutes", REGISTER, Load(0.8, least_w=500),
        "Switch on the heater of 1 kW or more again; let it be for ten minutes.", seconds=600,
    ),
    Step(
        "start", "starting current", START, Load(0.004, least_w=2),
        "Switch on a lamp of 5 to 20 W.", optional=True, seconds=60,
    ),
    _CREEP,
)  # fmt: skip
"""For loads that a person switches on."""


def _point(percent: int, power_factor: float = 1.0, kind: str = "L") -> Step:
    load = Load(percent / 100, power_factor, kind, most_pf=1.0 if power_factor == 1 else 0.95)
    name = f"{percent} %, PF {power_factor:g}" + ("" if power_factor == 1 else f" {kind}")
    return Step(name, name, VERIFY, load)


BENCH = (
    _SOLVE_OFF,
    Step("light", "light load", SOLVE, Load(0.04, least_pf=_PLAIN)),
    Step("high", "high load", SOLVE, Load(0.8, least_pf=_PLAIN)),
    Step("low_pf", "low power factor", SOLVE, Load(0.4, 0.5, least_pf=0.1, most_pf=0.75)),
    *(_point(percent) for percent in (5, 10, 20, 50, 100)),
    *(_point(percent, 0.5) for percent in (20, 50, 100)),
    *(_point(percent, 0.8, "C") for percent in (20, 100)),
    Step("energy", "energy of ten minutes", REGISTER, Load(0.6), seconds=600),
    Step("start", "starting current", START, Load(0.004), seconds=60),
    _CREEP,
)
"""For a programmable load: points in the style of IEC 62053-21."""
