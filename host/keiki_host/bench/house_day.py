"""A household's day: appliances, lighting, a heat-pump water heater, and solar panels under passing clouds.

R and T are the legs of 1P3W; an appliance for 100 V is on one of them, one for 200 V across both. All powers
are whole watts, all switching is at whole seconds, and a day depends on nothing but the seed and its number.
"""

import math
import random
from collections import defaultdict

from keiki.wire.slots import civil_from_days

from keiki_host.bench.timeline import PhaseSeries, Timeline, day_start_ms

_DAY_S = 86_400
_PV_STEP_S = 10
_PV_PEAK_W = 3600

_LEGS = {"R": (1.0, 0.0), "T": (0.0, 1.0), "RT": (0.5, 0.5)}


class _Day:
    """Collects switchings: second of the day -> change of (P_R, Q_R, P_T, Q_T)."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.changes: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self.load_ws = 0
        self.pv_ws = 0

    def use(self, leg: str, start_s: float, length_s: float, power_w: float, pf: float = 1.0) -> None:
        """An appliance runs for `length_s`; what is outside of the day is cut off."""
        begin, end = max(0, int(start_s)), min(_DAY_S, int(start_s + length_s))
        if begin >= end:
            return
        reactive_var = power_w * math.tan(math.acos(pf))
        change = [round(x * share) for share in _LEGS[leg] for x in (power_w, reactive_var)]
        self._switch(begin, end, change)
        self.load_ws += (change[0] + change[2]) * (end - begin)

    def make(self, start_s: int, length_s: int, power_w: float) -> None:
        """The panels make `power_w`, half into each leg."""
        half = round(power_w / 2)
        self._switch(start_s, start_s + length_s, [-half, 0, -half, 0])
        self.pv_ws += 2 * half * length_s

    def _switch(self, begin: int, end: int, change: list[int]) -> None:
        on, off = self.changes[begin], self.changes[end]
        for n, value in enumerate(change):
            on[n] += value
            off[n] -= value

    def around(self, hour: float, spread_min: float) -> float:
        """A time of the day in s, `spread_min` early or late at most."""
        return hour * 3600 + self.dice.uniform(-spread_min, spread_min) * 60


def _always_on(day: _Day) -> None:
    day.use("R", 0, _DAY_S, 34, 0.6)
    day.use("T", 0, _DAY_S, 22, 0.6)
    now_s = -day.dice.uniform(0, 2400)
    while now_s < _DAY_S:
        run_s = day.dice.uniform(840, 1500)
        day.use("T", now_s, run_s, day.dice.randint(90, 120), 0.85)
        now_s += run_s + day.dice.uniform(1200, 2100)


def _living(day: _Day) -> None:
    dice = day.dice
    for leg, hour, length_h, power_w in (
        ("R", 6.0, 2.0, 90), ("R", 17.5, 6.0, 110), ("T", 18.5, 4.0, 70), ("R", 19.0, 3.5, 40),
    ):  # fmt: skip
        day.use(leg, day.around(hour, 25), length_h * 3600, power_w, 0.95)
    day.use("T", day.around(7.0, 15), 3600, 105, 0.9)
    day.use("T", day.around(19.0, 20), 4 * 3600, 105, 0.9)
    day.use("R", day.around(20.0, 30), 2.5 * 3600, 85, 0.7)
    now_s = day.around(9.0, 60)
    for _ in range(40):
        day.use("T", now_s, 60, dice.choice((60, 180, 320)), 0.7)
        now_s += 60


def _kitchen(day: _Day) -> None:
    dice = day.dice
    for hour in (6.7, 12.2, 15.3, 19.6, 21.4):
        if dice.random() < 0.8:
            day.use("R", day.around(hour, 20), dice.uniform(150, 280), 1200)
        if dice.random() < 0.6:
            day.use("T", day.around(hour + 0.1, 15), dice.uniform(90, 240), 1280, 0.96)
    start_s = day.around(17.6, 15)
    day.use("R", start_s, 1700, 640)
    day.use("R", start_s + 1700, 5400, 25)
    for hour, minutes in ((6.9, 9), (12.0, 8), (18.6, 28)):
        now_s = day.around(hour, 15)
        end_s = now_s + minutes * 60
        while now_s < end_s:
            on_s = dice.randint(6, 20)
            day.use("RT", now_s, on_s, 1800, 0.99)
            now_s += on_s + dice.randint(5, 14)


def _comfort(day: _Day, season: float) -> None:
    """Water heater at night, air conditioner morning and evening; `season` 0 mild .. 1 hot or cold."""
    dice = day.dice
    day.use("RT", day.around(2.2, 20), dice.uniform(2.5, 3.2) * 3600, 1140, 0.98)
    for begin_h, end_h in ((6.2, 8.4), (17.4, 23.6)):
        now_s, end_s = day.around(begin_h, 20), end_h * 3600
        level_w = 500 + 300 * season
        while now_s < end_s:
            step_s = dice.uniform(60, 300)
            day.use("RT", now_s, min(step_s, end_s - now_s), max(120, level_w), 0.97)
            now_s += step_s
            level_w += (140 + 210 * season - level_w) * 0.25 + dice.uniform(-70, 70)


def _panels(day: _Day, month: int) -> None:
    """4 kW class roof; clouds come and go as a slow random walk with sudden shadows."""
    dice = day.dice
    summer = math.cos((month - 6.5) / 12 * 2 * math.pi)
    rise_s, set_s = int((5.75 - 1.1 * summer) * 3600), int((17.75 + 1.1 * summer) * 3600)
    clear = dice.triangular(0.25, 1.0, 0.9)
    cloud, shadow = clear, 1.0
    for now_s in range(rise_s - rise_s % _PV_STEP_S, set_s, _PV_STEP_S):
        cloud = min(1.0, max(0.1, cloud + (clear - cloud) * 0.02 + dice.gauss(0, 0.012)))
        if shadow == 1.0 and dice.random() < 0.02 * (1.2 - clear):
            shadow = dice.uniform(0.25, 0.6)
        elif shadow < 1.0 and dice.random() < 0.08:
            shadow = 1.0
        height = math.sin(math.pi * (now_s - rise_s) / (set_s - rise_s))
        power_w = _PV_PEAK_W * (0.88 + 0.12 * summer) * max(0.0, height) ** 1.3 * cloud * shadow
        if power_w >= 20:
            day.make(now_s, _PV_STEP_S, power_w)


def house_day(seed: int, day_number: int, phases: int) -> Timeline:
    """Return JST day `day_number` (days since 1970) of the household `seed`; with one phase all is on R."""
    dice = random.Random(f"{seed}/{day_number}")
    month = civil_from_days(day_number)[1]
    day = _Day(dice)
    _always_on(day)
    _living(day)
    _kitchen(day)
    _comfort(day, abs(math.cos((month - 1.5) / 6 * math.pi)))
    _panels(day, month)
    start_ms = day_start_ms(day_number)
    starts: list[int] = []
    legs: list[tuple[list[float], list[float], list[float]]] = [([], [], []) for _ in range(phases)]
    now = [0, 0, 0, 0]
    for second, change in sorted(day.changes.items()):
        if second >= _DAY_S:
            break
        now = [a + b for a, b in zip(now, change, strict=True)]
        starts.append(start_ms + second * 1000)
        powers = [(now[0], now[1]), (now[2], now[3])] if phases == 2 else [(now[0] + now[2], now[1] + now[3])]
        for (p, v, i), (power_w, reactive_var) in zip(legs, powers, strict=True):
            # service line of 40 mohm per leg: voltage falls with the load and rises with export
            volts = min(107.0, max(95.0, 101.5 - power_w * 0.0004))
            p.append(float(power_w))
            v.append(volts)
            i.append(math.hypot(power_w, reactive_var) / volts)
    series = tuple(PhaseSeries(*leg) for leg in legs)
    return Timeline(starts, start_ms + _DAY_S * 1000, series, (day.load_ws / 3600, day.pv_ws / 3600))
