"""The script that takes a module from any state to SKSTART (b-route.md F1).

The module may hold an old session, half a command, the echo on, or payloads in binary; so the
script first ends what it finds, resets, and then says everything. One that has just got power needs no
reset, and is not spoken to before it has booted. `Setup` knows the order, the
reply that ends each step and how long to wait; `Coordinator` owns the time and the port.
"""

from keiki.wire.compat import const
from keiki.wire.sk.dialect import SIDE_B, Dialect, parse_field
from keiki.wire.sk.lines import CRLF, command, hex_text, parse_fail, parse_hex, parse_ropt, product, split
from keiki.wire.sk.serving import ModuleError, flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STAY = const(0)  # the step is not over
NEXT = const(1)  # write the next step's command
DONE = const(2)  # SKSTART was accepted

_LINE = const(256)  # no reply of the script is longer; EEDSCAN of 28 channels is 170
_WRITES = const(5)  # of an option byte that does not hold, then one an hour: flash, 10,000 times (E1.7)
_WRITE_MS = const(3600000)
_ALL = const(0xFFFFFFFF)
_NO_PAN = const(0xFFFF)  # what a module that was not set up since it got power has
_FIRST_CHANNEL = const(0x21)
_LAST_CHANNEL = const(0x3C)

# What ends a step.
_TIME = const(0)  # only the time
_OK = const(1)
_EITHER = const(2)  # OK or FAIL
_END = const(3)  # EVENT 27 or 28, or the time
_OPTION = const(4)  # OK nn, or FAIL from a module without the command
_INFO = const(5)  # EINFO, then OK
_LEVELS = const(6)  # OK, then the line after EEDSCAN
_PANS = const(7)  # OK, then EVENT 22
_FRESH = const(8)  # EINFO, then OK; or FAIL, or the time

# Name shown in faults, wait in ms, what ends it. Waits of scans: E4.3 with room; of the boot: E1.6.
_STEPS = (
    ("line", 500, _TIME),
    ("SKTERM", 3000, _EITHER),
    ("end of session", 10000, _END),
    ("state", 3000, _FRESH),
    ("SKRESET", 5000, _OK),
    ("boot", 3000, _TIME),
    ("ROPT", 3000, _OPTION),
    ("WOPT", 3000, _OK),
    ("SKSREG SFE", 3000, _OK),
    ("SKINFO", 3000, _INFO),
    ("SKSREG SF0", 3000, _OK),
    ("SKSETPWD", 3000, _OK),
    ("SKSETRBID", 3000, _OK),
    ("ED scan", 60000, _LEVELS),
    ("active scan", 60000, _PANS),
    ("SKSREG S2", 3000, _OK),
    ("SKSREG S3", 3000, _OK),
    ("SKSREG S16", 3000, _OK),
    ("SKSTART", 5000, _OK),
)


class Setup:
    """Runs the script once per `begin`. `channel` and `pan`, once chosen, are kept for every later run."""

    def __init__(
        self,
        route_b_id: "str | bytes",
        password: str,
        dialect: Dialect,
        *,
        channel: "int | None",
        pan_id: "int | None",
        lifetime_s: int,
        boot_ms: int,
        rand: "Callable[[int], int]",
    ) -> None:
        id_text = route_b_id.upper() if isinstance(route_b_id, str) else hex_text(route_b_id)
        if len(id_text) != 32 or not all(char in "0123456789ABCDEF" for char in id_text):
            raise ValueError("route_b_id: not 32 hexadecimal digits")
        if not 1 <= len(password) <= 32 or not all("!" <= char <= "~" for char in password):
            raise ValueError("password: not 1 to 32 printable characters without spaces")
        if channel is not None and not _FIRST_CHANNEL <= channel <= _LAST_CHANNEL:
            raise ValueError("channel: not 0x21 to 0x3C")
        if pan_id is not None and not 0 <= pan_id < 0xFFFF:
            raise ValueError("pan_id: not 0 to 0xFFFE")
        if not 60 <= lifetime_s <= 0xFFFFFFFF:
            raise ValueError("lifetime_s: less than 60 (S16)")
        self._id = id_text
        self._password = password
        self._dialect = dialect
        self._lifetime_s = lifetime_s
        self._boot_ms = boot_ms
        self._rand = rand
        self.channel = channel
        self.pan = pan_id
        self.own_ip = ""
        self._writes = 0
        self._written_ms = 0
        self.begin(0)

    def __repr__(self) -> str:
        return "Setup(%s)" % _STEPS[self._step][0]

    def begin(self, now_ms: int, flush: bool = False) -> None:
        """Start again. `flush`: the module may be waiting for the payload of a cut-off SKSENDTO (E4.7)."""
        self._step = 0
        self._begun_ms = now_ms
        self._flush = flush
        self._told = False
        self._fresh = False
        self._hex = True
        self._mode = 3
        self._seen: "list[int]" = []

    def advance(self) -> None:
        """Go to the next step that is needed."""
        self._told = False
        while True:
            self._step += 1
            name = _STEPS[self._step][0]
            if (
                (name == "WOPT" and self._hex)
                or (name == "SKSREG SF0" and not self._dialect.sided)
                or (name == "ED scan" and self.channel is not None)
                or (name == "active scan" and self.pan is not None)
                or (self._fresh and name in ("SKRESET", "boot"))
            ):
                continue
            return

    def command(self) -> "tuple[bytes, int]":
        """Return what to write for this step (may be empty) and the ms to wait for its end."""
        name, wait_ms, _ends = _STEPS[self._step]
        if name == "line":
            # one that got power together with this chip boots as long as it does after SKRESET
            return flush() if self._flush else CRLF, max(wait_ms, self._boot_ms - self._begun_ms)
        if name == "boot":
            return b"", self._boot_ms
        if name == "end of session":
            return b"", wait_ms
        return self._words(name), wait_ms

    def timeout(self) -> None:
        """The wait is over: go on where time ends the step, else ModuleError."""
        name, _wait, ends = _STEPS[self._step]
        if ends not in (_TIME, _END, _FRESH):
            raise ModuleError("%s: no answer" % name)
        self.advance()

    def line(self, line: memoryview) -> int:
        """Take one line of the module: STAY, NEXT or DONE; ModuleError when it refuses."""
        name, _wait, ends = _STEPS[self._step]
        if ends == _TIME or len(line) > _LINE:
            return STAY
        text = bytes(line).rstrip()
        refusal = parse_fail(text)
        if refusal is not None and ends != _END:
            return self._refused(name, ends, refusal)
        if not self._ended(ends, text):
            return STAY
        if name == "SKSTART":
            return DONE
        self.advance()
        return NEXT

    def _refused(self, name: str, ends: int, refusal: str) -> int:
        if ends == _EITHER:
            self.advance()  # no session: skip the wait for its end as well
        elif ends == _PANS and self._mode == 3:
            self._mode = 2
            return NEXT
        elif ends not in (_OPTION, _FRESH):
            raise ModuleError("%s: refused %s" % (name, refusal))
        self.advance()
        return NEXT

    def _ended(self, ends: int, text: bytes) -> bool:
        """Return whether this line is the one that ends the step; keep what it says."""
        if ends in (_OK, _EITHER):
            return text == b"OK"
        if ends == _END:
            event = self._dialect.parse_event(text)
            return event is not None and event.num in (0x27, 0x28)
        if ends == _OPTION:
            option = parse_ropt(text)
            if option is None:
                return False
            self._hex = bool(option & 1)
            if self._hex:
                self._writes = 0
            elif self._writes >= _WRITES and self._begun_ms - self._written_ms < _WRITE_MS:
                raise ModuleError("WOPT: the option does not hold")
            return True
        if ends == _INFO:
            return self._info(text)
        if ends == _FRESH:
            return self._state(text)
        if ends == _LEVELS:
            return self._levels(text)
        event = self._dialect.parse_event(text)
        if event is not None:
            return event.num == 0x22 and self._choose_pan()
        field = parse_field(text)
        if field is not None and field[0] == "Pan ID":
            pan = parse_hex(field[1].encode(), 4)
            if pan is not None and len(self._seen) < 64:
                self._seen.append(pan)
        return False

    def _info(self, text: bytes) -> bool:
        info = self._dialect.parse_einfo(text)
        if info is not None:
            if (info.side is None) == self._dialect.sided:
                raise ModuleError("SKINFO: the module is not of the family %s" % self._dialect.name)
            self.own_ip = info.ip
            self._told = True
        return self._told and text == b"OK"

    def _state(self, text: bytes) -> bool:
        info = self._dialect.parse_einfo(text)
        if info is not None:
            self._fresh = info.pan == _NO_PAN and not self._flush  # what has failed once is reset
            self._told = True
        return self._told and text == b"OK"

    def _levels(self, text: bytes) -> bool:
        """Choose the quietest channel that J11 modules know as well: the odd ones (E4.13)."""
        if split(text) == [b"EEDSCAN"]:
            self._told = True
            return False
        levels = self._dialect.parse_levels(text) if self._told else None
        odd = [(level, channel) for channel, level in levels or () if channel & 1]
        if not odd:
            return False
        quietest = [channel for level, channel in odd if level == min(odd)[0]]
        self.channel = quietest[self._rand(len(quietest))]
        return True

    def _choose_pan(self) -> bool:
        pan = 1 + self._rand(0xFFFE)
        while pan in self._seen:
            pan = 1 + pan % 0xFFFE
        self.pan = pan
        return True

    def _words(self, name: str) -> bytes:
        if name == "state":
            return command("SKINFO")
        if name == "ROPT":
            return product("ROPT")
        if name == "WOPT":
            self._writes += 1
            self._written_ms = self._begun_ms
            return product("WOPT", "01")
        if name == "SKSREG SFE":
            return command("SKSREG", "SFE", "0")
        if name == "SKSREG SF0":
            return command("SKSREG", "SF0", "%X" % SIDE_B)
        if name == "SKSETPWD":
            return command("SKSETPWD", "%X" % len(self._password), self._password)
        if name == "SKSETRBID":
            return command("SKSETRBID", self._id)
        if name == "ED scan":
            return self._dialect.scan(0, _ALL, 4)
        if name == "active scan":
            return self._dialect.scan(self._mode, _ALL, 6)
        if name == "SKSREG S2":
            return command("SKSREG", "S2", "%02X" % (self.channel or 0))
        if name == "SKSREG S3":
            return command("SKSREG", "S3", "%04X" % (self.pan or 0))
        if name == "SKSREG S16":
            return command("SKSREG", "S16", "%X" % self._lifetime_s)
        return command(name)
