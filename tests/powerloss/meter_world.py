"""A whole meter core in a world that the tests can stop at any operation of its flash.

The composition is the real one, `keiki.meter.app.App`; the house, the metering IC, the time and the RTC chip
are the world's. It runs without asyncio: the world takes the readings and types the host tool's lines.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for folder in ("tests/pure", "firmware"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))

from keiki.drivers.metering import STALE, Snapshot  # noqa: E402
from keiki.meter import app as app_module  # noqa: E402
from keiki.meter.console import Console  # noqa: E402
from keiki.wire import settings as table  # noqa: E402

T0_MS = 1_767_193_200_000  # 2026-01-01 00:00 JST
CELL_MS = 10_000
# Net power of the house for 10 s each, in Wh x 1000 per millisecond: 1 is 3.6 kW.
CELLS = (1, 1, 2, 5, 3, 3, 0, 1, 4, 4, 0, 0, -1, -3, -3, -2, 1, 1, 2, -1, 0, 1, 7)
PROVISIONED = {"unit": 4, "digits": 8, "phases": 1, "serial": "CUT000000001"}
HALF_HOUR_MS = 1_800_000


class PowerCut(BaseException):
    """The power has gone: nothing of the firmware runs on, not even what handles errors."""


class House:
    """What has truly been used, at any moment: (import, export) in Wh x 1000 since T0."""

    def __init__(self) -> None:
        self._sums = [(0, 0)]
        for cell in CELLS:
            used, given = self._sums[-1]
            self._sums.append((used + max(0, cell) * CELL_MS, given + max(0, -cell) * CELL_MS))

    def at(self, true_ms: int) -> tuple[int, int]:
        """Return (import, export) at a moment."""
        cells, into_ms = divmod(true_ms - T0_MS, CELL_MS)
        rounds, cell = divmod(cells, len(CELLS))
        used = rounds * self._sums[-1][0] + self._sums[cell][0] + max(0, CELLS[cell]) * into_ms
        given = rounds * self._sums[-1][1] + self._sums[cell][1] + max(0, -CELLS[cell]) * into_ms
        return used, given

    def net(self, true_ms: int) -> int:
        """Return import less export at a moment."""
        used, given = self.at(true_ms)
        return used - given


HOUSE = House()


class Ic:
    """A metering IC without fault: the first reading is the baseline."""

    def __init__(self, world: Any) -> None:
        self.stats: dict[str, int] = {}
        self._world = world
        self._net: int | None = None
        self._snapshot = Snapshot(1)

    async def snapshot(self, _now_ms: int) -> Snapshot:
        """Return the net energy since the last reading that was not stale."""
        snapshot, world = self._snapshot, self._world
        snapshot.flags = STALE if world.ic_silent else 0
        if not world.ic_silent:
            net = HOUSE.net(world.true_ms)
            snapshot.net_wh_x1000 = 0 if self._net is None else net - self._net
            self._net = net
        return snapshot


class App(app_module.App):
    """The meter with the world's IC."""

    def _metering_ic(self, board: Any) -> Ic:
        self.ic = Ic(self.hal.world)
        return self.ic


class Hal:
    """The hardware of one start."""

    def __init__(self, world: Any, cause: int) -> None:
        self.world = world
        self.Watchdog = lambda limit_ms: SimpleNamespace(limit_ms=limit_ms, feed=lambda: None)
        self._cause = cause

    def ticks_ms(self) -> int:
        """Milliseconds since the start."""
        return self.world.true_ms - self.world.booted_ms

    def rtc_utc_ms(self) -> int | None:
        """What the RTC chip says, if there is one."""
        off_ms = self.world.rtc_off_ms
        return None if off_ms is None else self.world.true_ms + off_ms

    def settings_object(self) -> dict[str, Any]:
        """What the first start of all brings along."""
        return {} if self.world.starts else dict(PROVISIONED)

    def settings_kept(self) -> None:
        """They are on flash."""

    def app_files(self) -> None:
        """No update can take its place."""

    def flash(self, _blocks: int) -> Any:
        """The emulated NOR."""
        return self.world.medium

    def files(self) -> Any:
        """The emulated file system."""
        return self.world.medium

    def reset_cause(self) -> int:
        """Why this start came about."""
        return self._cause

    def unique_id(self) -> bytes:
        """Any eight bytes."""
        return b"powercut"

    def report(self, error: Exception) -> None:
        """No service may fail."""
        raise error

    def restart(self) -> None:
        """The world starts the firmware again."""


class World:
    """A meter on a `medium` (an emulated NOR or file system), and time, house and chips around it.

    `rtc_off_ms` is how far the RTC chip is from the truth (None: there is none). The subclass in
    meter_checks.py holds what the meter must have.
    """

    def __init__(self, medium: Any, plan: dict[str, Any], true_ms: int = T0_MS) -> None:
        self.board = SimpleNamespace(
            FLASH=plan, METERING={}, NAME="b", RADIO={}, RTC=None, TAMPER=None, WATCHDOG_MS=60_000
        )
        self.medium = medium
        self.true_ms = true_ms
        self.booted_ms = true_ms
        self.rtc_off_ms: int | None = 0
        self.ic_silent = False
        self.starts = 0
        self.app: Any = None

    def boot(self, medium: Any, cause: int = 0) -> None:
        """Start the firmware on a medium."""
        self.medium = medium
        medium.world = self
        self.booted_ms = self.true_ms
        self.app = App(self.board, Hal(self, cause))
        self.starts += 1

    def ask(self, op: str, **arguments: Any) -> Any:
        """Type a line of the host tool; return the answer, which must not be an error."""
        answer = Console(self.app).answer(json.dumps({"op": op, **arguments}).encode())
        assert "ok" in answer, (op, arguments, answer)
        return answer["ok"]

    def utc_ms(self) -> int:
        """What the meter takes for the time."""
        return self.app.clock.utc_ms()

    def sample(self) -> None:
        """Take a reading, as meter/metering's loop does."""
        reading = self.app.metering.sample()
        try:
            reading.send(None)
        except StopIteration:
            return
        raise AssertionError("a reading waited")

    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.true_ms += ms

    def run(self, readings: int, every_ms: int = CELL_MS) -> None:
        """Take readings at whole multiples of a period of the meter's clock."""
        for _ in range(readings):
            self.wait(self.app.clock.ms_to_next(every_ms))
            self.sample()

    def run_to_half_hour(self, short_ms: int) -> None:
        """Let time pass, without a reading, until it is so long before a half hour of the meter's clock."""
        left_ms = self.app.clock.ms_to_next(HALF_HOUR_MS)
        self.wait(left_ms - short_ms if left_ms > short_ms else left_ms - short_ms + HALF_HOUR_MS)


def defaults() -> dict[str, Any]:
    """Return the settings of a meter that was provisioned and never changed."""
    return table.checked(PROVISIONED)
