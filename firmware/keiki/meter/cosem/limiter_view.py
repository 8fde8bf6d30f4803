"""The limiter as an object of class 71. Currents are in mA, times in UTC."""

from keiki.meter.cosem.views import change
from keiki.meter.kept_state import GROUPS
from keiki.wire.cosem import datetime12
from keiki.wire.cosem.results import SCOPE_VIOLATED, AccessError

DISCONNECT_SCRIPT = b"\x00\x00\x0a\x00\x6a\xff"
CURRENT = b"\x01\x00\x5a\x07\x00\xff"
NO_LIMIT = 0xFFFFFFFF


class LimiterView:
    """Contract ampere, times and emergency profile of `limiter`; what is set is kept over a power cut."""

    monitored = (3, CURRENT, 2)
    actions = ((DISCONNECT_SCRIPT, 1), (DISCONNECT_SCRIPT, 2))

    def __init__(self, limiter, state, settings) -> None:
        self._limiter = limiter
        self._state = state
        self._settings = settings

    def threshold_active(self) -> int:
        """The limit in force."""
        limit_ma = self._limiter.limit_ma()
        return NO_LIMIT if limit_ma is None else limit_ma

    def threshold_normal(self) -> int:
        """The limit by contract; NO_LIMIT: there is none."""
        limit_ma = self._limiter.normal_ma()
        return NO_LIMIT if limit_ma is None else limit_ma

    def set_threshold_normal(self, limit_ma: int, _association) -> None:
        """Another contract, in whole amperes."""
        if limit_ma != NO_LIMIT and limit_ma % 1000:
            raise AccessError(SCOPE_VIOLATED)
        change(self._settings, "contract_a", None if limit_ma == NO_LIMIT else limit_ma // 1000)

    def threshold_emergency(self) -> int:
        """The limit of the emergency profile."""
        return self._state.emergency[3]

    def set_threshold_emergency(self, limit_ma: int, _association) -> None:
        """Another limit for emergencies."""
        self._state.keep_emergency(self._state.emergency[:3] + (limit_ma,), self._state.groups)

    def over_s(self) -> int:
        """How long too much is borne."""
        return self._settings.limit_over_s

    def set_over_s(self, seconds: int, _association) -> None:
        """Bear it for another time."""
        change(self._settings, "limit_over_s", seconds)

    def under_s(self) -> int:
        """After how long it closes again."""
        return self._settings.reclose_s

    def set_under_s(self, seconds: int, _association) -> None:
        """Close again after another time."""
        change(self._settings, "reclose_s", seconds)

    def emergency(self) -> tuple:
        """Emergency profile: id, activation time, duration."""
        group, start_s, duration_s, _ = self._state.emergency
        return group, datetime12.pack(start_s) if duration_s else datetime12.UNSPECIFIED, duration_s

    def set_emergency(self, value: tuple, _association) -> None:
        """Another emergency profile; a duration of 0 ends the one that holds."""
        group, start, duration_s = value
        start_s = datetime12.instant(start)
        if start_s is None and duration_s:
            raise AccessError(SCOPE_VIOLATED)
        profile = (group, start_s or 0, duration_s, self._state.emergency[3])
        self._state.keep_emergency(profile, self._state.groups)

    def emergency_groups(self) -> list:
        """The ids of emergency profiles that are obeyed."""
        return list(self._state.groups)

    def set_emergency_groups(self, groups: list, _association) -> None:
        """Obey other ids, four at most."""
        if len(groups) > GROUPS or 0 in groups:
            raise AccessError(SCOPE_VIOLATED)
        self._state.keep_emergency(self._state.emergency, tuple(groups))

    def emergency_active(self) -> int:
        """Whether an emergency profile holds now."""
        return int(self._limiter.in_emergency)
