"""Whether meter and load are wired as they should be: told at once, before minutes are spent on measuring."""

from collections.abc import Sequence

from keiki_host.calibrate.meter import PHASE_NAMES, Reading
from keiki_host.calibrate.reference import Sample
from keiki_host.calibrate.values import P_GAIN, P_OFFSET, V_GAIN, Values, measured

_REVERSED = -0.5
_NOTHING = 0.2
_OTHER = 0.5
_REACH = 0.2
_LEAST_W = 20.0
_LEAST_PF = 0.9


def wiring_fault(reading: Reading, phase: int, values: Sequence[Values], seen: Sample) -> str | None:
    """Return the sentence for what is wired wrongly, or None.

    `values` are those that the meter corrects each phase by. With a load below 20 W, or of low power factor,
    only the voltage is looked at.
    """
    name = PHASE_NAMES[phase]
    volts = measured(reading.phases[phase].voltage_v_x100 / 100, values[phase], V_GAIN)
    if not seen.v or abs(seen.v / max(volts, 0.1) - 1) > _REACH:
        return (
            f"phase {name}: the meter measures {volts:.1f} V, the reference {seen.v:.1f} V: not the same "
            "voltage, or a divider that board.py does not know"
        )
    if seen.p < _LEAST_W or seen.power_factor < _LEAST_PF:
        return None
    powers = [
        measured(read.power_w_x10 / 10, held, P_GAIN, P_OFFSET)
        for read, held in zip(reading.phases, values, strict=True)
    ]
    own_w = powers[phase]
    share = own_w / seen.p
    if share < _REVERSED:
        return (
            f"phase {name}: the current transformer is reversed: the meter measures {own_w:,.1f} W where "
            f"{seen.p:,.1f} W flow; turn it round, or swap its two wires"
        )
    if abs(share) < _NOTHING:
        for other, power_w in enumerate(powers):
            if other != phase and abs(power_w) > _OTHER * seen.p:
                return (
                    f"the wrong phase is wired: the load of {seen.p:,.1f} W shows on phase "
                    f"{PHASE_NAMES[other]}, not on phase {name}"
                )
        return (
            f"phase {name}: the meter measures {own_w:,.1f} W of a load of {seen.p:,.1f} W: the load is "
            "not behind it"
        )
    if abs(1 / share - 1) > _REACH:
        return (
            f"phase {name}: the meter measures {share * 100:.0f} % of the power, beyond what calibration "
            "reaches (±20 %): another shunt or current transformer than board.py says"
        )
    return None
