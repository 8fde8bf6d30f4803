"""The event log: what happened to the meter, with a counter for each kind, on a log that survives everything.

An event is 28 bytes, little-endian: UTC seconds u32, kind u8, source u8, count of its kind u16 (modulo
65536), before i64, after i64, and 4 spare. A storm of one kind is written once a minute, with
how many there were in `after`: an attacker can neither wear the flash nor push out what is worth keeping.
"""

import struct

from keiki.wire.compat import const

SIZE = const(28)
_FORMAT = "<IBBHqq"

POWER_UP = const(1)  # source: reset cause; before: newest UTC seconds on flash
POWER_DOWN = const(2)
CLOCK_SET = const(3)  # before, after: UTC ms; source: who
CLOCK_REFUSED = const(4)
CLOCK_UNSURE = const(5)
IC_RESET = const(6)
INCREMENT_REFUSED = const(7)
SETTING_CHANGED = const(8)  # source: number of the setting; no values: some are secret
REGISTER_SET = const(9)  # source: 0 import, 1 export; before, after: Wh x 1000
SESSION_ENDED = const(10)
AUTHENTICATION_FAILED = const(11)
TAMPER = const(12)
WATCHDOG = const(13)
TASK_FAILED = const(14)  # source: number of the service
SAFE_MODE = const(15)
FLASH_LOST = const(16)  # after: blocks that boot found broken
FACTORY_RESET = const(17)
STABLE = const(18)  # a start after a crash has run for five minutes

NAMES = (
    "", "power_up", "power_down", "clock_set", "clock_refused", "clock_unsure", "ic_reset",
    "increment_refused",
    "setting_changed", "register_set", "session_ended", "authentication_failed", "tamper", "watchdog",
    "task_failed", "safe_mode", "flash_lost", "factory_reset", "stable",
)  # fmt: skip

# What may come in storms; all others are rare, and each is kept.
_STORMS = (
    CLOCK_REFUSED,
    IC_RESET,
    INCREMENT_REFUSED,
    SESSION_ENDED,
    AUTHENTICATION_FAILED,
    TAMPER,
    TASK_FAILED,
)
_STORM_S = const(60)


class EventLog:
    """Events on a log of fixed records (`append`, `read_into`, `oldest`, `end`).

    `counts[kind]` is how often a kind has happened since the meter was made, as far as the log still tells.
    """

    def __init__(self, log, utc_s) -> None:
        self._log = log
        self._utc_s = utc_s
        self._buffer = bytearray(SIZE)
        self.counts = [0] * len(NAMES)
        self._quiet_s = [0] * len(NAMES)
        self._held = [0] * len(NAMES)
        self.failed = 0
        self._counted = False

    def add(self, kind: int, source: int = 0, before: int = 0, after: int = 0) -> bool:
        """Record an event; False if it was held back as one of a storm, or the flash refused it."""
        self._load_counts()
        self.counts[kind] += 1
        now_s = self._utc_s()
        if kind in _STORMS:
            if now_s < self._quiet_s[kind]:
                self._held[kind] += 1
                return False
            self._quiet_s[kind] = now_s + _STORM_S
            if self._held[kind]:
                after = self._held[kind] + 1
                self._held[kind] = 0
        struct.pack_into(
            _FORMAT,
            self._buffer,
            0,
            now_s & 0xFFFFFFFF,
            kind,
            source & 0xFF,
            self.counts[kind] & 0xFFFF,
            before,
            after,
        )
        try:
            self._log.append(self._buffer)
        except OSError:
            self.failed += 1
            return False
        return True

    def read(self, sequence: int) -> "tuple[int, int, int, int, int, int] | None":
        """Return (utc_s, kind, source, count, before, after) of one event, or None: lost, or never held."""
        if (
            not self._log.oldest <= sequence < self._log.end
            or self._log.read_into(sequence, self._buffer) is False
        ):
            return None
        return struct.unpack_from(_FORMAT, self._buffer, 0)

    def newest(self, most: int):
        """Yield up to `most` events that are readable, newest first."""
        sequence = self._log.end
        while most and sequence > self._log.oldest:
            sequence -= 1
            event = self.read(sequence)
            if event is not None:
                most -= 1
                yield event

    def _load_counts(self) -> None:
        """Find the newest count of each kind, once, when the first event is written: not at boot."""
        if self._counted:
            return
        self._counted = True
        for event in self.newest(1 << 16):
            kind = event[1]
            if kind < len(self.counts) and not self.counts[kind]:
                self.counts[kind] = event[3]
