"""What the ATM90E32AS measures besides energy: read, checked for plausibility, entered into the snapshot.

Document: Atmel M90E32AS datasheet 46003B, "Measurement registers": U 0.01 V, I 0.001 A and 8 bits more,
P and Q 0.00032 W in two words, PF 0.001 signed, f 0.01 Hz; refreshed every 16 cycles.
"""

from keiki.drivers.calibration import scaled
from keiki.drivers.metering_atm90e32_link import Link, signed
from keiki.drivers.metering_atm90e32_registers import (
    CHANNELS,
    FREQUENCY,
    IRMS_A,
    IRMS_LOW_A,
    P_A,
    P_LOW_A,
    PF_A,
    Q_A,
    Q_LOW_A,
    URMS_A,
    Scale,
)
from keiki.wire.compat import const

LEAST_V_X100 = const(1000)
MOST_V_X100 = const(30000)
_LEAST_HZ_X100 = const(4000)
_MOST_HZ_X100 = const(7000)
_IMPLAUSIBLE = const(3)


class Readings:
    """Enters readings into `snapshot`. `known`: some were entered; `creeps`: no leg reaches the start."""

    def __init__(self, link: Link, scale: Scale, rating_a: int, snapshot, stats: "dict[str, int]") -> None:
        self.known = False
        self.creeps = False
        self._link = link
        self._scale = scale
        self._rating_a = rating_a
        self._snapshot = snapshot
        self._stats = stats
        self._implausible = 0

    def take(self) -> bool:
        """Read everything; False if the chip is silent, or implausible the third time in a row.

        What is implausible changes nothing: a spike of one sample is never seen.
        """
        phases = len(self._snapshot.power_w_x10)
        frequency = self._link.read(FREQUENCY)
        legs = []
        for channel in CHANNELS[:phases]:
            leg = self._read_leg(channel)
            if leg is None:
                return False
            legs.append(leg)
        # why at the end too: a line that is stuck says zeros, and so does a meter without mains
        if frequency is None or not self._link.marked():
            return False
        for leg in legs:
            if not self._plausible(*leg):
                self._stats["implausible"] += 1
                self._implausible += 1
                return self._implausible < _IMPLAUSIBLE
        self._implausible = 0
        self.known = self.creeps = True
        for phase in range(phases):
            self._enter(phase, *legs[phase])
            if _LEAST_HZ_X100 <= frequency <= _MOST_HZ_X100:
                self._snapshot.frequency_hz_x100[phase] = frequency
        return True

    def _read_leg(self, channel: int) -> "tuple[int, int, int, int, int] | None":
        """Return V x 100, mA, P and Q in 0.00032 W, power factor x 1000; None: not all could be read."""
        link = self._link
        voltage = link.read(URMS_A + channel)
        current = link.read_pair(IRMS_A + channel, IRMS_LOW_A + channel)
        power = link.read_pair(P_A + channel, P_LOW_A + channel)
        reactive = link.read_pair(Q_A + channel, Q_LOW_A + channel)
        factor = link.read(PF_A + channel)
        if voltage is None or current is None or power is None or reactive is None or factor is None:
            return None
        scale = self._scale.current
        return (
            voltage,
            scaled(current, scale, 1 << 16),
            signed(power, 32) * scale,
            signed(reactive, 32) * scale,
            signed(factor, 16),
        )

    def _plausible(self, voltage_v_x100: int, _ma: int, power: int, reactive: int, _factor: int) -> bool:
        """At most 300 V, and 1.3 times what the rating makes of that voltage."""
        most = 13 * max(voltage_v_x100, LEAST_V_X100) * self._rating_a * 25 // 8
        return voltage_v_x100 <= MOST_V_X100 and abs(power) <= most and abs(reactive) <= most

    def _enter(
        self, phase: int, voltage_v_x100: int, ma: int, power: int, reactive: int, factor: int
    ) -> None:
        snapshot = self._snapshot
        # what the chip does not count is not shown either
        creeps = abs(power) * 32 < self._scale.start_mw * 100
        self.creeps = self.creeps and creeps
        snapshot.voltage_v_x100[phase] = voltage_v_x100
        snapshot.current_ma[phase] = ma
        snapshot.power_w_x10[phase] = 0 if creeps else scaled(power, 2, 625)
        snapshot.reactive_var_x10[phase] = scaled(reactive, 2, 625)
        snapshot.power_factor_x1000[phase] = None
        if voltage_v_x100 and ma and abs(factor) <= 1000:
            snapshot.power_factor_x1000[phase] = -abs(factor) if power < 0 else abs(factor)
