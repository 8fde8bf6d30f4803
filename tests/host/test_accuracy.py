"""What driver and chip add to the error of a meter: class 1 points of the BL0942, and a month of arithmetic.

A month is polled once a minute: chips count without being asked, so the number of polls is only the number of
roundings; a day polled every second is held against it. Errors of the chip's own resolution (counts of
energy, LSB of power) are told apart from arithmetic: loads lie on a whole LSB, or the limit is the count.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from keiki.drivers import metering_bl0942, metering_cse7766
from keiki_host.bench.ics import bl0942, cse7766
from keiki_host.bench.waves import Plain, Point, Wave

from tests.host.accuracy_points import LIMIT, SLOT_S, Worst, loads
from tests.host.bl0942_desk import START_S, Meter
from tests.host.cse7766_desk import Desk

BOARD = bl0942.Parts(shunt_uohm=250)
MONTH_S = 31 * 86400
ARITHMETIC = 0.00005


@pytest.fixture(autouse=True)
def _real_asyncio_afterwards() -> Iterator[None]:
    before = metering_bl0942.asyncio, metering_cse7766.asyncio
    yield
    metering_bl0942.asyncio, metering_cse7766.asyncio = before


def bl0942_error(points: list[Point], seconds: int, step_s: int, **options: Any) -> float:
    """Poll two chips; returns the error of what was booked."""
    meter = Meter([Plain(Wave(point)) for point in points], parts=BOARD, p_max_w=12000, **options)
    for at_s in range(START_S, START_S + seconds + 1, step_s):
        meter.poll(at_s)
    assert not any(meter.flags), meter.flags
    true_wh = sum(Wave(point).spans(0, 1)[0].p_w for point in points) * seconds / 3600
    booked = meter.import_wh - meter.export_wh
    assert (meter.import_wh == 0) == (true_wh < 0) and (meter.export_wh == 0) == (true_wh > 0)
    return booked / true_wh - 1


@pytest.mark.parametrize("export", [False, True], ids=["import", "export"])
@pytest.mark.parametrize("rated_a", [30, 60, 118])
def test_bl0942_is_within_half_a_thousandth_at_every_point_of_class_1(rated_a: int, export: bool) -> None:
    worst = Worst(f"BL0942 2 x {rated_a} A {'export' if export else 'import'}")
    for name, point in loads(rated_a, export=export):
        worst.take(bl0942_error([point, point], SLOT_S, 10), name)
    print(worst)
    assert abs(worst.error) < LIMIT


@pytest.mark.parametrize("export", [False, True], ids=["import", "export"])
def test_bl0942_with_noise_is_within_half_a_thousandth_down_to_1_5_a(export: bool) -> None:
    noisy = [bl0942.Errors(noise_w_lsb=40)] * 2
    point = Point(current_a=1.5, power_factor=0.5, export=export)
    error = bl0942_error([point, point], SLOT_S, 1, errors=noisy)
    print(f"BL0942 1.5 A PF 0.5, noise 0.26 W: {error * 100:+.5f} %")
    assert abs(error) < LIMIT


@pytest.mark.parametrize("export", [False, True], ids=["import", "export"])
@pytest.mark.parametrize("power_w", [1, 100, 12000])
def test_a_month_of_bl0942_is_arithmetic_to_a_twenty_thousandth(power_w: int, export: bool) -> None:
    # each leg half of it, but at least 1 W: below 0.86 W the chip is asleep
    leg_w = max(1.0, power_w / 2)
    lsb = BOARD.lsb_per_w
    whole_w = round(leg_w * lsb) / lsb
    exact = bl0942_error([Point(current_a=whole_w / 100, export=export)] * 2, MONTH_S, 60)
    print(f"BL0942 a month of 2 x {leg_w:g} W: arithmetic {exact * 100:+.6f} %")
    assert abs(exact) < ARITHMETIC


def test_a_month_of_one_watt_is_within_the_resolution_of_the_bl0942() -> None:
    error = bl0942_error([Point(current_a=0.01)] * 2, MONTH_S, 60)
    lsb = BOARD.lsb_per_w
    half_lsb = abs(round(lsb) / lsb - 1)
    count = bl0942.CF_LSB_MS / lsb / 1000 / MONTH_S
    print(f"BL0942 a month of 2 x 1 W: {error * 100:+.4f} %")
    print(f"its resolution: {half_lsb * 100:.4f} % by LSB of power, {count * 100:.4f} % by counts of energy")
    assert abs(error) <= min(half_lsb, count) + ARITHMETIC


def test_a_day_polled_every_second_or_every_minute_is_the_same_on_a_bl0942() -> None:
    points = [Point(current_a=3.21, power_factor=0.7)] * 2
    often, rarely = (bl0942_error(points, 86400, step_s) for step_s in (1, 60))
    assert often == pytest.approx(rarely, abs=2e-6)


PARTS = {1: (1000, 6000), 100: (500, 6000), 12000: (250, 12000)}


def cse7766_error(power_w: int, seconds: int, step_s: int) -> float:
    shunt_uohm, p_max_w = PARTS[power_w]
    parts = cse7766.Parts(shunt_uohm=shunt_uohm)
    wave = Wave(Point(current_a=power_w / 100))
    desk = Desk([wave], parts=parts, p_max_w=p_max_w, backlog=3, up_ms=30_000)
    error = desk.run(seconds, step_s)
    assert not any(desk.flags) and not desk.told
    return error


@pytest.mark.parametrize("power_w", list(PARTS))
def test_a_month_of_cse7766_is_arithmetic_to_a_twenty_thousandth(power_w: int) -> None:
    error = cse7766_error(power_w, MONTH_S, 60)
    print(f"CSE7766 a month of {power_w} W: {error * 100:+.6f} %")
    assert abs(error) < ARITHMETIC


def test_six_hours_polled_every_second_or_every_minute_are_the_same_on_a_cse7766() -> None:
    often, rarely = (cse7766_error(100, 6 * 3600, step_s) for step_s in (1, 60))
    # two pulses of 10.7 J, and the time from poll to frame
    assert often == pytest.approx(rarely, abs=(2 * 10.7 + 100 * 0.2) / (100 * 6 * 3600))
