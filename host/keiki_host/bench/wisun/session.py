"""PANA in a text module: credentials, SKSTART, SKJOIN, SKREJOIN, SKTERM, and their faults.

Ref: b-route.md E3.11, E3.15, E4.4 - E4.6, E4.8, E4.9, F1 - F5, L3, L9.
"""

from collections.abc import Callable
from typing import Any

from keiki.wire.sk.lines import SkError, ll64, mac_of

from keiki_host.bench.wisun.air import NO_PAN
from keiki_host.bench.wisun.core import Core
from keiki_host.bench.wisun.pana import Credentials, Paa, Pac, Pana
from keiki_host.bench.wisun.registers import BEACON, LIMITED, PAIRING, SIDE, Registers
from keiki_host.bench.wisun.udp import Udp

PORT_PANA = 0x02CC
_GLUE_MS = 1000
_SETTLE_MS = 2000


class Sessions:
    """Both ends of PANA that a module can be, in the words of its family."""

    def __init__(self, core: Core, registers: Registers, udp: Udp) -> None:
        self._core = core
        self._registers = registers
        self._udp = udp
        self.route_b_id = b""
        self.psk_source: bytes | None = None
        self.psk_direct = False
        self.pac = Pac(core.radio, self._pac_event, core.options.timing)
        self.paa = Paa(core.radio, self._paa_event, core.options.timing)
        self._owed: dict[str, Callable[[], None]] = {}
        self._after_expiry: Callable[[], object] | None = None
        if not core.options.meter:
            self._on_start("meter_ends", self._meter_ends)
            self._on_start("expire_rejoin", lambda: self._expire(self.pac.rejoin))
            self._on_start("expire_fail", lambda: self._expire(lambda: self.pac.rejoin(Pana.REFUSED)))
            self._on_start("expire_only", lambda: self._expire(None))
            core.faults.on_start("tx_limit", self._limit)

    def reset(self) -> None:
        """Forget credentials and sessions without a word."""
        self.pac.drop()
        self.paa.stop()
        self.pac.peer = None
        self._core.radio.coordinator = False
        self.route_b_id = b""
        self.psk_source = None
        self._registers.put(LIMITED, 0)

    def set_id(self, route_b_id: bytes) -> None:
        """SKSETRBID: 32 characters; the pairing ID becomes the last 8."""
        self.route_b_id = route_b_id
        self._registers.put(PAIRING, route_b_id[-8:])

    def set_key(self, source: bytes, *, direct: bool) -> None:
        """SKSETPWD (a password) or SKSETPSK (`direct`: the key itself, 16 bytes)."""
        self.psk_source = source
        self.psk_direct = direct

    def start(self) -> None:
        """SKSTART: become coordinator and PAA. SkError ER10 without PAN ID, ID or key, or on the HAN side."""
        credentials = self._credentials()
        radio = self._core.radio
        if radio.pan_id == NO_PAN:
            raise SkError("ER10")
        self.pac.drop()
        self._registers.put(BEACON, 1)
        radio.coordinator = True
        self.paa.credentials = credentials
        self.paa.start()

    def join(self, ip: str) -> None:
        """SKJOIN. SkError ER10 without ID or key, on the HAN side, or as coordinator."""
        credentials = self._credentials()
        if self.paa.running:
            raise SkError("ER10")
        self._udp.blocked = True
        self.pac.join(mac_of(ip), credentials, self._join_outcome())
        self._show_join(ip)

    def rejoin(self) -> None:
        """SKREJOIN. SkError ER10 without a session."""
        if self.pac.session is None or self.pac.peer is None:
            raise SkError("ER10")
        self._udp.blocked = True
        self.pac.rejoin(self._join_outcome())
        self._show_join(ll64(self.pac.peer))

    def terminate(self) -> None:
        """SKTERM, on either end. SkError ER10 without a session."""
        if self.paa.session is not None:
            self._show_sent(self.paa.session.pac.radio.mac)
            self.paa.terminate()
        elif self.pac.session is not None and self.pac.peer is not None:
            self._show_sent(self.pac.peer)
            self.pac.terminate(lost=self._core.hit("skterm_lost") is not None)
        else:
            raise SkError("ER10")

    def _credentials(self) -> Credentials:
        if not self.route_b_id or self.psk_source is None or self._side():
            raise SkError("ER10")
        if self.psk_direct:
            return Credentials(self.route_b_id, self.psk_source)
        return Credentials.from_password(self.route_b_id, self.psk_source)

    def _side(self) -> int:
        return self._registers.number(SIDE) if self._core.dialect.sided else 0

    def _join_outcome(self) -> Pana | None:
        if self._core.hit("join_fail"):
            return Pana.REFUSED
        return Pana.JOINED if self._core.hit("join_silent") else None

    def _show_sent(self, mac: bytes) -> None:
        """EVENT 21 of a request to the other end, after the OK that goes out first."""
        core = self._core
        line = core.event(0x21, ll64(mac), 0 if self._hears(mac) else 1)
        core.scheduler.call_later(0, lambda: core.notify(line))

    def _hears(self, mac: bytes) -> bool:
        peer = self._core.radio.air.find(mac)
        return peer is not None and self._core.radio.hears(peer)

    def _show_join(self, ip: str) -> None:
        """What real modules print while they join (E4.5): neighbour search, PANA datagrams in the clear."""
        core = self._core
        if not core.options.noisy:
            return
        lines = [core.event(0x21, ip, 2)]
        if self._hears(mac_of(ip)):
            lines += [core.event(0x02, ip), core.event(0x21, ip, 0)]
            lines += [self._pana_line(ip, 1), self._pana_line(ip, 2)]
        else:
            lines += [core.event(0x21, ip, 1)]
        step_ms = self.pac.timing.join_ms // (len(lines) + 1)
        for i, line in enumerate(lines):
            core.scheduler.call_later(step_ms * (i + 1), lambda line=line: core.notify(line))  # type: ignore[misc]

    def _pana_line(self, ip: str, number: int) -> bytes:
        """A PANA message of 40 bytes: header with length, flags, type, session and sequence, one AVP."""
        header = bytes.fromhex("0000 0028 C000 0002") + b"KEIK" + number.to_bytes(4, "big")
        message = header + bytes.fromhex("0002000000100000") + bytes(16)
        return self._udp.show(ip, self._core.ip, message, rport=PORT_PANA, lport=PORT_PANA, sec=0)

    def _pac_event(self, what: Pana, mac: bytes) -> None:
        core = self._core
        self._udp.blocked = what is Pana.EXPIRED
        line = core.event(what.value & 0xFF, ll64(mac))
        if what is Pana.JOINED and core.hit("glued"):
            core.port.reply(line, hold_ms=_GLUE_MS)
        else:
            core.notify(line)
        then, self._after_expiry = self._after_expiry, None
        if what is Pana.EXPIRED and then is not None:
            then()
        if what is Pana.JOINED:
            for name in list(self._owed):
                act = self._owed.pop(name)
                if core.faults.active(name):
                    core.scheduler.call_later(_SETTLE_MS, act)

    def _paa_event(self, what: Pana, mac: bytes) -> None:
        core = self._core
        ip = ll64(mac)
        if what is Pana.JOINED and core.options.noisy:
            core.notify(core.event(0x01, ip))
            core.notify(self._pana_line(ip, 1))
            core.notify(core.event(0x21, ip, 0))
        core.notify(core.event(what.value & 0xFF, ip))

    def _on_start(self, name: str, act: Callable[[], None]) -> None:
        """Do `act` when the fault begins; without a session then, soon after the next one is up."""

        def begin(params: dict[str, Any]) -> None:
            if self.pac.session is not None:
                act()
            else:
                self._owed[name] = act

        self._core.faults.on_start(name, begin)

    def _meter_ends(self) -> None:
        if (session := self.pac.session) is None:
            return
        if session.paa is not None and session.paa.session is session:
            session.paa.terminate()
        else:
            self.pac.drop()
            self.pac.tell_later(Pana.PEER_ENDED)
            self.pac.tell_later(Pana.ENDED)

    def _expire(self, then: Callable[[], object] | None) -> None:
        """The session expires at both ends; `then` follows EVENT 29 at once."""
        if (session := self.pac.session) is None:
            return
        self._after_expiry = then
        if session.paa is not None and session.paa.session is session:
            session.paa.expire()
        else:
            self.pac.tell_later(Pana.EXPIRED)

    def _limit(self, params: dict[str, Any]) -> None:
        """The sending limit: EVENT 32, and 33 when it is over."""
        core = self._core
        self._registers.put(LIMITED, 1)
        core.notify(core.event(0x32))
        core.scheduler.call_later(int(1000 * params["seconds"]), self._unlimit)

    def _unlimit(self) -> None:
        if self._registers.number(LIMITED):
            self._registers.put(LIMITED, 0)
            self._core.notify(self._core.event(0x33))
