"""Drives the unmodified momonga (sync `Momonga`) by commands on stdin; see lines.py."""

import datetime
import time
from typing import Any

import momonga
from lines import serve

# get_notification waits for the meter, so it has an operation of its own
GETTERS = sorted(
    name for name in dir(momonga.Momonga) if name.startswith("get_") and name != "get_notification"
)


def _time(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)


class Program:
    """One session; every operation is one public call of the package, or a loop over one."""

    def __init__(self) -> None:
        self.momonga: Any = None

    def op_open(
        self, rbid: str, pwd: str, dev: str, settings: dict[str, Any] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Make a Momonga and open it. `options` go to the constructor, `settings` to attributes of it."""
        self.momonga = momonga.Momonga(rbid, pwd, dev, **options)
        self.op_settings(**(settings or {}))
        self.momonga.open()
        return self.op_state()

    def op_settings(self, **settings: Any) -> None:
        """Set public attributes: xmit_timeout, recv_timeout, xmit_retries, internal_xmit_interval."""
        for name, value in settings.items():
            setattr(self.momonga, name, value)

    def op_state(self) -> dict[str, Any]:
        """What the session knows."""
        session = self.momonga.session_manager
        return {
            "is_open": self.momonga.is_open,
            "energy_unit": self.momonga.energy_unit,
            "energy_coefficient": self.momonga.energy_coefficient,
            "lqi": self.momonga.lqi,
            "rssi": self.momonga.rssi,
            "channel": getattr(session, "channel", None),
            "meter": getattr(session, "smart_meter_addr", None),
        }

    def op_getters(self) -> list[str]:
        """Names of every public getter."""
        return GETTERS

    def op_get(self, name: str, **args: Any) -> Any:
        """Call one getter; a `timestamp` is ISO text."""
        if name not in GETTERS:
            raise ValueError(f"{name} is not a getter")
        if "timestamp" in args:
            args["timestamp"] = _time(args["timestamp"])
        return getattr(self.momonga, name)(**args)

    def op_get_all(self) -> dict[str, Any]:
        """Call every getter without arguments: its value, or {"error", "text"}."""
        values: dict[str, Any] = {}
        for name in GETTERS:
            try:
                values[name] = getattr(self.momonga, name)()
            except momonga.MomongaError as error:
                values[name] = {"error": type(error).__name__, "text": str(error)}
        return values

    def op_history_day(self, day: int, reverse: bool = False) -> Any:
        """E5 and E2 (E4)."""
        return self.momonga.get_historical_cumulative_energy_1(day, reverse)

    def op_history_30min(self, timestamp: str | None = None, points: int = 12) -> Any:
        """ED and EC."""
        return self.momonga.get_historical_cumulative_energy_2(_time(timestamp), points)

    def op_history_1min(self, timestamp: str | None = None, points: int = 10) -> Any:
        """EF and EE."""
        return self.momonga.get_historical_cumulative_energy_3(_time(timestamp), points)

    def op_set_day(self, day: int) -> None:
        """E5."""
        self.momonga.set_day_for_historical_data_1(day)

    def op_set_time_30min(self, timestamp: str, points: int = 12) -> None:
        """ED."""
        self.momonga.set_time_for_historical_data_2(_time(timestamp), points)

    def op_set_time_1min(self, timestamp: str, points: int = 10) -> None:
        """EF."""
        self.momonga.set_time_for_historical_data_3(_time(timestamp), points)

    def op_request_to_set(
        self,
        day: int | None = None,
        time_30min: tuple[str, int] | None = None,
        time_1min: tuple[str, int] | None = None,
    ) -> None:
        """Several of E5, ED and EF in one frame; the times are (ISO, number of points)."""
        chosen: dict[str, Any] = {}
        if day is not None:
            chosen["day_for_historical_data_1"] = {"day": day}
        for number, pair in ((2, time_30min), (3, time_1min)):
            if pair is not None:
                chosen[f"time_for_historical_data_{number}"] = {
                    "timestamp": _time(pair[0]),
                    "num_of_data_points": pair[1],
                }
        self.momonga.request_to_set(**chosen)

    def op_request_to_get(self, epcs: list[str]) -> Any:
        """Several properties in one frame, by code ("E7")."""
        return self.momonga.request_to_get({momonga.EchonetPropertyCode(int(epc, 16)) for epc in epcs})

    def op_notifications(self, seconds: float, count: int | None = None) -> list[Any]:
        """Notifications for so long, or until there are `count`."""
        end = time.monotonic() + seconds
        found: list[Any] = []
        while (count is None or len(found) < count) and (left := end - time.monotonic()) > 0:
            notification = self.momonga.get_notification(timeout=left)
            if notification is not None:
                found.append(notification)
        return found

    def op_reopen(self) -> dict[str, Any]:
        """End the session and build a new one."""
        self.momonga.reopen()
        return self.op_state()

    def op_close(self) -> None:
        """End the session."""
        self.momonga.close()


serve(Program())
