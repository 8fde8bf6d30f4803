"""A house whose day is known to the minute, and what registers and history of its meter must say."""

import datetime as dt
from typing import Any

from keiki_host.bench.house import House
from keiki_host.bench.options import JST

from tests.conformance.stage import Stage

DAY = """time,power_w,pf
00:00,240,0.9
05:40,1900,0.97
06:50,0,1
06:51,-800,1
09:17,-2450,1
15:02,-310,0.8
16:29,0,1
16:30,760,0.95
21:44,3300,1
23:10,240,0.9
"""
"""Import and export, changing direction on full minutes: a history is made from one reading a minute."""

START = dt.datetime(2026, 6, 11, 12, 20, tzinfo=JST)
PUSH_DELAY_S = 2
SETTINGS = {
    "unit": 2,  # 10 Wh
    "digits": 7,
    "coefficient": 1,
    "serial": "CONF-0042",
    "maker": "0000AB",
    "production": "2026-04-01",
    "import_start_wh": 1_234_567,
    "export_start_wh": 54_321,
    "push_delay_s": PUSH_DELAY_S,
    "session_s": 600,
}
COUNT_WH = 10
CHANGE_WH = 1.87
"""Two counts of the counter of the board's BL0942: about a change of direction it can't tell more finely."""
GEN1 = [
    *("80", "81", "82", "88", "8A", "8D", "8E", "97", "98", "9D", "9E", "9F"),
    *("D3", "D7", "E0", "E1", "E2", "E3", "E4", "E5", "E7", "E8", "EA", "EB", "EC", "ED"),
]
GEN2 = sorted([*GEN1, "C0", "D0", "EE", "EF"])
SLOT = dt.timedelta(minutes=30)
MINUTE = dt.timedelta(minutes=1)


def utc_s(when: dt.datetime | str) -> int:
    """UTC seconds of a time, or of a client's ISO text in Japan's time."""
    if isinstance(when, str):
        when = dt.datetime.fromisoformat(when).replace(tzinfo=JST)
    return round(when.timestamp())


def local(when: dt.datetime) -> str:
    """A time of Japan as momonga takes and gives it."""
    return when.astimezone(JST).replace(tzinfo=None).isoformat()


class Truth:
    """Registers as the house has them, against those that a client reads.

    A meter knows nothing of what its IC counted before the first reading, so everything is held against the
    first half hour, and that one may lack the first minute.
    """

    def __init__(self, at: Stage) -> None:
        self._house: House = at.meter.house
        self.began_s = at.meter.clock.start_utc_ms // 1000
        self.first_s = -(-self.began_s // 1800) * 1800
        self._base: tuple[float, float] | None = None

    def gain_wh(self, since_s: int, until_s: int) -> tuple[float, float]:
        """Import and export from one time to another."""
        return self._house.energy_wh(since_s, until_s)

    def set_base(self, import_kwh: float, export_kwh: float) -> None:
        """Take the first half hour as the client read it."""
        base = (import_kwh * 1000, export_kwh * 1000)
        gains = self.gain_wh(self.began_s, self.first_s)
        for found, start_wh, gain in zip(base, (1_234_567, 54_321), gains, strict=True):
            assert start_wh + gain - 60 - COUNT_WH <= found <= start_wh + gain + COUNT_WH
        self._base = base

    def holds(self, direction: int, when_s: int, kwh: float | None, margin: float = 0.001) -> None:
        """A value (0 import, 1 export) must be right within 0.1 % and one count."""
        assert self._base is not None and kwh is not None, when_s
        gain = self.gain_wh(self.first_s, when_s)[direction]
        assert abs(kwh * 1000 - self._base[direction] - gain) <= margin * gain + COUNT_WH, (when_s, direction)

    def slots_hold(self, direction: int, midnight: dt.datetime, slots: list[dict[str, Any]]) -> int:
        """A day of half hours: labels, values, and the energy of each slot. Returns how many are known."""
        assert len(slots) == 48
        now_s = self.now_s
        known = 0
        for index, slot in enumerate(slots):
            when_s = utc_s(midnight) + 1800 * index
            assert slot["timestamp"][11:] == local(midnight + index * SLOT)[11:]
            kwh = slot["cumulative energy"]
            if not self.first_s <= when_s <= now_s:
                assert kwh is None, (index, kwh)
                continue
            known += 1
            self.holds(direction, when_s, kwh)
            before = slots[index - 1]["cumulative energy"] if index else None
            if before is not None:
                gain = self.gain_wh(when_s - 1800, when_s)[direction]
                off_wh = abs((kwh - before) * 1000 - gain)
                assert off_wh <= 0.001 * gain + COUNT_WH + CHANGE_WH, (index, direction)
        return known

    def window_holds(self, first: dt.datetime, step: dt.timedelta, rows: list[dict[str, Any]]) -> int:
        """EC or EE: from `first` backwards. Returns how many are known."""
        known = 0
        for index, row in enumerate(rows):
            when = first - index * step
            assert row["timestamp"] == local(when)
            pair = (row["cumulative energy"][f"{name} direction"] for name in ("normal", "reverse"))
            kept = self.began_s + 60 <= utc_s(when) <= self.now_s
            for direction, kwh in enumerate(pair):
                if kept and utc_s(when) >= self.first_s:
                    self.holds(direction, utc_s(when), kwh)
                elif not kept:
                    assert kwh is None
            known += kept
        return known

    now_s = 0


async def hold(at: Stage, until: dt.datetime) -> None:
    """Let the meter's time run to `until` as fast as it goes, and stop it there."""
    await at.meter.clock.run_to(utc_s(until) * 1000 - at.meter.clock.start_utc_ms)


async def leap(at: Stage, until: dt.datetime) -> None:
    """Let the meter's time run to `until` as fast as it goes, then at its pace again."""
    await hold(at, until)
    at.meter.clock.pace(1)
