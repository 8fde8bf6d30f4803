"""The pulse output for test benches: so many pulses for each kWh, import and export alike.

Document: IEC 62053-31 (pulse outputs) has the shortest pulse; the constant is board data. A test bench counts
pulses against a standard meter, or times the first and the last one. So none may be lost and none invented,
and they come as the energy did, one reading later: energy that is not a whole pulse yet waits for the next
reading, and so do pulses that the output cannot send in time. A start begins at nothing: it may lose the part
of a pulse, and sends none that was not measured.
"""

from keiki.wire.compat import const

_WH_X1000 = const(1_000_000)  # in a kWh
_WIDTH_MOST_MS = const(500)
WAITING_MAX = const(10_000)


class Pulses:
    """Pulses out of energy.

    `send(n, first_us, step_us)` has the output make `n` pulses, the first one `first_us` from now, each
    `step_us` after the one before. `imp_per_kwh` is 1 to 10,000, `width_ms` the length of a pulse, 500 at
    most; the pause after it is as long at least. ValueError: another one. `sent` counts since the start;
    `late` counts pulses that had to wait for a later reading, as the output was too slow; `dropped` those
    beyond 10,000 waiting ones: such an output has the wrong constant.
    """

    def __init__(self, send, imp_per_kwh: int, width_ms: int) -> None:
        if not 0 < imp_per_kwh <= WAITING_MAX or not 0 < width_ms <= _WIDTH_MOST_MS:
            raise ValueError("pulse output: %d imp/kWh of %d ms" % (imp_per_kwh, width_ms))
        self.imp_per_kwh = imp_per_kwh
        self.sent = 0
        self.late = 0
        self.dropped = 0
        self._send = send
        self._least_ms = 2 * width_ms
        self._rest = 0  # of a pulse, in Wh x 1000 x imp/kWh
        self._waiting = 0

    def book(self, net_wh_x1000: int, over_ms: int) -> None:
        """Send what a reading's net energy (either sign) comes to, within the `over_ms` to the next one.

        It is taken for a constant power since the reading before, `over_ms` ago.
        """
        begun = self._rest
        gain = abs(net_wh_x1000) * self.imp_per_kwh
        due = (begun + gain) // _WH_X1000
        self._rest = begun + gain - due * _WH_X1000
        due += self._waiting
        if not due:
            return
        now = min(due, over_ms // self._least_ms)
        steady = now == due and not self._waiting
        self._wait(due - now)
        if not now:
            return
        over_us = over_ms * 1000
        if steady:
            step_us = _WH_X1000 * over_us // gain
            self._send(now, (_WH_X1000 - begun) * over_us // gain, min(step_us, over_us))
        else:
            self._send(now, 0, over_us // now)
        self.sent += now

    def _wait(self, waiting: int) -> None:
        if waiting > self._waiting:
            self.late += waiting - self._waiting
        if waiting > WAITING_MAX:
            self.dropped += waiting - WAITING_MAX
            waiting = WAITING_MAX
        self._waiting = waiting
