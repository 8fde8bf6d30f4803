"""The pulse lines of a board: the output for test benches, and the metering IC's own where it is wired."""

from keiki.meter import eventlog
from keiki.meter.cf_check import CfCheck
from keiki.meter.pulses import Pulses


class PulseLines:
    """`output` is the board's PULSE ("pin", "imp_per_kwh", "width_ms") or None; `cf` its METERING's "cf": a
    pin of each phase, or nothing.

    A driver whose chip has counts to compare with has `counts(phase)`.
    """

    def __init__(self, output: "dict | None", cf, hal, ic, settings, events) -> None:
        self.pulses = None
        self.checks = []
        self._settings = settings
        self._events = events
        if output is not None:
            train = hal.pulse_output(output["pin"], output["width_ms"])
            self.pulses = Pulses(train, output["imp_per_kwh"], output["width_ms"])
        for phase, pin in enumerate(cf[: settings.phases]):
            self.checks.append(self._check(ic, phase, hal.counter(pin)))

    def _check(self, ic, phase: int, counter) -> CfCheck:
        return CfCheck(
            counter,
            lambda: ic.counts(phase),
            lambda pulses, counts: self._events.add(eventlog.CF_MISMATCH, phase, pulses, counts),
        )

    def look(self, snapshot) -> None:
        """With each reading that was no failure."""
        over_ms = self._settings.sample_s * 1000
        if self.pulses is not None:
            self.pulses.book(snapshot.net_wh_x1000, over_ms)
        for check in self.checks:
            check.look(over_ms)

    def begin(self) -> None:
        """The chip restarted, or an increment was refused: its counts say nothing about the pulses since."""
        for check in self.checks:
            check.begin()

    def status(self) -> dict:
        """What the console tells."""
        found: dict = {"cf_wrong": [check.wrong for check in self.checks]}
        pulses = self.pulses
        if pulses is not None:
            found["imp_per_kwh"] = pulses.imp_per_kwh
            found["pulses"] = pulses.sent
            found["late"] = pulses.late
            found["dropped"] = pulses.dropped
        return found
