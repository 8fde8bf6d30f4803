"""One current channel of an ADE7953: its energy counters, what they bring, and the mean power.

Document: Analog Devices ADE7953 datasheet Rev. C, "Active energy calculation".

The counters run free and are never cleared: a difference modulo 2^24 is what flowed. So a read may fail, be
garbled or be repeated, and nothing is lost. A difference tells one energy only while less than half a turn
can have flowed, which takes 40.5 s at full scale; what may be two energies is refused.
"""

from keiki.drivers.calibration import I_OFFSET, KEYS, MILLION, PHASE, V_GAIN, scaled
from keiki.drivers.metering import Gate, Remainder
from keiki.drivers.metering_ade7953_registers import Scale, phase_steps
from keiki.wire.compat import const

_TURN = const(1 << 24)
_LATE_MS = const(500)  # how much later a read may come than was said, with all its attempts
_SLACK = const(4)  # counts
_LEAST_SPAN_MS = const(200)
MOST_V_X100 = const(30000)


def signed(value: int, bits: int) -> int:
    """Return a two's complement number of so many bits."""
    return value - (1 << bits) if value >> (bits - 1) else value


class Channel:
    """`index`: 0 is A, 1 is B.

    `held_wh_x1000` is what was booked and not delivered yet, signed. `power_mw` and `reactive_mvar` are means
    between the last two polls at which the counters were read at once, so without the ripple that the chip's
    own readings of power have; None before the first. `creeps`: nothing was counted meanwhile.
    `total` is how much was counted since the start, whatever its sign.
    """

    def __init__(self, index: int, scale: Scale, p_max_w: int) -> None:
        self.index = index
        self.scale = scale
        self.held_wh_x1000 = 0
        self.total = 0
        self.power_mw = None
        self.reactive_mvar = None
        self.creeps = False
        self.current_ma = 0
        self.voltage_v_x100 = 0
        self.frequency_hz_x100 = 0
        self.values = [0] * len(KEYS)
        self._gate = Gate(p_max_w)
        self._whole = Remainder(scale.wh_x1000, scale.wh_divisor * MILLION)
        self._rest_ns = 0
        self._at_ms = 0
        self._active = self._reactive = 0
        self._span_active = self._span_reactive = 0
        self._span_ms = None

    def begin(self, active: int, reactive: int, now_ms: int) -> None:
        """Take the counters as they are for the new baseline. What is held stays."""
        self._active, self._reactive, self._at_ms = active, reactive, now_ms
        self._span_ms = None

    def use_phase(self) -> None:
        """Correct from now on by what the phase register of the chip, in steps of 1.117 us, leaves over."""
        self._rest_ns = phase_steps(self.values[PHASE])[1]

    def take(self, active: int, reactive: int, now_ms: int, clean: bool) -> "tuple[int, int] | None":
        """Book what came since the last time. Returns None, or (counter before, after) if that cannot be.

        `clean`: the counters were read at the first attempt, so `now_ms` is when that was.
        """
        before = self._active
        flowed = signed((active - before) % _TURN, 24)
        shifted = signed((reactive - self._reactive) % _TURN, 24)
        elapsed_ms = now_ms - self._at_ms + _LATE_MS
        limit = self._gate.energy(elapsed_ms * 1000) * self.scale.mwms_divisor // self.scale.mwms + _SLACK
        if abs(flowed) > limit or _TURN - abs(flowed) <= limit:
            self.begin(active, reactive, now_ms)
            return (before, active)
        self._active, self._reactive, self._at_ms = active, reactive, now_ms
        self.total += abs(flowed)
        flowed *= self.scale.sign
        shifted *= self.scale.sign
        # a delay of the current by a small angle turns that much of Q out of P, and of P into Q
        angle = self._rest_ns * (self.frequency_hz_x100 or 5000) * 71 // 1130000  # millionths of a radian
        corrected = flowed * MILLION - shifted * angle
        self.held_wh_x1000 += self._whole.take(corrected)
        self._span_active += corrected
        self._span_reactive += shifted * MILLION + flowed * angle
        if clean:
            self._mean(now_ms)
        return None

    def _mean(self, now_ms: int) -> None:
        if self._span_ms is not None:
            span_ms = now_ms - self._span_ms
            if span_ms < _LEAST_SPAN_MS:
                return
            divisor = self.scale.mwms_divisor * span_ms * MILLION
            self.power_mw = scaled(self._span_active, self.scale.mwms, divisor)
            self.reactive_mvar = scaled(self._span_reactive, self.scale.mwms, divisor)
            self.creeps = self._span_active == 0
        self._span_ms = now_ms
        self._span_active = self._span_reactive = 0

    def voltage(self, lsb: int) -> int:
        """Return V x 100 of a reading. Its gain is corrected here: the chip's register is in doubt."""
        return scaled(lsb * MILLION, MILLION + self.values[V_GAIN], self.scale.v * 10 * MILLION)

    def read_rms(self, voltage_lsb: int, current_lsb: int) -> bool:
        """Take rms values, unless they cannot be."""
        voltage = self.voltage(voltage_lsb)
        if voltage > MOST_V_X100:
            return False
        self.voltage_v_x100 = voltage
        current_ua = scaled(current_lsb, 1000 * MILLION, self.scale.a)
        if self.creeps and self.reactive_mvar == 0:
            current_ua = 0  # why: the chip counts neither kind of energy, this is its own noise
        if current_ua:
            current_ua = max(0, current_ua + self.values[I_OFFSET])
        self.current_ma = scaled(current_ua, 1, 1000)
        return True

    def enter(self, snapshot, phase: int) -> None:
        """Enter the readings into a snapshot."""
        voltage, current, power = self.voltage_v_x100, self.current_ma, self.power_mw or 0
        snapshot.voltage_v_x100[phase] = voltage
        snapshot.current_ma[phase] = current
        snapshot.power_w_x10[phase] = scaled(power, 1, 100)
        snapshot.reactive_var_x10[phase] = scaled(self.reactive_mvar or 0, 1, 100)
        snapshot.frequency_hz_x100[phase] = self.frequency_hz_x100
        factor = None
        if voltage and current:
            factor = max(-1000, min(1000, scaled(power, 100000, voltage * current)))
        snapshot.power_factor_x1000[phase] = factor
