"""House, BL0942 model and the firmware's own driver in one chain: what is booked is what was used.

The driver runs on this Python, over a line in memory, in virtual time.
"""

from collections.abc import Callable

import pytest
from keiki.drivers import metering_bl0942
from keiki.drivers.metering import CREEP, REFUSED, RESET, STALE
from keiki_host.bench.faults import Faults
from keiki_host.bench.house import House
from keiki_host.bench.ics.bl0942 import Errors, Parts
from keiki_host.bench.ics.bl0942_parts import EXAMPLE, Phase
from keiki_host.bench.timeline import Piece
from keiki_host.bench.waves import Plain, Point, Wave

from tests.host.bl0942_desk import START_S, Meter

SLOT_S = 1800
DAY_S = 86400
HALF = Parts(shunt_uohm=500)


def slots(meter: Meter, step_s: int, seconds: int) -> list[tuple[int, float, float]]:
    """Run from START_S; returns (start of the slot, import, export) of every 30 minutes."""
    meter.read(START_S)
    result, before = [], (0.0, 0.0)
    for at_s in range(START_S + step_s, START_S + seconds + 1, step_s):
        meter.read(at_s)
        if at_s % SLOT_S == 0:
            result.append((at_s - SLOT_S, meter.import_wh - before[0], meter.export_wh - before[1]))
            before = meter.import_wh, meter.export_wh
    return result


def phases_of(house: House) -> list[Phase]:
    return [house.phase(index) for index in range(house.phases)]


@pytest.mark.parametrize("step_s", [1, 10])
@pytest.mark.parametrize("phases", [1, 2])
@pytest.mark.parametrize(
    "spec",
    [
        "constant:1000W",
        "constant:-500W",
        "constant:5500W",
        "constant:-3000W@pf0.8",
        "constant:40W@pf0.5",
        "constant:0W",
    ],
)
def test_constant_loads_are_booked_within_half_a_thousandth(spec: str, phases: int, step_s: int) -> None:
    house = House(spec, phases=phases)
    meter = Meter(phases_of(house), parts=HALF)
    for start_s, imported, exported in slots(meter, step_s, 2 * SLOT_S):
        true = house.energy_wh(start_s, start_s + SLOT_S)
        assert imported == pytest.approx(true[0], rel=0.0005, abs=0.001 * phases)
        assert exported == pytest.approx(true[1], rel=0.0005, abs=0.001 * phases)
    assert not any(flags & ~CREEP for flags in meter.flags)


@pytest.mark.parametrize(("seed", "parts"), [(1, EXAMPLE), (2, HALF)])
def test_every_slot_of_a_house_day_is_right_in_both_directions(seed: int, parts: Parts) -> None:
    house = House("house", seed)
    meter = Meter(phases_of(house), parts=parts)
    day = slots(meter, 1, DAY_S)
    assert len(day) == 48
    for start_s, imported, exported in day:
        true = house.energy_wh(start_s, start_s + SLOT_S)
        assert abs(imported - true[0]) <= 0.001 * true[0] + 1, start_s
        assert abs(exported - true[1]) <= 0.001 * true[1] + 1, start_s
    assert sum(slot[1] for slot in day) > 3000 and sum(slot[2] for slot in day) > 3000
    assert not any(flags & ~CREEP for flags in meter.flags)


def netted(house: House, start_s: int, end_s: int, step_s: int) -> tuple[float, float]:
    """What a perfect meter books that nets the phases and both directions once per `step_s`."""
    steps = [house.energy_wh(at_s, at_s + step_s) for at_s in range(start_s, end_s, step_s)]
    return sum(max(0, a - b) for a, b in steps), sum(max(0, b - a) for a, b in steps)


def test_ten_second_polls_book_a_house_day_by_their_accounting_period() -> None:
    house = House("house", 2)
    meter = Meter(phases_of(house))
    for start_s, imported, exported in slots(meter, 10, DAY_S):
        true = netted(house, start_s, start_s + SLOT_S, 10)
        # which way flowed what in a period in which the sign changed is an estimate: 3 Wh measured
        assert abs(imported - true[0]) <= 0.001 * true[0] + 5, start_s
        assert abs(exported - true[1]) <= 0.001 * true[1] + 5, start_s
    assert not any(flags & ~CREEP for flags in meter.flags)


class Leg:
    """A phase with a power that depends on nothing but time."""

    frequency_hz = 50.0

    def __init__(self, power_w: Callable[[int], float]) -> None:
        self._power_w = power_w

    def pieces(self, t0_ms: int, t1_ms: int) -> list[Piece]:
        result = []
        while t0_ms < t1_ms:
            end_ms = min(t1_ms, (t0_ms // 1000 + 1) * 1000)
            p = self._power_w(t0_ms // 1000)
            result.append((end_ms - t0_ms, p, 100.0, abs(p) / 100))
            t0_ms = end_ms
        return result


@pytest.mark.parametrize("step_s", [1, 10])
def test_one_leg_importing_while_the_other_exports_books_only_the_net(step_s: int) -> None:
    # 2.4 kW of sun balanced over both legs, 1.9 kW of load on R only
    meter = Meter([Leg(lambda t: 1900 - 1200), Leg(lambda t: -1200)])
    for _, imported, exported in slots(meter, step_s, 2 * SLOT_S):
        assert imported == 0
        assert exported == pytest.approx(250, rel=0.0005)


def test_a_load_that_switches_between_polls_is_booked_by_the_counter() -> None:
    # three seconds of every ten, never when a ten-second poll looks
    meter = Meter([Leg(lambda t: 2400.0 if 2 <= t % 10 < 5 else 0.0)])
    for _, imported, exported in slots(meter, 10, 4 * SLOT_S):
        assert imported == pytest.approx(360, abs=0.4)
        assert exported == 0


def test_nothing_drifts_in_a_day_of_polls_at_odd_times() -> None:
    house = House("constant:1234W@pf0.7")
    meter = Meter(phases_of(house), errors=[Errors(noise_w_lsb=40)] * 2)
    meter.read(START_S)
    for at_s in range(START_S + 7, START_S + DAY_S, 7):
        meter.read(at_s)
    true = house.energy_wh(START_S, at_s)
    assert abs(meter.import_wh - true[0]) < 0.8 and meter.export_wh == 0


@pytest.mark.parametrize("fault", ["ic_reset", "ic_counter_jump", "ic_silence", "ic_garbage"])
@pytest.mark.parametrize("step_s", [1, 10])
def test_a_fault_of_the_chip_costs_no_more_than_its_window(fault: str, step_s: int) -> None:
    faults = Faults(seed=1)
    house = House("constant:2000W")
    meter = Meter(phases_of(house), faults=faults)
    meter.read(START_S)
    for at_s in range(START_S + step_s, START_S + SLOT_S + 1, step_s):
        into_s = at_s - START_S
        if into_s == 600:
            faults.enable(fault, **({"count": 2} if fault == "ic_counter_jump" else {}))
        if into_s == 660:
            faults.disable(fault)
        meter.read(at_s)
    flags = 0
    for flag in meter.flags:
        flags |= flag
    assert meter.flags[-1] == 0
    assert bool(flags & RESET) == (fault == "ic_reset")
    assert bool(flags & REFUSED) == (fault in ("ic_reset", "ic_counter_jump"))
    assert bool(flags & STALE) == (fault in ("ic_silence", "ic_garbage"))
    assert meter.import_wh == pytest.approx(1000, abs=step_s * 2000 / 3600 + 0.8)
    assert meter.export_wh == 0
    assert all(chip.read(0x19) == metering_bl0942.MODE for chip in meter.bus.chips)


@pytest.mark.parametrize("export", [False, True], ids=["import", "export"])
def test_noise_of_the_readings_is_not_in_the_energy(export: bool) -> None:
    leg = Plain(Wave(Point(current_a=1.5, power_factor=0.5, export=export)))
    meter = Meter([leg, leg], parts=Parts(shunt_uohm=250), errors=[Errors(noise_w_lsb=40)] * 2)
    for _, imported, exported in slots(meter, 1, SLOT_S):
        error = (imported + exported) / 75 - 1
        print(f"BL0942 1.5 A PF 0.5, noise 0.26 W: {error * 100:+.5f} %")
        assert abs(error) < 0.0005 and (imported == 0) == export
