"""What goes wrong with an ADE7953 and its line: no energy that was not, and little that is lost."""

from random import Random
from typing import Any

import pytest
from keiki.drivers.metering import REFUSED, RESET, STALE
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics import ade7953_bus, ade7953_registers
from keiki_host.bench.waves import Point, Wave

from tests.host.ade7953_world import SLOT_S, World

POWER_W = 3000
WH_PER_S = POWER_W / 3600
SET_UP_S = {"spi": 0.2, "uart": 5}
BUSES = ["spi", "uart"]
KINDS = [("spi", kind) for kind in ade7953_bus.KINDS] + [("uart", kind) for kind in ade7953_bus.UART_KINDS]


def world_of(bus: str, **options: Any) -> World:
    """One chip with 3 kW, set up."""
    world = World([[Wave(Point(current_a=POWER_W / 100))]], bus=bus, **options)
    world.begin()
    return world


def wire(world: World, bus: str) -> Any:
    """The line of the first chip."""
    return world.chips[0].wire if bus == "spi" else world.chips[0].uart


def flags_of(world: World) -> int:
    """All flags that there were."""
    flags = 0
    for flag in world.flags:
        flags |= flag
    return flags


def lost_wh(world: World, seconds: float) -> float:
    """What was not booked of so many seconds; nothing was exported. The scale of the board is rounded."""
    assert world.export_wh_x1000 == [0] * len(world.export_wh_x1000)
    rounded = world.data["scale"]["lsb_per_w_x1000"] / 1000 / world.parts.lsb_per_w
    return seconds * WH_PER_S / rounded * len(world.chips) - world.net_wh_x1000 / 1000


def half_hour(world: World, step_s: float, switch: Any) -> float:
    """Half an hour; `switch(True)` at 600 s, `switch(False)` at 660 s. Returns the Wh that were lost."""
    start_s = world.at_s
    world.run(600, step_s)
    switch(True)
    world.run(60, step_s)
    switch(False)
    world.run(SLOT_S - 660, step_s)
    assert world.flags[-1] == 0
    return lost_wh(world, world.at_s - start_s)


@pytest.mark.parametrize("clears_status", [False, True])
@pytest.mark.parametrize("step_s", [1, 10])
@pytest.mark.parametrize("bus", BUSES)
def test_a_brown_out_costs_the_time_since_the_last_poll(bus: str, step_s: int, clears_status: bool) -> None:
    faults = Faults(seed=1)
    world = world_of(bus, faults=faults, clears_status=clears_status)

    def switch(on: bool) -> None:
        if on:
            world.pass_ms(step_s * 400)
            faults.enable("ic_reset", count=1)

    lost = half_hour(world, step_s, switch)
    assert -0.001 <= lost <= (2 * step_s + SET_UP_S[bus]) * WH_PER_S
    assert flags_of(world) & RESET and not flags_of(world) & REFUSED
    assert world.told == [("ic_reset", 0x0104, 0x8004)]
    assert world.driver.stats["resets"] == 1 and world.driver.stats["set_ups"] == 2
    assert world.chips[0].fetch(0x120) == 0x30


@pytest.mark.parametrize("bus", BUSES)
def test_chips_that_restart_all_the_time_never_bring_energy_that_was_not(bus: str) -> None:
    faults = Faults(seed=3)
    world = world_of(bus, faults=faults)
    dice = Random(7)
    start_s, resets = world.at_s, 0
    while world.at_s < start_s + SLOT_S:
        world.run(10)
        if dice.random() < 0.3:
            world.pass_ms(dice.randrange(9000))
            faults.enable("ic_reset", count=1)
            resets += 1
    lost = lost_wh(world, world.at_s - start_s)
    assert resets > 40
    assert -0.001 <= lost <= resets * (20 + SET_UP_S[bus]) * WH_PER_S


@pytest.mark.parametrize("step_s", [1, 10])
@pytest.mark.parametrize("fault", ["ic_silence", "ic_garbage"])
@pytest.mark.parametrize("bus", BUSES)
def test_a_chip_that_is_silent_or_garbled_for_a_minute_loses_nothing(
    bus: str, fault: str, step_s: int
) -> None:
    faults = Faults(seed=1)
    world = world_of(bus, faults=faults)

    def switch(on: bool) -> None:
        if on:
            faults.enable(fault)
        else:
            faults.disable(fault)

    assert abs(half_hour(world, step_s, switch)) < 0.02
    assert flags_of(world) == STALE and not world.told
    assert world.driver.stats["missed"] > 0


@pytest.mark.parametrize("counts", [3_000_000, 8_000_000, 14_000_000])
@pytest.mark.parametrize("bus", BUSES)
def test_a_counter_that_jumps_is_refused_and_told(bus: str, counts: int) -> None:
    faults = Faults(seed=1)
    world = world_of(bus, faults=faults)

    def switch(on: bool) -> None:
        if on:
            faults.enable("ic_counter_jump", counts=counts, count=1)

    lost = half_hour(world, 10, switch)
    assert lost == pytest.approx(10 * WH_PER_S, abs=0.02)
    assert flags_of(world) == REFUSED
    assert [kind for kind, _, _ in world.told] == ["increment_refused"]
    _, before, after = world.told[0]
    assert 0 <= (after - before - counts) % 0x1000000 < 500_000


@pytest.mark.parametrize("stuck", [0, 1])
@pytest.mark.parametrize("bus", BUSES)
def test_a_stuck_line_is_stale_and_loses_nothing(bus: str, stuck: int) -> None:
    world = world_of(bus)

    def switch(on: bool) -> None:
        wire(world, bus).stuck = stuck if on else None

    assert abs(half_hour(world, 10, switch)) < 0.02
    assert flags_of(world) == STALE and not world.told


@pytest.mark.parametrize("bus", BUSES)
def test_a_silence_in_which_the_counter_may_have_turned_over_is_refused(bus: str) -> None:
    world = world_of(bus)
    start_s = world.at_s
    wire(world, bus).stuck = 1
    world.run(600)
    wire(world, bus).stuck = None
    world.run(600)
    assert lost_wh(world, world.at_s - start_s) == pytest.approx(610 * WH_PER_S, abs=0.02)
    assert flags_of(world) == STALE | REFUSED and len(world.told) == 1


@pytest.mark.parametrize(("bus", "kind"), KINDS)
def test_one_bad_access_anywhere_in_a_poll_costs_nothing(bus: str, kind: str) -> None:
    world = world_of(bus)
    start_s = world.at_s
    chip = world.chips[0]
    carry, countdown = wire(world, bus).carry, [0]

    def carried(data: bytes, answer: Any) -> bytes:
        countdown[0] -= 1
        if countdown[0] == 0:
            wire(world, bus).strike(kind)
        return carry(data, answer)

    wire(world, bus).carry = carried
    for at in range(1, 40):
        for _ in range(3):
            countdown[0] = at
            world.run(10)
    wire(world, bus).carry = carry
    struck = wire(world, bus).struck[kind]
    # the data of a read do not matter on their way to the chip
    assert struck >= 60 and world.driver.stats["missed"] >= struck // 3
    assert abs(lost_wh(world, world.at_s - start_s)) < 0.02
    assert not any(world.flags) and not world.told
    assert chip.registers == {**chip.registers, 0x102: 0x0104, 0x04: 0, 0x40: 7}


@pytest.mark.parametrize("bus", BUSES)
def test_a_noisy_line_loses_nothing_in_six_hours(bus: str) -> None:
    kinds = ade7953_bus.KINDS if bus == "spi" else ade7953_bus.UART_KINDS
    world = world_of(bus, seed=5)
    start_s = world.at_s
    wire(world, bus).noise = dict.fromkeys(kinds, 0.01)
    settings = dict(world.chips[0].registers)
    world.run(6 * 3600)
    wire(world, bus).noise = {}
    world.run(10)
    assert sum(wire(world, bus).struck.values()) > 1000
    assert abs(lost_wh(world, world.at_s - start_s)) < 0.02
    assert world.chips[0].registers == settings and not world.told
    stale = sum(1 for flags in world.flags if flags)
    print(f"{bus}: {stale} of 2161 stale, {wire(world, bus).struck}, {world.driver.stats}")
    assert stale < 100


@pytest.mark.parametrize("bus", BUSES)
def test_a_noisy_line_never_sets_a_chip_up_wrong(bus: str) -> None:
    kinds = ade7953_bus.KINDS if bus == "spi" else ade7953_bus.UART_KINDS
    quiet = world_of(bus, calibration=[{"p_gain_ppm": 5000, "phase_mdeg": -300}])
    right, ups, tries = quiet.chips[0].registers, 0, 0
    for seed in range(60):
        faults = Faults(seed=seed)
        world = World(
            [[Wave(Point(current_a=30.0))]],
            bus=bus,
            seed=seed,
            faults=faults,
            calibration=[{"p_gain_ppm": 5000, "phase_mdeg": -300}],
        )
        wire(world, bus).noise = dict.fromkeys(kinds, 0.005)
        for n in range(12):
            if world.poll(world.at_s + 10):
                ups += 1
                assert world.chips[0].registers == right, (seed, n)
                faults.enable("ic_reset", count=1)
            tries += 1
    print(f"{bus}: {ups} of {tries} set-ups at the first attempt")
    assert ups > 100


@pytest.mark.parametrize("register", [0x280, 0x282, 0x108, 0x289, 0x102, 0x288, 0x281])
def test_a_setting_that_changes_by_itself_is_found_in_twenty_seconds(register: int) -> None:
    world = world_of("spi")
    start_s = world.at_s
    world.run(600)
    # a bit that is not in the table of what was written is found by the CRC alone, and does no harm known
    world.chips[0].corrupt(register, world.chips[0].registers[register] ^ 0x10)
    world.run(30)
    if register in (0x288, 0x281):
        assert world.driver.stats["crc_changes"] == 1 and not world.told
        return
    assert [kind for kind, _, _ in world.told] == ["ic_reset"]
    _, before, after = world.told[0]
    assert before ^ after == 0x10
    assert 0 <= lost_wh(world, world.at_s - start_s) <= 25 * WH_PER_S
    assert world.flags[-1] == 0


def test_the_bus_is_locked_and_a_glitch_changes_nothing() -> None:
    world = world_of("spi")
    assert world.chips[0]._locked == "spi"
    world.chips[0].glitch()
    world.run(60)
    assert not any(world.flags)
    said: list[bytes] = []
    world.chips[0]._write = said.append
    world.chips[0].receive(b"\x35\x00\x04")
    assert not said


@pytest.mark.parametrize("bus", BUSES)
def test_a_chip_that_is_just_starting_is_waited_for(bus: str) -> None:
    world = World([[Wave(Point(current_a=30.0))]], bus=bus, up_ms=0)
    world.begin()
    world.run(60)
    assert flags_of(world) == 0 and not world.told
    assert lost_wh(world, 60) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("bus", BUSES)
def test_a_firmware_that_restarts_goes_on_with_a_chip_that_was_set_up(bus: str) -> None:
    world = world_of(bus)
    world.run(60)
    driver = world.driver
    again = type(driver)(
        [chip._link._transport for chip in driver._chips], world.data, 60, len(driver._channels)
    )
    world.driver = again
    again.on_event = driver.on_event
    world.begin()
    world.run(600)
    assert not world.told and flags_of(world) == 0
    assert lost_wh(world, 600) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("bus", BUSES)
def test_energy_waits_until_both_chips_have_answered(bus: str) -> None:
    world = World([[Wave(Point(current_a=30.0))], [Wave(Point(current_a=30.0, export=True))]], bus=bus)
    world.begin()
    line = world.chips[1].wire if bus == "spi" else world.chips[1].uart
    for n in range(12):
        line.stuck = 1 if 3 <= n < 8 else None
        snapshot = world.snapshot(world.at_s + 10)
        assert bool(snapshot.flags & STALE) == (3 <= n < 8)
        assert abs(snapshot.net_wh_x1000) < 20
        assert bool(snapshot.import_wh_x1000[0]) != (3 <= n < 8)
    assert abs(world.net_wh_x1000) < 20
    assert world.import_wh_x1000[0] == pytest.approx(120 * WH_PER_S * 1000, abs=20)


def test_a_spike_is_not_shown_and_the_third_in_a_row_is_stale() -> None:
    world = world_of("spi")
    chip = world.chips[0]
    for n in range(4):
        chip.spike(0x21C, 0xFFFFFF)
        snapshot = world.snapshot(world.at_s + 10)
        assert bool(snapshot.flags & STALE) == (n >= 2)
        assert snapshot.voltage_v_x100 == [10000]
    assert world.driver.stats["implausible"] == 4
    assert world.snapshot(world.at_s + 10).flags == 0
    assert lost_wh(world, 50) == pytest.approx(0, abs=0.02)


def test_self_check_names_what_is_wrong() -> None:
    wave = Wave(Point(current_a=30.0))
    world = World([[Wave(Point())], [wave]])
    check = world.driver.self_check

    def names() -> list[str]:
        from metering_line import finish

        return list(finish(check()))

    assert names() == ["r_settings", "t_settings"]
    world.begin()
    assert names() == []
    world.chips[1].corrupt(0x282, 0x400001)
    assert names() == ["t_settings"]
    world.chips[0].wire.stuck = 0
    assert names() == ["r_silent", "t_settings"]
    world.chips[0].wire.stuck = None
    wave.set(world.now_ms, Point(voltage_v=5.0))
    world.run(20)
    assert names() == ["t_voltage"]


def test_registers_that_the_driver_writes_are_those_that_the_checksum_watches() -> None:
    world = world_of("spi")
    for register, _ in world.driver._chips[0]._table:
        if register in ade7953_registers.CHECKED:
            continue
        # no load and its thresholds are read again one by one instead
        assert register in (0x001, 0x203, 0x204)
