"""PANA between a controller (PaC) and the meter's coordinator (PAA): who gets in, for how long, how it ends.

Ref: b-route.md D10, D11, E4.4, F4, K. A model of outcomes and times, not of PANA messages. Timers of the
session run on the PAA's scheduler; each end is told on its own.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from keiki_host.bench.clock import Handle
from keiki_host.bench.wisun.air import Radio
from keiki_host.bench.wisun.timing import FAST, Timing


class Pana(Enum):
    """What happened to an end of a session; the value is the EVENT number of a text module."""

    JOINED = 0x25  # also after each re-authentication
    REFUSED = 0x24  # the PAA said no: credentials, or it has another controller
    NO_ANSWER = 0x124  # no PAA there; a text module says 24 as well
    PEER_ENDED = 0x26  # followed by ENDED
    ENDED = 0x27
    END_TIMEOUT = 0x28  # nobody answered the end request; the session counts as ended
    EXPIRED = 0x29


@dataclass(frozen=True)
class Credentials:
    """Route-B ID (32 ASCII bytes) and the pre-shared key (16 bytes)."""

    route_b_id: bytes = field(repr=False)
    psk: bytes = field(repr=False)

    @classmethod
    def from_password(cls, route_b_id: bytes, password: bytes) -> "Credentials":
        """Credentials from ID and password (1..32 ASCII bytes, B-route: 12)."""
        return cls(route_b_id, hashlib.sha256(password + b"\0" + route_b_id).digest()[-16:])

    def same(self, other: "Credentials") -> bool:
        """Compare in constant time."""
        same_id = hmac.compare_digest(self.route_b_id, other.route_b_id)
        return hmac.compare_digest(self.psk, other.psk) and same_id


class Session:
    """One session. Both ends hold this object; which of them still does is what each end believes."""

    def __init__(self, paa: "Paa | None", pac: "Pac") -> None:
        self.paa = paa
        self.pac = pac
        self.paa_mac = pac.peer or bytes(8)


class Paa:
    """The coordinator's end: at most one controller at a time.

    `on_event(Pana, peer_mac)` is told JOINED (join and re-authentication), REFUSED, PEER_ENDED, ENDED,
    END_TIMEOUT, EXPIRED. Set `credentials` and `lifetime_s` (S16, >= 60) before `start()`.
    """

    def __init__(self, radio: Radio, on_event: Callable[[Pana, bytes], None], timing: Timing = FAST) -> None:
        self.radio = radio
        self.timing = timing
        self.credentials: Credentials | None = None
        self.lifetime_s = 86400
        self.running = False
        self.session: Session | None = None
        self._on_event = on_event
        self._timers: list[Handle] = []
        radio.paa = self

    def start(self) -> None:
        """Accept joins from now on (SKSTART); older sessions are forgotten."""
        self.drop()
        self.running = True

    def stop(self) -> None:
        """Lose everything without a word (reset, power off). The other end believes on."""
        self.drop()
        self.running = False

    def terminate(self) -> None:
        """End the session from here (SKTERM): ENDED here, PEER_ENDED and ENDED there, or END_TIMEOUT."""
        if self.session is not None:
            _terminate(self, self.session.pac, self.session)

    def expire(self) -> None:
        """The lifetime is over: EXPIRED on every end that still holds the session."""
        if (session := self.session) is None:
            return
        self.drop()
        self.tell(Pana.EXPIRED, session.pac.radio.mac)
        if session.pac.session is session:
            session.pac.tell_later(Pana.EXPIRED)

    def admit(self, pac: "Pac", credentials: Credentials) -> Session | None:
        """Decide on a join: a new session, or None. The same controller may always come back."""
        known = self.running and self.credentials is not None and self.credentials.same(credentials)
        if self.running and not known:
            self._tell_later(Pana.REFUSED, pac.radio.mac)  # assumed, for lack of a capture
        if not known or (self.session is not None and self.session.pac is not pac):
            return None
        session = Session(self, pac)
        self._hold(session)
        self._tell_later(Pana.JOINED, pac.radio.mac)
        return session

    def tell(self, event: Pana, mac: bytes) -> None:
        """Report an event to the owner, unless the radio has no power."""
        if self.radio.on:
            self._on_event(event, mac)

    def _tell_later(self, event: Pana, mac: bytes) -> None:
        self.radio.scheduler.call_later(0, lambda: self.tell(event, mac))

    def _hold(self, session: Session) -> None:
        self.drop()
        self.session = session
        self.radio.link = session
        self._start_lifetime()

    def _start_lifetime(self) -> None:
        """Expiry, and until then attempts to re-authenticate at 80, 85, 90 and 95 % until one succeeds."""
        self._stop_timers()
        later = self.radio.scheduler.call_later
        self._timers = [later(self.lifetime_s * part, self._reauthenticate) for part in (800, 850, 900, 950)]
        self._timers.append(later(self.lifetime_s * 1000, self.expire))

    def _reauthenticate(self) -> None:
        """The PaC proves itself again, if it is there and set to (S17); key and session stay."""
        if (session := self.session) is None or self.credentials is None:
            return
        pac = session.pac
        if pac.session is not session or pac.credentials is None or not pac.auto_reauth:
            return
        if pac.radio.hears(self.radio) and self.credentials.same(pac.credentials):
            self._start_lifetime()
            self._tell_later(Pana.JOINED, pac.radio.mac)
            pac.tell_later(Pana.JOINED)

    def drop(self) -> None:
        """Forget the session, without a word."""
        self._stop_timers()
        self.session = None
        self.radio.link = None

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


class Pac:
    """The controller's end. `on_event(Pana, peer_mac)` is told how joins end and what becomes of the session.

    auto_reauth   re-authenticate by itself at 80 % of the lifetime (S17)
    session       None until joined
    peer          MAC of the PAA of the last join, or None
    """

    def __init__(self, radio: Radio, on_event: Callable[[Pana, bytes], None], timing: Timing = FAST) -> None:
        self.radio = radio
        self.timing = timing
        self.auto_reauth = True
        self.credentials: Credentials | None = None
        self.session: Session | None = None
        self.peer: bytes | None = None
        self.joining = False
        self._on_event = on_event
        self._attempt = 0
        radio.pac = self

    def join(self, paa_mac: bytes, credentials: Credentials, outcome: Pana | None = None) -> None:
        """Join a PAA; one of JOINED, REFUSED, NO_ANSWER comes later, by this end's clock.

        `outcome` forces it for faults: REFUSED or NO_ANSWER, or JOINED = this end believes that it has
        joined and nobody is there. A session that was up is given up without a word.
        """
        self.drop()
        self.credentials = credentials
        self.peer = paa_mac
        self.joining = True
        self._attempt += 1
        attempt = self._attempt
        good = outcome is Pana.JOINED or (outcome is None and self._would_admit(paa_mac, credentials))
        delay_ms = self.timing.join_ms if good else self.timing.refuse_ms
        self.radio.scheduler.call_later(delay_ms, lambda: self._decide(attempt, outcome))

    def rejoin(self, outcome: Pana | None = None) -> bool:
        """Join the last PAA again (SKREJOIN); False if there was none."""
        if self.peer is None or self.credentials is None:
            return False
        self.join(self.peer, self.credentials, outcome)
        return True

    def terminate(self, *, lost: bool = False) -> bool:
        """End the session (SKTERM): ENDED, or END_TIMEOUT if nobody answers or the request is `lost`.

        False if there is no session.
        """
        if self.session is None:
            return False
        _terminate(self, self.session.paa, self.session, lost=lost)
        return True

    def drop(self) -> None:
        """Forget session and attempt without a word (reset, power off). The PAA believes on."""
        self._attempt += 1
        self.joining = False
        self.session = None
        self.radio.link = None

    def hold(self, session: Session) -> None:
        """Take a session and its key."""
        self.session = session
        self.radio.link = session

    def tell(self, event: Pana, mac: bytes) -> None:
        """Report an event to the owner, unless the radio has no power."""
        if self.radio.on:
            self._on_event(event, mac)

    def tell_later(self, event: Pana) -> None:
        """Report an event of the PAA's making, one flight later by this end's clock.

        A session that expires keeps its key until then: nothing is sent in the clear.
        """
        session, mac = self.session, self.peer or bytes(8)

        def arrives() -> None:
            if event is Pana.EXPIRED and self.session is session:
                self.drop()
            self.tell(event, mac)

        self.radio.scheduler.call_later(self.radio.air.delay_ms, arrives)

    def _paa(self, mac: bytes) -> Paa | None:
        radio = self.radio.air.find(mac)
        paa = radio.paa if radio is not None and self.radio.hears(radio) else None
        return paa if isinstance(paa, Paa) and paa.running else None

    def _would_admit(self, mac: bytes, credentials: Credentials) -> bool:
        """Only chooses how long the attempt takes; the decision falls when the time is over."""
        paa = self._paa(mac)
        if paa is None or paa.credentials is None or not paa.credentials.same(credentials):
            return False
        return paa.session is None or paa.session.pac is self

    def _decide(self, attempt: int, outcome: Pana | None) -> None:
        if attempt != self._attempt or self.peer is None or self.credentials is None:
            return
        self.joining = False
        if outcome is Pana.JOINED:
            self.hold(Session(None, self))
        elif outcome is None:
            paa_there = self._paa(self.peer)
            session = paa_there.admit(self, self.credentials) if paa_there is not None else None
            if session is not None:
                self.hold(session)
            outcome = Pana.JOINED if session else Pana.REFUSED if paa_there else Pana.NO_ANSWER
        self.tell(outcome, self.peer)


def _terminate(here: Pac | Paa, there: Pac | Paa | None, session: Session, *, lost: bool = False) -> None:
    """The end request goes out; the session is over here when the answer is in, or the wait for it."""
    heard = there is not None and not lost and there.session is session and here.radio.hears(there.radio)
    mac = session.paa_mac if here is session.pac else session.pac.radio.mac

    def request_arrives() -> None:
        if there is not None and there.session is session:
            there.drop()
            there.tell(Pana.PEER_ENDED, here.radio.mac)
            there.tell(Pana.ENDED, here.radio.mac)

    def answer_arrives() -> None:
        if here.session is session:
            here.drop()
            here.tell(Pana.ENDED if heard else Pana.END_TIMEOUT, mac)

    if there is not None and heard:
        there.radio.scheduler.call_later(0, request_arrives)
    here.radio.scheduler.call_later(
        here.timing.end_ms if heard else here.timing.end_timeout_ms, answer_arrives
    )
