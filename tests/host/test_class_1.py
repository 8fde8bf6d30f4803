"""What driver and chip add to the error of a meter, for every metering IC at every point of class 1."""

from dataclasses import replace

import pytest
from keiki_host.bench.waves import Point, Source, Wave, energy_wh

from tests.host.accuracy_points import LIMIT, SERVICES, SLOT_S, Worst, loads
from tests.host.ic_sessions import KINDS, START_S, booked, documented

STEP_S = 30
"""Three times as rarely as drivers want it: more would only be more of the same."""


def true_wh(legs: list[Source], start_s: float, seconds: float) -> tuple[float, float]:
    """(import, export) of the net of the legs."""
    start_ms = round((START_S + start_s) * 1000)
    return energy_wh(legs, start_ms, start_ms + round(seconds * 1000))


@pytest.mark.parametrize(
    ("name", "rating_a"), [(name, rating_a) for name in KINDS for rating_a in KINDS[name].ratings_a]
)
def test_half_an_hour_at_every_point_is_within_half_a_thousandth(name: str, rating_a: int) -> None:
    kind, wave = KINDS[name], Wave()
    session = kind.session([wave], rating_a)
    worst, at_s = Worst(f"{name}, {rating_a} A"), 60.0
    for where, point in loads(rating_a, kind.frequencies_hz):
        wave.set(session.now_ms, point)
        for step_s in kind.settle_s:
            at_s += step_s
            session.snapshot(at_s)
        at_s += 10
        books = booked(session, 1, at_s, SLOT_S, STEP_S)
        imported, exported = true_wh([wave], at_s, SLOT_S)
        at_s += SLOT_S
        assert not books.flags and not session.told, where
        assert (imported > 0) != point.export and (exported > 0) == point.export
        if not kind.signed:
            imported, exported = imported + exported, 0.0
        assert (books.import_wh[0] > 0) == (imported > 0), where
        assert (books.export_wh[0] > 0) == (exported > 0), where
        worst.take((books.import_wh[0] + books.export_wh[0]) / (imported + exported) - 1, where)
    print(worst)
    assert abs(worst.error) <= documented(name)[0] < LIMIT


@pytest.mark.parametrize("name", KINDS)
def test_half_an_hour_sampled_every_second_or_only_at_its_ends_is_the_same(name: str) -> None:
    kind = KINDS[name]
    errors = {}
    for step_s in (1, 10, SLOT_S):
        wave = Wave(Point(current_a=4.2, power_factor=0.7))
        session = kind.session([wave], 60)
        session.snapshot(60.0)
        books = booked(session, 1, 70.0, 0, 1)
        for at_s in range(1, SLOT_S + 1):
            if at_s % step_s == 0:
                books.take(session.snapshot(70.0 + at_s))
            elif at_s % 10 == 0:
                session.poll(70.0 + at_s)
        assert not books.flags and not session.told
        errors[step_s] = books.net_wh / true_wh([wave], 70.0, SLOT_S)[0] - 1
    print(
        f"{name}: " + ", ".join(f"every {step_s} s {error * 100:+.5f} %" for step_s, error in errors.items())
    )
    assert max(map(abs, errors.values())) < LIMIT


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", KINDS)
def test_a_1p3w_service_is_right_per_phase_and_in_sum(name: str, service: str) -> None:
    kind, points = KINDS[name], SERVICES[service]
    if not kind.signed and any(point.export for point in points):
        points = (points[0], replace(points[1], export=False))
    legs: list[Source] = [Wave(point) for point in points]
    session = kind.session(legs, 60)
    session.snapshot(50.0)
    books = booked(session, 2, 60.0, SLOT_S, 10)
    snapshot = session.snapshot(60.0 + SLOT_S + 10)
    assert not session.told
    for phase, point in enumerate(points):
        imported, exported = true_wh([legs[phase]], 60.0, SLOT_S)
        # the last count of a register, and of a chip that shows its counts late
        assert books.import_wh[phase] == pytest.approx(imported, rel=LIMIT, abs=0.003)
        assert books.export_wh[phase] == pytest.approx(exported, rel=LIMIT, abs=0.003)
        power_w = point.voltage_v * point.current_a * point.power_factor * (-1 if point.export else 1)
        assert snapshot.voltage_v_x100[phase] == pytest.approx(point.voltage_v * 100, rel=1e-3)
        assert snapshot.current_ma[phase] == pytest.approx(point.current_a * 1000, rel=1e-3)
        assert snapshot.power_w_x10[phase] == pytest.approx(power_w * 10, rel=1e-3)
    imported, exported = true_wh(legs, 60.0, SLOT_S)
    error = books.net_wh / (imported - exported) - 1
    print(f"{name}, {service}: {error * 100:+.5f} %")
    assert abs(error) < LIMIT
