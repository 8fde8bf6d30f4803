"""Reads a meter through its console (unix:///PATH, serial:///dev/PORT)."""

from typing import Any

from keiki.wire.slots import DAY_S, SLOT_S, jst_midnight

from keiki_host.device import Device, DeviceError
from keiki_host.reading.model import HalfHour, Phase, ReadError, Reading

PHASE_NAMES = ("R", "T")
PAGE = 16
"""Half-hours in one answer."""


class ConsoleReader:
    """A meter's console; see Reader."""

    def __init__(self, url: str, timeout_s: float) -> None:
        try:
            self._device = Device(url, timeout_s)
        except DeviceError as error:
            raise ReadError(str(error)) from None

    def read(self, day: int | None = None) -> Reading:
        """See Reader."""
        try:
            return self._read(day)
        except DeviceError as error:
            raise ReadError(str(error)) from None
        except (KeyError, TypeError, ValueError) as error:
            raise ReadError(f"{self._device.url}: an answer that no meter gives ({error!r})") from None

    def _read(self, day: int | None) -> Reading:
        status, reading = self._device.ask("status"), self._device.ask("reading")
        phases = tuple(_phase(name, row) for name, row in zip(PHASE_NAMES, reading["phases"], strict=False))
        utc_s = status["utc_ms"] / 1000
        return Reading(
            serial=str(status["serial"]),
            utc_s=utc_s,
            power_w=round(sum(row["power_w_x10"] for row in reading["phases"]) / 10, 1) if phases else None,
            import_wh_x1000=int(status["import_wh_x1000"]),
            export_wh_x1000=int(status["export_wh_x1000"]),
            phases=phases,
            identity={"ic": str(reading["ic"])},
            half_hours=None if day is None else self._day(int(utc_s), day),
        )

    def _day(self, now_s: int, day: int) -> tuple[HalfHour, ...]:
        start_s = jst_midnight(now_s, day)
        found: list[HalfHour] = []
        for from_s in range(start_s, start_s + DAY_S, PAGE * SLOT_S):
            rows = self._device.ask("half_hours", **{"from": from_s, "count": PAGE})["rows"]
            for n, row in enumerate(rows[:PAGE]):
                imported, exported = row or (None, None)
                found.append(HalfHour(from_s + n * SLOT_S, imported, exported))
        return tuple(found)

    def close(self) -> None:
        """See Reader."""
        self._device.__exit__()


def _phase(name: str, row: dict[str, Any]) -> Phase:
    def of(key: str, by: int) -> float | None:
        return None if row[key] is None else int(row[key]) / by

    return Phase(
        name,
        of("voltage_v_x100", 100),
        of("current_ma", 1000),
        of("power_w_x10", 10),
        of("power_factor_x1000", 1000),
        of("frequency_hz_x100", 100),
    )
