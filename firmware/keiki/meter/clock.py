"""The meter's one clock: UTC on the board's monotonic milliseconds, disciplined by what its sources tell.

Small offsets are slewed, so that no second is missing and none comes twice; a jump needs two sources that
agree, or one that is authenticated. What was closed stays closed: a jump moves the clock, never a record.
All arithmetic is in integers; the fractions of a millisecond are kept, in parts of 1e9.
"""

from keiki.meter.clock_drift import Drift
from keiki.meter.clock_witness import Witnesses
from keiki.wire.compat import const
from keiki.wire.sntp import MAX_UTC_MS, MIN_UTC_MS

# sources, in order of trust; from HEADEND on they are authenticated
RTC = const(1)
SNTP = const(2)
HEADEND = const(3)
HOST = const(4)

# what became of an offer; all but WAITING, HELD and small slews are events too
SET = "set"
STEP = "step"
SLEW = "slew"
REFUSED = "refused"
WAITING = "waiting"
HELD = "held"

JUMP_MS = const(60_000)
SNTP_AHEAD_MS = 157_680_000_000
"""Five years: servers that are so far ahead of what the meter knows are wrong, however many agree."""
SLEW_EVENT_MS = const(2000)
DISCIPLINED_MS = const(6 * 3_600_000)

_BILLION = const(1_000_000_000)
_SLEW_PPB = const(500_000)
_SLEWS_PER_MS = const(2000)  # a slew is counted in steps of 1/2000 ms: one in each ms of ticks is 500 ppm


class Clock:
    """UTC time. It never goes back and never leaps, but by what `on_event` hears of.

    `ticks_ms` tells monotonic milliseconds that never wrap; `utc_ms` is the best guess at start (time of the
    newest record, or of an RTC), believed at once only if `sure`. `drift_ppb` is what an earlier run learnt.

    `on_event(kind, before_ms, after_ms, source)`: SET (first set), STEP (jump), SLEW (a new offset of 2 s or
    more is being made good) and REFUSED (once a day for each source; `after_ms` is what it told).
    """

    def __init__(self, ticks_ms, utc_ms: int, sure: bool = False, *, drift_ppb: int = 0) -> None:
        self.unsure = not sure
        self.on_event = lambda _kind, _before_ms, _after_ms, _source: None
        self._ticks_ms = ticks_ms
        self._drift = Drift(drift_ppb)
        self._witnesses = Witnesses()
        self._agreed_ticks = None
        self._disciplined_ticks = None
        self._base_ticks = ticks_ms()
        self._base_ms = utc_ms
        self._rest = 0
        self._slew = 0

    # -- reading --------------------------------------------------------------------------------------

    def utc_ms(self) -> int:
        """Return UTC milliseconds since 1970."""
        return self._utc_at(self._ticks_ms())

    def utc_s(self) -> int:
        """Return UTC seconds since 1970, rounded down."""
        return self.utc_ms() // 1000

    def ms_to_next(self, period_ms: int) -> int:
        """Return for how many milliseconds of ticks to sleep until UTC is a whole multiple of `period_ms`.

        Never 0. Not the same as what is missing in UTC: after a wait of just that, a clock that runs slow
        would stand a millisecond before the multiple.
        """
        ticks = self._ticks_ms()
        utc_ms = self._utc_at(ticks)
        due_ms = (utc_ms // period_ms + 1) * period_ms
        wait_ms = due_ms - utc_ms
        wait_ms -= max(0, self._utc_at(ticks + wait_ms) - due_ms)
        short_ms = due_ms - self._utc_at(ticks + wait_ms)
        while short_ms > 0:
            wait_ms += short_ms
            short_ms = due_ms - self._utc_at(ticks + wait_ms)
        return wait_ms

    def age_s(self) -> "int | None":
        """Return the seconds since a source last agreed with the clock or set it; None: not since start."""
        if self._agreed_ticks is None:
            return None
        return (self._ticks_ms() - self._agreed_ticks) // 1000

    @property
    def disciplined(self) -> bool:
        """True if a source better than the RTC agreed within 6 hours: until then the RTC only follows."""
        ticks = self._disciplined_ticks
        return ticks is not None and self._ticks_ms() - ticks < DISCIPLINED_MS

    @property
    def drift_ppb(self) -> int:
        """Correction of the crystal in parts per 1e9, -200,000 .. 200,000; worth keeping over a restart."""
        return self._drift.ppb

    @property
    def slew_ms(self) -> int:
        """Milliseconds that are still to be made good, at 500 ppm."""
        made = min(abs(self._slew), self._ticks_ms() - self._base_ticks)
        left = (abs(self._slew) - made) // _SLEWS_PER_MS
        return left if self._slew > 0 else -left

    # -- setting --------------------------------------------------------------------------------------

    def step(self, by_ms: int) -> None:
        """Move the clock by `by_ms` at once: a command of the host tool. Closed slots stay as they are."""
        before_ms = self.utc_ms()
        self._move_to(before_ms + by_ms)
        self.on_event(STEP, before_ms, before_ms + by_ms, HOST)

    def offer(self, source: int, utc_ms: int, now_ms: int, name: str = "") -> str:
        """Consider what a source tells: that it was `utc_ms` when our ticks were `now_ms`.

        `name` tells sources of one kind apart (servers); two names never count as one witness, so one server
        must not have two. Returns what became of it: SET, STEP, SLEW, REFUSED, WAITING (unsure, and a second
        source must agree first) or HELD (the RTC, while better sources lead).
        """
        ticks = self._ticks_ms()
        before_ms = self._utc_at(ticks)
        line_ms = utc_ms - now_ms
        after_ms = line_ms + ticks
        if not MIN_UTC_MS <= utc_ms < MAX_UTC_MS:
            return self._refuse(source, name, ticks, before_ms, after_ms)
        trusted = source >= HEADEND
        offset_ms = after_ms - before_ms
        if source == SNTP and offset_ms > SNTP_AHEAD_MS:
            return self._refuse(source, name, ticks, before_ms, after_ms)
        if self.unsure:
            if source == RTC and offset_ms <= -JUMP_MS:
                # earlier than the meter's own records: its battery, or somebody, set it back
                self._witnesses.hear(source, name, line_ms, ticks)
                return self._refuse(source, name, ticks, before_ms, after_ms)
            if source == SNTP and not self._witnesses.hear(source, name, line_ms, ticks):
                return WAITING
            return self._jump(SET, source, ticks, before_ms, after_ms)
        if abs(offset_ms) >= JUMP_MS:
            if trusted or self._witnesses.hear(source, name, line_ms, ticks):
                return self._jump(STEP, source, ticks, before_ms, after_ms)
            return self._refuse(source, name, ticks, before_ms, after_ms)
        self._witnesses.forget(source, name)
        if source == RTC and self.disciplined:
            return HELD
        self._follow(source, name, line_ms, ticks, offset_ms)
        return SLEW

    def _follow(self, source: int, name: str, line_ms: int, ticks: int, offset_ms: int) -> None:
        surprise_ms = offset_ms - self.slew_ms
        self._rebase(ticks)
        self._slew = offset_ms * _SLEWS_PER_MS
        if source <= SNTP:  # times of people and of slow protocols say nothing about a crystal
            self._drift.learn((source, name), line_ms, ticks)
        self._agree(source, ticks)
        if abs(surprise_ms) >= SLEW_EVENT_MS:
            self.on_event(SLEW, self._base_ms, self._base_ms + offset_ms, source)

    def _jump(self, kind: str, source: int, ticks: int, before_ms: int, after_ms: int) -> str:
        self._move_to(after_ms)
        self.unsure = False
        self._witnesses.clear()
        self._agree(source, ticks)
        self.on_event(kind, before_ms, after_ms, source)
        return kind

    def _refuse(self, source: int, name: str, ticks: int, before_ms: int, after_ms: int) -> str:
        if self._witnesses.is_news(source, name, ticks):
            self.on_event(REFUSED, before_ms, after_ms, source)
        return REFUSED

    def _agree(self, source: int, ticks: int) -> None:
        self._agreed_ticks = ticks
        if source != RTC:
            self._disciplined_ticks = ticks

    # -- arithmetic -----------------------------------------------------------------------------------

    def _corrections(self, elapsed_ms: int) -> int:
        """Return what drift and slew add to `elapsed_ms` of ticks, in ms x 1e9."""
        total = self._rest + elapsed_ms * self._drift.ppb
        slew = self._slew
        if slew:
            total += max(-elapsed_ms, min(elapsed_ms, slew)) * _SLEW_PPB
        return total

    def _utc_at(self, ticks: int) -> int:
        elapsed_ms = ticks - self._base_ticks
        return self._base_ms + elapsed_ms + self._corrections(elapsed_ms) // _BILLION

    def _rebase(self, ticks: int) -> None:
        """Begin to count anew at `ticks`, where UTC is what it was, to the last fraction."""
        elapsed_ms = ticks - self._base_ticks
        whole_ms, rest = divmod(self._corrections(elapsed_ms), _BILLION)
        self._slew -= max(-elapsed_ms, min(elapsed_ms, self._slew))
        self._base_ms += elapsed_ms + whole_ms
        self._rest = rest
        self._base_ticks = ticks

    def _move_to(self, utc_ms: int) -> None:
        """Be at `utc_ms` now; a slew that was under way is done with."""
        self._base_ticks = self._ticks_ms()
        self._base_ms = utc_ms
        self._rest = self._slew = 0
