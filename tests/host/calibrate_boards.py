"""Boards to be calibrated: one row of ICS for each metering IC.

The firmware's own driver on this Python, over the model of its chip, over the leads of a world
(calibrate_world), with errors of the parts as they are bought.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from keiki.drivers import metering_bl0942
from keiki.drivers.calibration import I_GAIN, I_OFFSET, KEYS, P_GAIN, P_OFFSET, PHASE, V_GAIN, checked
from keiki.drivers.metering import Snapshot
from keiki.drivers.metering_bl0942 import Bl0942
from keiki_host.bench.ics import bl0942
from metering_line import Line

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


ICS: dict[str, Callable[[World, random.Random | None], Board]] = {
    "bl0942": _bl0942,
    "phase+": _plain(1),
    "phase-": _plain(-1),
}
"""What makes the board of each IC, its errors as `dice` has them (None: no errors)."""

DRIVERS = (metering_bl0942,)
"""Modules whose asyncio a world takes the place of."""
