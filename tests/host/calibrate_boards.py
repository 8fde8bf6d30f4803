"""Boards to be calibrated: one row of ICS for each metering IC.

The firmware's own driver on this Python, over the model of its chip, over the leads of a world
(calibrate_world), with errors of the parts as they are bought.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from free_lines import FreeLines, Reader
from keiki.drivers import metering_ade7953_transports as ade7953_transports
from keiki.drivers import metering_atm90e32, metering_bl0942, metering_cse7766
from keiki.drivers.calibration import I_GAIN, I_OFFSET, KEYS, P_GAIN, P_OFFSET, PHASE, V_GAIN, checked
from keiki.drivers.metering import Snapshot
from keiki.drivers.metering_ade7953 import Ade7953
from keiki.drivers.metering_bl0942 import Bl0942
from keiki_host.bench.faults import NO_FAULTS
from keiki_host.bench.ics import ade7953, atm90e32, bl0942, cse7766
from metering_line import Line, finish

PACKET_MS = 26


class World(Protocol):
    """What a board is wired to: channels of the mains (sources and pieces), and time."""

    now_ms: int
    leads: list[Any]

    def advance(self, ms: int) -> None: ...


@dataclass
class Board:
    """A metering IC's driver, and for each phase the values that take its errors away, as far as known."""

    driver: Any
    truth: list[dict[str, float]]


class _Timed(Line):
    """The line of a world: what waits takes time there."""

    def __init__(self, world: World, respond: Callable[[bytes], bytes]) -> None:
        super().__init__(respond)
        self._world = world

    async def sleep_ms(self, ms: int) -> None:
        self._world.advance(ms)

    async def wait_for_ms(self, coroutine: object, ms: int) -> object:
        waited = self.waited_ms
        try:
            return await super().wait_for_ms(coroutine, ms)
        finally:
            self._world.advance(self.waited_ms - waited or PACKET_MS)


def _bl0942(world: World, dice: random.Random | None) -> Board:
    """A shunt turns no phase: there is none to be found here."""
    out: list[bytes] = []
    errors = [bl0942.Errors()] * len(world.waves)
    if dice is not None:
        errors = [
            bl0942.Errors(
                *(dice.uniform(-0.05, 0.05) for _ in range(3)),
                offset_w_lsb=dice.uniform(-200, 200),
                noise_w_lsb=dice.uniform(0, 40),
            )
            for _ in world.waves
        ]
    parts = bl0942.Parts(shunt_uohm=500)
    bus = bl0942.Bl0942Bus(lambda: world.now_ms, world.leads, out.append, errors=errors, parts=parts)

    def respond(data: bytes) -> bytes:
        out.clear()
        bus.receive(data)
        return b"".join(out)

    line = _Timed(world, respond)
    driver = Bl0942(line, line, tuple(range(len(world.waves))), parts.scale(), 6000 * len(world.waves))
    truth = [
        {
            "v_gain_ppm": (1 / (1 + error.gain_v) - 1) * 1e6,
            "p_gain_ppm": (1 / (1 + error.gain_w) - 1) * 1e6,
            "p_offset_mw": -error.offset_w_lsb / parts.lsb_per_w / (1 + error.gain_w) * 1e3,
        }
        for error in errors
    ]
    return Board(driver, truth)


class PlainDriver:
    """A chip without faults of its own that does all that a calibration asks for, with 1 mWh in its counter.

    `sign` -1: its phase register works the other way round.
    """

    ignored = ()

    def __init__(self, world: World, errors: list[dict[str, float]], sign: int, dice: random.Random) -> None:
        self._world = world
        self.errors = errors
        self._sign = sign
        self._dice = dice
        self._values = [[0] * len(KEYS) for _ in errors]
        self._energy_j = [0.0] * len(errors)
        self._booked = [0] * len(errors)
        self._now_ms = world.now_ms
        self._snapshot = Snapshot(len(errors))

    def apply(self, calibration: list[dict[str, int]]) -> None:
        self._values = checked(calibration, len(self.errors))

    async def snapshot(self, now_ms: int) -> Snapshot:
        snapshot = self._snapshot
        for phase, (lead, error, values) in enumerate(
            zip(self._world.leads, self.errors, self._values, strict=True)
        ):
            mdeg = error["mdeg"] + self._sign * values[PHASE]
            volts = amperes = watts = 0.0
            for span in lead.spans(self._now_ms, now_ms):
                share = span.ms / (now_ms - self._now_ms)
                volts += share * span.v_rms * error["v"]
                amperes += share * span.i_rms * error["i"]
                watts += share * (span.power(mdeg / 360_000 / 50)[0] * error["p"] + error["offset_w"])
            watts += self._dice.gauss(0, error["noise_w"])
            watts = watts * (1 + values[P_GAIN] / 1e6) + values[P_OFFSET] / 1e3
            watts = watts if abs(watts) > 0.3 else 0.0
            self._energy_j[phase] += watts * (now_ms - self._now_ms) / 1e3
            snapshot.voltage_v_x100[phase] = round(volts * (1 + values[V_GAIN] / 1e6) * 100)
            current_ma = amperes * 1e3 * (1 + values[I_GAIN] / 1e6) + values[I_OFFSET] / 1e3
            snapshot.current_ma[phase] = max(0, round(current_ma)) if watts else 0
            snapshot.power_w_x10[phase] = round(watts * 10)
            snapshot.frequency_hz_x100[phase] = round(lead.frequency_hz * 100)
            total = int(self._energy_j[phase] / 3.6)
            gain, self._booked[phase] = total - self._booked[phase], total
            snapshot.import_wh_x1000[phase] = max(0, gain)
            snapshot.export_wh_x1000[phase] = max(0, -gain)
        snapshot.flags = 0
        self._now_ms = now_ms
        return snapshot


def _plain(sign: int) -> Callable[[World, random.Random | None], Board]:
    def make(world: World, dice: random.Random | None) -> Board:
        errors = []
        for _ in world.waves:
            error = {"v": 1.0, "i": 1.0, "p": 1.0, "offset_w": 0.0, "mdeg": 0.0, "noise_w": 0.0}
            if dice is not None:
                for key in "vip":
                    error[key] += dice.uniform(-0.05, 0.05)
                error.update(
                    offset_w=dice.uniform(-1, 1), mdeg=dice.uniform(-1500, 1500), noise_w=dice.uniform(0, 0.3)
                )
            errors.append(error)
        truth = [
            {
                "v_gain_ppm": (1 / error["v"] - 1) * 1e6,
                "p_gain_ppm": (1 / error["p"] - 1) * 1e6,
                "p_offset_mw": -error["offset_w"] / error["p"] * 1e3,
                "phase_mdeg": -sign * error["mdeg"],
            }
            for error in errors
        ]
        return Board(PlainDriver(world, errors, sign, dice or random.Random(0)), truth)

    return make


class _Clock:
    """Stands in for asyncio where only waits are needed: they take time in the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def sleep_ms(self, ms: int) -> None:
        self._world.advance(ms)


class _Spi:
    """A chip as the only one on its bus."""

    def __init__(self, chip: Any) -> None:
        self._chip = chip

    def transfer(self, tx: bytes, rx: bytearray) -> None:
        rx[:] = self._chip.transfer(0, bytes(tx))


def _transformer_truth(errors: list[Any]) -> list[dict[str, float]]:
    """What takes the errors of a divider and a current transformer away."""
    return [
        {
            "v_gain_ppm": (1 / (1 + error.gain_v) - 1) * 1e6,
            "p_gain_ppm": (1 / (1 + error.gain_v) / (1 + error.gain_i) - 1) * 1e6,
            "phase_mdeg": -error.delay_mdeg,
        }
        for error in errors
    ]


def _warm(world: World, driver: Any) -> None:
    """Let a chip be set up and have its first readings."""
    for _ in range(3):
        world.advance(10_000)
        finish(driver.snapshot(world.now_ms))


def _atm90e32(world: World, dice: random.Random | None) -> Board:
    parts = atm90e32.Parts(burden_ohm=24)  # 60 A: the current of the bench is half of it
    errors = [atm90e32.Errors()] * len(world.leads)
    if dice is not None:
        errors = [
            atm90e32.Errors(
                gain_v=dice.uniform(-0.05, 0.05),
                gain_i=dice.uniform(-0.05, 0.05),
                delay_mdeg=dice.uniform(-1500, 1500),
                offset_w=dice.uniform(-1, 1),
                floor_a=dice.uniform(0, 0.01),
                noise_w=dice.uniform(0, 300),
                noise_v=dice.uniform(0, 2),
                noise_a=dice.uniform(0, 2),
            )
            for _ in world.leads
        ]
    legs = (world.leads[0], None, *world.leads[1:])
    wired = (errors[0], atm90e32.Errors(), *errors[1:])
    chip = atm90e32.Atm90e32Model(lambda: world.now_ms, legs, NO_FAULTS, wired, parts=parts)
    metering_atm90e32.asyncio = _Clock(world)
    driver = metering_atm90e32.Atm90e32(_Spi(chip), parts.board(round(world.f_hz)), 60, len(world.leads))
    _warm(world, driver)
    return Board(driver, _transformer_truth(errors))


def _ade7953(world: World, dice: random.Random | None) -> Board:
    """One chip on each leg."""
    parts = ade7953.Parts(burden_ohm=20)
    errors = [ade7953.Errors()] * len(world.leads)
    if dice is not None:
        errors = [
            ade7953.Errors(
                gain_v=dice.uniform(-0.05, 0.05),
                gain_i=dice.uniform(-0.05, 0.05),
                delay_mdeg=dice.uniform(-1500, 1500),
                offset_w=dice.uniform(-1, 1),
                floor_a=dice.uniform(0, 0.005),
                noise_v=dice.uniform(0, 1e-5),
                noise_a=dice.uniform(0, 1e-5),
                noise_w=dice.uniform(0, 1e-5),
            )
            for _ in world.leads
        ]
    chips = [
        ade7953.Ade7953Model(lambda: world.now_ms, [lead], NO_FAULTS, [error], parts=parts, up_ms=1234)
        for lead, error in zip(world.leads, errors, strict=True)
    ]
    ade7953_transports.asyncio = _Clock(world)
    lines = [ade7953_transports.Spi(_Spi(chip)) for chip in chips]
    driver = Ade7953(lines, parts.board(), 30, len(world.leads))
    _warm(world, driver)
    return Board(driver, _transformer_truth(errors))


class _Lines(FreeLines):
    """Free-running lines in the time of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        super().__init__(metering_cse7766, world.now_ms)

    @property
    def now_ms(self) -> int:
        return self._world.now_ms

    @now_ms.setter
    def now_ms(self, ms: int) -> None:
        if ms > self._world.now_ms:
            self._world.advance(ms - self._world.now_ms)


def _cse7766(world: World, dice: random.Random | None) -> Board:
    """A shunt turns no phase: there is none to be found here.

    The chip shows only the size of the power, so its offset must lie below what it begins to count at
    (0.32 W on this board), or it would count at no load.
    """
    parts = cse7766.Parts(shunt_uohm=1000)
    errors = [cse7766.Errors()] * len(world.leads)
    if dice is not None:
        errors = [
            cse7766.Errors(
                *(dice.uniform(-0.05, 0.05) for _ in range(3)),
                offset_w=dice.uniform(-0.25, 0.25),
                noise=dice.uniform(0, 1e-3),
                noise_w=dice.uniform(0, 0.2),
            )
            for _ in world.leads
        ]
    lines = _Lines(world)
    readers, chips = [], []
    for number, (lead, error) in enumerate(zip(world.leads, errors, strict=True)):
        reader = Reader(lines, _filling(chips, number), _timing(chips, number))
        readers.append(reader)
        chips.append(
            cse7766.Cse7766Model(
                lambda: world.now_ms,
                lead,
                _putting(reader, chips, number),
                NO_FAULTS,
                error,
                parts=parts,
                seed=number,
            )
        )
    driver = metering_cse7766.Cse7766(readers, parts.scale(), 6000 * len(world.leads))
    _warm(world, driver)
    truth = [
        {
            "v_gain_ppm": (1 / (1 + error.gain_v) - 1) * 1e6,
            "p_gain_ppm": (1 / (1 + error.gain_w) - 1) * 1e6,
        }
        for error in errors
    ]
    return Board(driver, truth)


def _filling(chips: list[Any], number: int) -> Callable[[int], None]:
    return lambda _now_ms: chips[number].advance()


def _timing(chips: list[Any], number: int) -> Callable[[], int]:
    return lambda: chips[number].next_ms


def _putting(reader: Any, chips: list[Any], number: int) -> Callable[[bytes], None]:
    return lambda frame: reader.put(frame, chips[number].next_ms)


ICS: dict[str, Callable[[World, random.Random | None], Board]] = {
    "bl0942": _bl0942,
    "cse7766": _cse7766,
    "atm90e32": _atm90e32,
    "ade7953": _ade7953,
    "phase+": _plain(1),
    "phase-": _plain(-1),
}
"""What makes the board of each IC, its errors as `dice` has them (None: no errors)."""

DRIVERS = (metering_bl0942, metering_cse7766, metering_atm90e32, ade7953_transports)
"""Modules whose asyncio a world takes the place of."""
