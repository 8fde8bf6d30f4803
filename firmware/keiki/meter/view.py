"""What class 0x0288 may see of the meter: settings, live values, registers, history."""

from keiki.wire.slots import jst


class MeterView:
    """The data behind the ECHONET Lite objects; reads, and owns nothing but the installation location."""

    def __init__(self, settings, clock, metering, registers, history, unique_id: bytes) -> None:
        self._settings = settings
        self._clock = clock
        self._metering = metering
        self._registers = registers
        self._history = history
        self._location = b"\x00"
        self.maker = bytes(int(settings.maker[i : i + 2], 16) for i in (0, 2, 4))
        self.unique = (unique_id + bytes(13))[:13]
        self.route_b_id = bytes(int(settings.route_b_id[i : i + 2], 16) for i in range(0, 32, 2))
        self.release = None  # 82: that of the profile
        date = settings.production
        self.production = tuple(int(part) for part in date.split("-")) if date else None
        for name in ("profile", "serial", "phases", "reverse"):
            setattr(self, name, getattr(settings, name))
        self.apply()

    def apply(self) -> None:
        """Take over settings that may change while the meter runs."""
        for name in ("unit", "coefficient", "digits", "inf_mode", "push_ea", "push_eb"):
            setattr(self, name, getattr(self._settings, name))

    def opc_max(self) -> int:
        """Most properties in one request; 0 = no limit."""
        return self._settings.opc_max

    def push_delay_s(self) -> int:
        """Seconds from a boundary to its announcement."""
        return self._settings.push_delay_s

    def location(self) -> bytes:
        """Installation location, EPC 81: 1 or 17 bytes."""
        return self._location

    def set_location(self, value: bytes) -> None:
        """Store the installation location."""
        self._location = bytes(value)

    def fault(self) -> int:
        """EPC 88: 0x41 if the metering IC does not answer, else 0x42."""
        return 0x41 if self._metering.stale else 0x42

    def now_s(self) -> int:
        """UTC seconds."""
        return self._clock.utc_s()

    def power_w(self) -> "int | None":
        """Net power of both phases in W; negative is export; None if unknown."""
        snapshot = self._metering.snapshot
        if self._metering.stale or snapshot is None:
            return None
        power_w_x10 = 0
        for phase in range(self.phases):
            power_w_x10 += snapshot.power_w_x10[phase]
        return (power_w_x10 + 5) // 10

    def current_a_x10(self) -> "tuple[int | None, int | None]":
        """R and T currents in 0.1 A, negative where that phase exports; None where there is none."""
        snapshot = self._metering.snapshot
        if self._metering.stale or snapshot is None:
            return None, None
        currents = []
        for phase in range(self.phases):
            current = (snapshot.current_ma[phase] + 50) // 100
            currents.append(-current if snapshot.power_w_x10[phase] < 0 else current)
        return currents[0], currents[1] if self.phases == 2 else None

    def energy(self) -> "tuple[int, int] | None":
        """Registers now: (import, export) in Wh x 1000."""
        return self._registers.import_wh_x1000, self._registers.export_wh_x1000

    def last_half_hour(self) -> "tuple[int, int, int] | None":
        """Newest 30-minute snapshot: (UTC s, import, export in Wh x 1000)."""
        return self._history.half_hours.last

    def last_minute(self) -> "tuple[int, int, int] | None":
        """Newest 1-minute snapshot: (UTC s, import, export in Wh x 1000)."""
        return self._history.minutes.last

    def half_hour(self, utc_s: int) -> "tuple[int, int] | None":
        """Snapshot at a 30-minute boundary, or None."""
        return self._history.half_hours.find(utc_s)

    def minute(self, utc_s: int) -> "tuple[int, int] | None":
        """Snapshot at a minute, or None."""
        return self._history.minutes.find(utc_s)

    def now_jst(self) -> "tuple[int, int, int, int, int, int]":
        """(year, month, day, hour, minute, second) in Japan."""
        return jst(self._clock.utc_s())
