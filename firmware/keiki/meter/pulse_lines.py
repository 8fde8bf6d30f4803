"""The pulse lines of a board: the output for test benches, and the metering IC's own where it is wired."""

from keiki.meter import eventlog
from keiki.meter.cf_check import CfCheck
from keiki.meter.pulses import Pulses


class PulseLines:
    """`output` is the board's PULSE ("pin", "imp_per_kwh", "width_ms") or None; `cf` its METERING's "cf".

    That is a pin for each that the driver's `counts` knows of, or nothing.
    """

    def __init__(self, output: "dict | None", cf, hal, ic, settings, events) -> None:
        self.pulses = None
        self.checks = []
        self._settings = settings
        self._events = events
        self._anew = True
        if output is not None:
            train = hal.pulse_output(output["pin"], output["width_ms"])
            self.pulses = Pulses(train, output["imp_per_kwh"], output["width_ms"])
        for number, pin in enumerate(cf[: settings.phases]):
            self.checks.append(self._check(ic, number, hal.counter(pin)))

    def _check(self, ic, number: int, counter) -> CfCheck:
        return CfCheck(
            counter,
            lambda: ic.counts(number),
            lambda pulses, counts: self._events.add(eventlog.CF_MISMATCH, number, pulses, counts),
        )

    def look(self, snapshot) -> None:
        """With each reading that was no failure."""
        over_ms = self._settings.sample_s * 1000
        if self.pulses is not None:
            self.pulses.book(snapshot.net_wh_x1000, over_ms)
        anew, self._anew = self._anew, False
        for check in self.checks:
            if anew:
                check.begin()
            else:
                check.look(over_ms)

    def begin(self) -> None:
        """The chip restarted, or refused or lost counts: with the next reading all are counted anew.

        Not now: of what is read for it, part may be counted yet.
        """
        self._anew = True

    @property
    def agree(self) -> "bool | None":
        """Whether the metering IC counts what it shows on its pins; None: no pin is wired."""
        return not any(check.wrong for check in self.checks) if self.checks else None

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
