"""What the parts of an emulated text module share: options, the serial output, and how lines are built."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from keiki.wire.sk.dialect import BP35A1, BP35C2, Dialect
from keiki.wire.sk.lines import ip_text

from keiki_host.bench.clock import Handle, Scheduler
from keiki_host.bench.faults import Faults
from keiki_host.bench.wisun.air import Radio
from keiki_host.bench.wisun.timing import FAST, REAL, Timing

OK = b"OK\r\n"
DialectName = Literal["bp35a1", "bp35c2", "rl7023ips"]


@dataclass(frozen=True)
class TextOptions:
    """How one module is set up.

    dwell     "fast": a full scan takes 0.2 s, a join 0.3 s; "real": as in b-route.md E4.3 and K
    noisy     a join shows the neighbour search and the PANA datagrams that real modules show (E4.5)
    hex_mode  payloads as hex text from the factory; None: as the family (raw, rl7023ips: hex) (E1.7)
    echo      default of register SFE (E1.4)
    gap_ms    least distance between a write and the unasked one after it (E1.10)
    meter     the meter's own module: it plays the faults of that one, not those of a dongle
    version, app_version   what SKVER and SKAPPVER say
    """

    dwell: Literal["fast", "real"] = "fast"
    noisy: bool = False
    hex_mode: bool | None = None
    echo: bool = True
    gap_ms: int = 20
    meter: bool = False
    version: str = "1.5.2"
    app_version: str = "keiki"

    @property
    def timing(self) -> Timing:
        """How long joins and ends take."""
        return FAST if self.dwell == "fast" else REAL


class Port:
    """Serial output: a reply is one write at once; what is unasked keeps a distance to the write before."""

    def __init__(self, write: Callable[[bytes], None], scheduler: Scheduler, gap_ms: int) -> None:
        self._write = write
        self._scheduler = scheduler
        self._gap_ms = gap_ms
        self._last_ms: int | None = None
        self._waiting: deque[bytes] = deque()
        self._timer: Handle | None = None
        self._held = b""

    def reply(self, data: bytes, *, hold_ms: int = 0) -> None:
        """Write now; with `hold_ms` wait so long for a notice to go out in the same write (fault `glued`)."""
        if hold_ms:
            self._held += data
            self._scheduler.call_later(hold_ms, self._let_go)
        elif data:
            self._out(data)

    def notice(self, data: bytes) -> None:
        """Write as soon as the distance to the last write is kept; in order."""
        if self._held:
            data, self._held = self._held + data, b""
        self._waiting.append(data)
        if self._timer is None:
            self._flush()

    def clear(self) -> None:
        """Drop what has not been written."""
        self._waiting.clear()
        self._held = b""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _let_go(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._out(data)

    def _flush(self) -> None:
        self._timer = None
        while self._waiting:
            wait_ms = 0
            if self._last_ms is not None:
                wait_ms = self._last_ms + self._gap_ms - self._scheduler.now_ms
            if wait_ms > 0:
                self._timer = self._scheduler.call_later(wait_ms, self._flush)
                return
            self._out(self._waiting.popleft())

    def _out(self, data: bytes) -> None:
        self._last_ms = self._scheduler.now_ms
        self._write(data)


class Core:
    """Radio, clock, output and faults of one module, and its family's way to print.

    `name` is the profile; `dialect` the family: rl7023ips speaks bp35a1.
    """

    def __init__(
        self,
        name: DialectName,
        radio: Radio,
        scheduler: Scheduler,
        write: Callable[[bytes], None],
        *,
        faults: Faults,
        options: TextOptions,
    ) -> None:
        if name not in ("bp35a1", "bp35c2", "rl7023ips"):
            raise ValueError(f"no dialect is called {name!r}")
        self.name: DialectName = name
        self.dialect: Dialect = BP35C2 if name == "bp35c2" else BP35A1
        self.radio = radio
        self.scheduler = scheduler
        self.port = Port(write, scheduler, options.gap_ms)
        self.faults = faults
        self.options = options

    @property
    def ip(self) -> str:
        """Own address in the full form."""
        return ip_text(self.radio.ip)

    def hit(self, name: str) -> dict[str, Any] | None:
        """Ask for a fault of a dongle; the meter's own module has none of these."""
        return None if self.options.meter else self.faults.hit(name)

    def notify(self, data: bytes) -> None:
        """Print something the host did not ask for, unless the module has no power or hangs (module_hang)."""
        if self.radio.on and data and not (self.options.meter and self.faults.hit("module_hang")):
            self.port.notice(data)

    def event(self, num: int, ip: str | None = None, param: int | None = None) -> bytes:
        """An EVENT line; `ip` None = own address."""
        return self.dialect.event(num, ip or self.ip, param)
