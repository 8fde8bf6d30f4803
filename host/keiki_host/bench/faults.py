"""Faults of the emulated world: models ask, tests and the fault file switch them on and off.

A model asks `faults.hit("late_answer")` at the moment the fault could strike and gets None or the
parameters. A fault that is an event rather than an answer calls back instead (`on_start`, `on_end`).
The names and parameters are in faults_catalogue.py, the file format in faults_file.py.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from keiki_host.bench.clock import Handle, Scheduler
from keiki_host.bench.faults_catalogue import CATALOGUE, effective_params, find

Callback = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Entry:
    """One planned fault. `at_utc_s` (absolute) or `at_s` (from the start), for `for_s` or to the end.

    `probability` 0..1 is per use (of an event or a setting: once, when its time comes), `count` the
    number of strikes after which it is over, `meter` the one meter concerned (None: every meter).
    """

    name: str
    params: dict[str, Any] = field(default_factory=dict)
    at_s: float = 0.0
    at_utc_s: float | None = None
    for_s: float | None = None
    probability: float = 1.0
    count: int | None = None
    meter: str | None = None

    def delay_s(self, start_utc_s: float) -> float:
        """Seconds from the start to the opening of the window; negative if it opened before."""
        return self.at_s if self.at_utc_s is None else self.at_utc_s - start_utc_s


class _Window:
    """An open window: what strikes, how often still, and its dice."""

    def __init__(self, entry: Entry, params: dict[str, Any], dice: random.Random) -> None:
        self.entry = entry
        self.params = params
        self.dice = dice
        self.left = entry.count
        self.timer: Handle | None = None
        self.per_use = find(entry.name).act == "answer"

    def strikes(self) -> bool:
        """Roll the dice of one use, and count a strike."""
        if self.left == 0 or (self.per_use and self.dice.random() >= self.entry.probability):
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """Which faults strike now, in the world of one meter; the same seed gives the same strikes.

    `scheduler` runs the meter's time; without it faults can be enabled but not planned.
    An unknown fault name raises ValueError everywhere: it is a mistake in the caller.
    """

    def __init__(self, seed: int = 0, scheduler: Scheduler | None = None) -> None:
        self._seed = seed
        self._scheduler = scheduler
        self._open: dict[str, list[_Window]] = {}
        self._starts: dict[str, list[Callback]] = {}
        self._ends: dict[str, list[Callback]] = {}
        self._windows_made = 0
        self.struck: dict[str, int] = {}
        """How often each fault has struck: hits, and openings of events, states and settings."""

    def hit(self, name: str, fits: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any] | None:
        """Return the parameters of fault `name` if it strikes this use, else None. Never an empty dict.

        `fits(params)` False: there is nothing for it to strike here, so nothing of its count is used.
        """
        windows = self._open.get(name)
        if not windows:
            if name not in CATALOGUE:
                find(name)
            return None
        for window in windows:
            if (fits is None or fits(window.params)) and window.strikes():
                if window.per_use:
                    self._count(name)
                if window.left == 0:
                    self._close(window)
                return dict(window.params)
        return None

    def active(self, name: str) -> bool:
        """True while a window of fault `name` is open; rolls no dice and uses no strike."""
        find(name)
        return bool(self._open.get(name))

    def enable(
        self,
        name: str,
        *,
        probability: float = 1.0,
        count: int | None = None,
        for_s: float | None = None,
        **params: Any,
    ) -> None:
        """Open a window of fault `name` now, in place of those that are open."""
        self.disable(name)
        self._begin(Entry(name, params, for_s=for_s, probability=probability, count=count))

    def disable(self, name: str) -> None:
        """Close every open window of fault `name`; those that are planned still come."""
        find(name)
        for window in list(self._open.get(name, ())):
            self._close(window)

    def on_start(self, name: str, fn: Callback) -> None:
        """Call `fn(params)` whenever a window of fault `name` opens; `hit` and `active` see it open."""
        find(name)
        self._starts.setdefault(name, []).append(fn)

    def on_end(self, name: str, fn: Callback) -> None:
        """Call `fn(params)` whenever a window of fault `name` has closed: time or count over, or disabled."""
        find(name)
        self._ends.setdefault(name, []).append(fn)

    def plan(self, entries: Iterable[Entry], start_utc_s: float, meter: str | None = None) -> None:
        """Plan the entries that concern `meter`; its world is at `start_utc_s` UTC now.

        A window that began before the start opens at once, one that is over never; neither opens
        before this call returns: callbacks may be registered afterwards.
        """
        if self._scheduler is None:
            raise RuntimeError("faults without a scheduler cannot be planned")
        for entry in entries:
            if find(entry.name).act == "start" or (entry.meter is not None and meter != entry.meter):
                continue
            delay_s = entry.delay_s(start_utc_s)
            rest_s = None if entry.for_s is None else entry.for_s + min(0.0, delay_s)
            if rest_s is None or rest_s > 0:
                self._scheduler.call_later(round(max(0.0, delay_s) * 1000), self._opener(entry, rest_s))

    def _opener(self, entry: Entry, for_s: float | None) -> Callable[[], None]:
        return lambda: self._begin(entry, for_s)

    def _begin(self, entry: Entry, for_s: float | None = None) -> None:
        kind = find(entry.name)
        params = effective_params(kind, entry.params)
        for_s = entry.for_s if for_s is None else for_s
        dice = random.Random(f"{self._seed}/{entry.name}/{self._windows_made}")
        self._windows_made += 1
        window = _Window(entry, params, dice)
        if not window.per_use:
            if dice.random() >= entry.probability:
                return
            self._count(entry.name)
        self._open.setdefault(entry.name, []).append(window)
        if for_s is not None:
            if self._scheduler is None:
                raise RuntimeError("faults without a scheduler have no time")
            window.timer = self._scheduler.call_later(round(for_s * 1000), lambda: self._close(window))
        for fn in list(self._starts.get(entry.name, ())):
            fn(dict(params))

    def _close(self, window: _Window) -> None:
        windows = self._open.get(window.entry.name, [])
        if window not in windows:
            return
        windows.remove(window)
        if window.timer is not None:
            window.timer.cancel()
        for fn in list(self._ends.get(window.entry.name, ())):
            fn(dict(window.params))

    def _count(self, name: str) -> None:
        self.struck[name] = self.struck.get(name, 0) + 1


class _NoFaults(Faults):
    """A world without faults, shared: nothing can be switched on, nothing is remembered."""

    def enable(self, name: str, **_: Any) -> None:
        raise RuntimeError("NO_FAULTS is shared: give the model Faults() of its own")

    def on_start(self, name: str, fn: Callback) -> None:
        find(name)

    def on_end(self, name: str, fn: Callback) -> None:
        find(name)

    def plan(self, entries: Iterable[Entry], start_utc_s: float, meter: str | None = None) -> None:
        raise RuntimeError("NO_FAULTS is shared: give the meter Faults() of its own")


NO_FAULTS: Faults = _NoFaults()


def start_of_world(entries: Iterable[Entry], start_utc_s: float) -> float:
    """Return where the world begins: `start_utc_s`, or what a `midnight` entry makes of it.

    That is so many seconds before the next midnight in Japan that is not earlier than the start.
    """
    for entry in entries:
        if entry.name == "midnight":
            day_s = 86400
            midnight_s = -(-(start_utc_s + 9 * 3600) // day_s) * day_s - 9 * 3600
            return float(midnight_s - effective_params(find("midnight"), entry.params)["seconds"])
    return start_utc_s
