"""What every metering IC driver shares: its interface, the snapshot, the plausibility gate, signed energy.

Energy is integer throughout. A driver counts in units of its chip (power LSB x ms) and turns them
into Wh x 1000 at the end, with the remainder kept.

Every driver has this interface and no other; only one of its methods runs at a time:

`await snapshot(now_ms)`  a `Snapshot`, always the same object; `now_ms` only grows.
`await poll(now_ms)`      only where the energy registers are small: to be called every `poll_ms` at least, if
                          snapshot is not. Snapshot delivers what it has collected. False: no good answer.
`apply(calibration)`      one dict per phase, keys as in `calibration.KEYS`, a missing key is 0; ValueError if
                          it cannot be. It holds from the next snapshot on and loses no energy. What a chip
                          cannot do the driver does in integer arithmetic, or not at all: then the key is in
                          `ignored`, a tuple.
`await self_check()`      a list of short names of what is wrong now (see FAULT_SILENT), empty = fine.
`assumes_symmetry`        True if T is measured with the voltage of R: as wrong as they differ.
`counts(number)`          how many pulses the registers say that pulse pin `number` (0, 1) has made; what was
                          refused is left out. One pin for each phase, or one for all, as the board wires it.
`stats`                   a dict of counters that only grow.
`on_event(kind, before, after)`  to be set by who wants to know: "ic_reset" (a chip restarted by itself; a
                          register that shows it, before and after) and "increment_refused" (the energy
                          counter, in counts of the chip, before and after); and "counts_lost", which is no
                          fault: only `counts` misses some.
"""

from keiki.wire.compat import const

STALE = const(1)  # a chip did not answer: no increments this time, the values are the last ones
REFUSED = const(2)  # the energy counter made a step that cannot be: it was taken as a new baseline
CREEP = const(4)  # a chip is below its creep threshold: it measures nothing
RESET = const(8)  # a chip had restarted by itself; it has been set up again

PHASE_NAMES = ("r", "t")

# What `self_check` names, after the phase, as "r_silent"
FAULT_SILENT = "_silent"  # it says nothing, or nothing that can be understood
FAULT_SETTINGS = "_settings"  # a register does not hold what was written to it
FAULT_VOLTAGE = "_voltage"  # no voltage, or one that cannot be
FAULT_UNCALIBRATED = "_uncalibrated"  # the chip says that its own calibration is gone

_LONGEST_GUESS_MS = const(60000)


class Snapshot:
    """One reading of all phases; the same object is filled again each time.

    Lists hold one entry per phase, 0 = R, 1 = T. `import_wh_x1000`, `export_wh_x1000` (both >= 0) and their
    difference over all phases, `net_wh_x1000`, are increments since the last snapshot that was not STALE.
    `reactive_var_x10` (positive: the current lags) and `power_factor_x1000` (with the sign of the power) are
    None for what the chip cannot tell, or not now: without current there is no power factor.
    """

    def __init__(self, phases: int) -> None:
        self.voltage_v_x100 = [0] * phases
        self.current_ma = [0] * phases
        self.power_w_x10 = [0] * phases
        self.reactive_var_x10 = [None] * phases
        self.power_factor_x1000 = [None] * phases
        self.frequency_hz_x100 = [0] * phases
        self.import_wh_x1000 = [0] * phases
        self.export_wh_x1000 = [0] * phases
        self.net_wh_x1000 = 0
        self.flags = STALE

    def settle(self, held_wh_x1000: "list[int]") -> None:
        """Take over what each phase has gained (import positive), which is then 0; if STALE, leave it."""
        stale = self.flags & STALE
        self.net_wh_x1000 = 0
        for phase in range(len(held_wh_x1000)):
            gain = 0 if stale else held_wh_x1000[phase]
            held_wh_x1000[phase] -= gain
            self.import_wh_x1000[phase] = max(0, gain)
            self.export_wh_x1000[phase] = max(0, -gain)
            self.net_wh_x1000 += gain


class Gate:
    """Plausibility of power and energy: at most 1.5 x the largest power (any unit) x elapsed time."""

    def __init__(self, p_max: int) -> None:
        self.power = p_max * 3 // 2

    def energy(self, elapsed_ms: int) -> int:
        """Return the most energy that `elapsed_ms` can bring, in units of power x ms."""
        return self.power * elapsed_ms


class Remainder:
    """Division that loses nothing: what a step leaves over is added to the next; it rounds towards zero."""

    def __init__(self, multiplier: int, divisor: int) -> None:
        self._multiplier = multiplier
        self._divisor = divisor
        self._rest = 0

    def regain(self, multiplier: int) -> None:
        """Change the multiplier; what was left over stays."""
        self._multiplier = multiplier

    def take(self, amount: int) -> int:
        """Return the whole units of `amount` x multiplier / divisor and of what was left before."""
        total = self._rest + amount * self._multiplier
        whole = total // self._divisor if total >= 0 else -(-total // self._divisor)
        self._rest = total - whole * self._divisor
        return whole


class SignedEnergy:
    """Signed energy out of samples of signed power and a counter that counts energy of both directions.

    Samples give the sign and the fine resolution, the counter the truth: one count is `count` units of
    power x ms. How far the chip is into its present count is known to lie in [low, high]; an estimate
    from the samples stands while it agrees with that, else it is moved just far enough. So what is booked
    is never two counts off, however long it runs and whatever happens between the samples. `counter` and
    `counter_before` are the last two counter readings, `total` the counts of all steps that were not refused.
    """

    def __init__(self, count: int, modulus: int, gate: Gate, lag_ms: int) -> None:
        self.refused = False
        self.fell = False
        self.counter_before = 0
        self.counter = 0
        self.total = 0
        self._count = count
        self._modulus = modulus
        self._gate = gate
        self._lag_ms = lag_ms
        self._at_ms = None
        self._power = 0
        self._sign = 1
        self._low = 0
        self._high = count - 1

    def update(self, power: int, counter: int, now_ms: int) -> int:
        """Return the signed energy (power x ms) since the last call; the first call is the baseline.

        `refused` tells that the step of the counter, or the power, is more than the gate lets through, or
        that nobody knows how often the counter has wrapped. Then the samples alone are booked, for a gap of
        60 s at most; `fell`: the counter looks restarted from 0.
        """
        self.refused = self.fell = False
        before, start_ms, old = self._power, self._at_ms, self.counter
        if start_ms is not None and now_ms <= start_ms:
            return 0
        plausible = abs(power) <= self._gate.power
        self._power, self._at_ms = power if plausible else 0, now_ms
        self.counter_before, self.counter = old, counter
        if power and plausible:
            self._sign = 1 if power > 0 else -1
        if start_ms is None:
            return 0
        span_ms = now_ms - start_ms
        counted = (counter - old) % self._modulus * self._count
        limit = self._gate.energy(span_ms) + self._count
        # why: a gap so long that the counter may have wrapped once more tells nothing
        self.refused = counted > limit or not plausible or limit >= self._modulus * self._count
        if counter < old and not self.refused:
            # it wrapped if the samples can explain that, else it began anew; with twice their power a
            # wrong guess is not worse than the interval itself
            self.refused = counted > 2 * max(abs(before), abs(power)) * span_ms + 2 * self._count
        if self.refused:
            self.fell = counter < old and counter * self._count <= limit
            self._low, self._high = 0, self._count - 1
            if not plausible or span_ms > _LONGEST_GUESS_MS:
                return 0
            change_ms = self._change_ms(span_ms)
            return before * change_ms + power * (span_ms - change_ms)
        self.total += counted // self._count
        return self._discipline(before, power, span_ms, counted)

    def _change_ms(self, span_ms: int) -> int:
        """When the power most likely changed: half way between the centres of the two samples' own means."""
        return max(0, span_ms // 2 - self._lag_ms)

    def _discipline(self, before: int, power: int, span_ms: int, counted: int) -> int:
        least = counted - self._high
        most = counted + self._count - 1 - self._low
        change_ms = self._change_ms(span_ms)
        size_before, size = abs(before), abs(power)
        amount = size_before * change_ms + size * (span_ms - change_ms)
        target = min(max(amount, least), most)
        if (before < 0 < power) or (power < 0 < before):
            # one step through zero at an unknown time: the counted amount tells when
            if target != amount and size != size_before:
                change_ms = (target - size * span_ms) // (size_before - size)
                change_ms = min(max(change_ms, 0), span_ms)
                amount = size_before * change_ms + size * (span_ms - change_ms)
            energy = before * change_ms + power * (span_ms - change_ms)
            energy += self._sign * (target - amount)
        else:
            sign = self._sign if power or not before else (1 if before > 0 else -1)
            energy = sign * target
        self._low = max(0, self._low + target - counted)
        self._high = min(self._count - 1, self._high + target - counted)
        return energy
