"""The meter's Wi-SUN module as PAN coordinator and PANA authentication agent (b-route.md F).

Sans-I/O: bytes and time in, bytes and events out. One controller at a time (D11); which one is up
to the module. What tells a join on this side is not documented (F5, M3), so both signs count:
EVENT 25 with the controller's address, or, unless `join_by_datagram` is False, the first secured
datagram from an address that has not joined. A repeated EVENT 25 is a new join of the same address.
"""

from keiki.wire.compat import const
from keiki.wire.sk.dialect import Dialect
from keiki.wire.sk.lines import MAX_PAYLOAD, LineReader
from keiki.wire.sk.serving import ModuleError, Serving
from keiki.wire.sk.setup import DONE, NEXT, Setup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BACKOFF_MS = const(1000)
BACKOFF_MAX_MS = const(60000)
EVENTS = const(32)  # datagrams beyond this many events that nobody fetched are dropped


class Coordinator:
    """Drives one module of `dialect`; recovers by itself whatever the module does.

    `route_b_id`: 32 hex digits or 16 bytes; `password`: 1..32 characters (12 on the B-route);
    `channel`, `pan_id`: None = chosen at the first start and kept; `rand(n)`: 0..n-1;
    `boot_ms`: wait after SKRESET, and from time 0 on. Time is monotonic ms since this chip started.
    ValueError names the wrong argument.

    Events: ("up", channel, pan), ("join", addr), ("leave", addr, reason), ("refused", addr) for one that
    did not know ID and password, ("datagram", addr, data), ("fault", text); an addr is the full upper-case
    IPv6 form. No event holds the ID or the password. `stats` counts what happened, by name.
    """

    def __init__(
        self,
        route_b_id: "str | bytes",
        password: str,
        *,
        dialect: Dialect,
        rand: "Callable[[int], int]",
        pan_id: "int | None" = None,
        channel: "int | None" = None,
        lifetime_s: int = 86400,
        join_by_datagram: bool = True,
        boot_ms: int = 3000,
    ) -> None:
        self._dialect = dialect
        self._setup = Setup(
            route_b_id,
            password,
            dialect,
            channel=channel,
            pan_id=pan_id,
            lifetime_s=lifetime_s,
            boot_ms=boot_ms,
            rand=rand,
        )
        self._join_by_datagram = join_by_datagram
        self._reader = LineReader()
        self._out: "list[bytes]" = []
        self._events: "list[tuple]" = []
        self._serving: "Serving | None" = None
        self._setting_up = False
        self._due_ms: "int | None" = None  # end of the back-off or of the set-up step; None: start at once
        self._backoff_ms = BACKOFF_MS
        self._flush = False
        self.stats = {
            "joins": 0,
            "datagrams": 0,
            "sent": 0,
            "retries": 0,
            "dropped": 0,
            "unwanted": 0,
            "refused": 0,
            "junk": 0,
            "overlong": 0,
            "restarts": 0,
        }

    def __repr__(self) -> str:
        state = "serving" if self._serving else repr(self._setup) if self._setting_up else "waiting"
        return "Coordinator(%s, %s)" % (self._dialect.name, state)

    @property
    def peer(self) -> "str | None":
        """The address that has joined, or None."""
        return self._serving.peer if self._serving else None

    @property
    def serving(self) -> bool:
        """Whether the module is up as coordinator."""
        return self._serving is not None

    def events(self) -> "list[tuple]":
        """Return what happened since the last call, oldest first."""
        events = self._events
        if events:
            self._events = []
        return events

    def to_send(self) -> "bytes | None":
        """Return the next bytes for the module, or None."""
        return self._out.pop(0) if self._out else None

    def send(self, addr: "str | None", data: bytes) -> bool:
        """Queue a UDP payload of 1..1232 bytes for port 3610 of `addr`; ValueError for another length.

        `addr` None is whoever has joined: there is never more than one. False (and counted as
        dropped) unless `addr` has joined and the queue of 8 has room. Sent at the next `tick`;
        repeated twice when the link does not acknowledge it (EVENT 21 01).
        """
        if not 0 < len(data) <= MAX_PAYLOAD:
            raise ValueError("payload length")
        if self._serving is not None and self._serving.send(addr, data):
            return True
        self.stats["dropped"] += 1
        return False

    def next_ms(self, now_ms: int) -> "int | None":
        """Return in how many ms `tick` must be called at the latest; 0: now."""
        if self._serving is not None:
            return self._serving.next_ms(now_ms)
        return 0 if self._due_ms is None else max(0, self._due_ms - now_ms)

    def receive(self, data: "bytes | bytearray", now_ms: int) -> bool:
        """Take bytes from the module, whatever they are; True: a line has ended in them."""
        at = self._reader.take(data)
        ended = at >= 0
        while at >= 0:
            line = self._reader.line()
            try:
                if self._serving is not None:
                    self._serving.line(line, now_ms)
                elif self._setting_up:
                    self._setup_line(line, now_ms)
            except ModuleError as error:
                self._restart(str(error), now_ms)
            at = self._reader.take(data, at)
        self.stats["overlong"] = self._reader.dropped
        self.tick(now_ms)
        return ended

    def tick(self, now_ms: int) -> None:
        """Do what is due."""
        try:
            if self._serving is not None:
                self._serving.tick(now_ms)
                if self._serving.proven:
                    self._backoff_ms = BACKOFF_MS
            elif self._due_ms is None or now_ms >= self._due_ms:
                if self._setting_up:
                    self._setup.timeout()
                else:
                    self._setting_up = True
                    self._setup.begin(now_ms, self._flush)
                self._step(now_ms)
        except ModuleError as error:
            self._restart(str(error), now_ms)

    def _step(self, now_ms: int) -> None:
        data, wait_ms = self._setup.command()
        if data:
            self._out.append(data)
        self._due_ms = now_ms + wait_ms

    def _setup_line(self, line: memoryview, now_ms: int) -> None:
        outcome = self._setup.line(line)
        if outcome == NEXT:
            self._step(now_ms)
        elif outcome == DONE:
            setup = self._setup
            self._setting_up = False
            self._serving = Serving(
                self._dialect,
                (setup.own_ip, setup.channel or 0, setup.pan or 0),
                join_by_datagram=self._join_by_datagram,
                stats=self.stats,
                emit=self._emit,
                write=self._out.append,
            )
            self._emit(("up", setup.channel, setup.pan))
            self._serving.start(now_ms)

    def _restart(self, text: str, now_ms: int) -> None:
        if self._serving is not None:
            self._serving.stop()
            self._serving = None
        self._setting_up = False
        self._out.clear()
        self.stats["restarts"] += 1
        self._emit(("fault", text))
        self._flush = True
        self._due_ms = now_ms + self._backoff_ms
        self._backoff_ms = min(2 * self._backoff_ms, BACKOFF_MAX_MS)

    def _emit(self, event: tuple) -> None:
        if event[0] == "datagram" and len(self._events) >= EVENTS:
            self.stats["dropped"] += 1
        else:
            self._events.append(event)
