"""A month of nothing but arithmetic, for every metering IC: driver and registers add less than 0.005 %.

Models have no errors and no noise. A chip counts without being asked, so it is polled as rarely as its
counters allow: more polls would only be more roundings of the same kind, and test_class_1 holds a poll a
second against it. The second half of the month is export.
"""

from dataclasses import replace

import pytest
from keiki.meter.history import History
from keiki.meter.registers import Registers
from keiki.wire import record
from keiki_host.bench.ics import bl0942
from keiki_host.bench.waves import Point, Wave
from ring import RingLog

from tests.host.ic_sessions import KINDS, Books, documented

DAYS = 31
LIMIT = 0.00005
BOARDS_A = {1: 30, 100: 60, 12000: 120}
"""Watts, and the rating of the board."""
ONCE = [name for name in KINDS if name not in ("atm90e32, 60 Hz", "ade7953, UART")]
"""Every IC, on one bus: the arithmetic is the same."""


def month(name: str, power_w: float, rating_a: int) -> tuple[float, float, float]:
    """Returns what registers gained through the driver, (import, export), and what each should be, in Wh."""
    kind, step_s = KINDS[name], KINDS[name].month_step_s(power_w)
    load = Point(current_a=power_w / 100)
    wave = Wave(load)
    session = kind.session([wave], rating_a, exact=True)
    registers = Registers(History(RingLog(record.SIZE, 100), RingLog(record.SIZE, 100)), gap_s=36000)
    steps, start_s, gains = DAYS * 86400 // step_s // 20 * 10, 0.0, []
    for export in (False, True):
        wave.set(session.now_ms, replace(load, export=export))
        start_s += 60
        for settle_s in kind.settle_s:
            start_s += settle_s
            session.snapshot(start_s)
        registers.advance(session.now_ms, 0)
        before = registers.import_wh_x1000, registers.export_wh_x1000
        books = Books(1)
        for n in range(1, steps + 1):
            at_s = start_s + n * step_s
            if n % 10:
                session.poll(at_s)
                continue
            snapshot = session.snapshot(at_s)
            books.take(snapshot)
            registers.advance(session.now_ms, snapshot.net_wh_x1000)
        assert not books.flags and not session.told
        start_s = at_s
        after = registers.import_wh_x1000, registers.export_wh_x1000
        direction = int(export and kind.signed)
        assert after[1 - direction] == before[1 - direction]
        gains.append((after[direction] - before[direction]) / 1000)
    return gains[0], gains[1], power_w * steps * step_s / 3600


@pytest.mark.parametrize("power_w", BOARDS_A)
@pytest.mark.parametrize("name", ONCE)
def test_a_month_is_arithmetic_to_a_twenty_thousandth(name: str, power_w: int) -> None:
    rating_a, load_w = BOARDS_A[power_w], float(power_w)
    if name == "bl0942":
        # a load of whole LSB of power: their size is the chip's resolution, not arithmetic
        lsb = bl0942.Parts(shunt_uohm=24000 // rating_a).lsb_per_w
        load_w = round(power_w * lsb) / lsb
    imported, exported, true_wh = month(name, load_w, rating_a)
    errors = imported / true_wh - 1, exported / true_wh - 1
    told = ", ".join(f"{error * 100:+.6f} %" for error in errors)
    print(f"{name}, {DAYS} days of {power_w} W, import and export: {told}")
    assert max(map(abs, errors)) <= documented(name)[1] < LIMIT


def test_a_month_of_one_watt_is_within_the_resolution_of_the_bl0942() -> None:
    imported, exported, true_wh = month("bl0942", 1.0, 30)
    lsb = bl0942.Parts(shunt_uohm=800).lsb_per_w
    half_lsb = abs(round(lsb) / lsb - 1)
    count = bl0942.CF_LSB_MS / lsb / 3.6e6 / true_wh
    print(f"bl0942, {DAYS} days of 1 W: import {(imported / true_wh - 1) * 100:+.4f} %, ", end="")
    print(f"resolution {half_lsb * 100:.4f} % by LSB of power, {count * 100:.4f} % by counts of energy")
    for wh in (imported, exported):
        assert abs(wh / true_wh - 1) <= min(half_lsb, count) + LIMIT
