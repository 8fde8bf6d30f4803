"""What stands in for the hardware of a meter, and for the storage on it, so that its A-route can be used."""

import secrets
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from keiki.meter import counters, kept_state
from keiki.meter.history import Series
from keiki.meter.kept_state import KeptState
from keiki.meter.limiter import Limiter
from keiki.meter.switch import Switch
from keiki.wire import record
from keiki.wire.slots import SLOT_S, floor_to

from keiki_host.fleet.load import House
from keiki_host.fleet.memory_log import MemoryLog

_DAYS = 100
_SLOTS_PER_DAY = 48
_VOLTAGE_V_X100 = 10_100


class Hal:
    """The clock ticks and chance of a chip."""

    def __init__(self, ticks_ms: Callable[[], int], unique_id: bytes) -> None:
        self.ticks_ms = ticks_ms
        self._unique_id = unique_id

    def unique_id(self) -> bytes:
        """See the firmware's hal."""
        return self._unique_id

    def random_below(self, most: int) -> int:
        """For challenges: nobody may foresee it."""
        return secrets.randbelow(most)


class Store:
    """Logs where a meter has flash. `counter` is the meter's own invocation counter to begin behind."""

    days = _DAYS
    minute_days = 0

    def __init__(self, counter: int) -> None:
        self.flash = SimpleNamespace(doubt=False, lost=())
        self.counters = MemoryLog(counters.SIZE, 4)
        self.counters.append(struct.pack("<5I", counter, 0, 0, 0, 0))
        self.half_hours = MemoryLog(record.SIZE, _DAYS * _SLOTS_PER_DAY)
        self.minutes = MemoryLog(record.SIZE, 1)


class History:
    """History as everybody else reads it."""

    def __init__(self, store: Store) -> None:
        self.half_hours: Any = Series(store.half_hours, SLOT_S)
        self.minutes: Any = Series(store.minutes, 60)


class Consumption:
    """Registers and readings of a house: the meter's `registers` and `metering` in one.

    Registers hold what was there at the last boundary and what has come since then.
    """

    stale = False

    def __init__(self, house: House, start_wh: int, utc_s: Callable[[], int], from_s: int) -> None:
        self.import_wh = start_wh
        self.export_wh = 0
        self.connected: Callable[[], bool] = lambda: True
        self._house = house
        self._utc_s = utc_s
        self._slot_s = floor_to(from_s, SLOT_S)

    def close(self, slot_s: int) -> None:
        """Book the half hours up to a boundary."""
        while self._slot_s < slot_s:
            imported, exported = self._house.energy_wh(self._slot_s) if self.connected() else (0, 0)
            self.import_wh += imported
            self.export_wh += exported
            self._slot_s += SLOT_S

    def _net_w(self) -> int:
        return self._house.net_w(self._slot_s) if self.connected() else 0

    def _since_wh_x1000(self) -> int:
        passed_s = max(0, min(SLOT_S, self._utc_s() - self._slot_s))
        return int(self._net_w() * 1000 * passed_s // 3600)

    @property
    def import_wh_x1000(self) -> int:
        """Import now."""
        return 1000 * self.import_wh + max(0, self._since_wh_x1000())

    @property
    def export_wh_x1000(self) -> int:
        """Export now."""
        return 1000 * self.export_wh + max(0, -self._since_wh_x1000())

    @property
    def snapshot(self) -> Any:
        """Power and all that, both phases alike."""
        power_w = self._net_w()
        return SimpleNamespace(
            power_w_x10=[5 * power_w, 5 * power_w],
            current_ma=[abs(power_w) * 50_000 // _VOLTAGE_V_X100] * 2,
            voltage_v_x100=[_VOLTAGE_V_X100] * 2,
            frequency_hz_x100=[5000] * 2,
        )


class _Relay:
    """A relay that moves at once."""

    def __init__(self) -> None:
        self.closed = True

    async def move(self, closed: bool) -> bool:
        self.closed = closed
        return True


class Supply:
    """Switch and limiter; `run` moves the relay for ever."""

    def __init__(self, settings: Any, clock: Any, events: Any, ticks_ms: Callable[[], int]) -> None:
        state: Any = KeptState(MemoryLog(kept_state.SIZE, 4))
        self.switch: Any = Switch(_Relay(), state, settings, events, ticks_ms)
        self.limiter: Any = Limiter(self.switch, settings, clock, events, ticks_ms)
        self.run = self.switch.run
