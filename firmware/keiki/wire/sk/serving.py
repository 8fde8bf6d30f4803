"""A module that has been started: who has joined, datagrams both ways, and whether the module still lives.

From SKSTART until a ModuleError. One command at a time: SKSENDTO, or the probe SKINFO, whose answer
must show the channel and PAN that were set (a module that was reset shows others).
"""

from keiki.wire.compat import const
from keiki.wire.sk.dialect import PORT_ECHONET, Dialect, Event
from keiki.wire.sk.lines import CRLF, MAX_PAYLOAD, command, parse_fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PROBE_MS = const(60000)  # silence after which the module is asked
PROBE_MAX_MS = const(600000)  # it is asked this often even when there is traffic
ANSWER_MS = const(5000)  # for SKINFO
SENT_MS = const(10000)  # for SKSENDTO: 1232 bytes take up to 7 s (E6.8)
SUSPECT_MS = const(5000)  # least time between probes that odd lines cause
GATE_MS = const(3600000)  # the limit on transmission is per hour (D8): then go on even without EVENT 33
STALE_MS = const(60000)  # nobody waits longer for an answer (D1)
RETRY_MS = (1000, 3000)  # before each repeat of a datagram that got no link acknowledgement
QUEUE = const(8)
MISSES = const(3)

_HANDLE = const(1)  # bound to port 3610 (E4.11)
_SECURED = const(1)  # transmit only if it can be encrypted (E4.7)
_LONGEST = const(100)  # of any line here but ERXUDP
_REASONS = {0x26: "peer ended", 0x27: "ended", 0x28: "end not acknowledged", 0x29: "expired"}


class ModuleError(Exception):
    """The module is lost: it refuses, does not answer or was reset. The text holds no secret."""


def flush() -> bytes:
    """Return what ends the longest payload a module may wait for; else it is empty lines (E1.2, E4.7)."""
    return CRLF * (MAX_PAYLOAD // 2)


class Serving:
    """`settings` = own address, channel and PAN, as SKINFO must tell them; `stats` as in `Coordinator`."""

    def __init__(
        self,
        dialect: Dialect,
        settings: "tuple[str, int, int]",
        *,
        join_by_datagram: bool,
        stats: "dict[str, int]",
        emit: "Callable[[tuple], None]",
        write: "Callable[[bytes], None]",
    ) -> None:
        self._dialect = dialect
        self._own_ip, self._channel, self._pan = settings
        self._join_by_datagram = join_by_datagram
        self._stats = stats
        self._emit = emit
        self._write = write
        self.peer: "str | None" = None
        self.proven = False  # a probe has shown the settings
        self._now_ms = 0
        self._queue: "list[tuple[str, bytes, int]]" = []
        self._flying: "tuple[str, bytes, int] | None" = None
        self._tries = 0
        self._retry_ms = 0
        self._refusals = 0
        self._gate_ms = 0
        self._probing = False
        self._misses = 0
        self._info = False  # EINFO of this probe was right
        self._ok = False  # OK of this SKSENDTO has come
        self._result = -1  # parameter of its EVENT 21: 0 acknowledged, 1 not
        self._due_ms = 0  # of the command under way
        self._probe_ms = 0
        self._probed_ms = 0
        self._proven_ms = 0

    def start(self, now_ms: int) -> None:
        """Begin with a probe: do the settings hold?"""
        self._proven_ms = now_ms
        self._probe(now_ms)

    def stop(self) -> None:
        """The module is lost: say so of its session."""
        self._leave("module lost")

    def send(self, addr: "str | None", data: bytes) -> bool:
        """Queue a payload for `addr` (None: the peer); False if it has not joined or the queue is full."""
        peer = self.peer
        if peer is None or addr not in (None, peer) or len(self._queue) >= QUEUE:
            return False
        self._queue.append((peer, data, self._now_ms))
        return True

    def next_ms(self, now_ms: int) -> int:
        """Return the ms until `tick` is due."""
        if self._probing or self._flying:
            due_ms = self._due_ms
        else:
            due_ms = self._probe_ms
            if self._queue:
                due_ms = min(due_ms, max(self._retry_ms, self._gate_ms))
        return max(0, due_ms - now_ms)

    def tick(self, now_ms: int) -> None:
        """Do what is due; ModuleError when the module is lost."""
        self._now_ms = now_ms
        if self._probing or self._flying:
            if now_ms < self._due_ms:
                return
            if self._probing:
                self._missed(now_ms, "no answer")
            elif self._ok:
                self._finish(False, now_ms)  # no EVENT 21: not sent, as far as we know
            else:
                self._finish(False, now_ms)
                self._missed(now_ms, "no answer")
        if self._probing or self._flying:
            return
        if now_ms >= self._probe_ms:
            self._probe(now_ms)
        elif self._queue and now_ms >= max(self._retry_ms, self._gate_ms):
            self._transmit(now_ms)

    def line(self, line: memoryview, now_ms: int) -> None:
        """Take one line of the module; ModuleError when it shows that the module is lost."""
        self._now_ms = now_ms
        kind = bytes(line[:7])
        if kind == b"ERXUDP ":
            known = self._datagram(line)
        elif len(line) > _LONGEST:
            known = False
        elif kind[:6] == b"EVENT ":
            event = self._dialect.parse_event(line)
            known = event is not None
            if event is not None and not event.side:
                self._happened(event, now_ms)
        elif kind.rstrip() == b"OK":
            known = True
            self._accepted(now_ms)
        elif kind[:5] == b"FAIL ":
            refusal = parse_fail(line)
            known = refusal is not None
            if refusal is not None:
                self._refused(refusal, now_ms)
        else:
            known = kind[:6] == b"EINFO " and self._probing
            if known:
                self._told(line)
        if known:
            self._defer(now_ms)
        else:
            self._stats["junk"] += 1
            self._suspect()

    def _datagram(self, line: memoryview) -> bool:
        got = self._dialect.parse_erxudp(line)
        if got is None:
            return False
        if got.lport != PORT_ECHONET or got.side or not got.data:
            return True  # PANA's own traffic on port 02CC (E4.5)
        if got.sec != 1 or (got.sender != self.peer and not self._join_by_datagram):
            self._stats["unwanted"] += 1
            return True
        if got.sender != self.peer:
            self._join(got.sender)
        self._stats["datagrams"] += 1
        self._emit(("datagram", got.sender, got.data))
        return True

    def _happened(self, event: Event, now_ms: int) -> None:
        num = event.num
        if num == 0x21:
            flying = self._flying
            if flying is not None and event.sender == flying[0] and event.param in (0, 1):
                self._result = event.param
                if self._ok:
                    self._finish(self._result == 0, now_ms)
        elif num == 0x25:
            if event.sender != self._own_ip:
                self._join(event.sender)
        elif num in _REASONS:
            if event.sender in (self.peer, self._own_ip):
                self._leave(_REASONS[num])
        elif num == 0x32:
            self._gate_ms = now_ms + GATE_MS
        elif num == 0x33:
            self._gate_ms = 0
        elif num == 0x24:
            self._stats["refused"] += 1
            self._emit(("refused", event.sender))
        elif num == 0xC0:
            self._suspect()

    def _join(self, addr: str) -> None:
        if addr != self.peer:
            self._leave("replaced")
        self.peer = addr
        self._stats["joins"] += 1
        self._emit(("join", addr))

    def _leave(self, reason: str) -> None:
        addr = self.peer
        if addr is not None:
            self.peer = None
            self._stats["dropped"] += len(self._queue)
            self._queue = []
            self._emit(("leave", addr, reason))

    def _accepted(self, now_ms: int) -> None:
        if self._probing and self._info:
            self._probing = False
            self.proven = True
            self._misses = 0
            self._proven_ms = now_ms
            self._probe_ms = now_ms + PROBE_MS
        elif self._flying:
            self._ok = True
            self._refusals = 0
            if self._result >= 0:
                self._finish(self._result == 0, now_ms)

    def _refused(self, refusal: str, now_ms: int) -> None:
        if self._probing:
            self._missed(now_ms, "refused " + refusal)
        elif self._flying:
            self._flying = None
            self._tries = 0
            self._stats["dropped"] += 1
            self._refusals += 1
            if self._refusals >= MISSES:
                raise ModuleError("SKSENDTO: refused " + refusal)
            self._suspect()

    def _told(self, line: memoryview) -> None:
        info = self._dialect.parse_einfo(line)
        if info is None:
            return
        if (info.ip, info.channel, info.pan) != (self._own_ip, self._channel, self._pan):
            raise ModuleError("SKINFO: the settings are lost")
        self._info = True

    def _transmit(self, now_ms: int) -> None:
        item = self._queue.pop(0)
        if now_ms - item[2] > STALE_MS:
            self._stats["dropped"] += 1
            self._tries = 0
            return
        self._flying = item
        self._ok = False
        self._result = -1
        self._due_ms = now_ms + SENT_MS
        self._write(self._dialect.sendto(_HANDLE, item[0], PORT_ECHONET, _SECURED, item[1]))

    def _finish(self, sent: bool, now_ms: int) -> None:
        """End a transmission. PANA's own EVENT 21 looks the same: at worst it costs or saves one repeat."""
        item, self._flying = self._flying, None
        if sent:
            self._stats["sent"] += 1
        elif item is not None and item[0] == self.peer and self._tries < len(RETRY_MS):
            self._retry_ms = now_ms + RETRY_MS[self._tries]
            self._tries += 1
            self._stats["retries"] += 1
            self._queue.insert(0, item)
            return
        else:
            self._stats["dropped"] += 1
        self._tries = 0

    def _probe(self, now_ms: int) -> None:
        self._probing = True
        self._info = False
        self._probed_ms = now_ms
        self._due_ms = now_ms + ANSWER_MS
        self._write(command("SKINFO"))

    def _missed(self, now_ms: int, why: str) -> None:
        self._misses += 1
        if self._misses >= MISSES:
            raise ModuleError("SKINFO: " + why)
        self._write(flush())
        self._probe(now_ms)

    def _suspect(self) -> None:
        """Something odd was seen: ask soon."""
        self._probe_ms = min(self._probe_ms, self._probed_ms + SUSPECT_MS)

    def _defer(self, now_ms: int) -> None:
        """The module speaks: ask only after it has been silent, but not too seldom."""
        if self._probe_ms > now_ms and self._probe_ms - self._probed_ms > SUSPECT_MS:
            self._probe_ms = min(now_ms + PROBE_MS, self._proven_ms + PROBE_MAX_MS)
