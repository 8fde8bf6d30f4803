"""The pulse output for test benches: so many pulses for each kWh, import and export alike.

Document: IEC 62053-31 (pulse outputs) has the shortest pulse; the constant is board data. A test bench counts
pulses against a standard meter, so none may be lost and none invented: energy that is not a whole pulse yet
waits for the next reading, and so do pulses that the output cannot send in time. A start begins at nothing:
it may lose the part of a pulse, and sends none that was not measured.
"""

from keiki.wire.compat import const

_WH_X1000 = const(1_000_000)  # in a kWh
WAITING_MAX = const(10_000)


class Pulses:
    """Pulses out of energy.

    `send(n, over_ms)` has the output make `n` pulses, evenly in the next `over_ms`. `imp_per_kwh` is 1 to
    10,000, `width_ms` the length of a pulse; the pause after it is as long at least. `sent` counts since the
    start; `late` counts pulses that had to wait for a later reading, as the output was too slow; `dropped`
    those beyond 10,000 waiting ones: such an output has the wrong constant.
    """

    def __init__(self, send, imp_per_kwh: int, width_ms: int) -> None:
        self.imp_per_kwh = imp_per_kwh
        self.sent = 0
        self.late = 0
        self.dropped = 0
        self._send = send
        self._least_ms = 2 * width_ms
        self._rest = 0  # of a pulse, in Wh x 1000 x imp/kWh
        self._waiting = 0

    def book(self, net_wh_x1000: int, over_ms: int) -> None:
        """Send what a reading's net energy (either sign) comes to, within the `over_ms` to the next one."""
        total = self._rest + abs(net_wh_x1000) * self.imp_per_kwh
        due = total // _WH_X1000
        self._rest = total - due * _WH_X1000
        due += self._waiting
        if not due:
            return
        now = min(due, over_ms // self._least_ms)
        waiting = due - now
        if waiting > self._waiting:
            self.late += waiting - self._waiting
        if waiting > WAITING_MAX:
            self.dropped += waiting - WAITING_MAX
            waiting = WAITING_MAX
        self._waiting = waiting
        if now:
            self._send(now, over_ms)
            self.sent += now
