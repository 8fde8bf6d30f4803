"""What a metering IC is wired to: angles, harmonics, delays, steps to the ms, and the house behind it."""

from dataclasses import replace
from math import acos, cos, pi, radians, sin, sqrt

import pytest
from keiki.wire.slots import utc_from_jst
from keiki_host.bench.house import House
from keiki_host.bench.waves import HouseSource, Part, Point, Span, Wave, energy_wh

START_MS = utc_from_jst(2026, 5, 3) * 1000
THIRD_AND_FIFTH = ((3, 0.0, 0.10, 0.0), (5, 0.02, 0.05, 1.0))


def the_span(point: Point) -> Span:
    (span,) = Wave(point).spans(START_MS, START_MS + 1000)
    assert span.ms == 1000 and span.frequency_hz == point.frequency_hz
    return span


def sampled(span: Span, delay_s: float = 0.0, n: int = 4096) -> tuple[float, float, float]:
    """V rms, I rms and P of the wave form itself over one period, the current delayed."""
    v2 = i2 = p = 0.0
    w = 2 * pi * span.frequency_hz
    for k in range(n):
        t = k / n / span.frequency_hz
        v = sum(sqrt(2) * a.v * cos(a.n * w * t) for a in span.parts)
        i = sum(sqrt(2) * a.i * cos(a.n * w * (t - delay_s) - a.phi) for a in span.parts)
        v2, i2, p = v2 + v * v, i2 + i * i, p + v * i
    return sqrt(v2 / n), sqrt(i2 / n), p / n


@pytest.mark.parametrize("export", [False, True])
@pytest.mark.parametrize(("power_factor", "kind"), [(1.0, "L"), (0.5, "L"), (0.8, "C"), (0.0, "L")])
def test_power_of_a_sine(power_factor: float, kind: str, export: bool) -> None:
    span = the_span(Point(current_a=30, power_factor=power_factor, kind=kind, export=export))
    sign, lags = (-1 if export else 1), (1 if kind == "L" else -1)
    assert (span.v_rms, span.i_rms) == (100, 30) and span.s_va == 3000
    assert span.p_w == pytest.approx(sign * 3000 * power_factor, abs=1e-9)
    assert span.q_var == pytest.approx(sign * lags * 3000 * sqrt(1 - power_factor**2), abs=1e-9)
    assert span.active == span.p_w * 1000
    assert span.power() == (span.p_w, span.q_var)


@pytest.mark.parametrize("delay_s", [0.0, 20e-6, -55e-6])
@pytest.mark.parametrize("export", [False, True])
def test_all_figures_are_those_of_the_sampled_wave_form(export: bool, delay_s: float) -> None:
    point = Point(61, 98, 12, 0.5, "L", export, THIRD_AND_FIFTH)
    span = the_span(point)
    v, i, p = sampled(span, delay_s)
    assert (span.v_rms, span.i_rms) == (pytest.approx(v), pytest.approx(i))
    assert span.power(delay_s)[0] == pytest.approx(p)


def test_a_delayed_current_loses_active_power_and_gains_reactive() -> None:
    span = the_span(Point(current_a=10, power_factor=0.5))
    one_degree = 1 / 360 / 50
    p_w, q_var = span.power(one_degree)
    assert p_w == pytest.approx(1000 * cos(acos(0.5) + radians(1)))
    assert q_var == pytest.approx(1000 * sin(acos(0.5) + radians(1)))
    assert p_w < span.p_w and q_var > span.q_var


def test_a_wave_steps_at_the_ms_it_was_told() -> None:
    low, high = Point(current_a=1), Point(60, 103, 5)
    wave = Wave(low)
    wave.set(START_MS + 333, high)
    wave.set(START_MS + 700, low)
    wave.set(START_MS + 700, replace(low, export=True))
    assert [span.ms for span in wave.spans(START_MS, START_MS + 1000)] == [333, 367, 300]
    assert wave.spans(START_MS + 333, START_MS + 334) == [Span(1, 60, high.parts)]
    assert wave.spans(START_MS + 332, START_MS + 333) == [Span(1, 50, low.parts)]
    assert wave.spans(START_MS, START_MS) == wave.spans(START_MS, START_MS - 5) == []
    with pytest.raises(ValueError, match="in order of time"):
        wave.set(START_MS + 699, low)
    imported, exported = energy_wh([wave], START_MS, START_MS + 1000)
    assert imported == pytest.approx((100 * 333 + 515 * 367) / 3.6e6)
    assert exported == pytest.approx(100 * 300 / 3.6e6)


def test_a_load_of_200_v_on_unequal_legs_is_one_current_in_both() -> None:
    load = Point(current_a=20, power_factor=0.9)
    legs = [Wave(replace(load, voltage_v=103)), Wave(replace(load, voltage_v=98))]
    spans = [leg.spans(START_MS, START_MS + 1)[0] for leg in legs]
    assert spans[0].i_rms == spans[1].i_rms == 20
    assert sum(span.p_w for span in spans) == pytest.approx(201 * 20 * 0.9)
    assert energy_wh(legs, START_MS, START_MS + 1800_000)[0] == pytest.approx(201 * 20 * 0.9 / 2)


def test_the_net_of_both_legs_is_what_is_imported() -> None:
    legs = [Wave(Point(current_a=10)), Wave(Point(current_a=10, export=True))]
    legs[1].set(START_MS + 1000, Point(current_a=5, export=True))
    imported, exported = energy_wh(legs, START_MS, START_MS + 3000)
    assert imported == pytest.approx(500 * 2000 / 3.6e6) and exported == 0


@pytest.mark.parametrize("change", [{"power_factor": 1.1}, {"kind": "R"}, {"current_a": -1.0}])
def test_a_point_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Point(**change)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        Point(harmonics=((1, 0.1, 0.1, 0.0),))


def test_a_house_is_a_source_with_the_same_energy() -> None:
    house = House("house", 7)
    legs = [HouseSource(house.phase(index)) for index in range(2)]
    assert legs[0].frequency_hz == 50
    end_ms = START_MS + 86_400_000
    truth = house.energy_wh(START_MS / 1000, end_ms / 1000)
    assert energy_wh(legs, START_MS, end_ms) == pytest.approx(truth, rel=1e-9)
    pieces = house.phase(0).pieces(START_MS, end_ms)
    for span, (ms, p, v, i) in zip(legs[0].spans(START_MS, end_ms), pieces, strict=True):
        assert (span.ms, span.v_rms, span.i_rms) == (ms, v, i)
        assert span.p_w == pytest.approx(p, abs=1e-9) and span.q_var >= 0


def test_a_house_that_exports_at_half_power_factor_lags() -> None:
    (span,) = HouseSource(House("constant:-500W@pf0.5").phase(0)).spans(START_MS, START_MS + 10)
    assert span.parts == (Part(1, 100, 5, pytest.approx(2 * pi / 3)),)
    assert span.p_w == pytest.approx(-250) and span.q_var == pytest.approx(500 * sin(pi / 3))
