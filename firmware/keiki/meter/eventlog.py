"""The event log: what happened to the meter, with a counter for each kind, on a log that survives everything.

An event is 28 bytes, little-endian: UTC seconds u32, kind u8, source u8, count of its kind u16 (modulo
65536), before i64, after i64, and 4 spare. After every 12 the counts of all kinds are written, so that a
start finds them without reading the whole log. A storm of one kind is written after one minute, then two,
four .. a day, with how many there were in `after`: an attacker can neither wear the flash nor push out what
is worth keeping.
"""

import struct

from keiki.wire.compat import const

SIZE = const(28)
_FORMAT = const("<IBBHqq")

POWER_UP = const(1)  # source: reset cause; before: newest UTC seconds on flash
POWER_DOWN = const(2)  # written at the start after it, with the time of the newest checkpoint
CLOCK_SET = const(3)  # before, after: UTC ms; source: who (1 RTC, 2 SNTP, 3 head-end, 4 host tool)
CLOCK_REFUSED = const(4)  # the same
CLOCK_UNSURE = const(5)  # before: UTC ms that is assumed
IC_RESET = const(6)
INCREMENT_REFUSED = const(7)
SETTING_CHANGED = const(8)  # source: number of the setting; no values: some are secret
REGISTER_SET = const(9)  # source: 0 import, 1 export; before, after: Wh x 1000
SESSION_ENDED = const(10)  # source: why (index of keiki.meter.broute.LEAVE_REASONS)
AUTHENTICATION_FAILED = const(11)  # source: SAP of the client; before: why (index of security.REASONS)
TAMPER = const(12)
WATCHDOG = const(13)
TASK_FAILED = const(14)  # source: number of the service
SAFE_MODE = const(15)
FLASH_LOST = const(16)  # source: kind of the log; before, after: first sequence, how many; 0: a block
FACTORY_RESET = const(17)
STABLE = const(18)  # a start after a crash has run for five minutes
CALIBRATED = const(20)
CLOCK_SLEWED = const(19)  # as CLOCK_SET, for 2 s and more that are made good little by little
ROUTE_A_SESSION = const(21)  # source: client SAP
ROUTE_A_REFUSED = const(22)  # the same: wrong keys, wrong counter, or none of our clients
KEY_CHANGED = const(23)  # source: key id of the security setup
DISCONNECTED = const(24)  # source: who (index of keiki.meter.switch.WHO); before: control state
CONNECTED = const(25)  # the same
SWITCH_REFUSED = const(26)  # too many remote switchings in an hour
RELAY_FAULT = const(27)  # source: 0 did not open, 1 did not close, 2 moved by itself
LIMIT_EXCEEDED = const(28)  # before: mA
PUSH_FAILED = const(29)  # source: 0 values, 1 alarms; before: how many wait
CF_MISMATCH = const(30)  # source: number of the pin; before: pulses of the metering IC; after: its counts
UPDATE = const(32)  # source: as in update_record.py; before, after: versions as numbers, 1002003 for 1.2.3
IC_SILENT = const(31)  # source: 0 begins, 1 ends; before: UTC ms of the last reading, after: UTC ms now

NAMES = (
    "", "power_up", "power_down", "clock_set", "clock_refused", "clock_unsure", "ic_reset",
    "increment_refused",
    "setting_changed", "register_set", "session_ended", "authentication_failed", "tamper", "watchdog",
    "task_failed", "safe_mode", "flash_lost", "factory_reset", "stable", "clock_slewed", "calibrated",
    "route_a_session", "route_a_refused", "key_changed", "disconnected", "connected", "switch_refused",
    "relay_fault", "limit_exceeded", "push_failed", "cf_mismatch", "ic_silent", "update",
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
    ROUTE_A_SESSION,
    ROUTE_A_REFUSED,
    KEY_CHANGED,
    DISCONNECTED,
    CONNECTED,
    SWITCH_REFUSED,
    RELAY_FAULT,
    LIMIT_EXCEEDED,
    PUSH_FAILED,
    IC_SILENT,
)
# Not an event: all counts so far, in parts; a part number u8 after the kind, then 11 counts u16
_COUNTS = const(255)
_COUNTS_EVERY = const(12)
_COUNTS_FORMAT = const("<11H")
_PER_PART = const(11)
_PARTS = const(3)
_KIND_AT = const(4)

_EIO = const(5)
_STORM_S = const(60)
_STORM_MAX_S = const(86400)


class EventLog:
    """Events on a log of fixed records (`append`, `read_into`, `oldest`, `end`).

    `counts[kind]` is how often a kind has happened since the meter was made. `on_event(kind)` hears of each,
    of those held back too; `happened` has bit n for kind n since this start.
    """

    def __init__(self, log, utc_s) -> None:
        self.on_event = lambda _kind: None
        self.happened = 0
        self._log = log
        self._utc_s = utc_s
        self._buffer = bytearray(SIZE)
        self.counts = [0] * len(NAMES)
        self._since = -1  # events since the counts were written; -1: not known yet
        self._written_s = [-_STORM_MAX_S] * len(NAMES)
        self._held = [0] * len(NAMES)
        self._wait_s = [_STORM_S] * len(NAMES)
        self.failed = 0

    def add(
        self, kind: int, source: int = 0, before: int = 0, after: int = 0, utc_s: "int | None" = None
    ) -> bool:
        """Record an event, of now or of `utc_s`.

        False if it was held back as one of a storm, or the flash refused it.
        """
        self._load_counts()
        self.counts[kind] += 1
        self.happened |= 1 << kind
        self.on_event(kind)
        now_s = self._utc_s() if utc_s is None else utc_s
        if kind in _STORMS:
            wait_s, since_s = self._wait_s[kind], now_s - self._written_s[kind]
            if 0 <= since_s < wait_s:  # a clock that was set back ends the quiet
                self._held[kind] += 1
                return False
            self._wait_s[kind] = min(2 * wait_s, _STORM_MAX_S) if 0 <= since_s < 2 * wait_s else _STORM_S
            self._written_s[kind] = now_s
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
            self._since += 1
            if self._since >= _COUNTS_EVERY:
                self._write_counts()
        except OSError:
            self.failed += 1
            return False
        return True

    def announce(self, kind: int, source: int = 0, before: int = 0, after: int = 0) -> None:
        """Record what is about to be done on somebody's word. OSError: flash refuses, so it must not be.

        A power cut may leave the event without the deed, never the deed without the event.
        """
        if not self.add(kind, source, before, after):
            raise OSError(_EIO)

    @property
    def oldest(self) -> int:
        """Sequence of the oldest event still held."""
        return self._log.oldest

    @property
    def end(self) -> int:
        """Sequence of the next event."""
        return self._log.end

    def read(self, sequence: int) -> "tuple[int, int, int, int, int, int] | None":
        """Return (utc_s, kind, source, count, before, after) of one event.

        None: lost, never held, or no event but the counts.
        """
        if (
            not self._log.oldest <= sequence < self._log.end
            or self._log.read_into(sequence, self._buffer) is False
            or self._buffer[_KIND_AT] == _COUNTS
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

    def count(self, kind: int) -> int:
        """Return how often a kind has happened."""
        self._load_counts()
        return self.counts[kind]

    def all_counts(self) -> dict:
        """Return {name: count} of every kind that has happened."""
        self._load_counts()
        return {NAMES[kind]: count for kind, count in enumerate(self.counts) if count}

    def _load_counts(self) -> None:
        """Find how often each kind has happened, once: from the newest events, and the counts before them."""
        if self._since >= 0:
            return
        self._since = 0
        log, known = self._log, set()
        sequence, parts = log.end, set(range(_PARTS))
        while parts and sequence > log.oldest:
            sequence -= 1
            event = self.read(sequence)
            if event is None:
                if self._buffer[_KIND_AT] == _COUNTS and log.read_into(sequence, self._buffer):
                    part = self._buffer[_KIND_AT + 1]
                    parts.discard(part)
                    found = struct.unpack_from(_COUNTS_FORMAT, self._buffer, _KIND_AT + 2)
                    for index, count in enumerate(found):
                        kind = part * _PER_PART + index
                        if kind < len(NAMES) and kind not in known:
                            known.add(kind)
                            self.counts[kind] = count
                continue
            self._since += len(parts) == _PARTS
            if event[1] < len(NAMES) and event[1] not in known:
                known.add(event[1])
                self.counts[event[1]] = event[3]

    def _write_counts(self) -> None:
        """Write all counts, so that a start need not read further back than this."""
        self._since = 0
        for part in range(_PARTS):
            counts = self.counts[part * _PER_PART : (part + 1) * _PER_PART]
            counts = [count & 0xFFFF for count in counts] + [0] * (_PER_PART - len(counts))
            struct.pack_into("<IBB", self._buffer, 0, 0, _COUNTS, part)
            struct.pack_into(_COUNTS_FORMAT, self._buffer, _KIND_AT + 2, *counts)
            self._log.append(self._buffer)
