"""The switch in the supply: control states and modes of the disconnect control.

Document: DLMS UA Blue Book (IEC 62056-6-2), class 70 version 0. Transitions have the letters of its diagram.
"""

import asyncio

from keiki.meter import eventlog
from keiki.meter.kept_state import CONNECTED, DISCONNECTED, READY
from keiki.wire.compat import const

# Who asks; the source of events
REMOTE = const(1)
BUTTON = const(2)
LIMITER = const(3)
METER = const(4)
WHO = ("", "remote", "button", "limiter", "meter")

# What is asked
REMOTE_DISCONNECT = const(0)
REMOTE_RECONNECT = const(1)
MANUAL = const(2)
LOCAL_DISCONNECT = const(3)
LOCAL_RECONNECT = const(4)

# What becomes of it
DONE = const(0)  # it is so already
MOVING = const(1)  # `await settled()` tells the rest
DENIED = const(2)  # not in this mode, or not from this state
TOO_OFTEN = const(3)
BUSY = const(4)  # it moves just now, or flash refuses

# (what is asked, state): (letter, state after it), in order of preference
_TRANSITIONS = {
    (REMOTE_DISCONNECT, CONNECTED): (("b", DISCONNECTED),),
    (REMOTE_DISCONNECT, READY): (("c", DISCONNECTED),),
    (REMOTE_RECONNECT, DISCONNECTED): (("a", CONNECTED), ("d", READY)),
    (REMOTE_RECONNECT, READY): (("a", CONNECTED),),
    (MANUAL, READY): (("e", CONNECTED),),
    (MANUAL, CONNECTED): (("f", READY),),
    (LOCAL_DISCONNECT, CONNECTED): (("g", READY),),
    (LOCAL_RECONNECT, READY): (("h", CONNECTED),),
}
_ASKED_BY = (REMOTE, REMOTE, BUTTON, LIMITER, LIMITER)
_WANTS = {
    REMOTE_DISCONNECT: (DISCONNECTED,),
    REMOTE_RECONNECT: (CONNECTED, READY),
    LOCAL_DISCONNECT: (DISCONNECTED, READY),
    LOCAL_RECONNECT: (CONNECTED,),
}
MODES = ("", "bcfgde", "bcfgae", "bcgde", "bcgae", "bcfgdeh", "bcgdeh")
"""The transitions of each control mode; in mode 0 the supply is always connected."""

_HOUR_MS = const(3600000)
_BACKOFF_MS = const(60000)
_BACKOFF_MAX_MS = const(3600000)


class Switch:
    """Moves `relay` (drivers/relay.py) as asked and as the mode allows.

    A state is on flash before the relay moves, so a power cut in between is made good at the next start. If
    the relay does not follow, the state goes back to what its contact says. `settings`: `disconnect_mode`,
    and `switch_per_hour`, the limit of remote disconnections: an attacker with keys cannot wear the relay,
    and to reconnect is always free. `followed`: the relay did what it was last asked for.
    """

    def __init__(self, relay, state, settings, events, ticks_ms) -> None:
        self.state = state
        self.on_fault = lambda: None
        self.stats = {"moves": 0, "faults": 0}
        self._relay = relay
        self._settings = settings
        self._events = events
        self._ticks_ms = ticks_ms
        self._credit_ms = _HOUR_MS
        self._credit_at_ms = ticks_ms()
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._who = METER
        self._before = (state.control, state.tripped)
        self.followed = True
        self._restore_ms = 0
        self._backoff_ms = _BACKOFF_MS
        self._button = False

    @property
    def connected(self) -> bool:
        """Whether current can flow: what the contact says (class 70, attribute 2)."""
        return self._relay.closed

    def ask(self, what: int) -> int:
        """Ask for a transition; returns DONE, MOVING, DENIED, TOO_OFTEN or BUSY."""
        state = self.state
        if not self._settled.is_set():
            return BUSY
        letters = MODES[self._settings.disconnect_mode]
        wanted = None
        for letter, control in _TRANSITIONS.get((what, state.control), ()):
            if wanted is None and letter in letters:
                wanted = control
        if wanted is None:
            return DONE if letters and state.control in _WANTS.get(what, ()) else DENIED
        if what == REMOTE_DISCONNECT and not self._may_disconnect():
            self._events.add(eventlog.SWITCH_REFUSED)
            return TOO_OFTEN
        return self._begin(_ASKED_BY[what], wanted, what == LOCAL_DISCONNECT)

    def _may_disconnect(self) -> bool:
        now_ms = self._ticks_ms()
        self._credit_ms = min(_HOUR_MS, self._credit_ms + now_ms - self._credit_at_ms)
        self._credit_at_ms = now_ms
        cost_ms = _HOUR_MS // self._settings.switch_per_hour
        if self._credit_ms < cost_ms:
            return False
        self._credit_ms -= cost_ms
        return True

    def _begin(self, who: int, control: int, tripped: bool) -> int:
        state = self.state
        before = (state.control, state.tripped)
        try:
            state.keep_control(control, tripped)
        except OSError:
            return BUSY
        self._who, self._before = who, before
        if (control == CONNECTED) == self.connected:
            self._tell()
            return DONE
        self._settled.clear()
        self._wake.set()
        return MOVING

    async def settled(self) -> bool:
        """Wait until nothing moves; False if the relay has not followed."""
        await self._settled.wait()
        return self.followed

    async def run(self) -> None:
        """Move the relay for ever; first of all to where it was to be when the power went."""
        while True:
            wanted = self.state.control == CONNECTED
            if self.connected != wanted:
                await self._move(wanted)
            self._settled.set()
            self._wake.clear()
            await self._wake.wait()

    async def _move(self, closed: bool) -> None:
        self.stats["moves"] += 1
        self.followed = await self._relay.move(closed)
        if self.followed:
            self._backoff_ms = _BACKOFF_MS
            self._tell()
            return
        self._fault(int(closed))
        control, tripped = self._before
        if (control == CONNECTED) != self.connected:
            control, tripped = CONNECTED if self.connected else READY, False
        try:
            self.state.keep_control(control, tripped)
        except OSError:
            self.state.control, self.state.tripped = control, tripped

    def _tell(self) -> None:
        connected = self.state.control == CONNECTED
        if connected != (self._before[0] == CONNECTED) or self._who == METER:
            kind = eventlog.CONNECTED if connected else eventlog.DISCONNECTED
            self._events.add(kind, self._who, self._before[0])
        self._who, self._before = METER, (self.state.control, self.state.tripped)

    def _fault(self, source: int) -> None:
        self.stats["faults"] += 1
        self._events.add(eventlog.RELAY_FAULT, source)
        self.on_fault()

    def look(self, pressed: bool) -> None:
        """To be called about once a second: sees the button, another mode, a contact that moved."""
        if not self._settled.is_set():
            return
        if pressed and not self._button:
            self.ask(MANUAL)
        self._button = pressed
        now_ms = self._ticks_ms()
        wanted = self.state.control == CONNECTED
        if not wanted and not MODES[self._settings.disconnect_mode]:
            self._begin(METER, CONNECTED, False)
        elif self.connected != wanted and self._settled.is_set() and now_ms >= self._restore_ms:
            self._fault(2)
            self._restore_ms = now_ms + self._backoff_ms
            self._backoff_ms = min(2 * self._backoff_ms, _BACKOFF_MAX_MS)
            self._settled.clear()
            self._wake.set()
