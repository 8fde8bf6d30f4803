"""The S registers of a text module: names, widths, defaults, ranges.

Ref: b-route.md E4.2, E3.10 (S2 and S02 are the same).
"""

from collections.abc import Callable
from dataclasses import dataclass

from keiki.wire.sk.lines import SkError, parse_hex


@dataclass(frozen=True)
class Register:
    """One row: `digits` of ESREG (hex), or 8 characters if `text`; `low`..`high` is what may be written."""

    number: int
    digits: int
    default: int | bytes
    low: int = 0
    high: int = 1
    text: bool = False
    writable: bool = True
    dual_stack_only: bool = False
    line: str = ""


CHANNEL, PAN, FRAMES, PAIRING, HAN_PAIRING = 0x02, 0x03, 0x07, 0x0A, 0x0B
BEACON, LIFETIME, REAUTH, KEY_REFRESH = 0x15, 0x16, 0x17, 0x1C
ICMP, SHOW_LQI, TRANSCEIVER, SIDE = 0xA1, 0xA2, 0xA9, 0xF0
LIMITED, SENT_MS, ECHO, AUTOLOAD = 0xFB, 0xFD, 0xFE, 0xFF

_ROWS = (
    Register(CHANNEL, 2, 0x21, 0x21, 0x3C, line="channel, 33 + (f - 922.5 MHz) / 0.2 MHz"),
    Register(PAN, 4, 0xFFFF, 0, 0xFFFF, line="PAN ID"),
    Register(FRAMES, 8, 0, writable=False, line="security frame counter"),
    Register(PAIRING, 8, b"CCDDEEFF", text=True, line="pairing ID of the B side"),
    Register(HAN_PAIRING, 8, b"HAN_INIT", text=True, dual_stack_only=True, line="pairing ID of the HAN side"),
    Register(BEACON, 1, 0, line="answer beacon requests"),
    Register(LIFETIME, 8, 0x15180, 0x3C, 0xFFFFFFFF, line="PANA lifetime that the PAA announces, s"),
    Register(REAUTH, 1, 1, line="re-authenticate by itself"),
    Register(KEY_REFRESH, 8, 0, 0, 0xFFFFFFFF, dual_stack_only=True, line="key refresh of the PAA, s"),
    Register(ICMP, 1, 1, line="answer echo requests"),
    Register(SHOW_LQI, 1, 0, line="link quality in ERXUDP (dual stack)"),
    Register(TRANSCEIVER, 1, 1, dual_stack_only=True, line="radio on"),
    Register(SIDE, 1, 0, dual_stack_only=True, line="active side, 0 B, 1 HAN"),
    Register(LIMITED, 1, 0, writable=False, line="sending limit reached"),
    Register(SENT_MS, 16, 0, writable=False, line="time spent sending, ms"),
    Register(ECHO, 1, 1, line="echo back"),
    Register(AUTOLOAD, 1, 0, line="load what SKSAVE saved at a reset"),
)
TABLE = {row.number: row for row in _ROWS}


class Registers:
    """Values of the registers. `on_write(number, value)` is called after each change, also by `reset`."""

    def __init__(self, dual_stack: bool, echo: bool, on_write: Callable[[int, int | bytes], None]) -> None:
        self._rows = {n: row for n, row in TABLE.items() if dual_stack or not row.dual_stack_only}
        self._echo = int(echo)
        self._on_write = on_write
        self._values: dict[int, int | bytes] = {}
        self._saved: dict[int, int | bytes] | None = None

    def number(self, number: int) -> int:
        """Value of a register that is a number."""
        value = self._values[number]
        assert isinstance(value, int)
        return value

    def put(self, number: int, value: int | bytes) -> None:
        """Set a register from inside the module, read-only ones too; one the family lacks is left alone."""
        if number in self._rows:
            self._values[number] = value
            self._on_write(number, value)

    def reset(self) -> None:
        """Defaults, or what was saved if it was saved with autoload on."""
        for row in self._rows.values():
            self.put(row.number, self._echo if row.number == ECHO else row.default)
        if self._saved is not None and self._saved[AUTOLOAD]:
            self.load()

    def save(self) -> None:
        """Copy the writable registers to flash (SKSAVE)."""
        self._saved = {n: value for n, value in self._values.items() if self._rows[n].writable}

    def load(self) -> None:
        """Take them back (SKLOAD); SkError ER10 if nothing is saved."""
        if self._saved is None:
            raise SkError("ER10")
        for number, value in self._saved.items():
            self.put(number, value)

    def erase(self) -> None:
        """Forget what was saved (SKERASE)."""
        self._saved = None

    def read(self, name: bytes) -> bytes:
        """Value as ESREG prints it; SkError ER06 if there is no register `name`."""
        row = self._row(name)
        value = self._values[row.number]
        return value if isinstance(value, bytes) else b"%0*X" % (row.digits, value)

    def write(self, name: bytes, text: bytes) -> None:
        """Set a register from a command; SkError ER06 for no such register, read-only, format or range."""
        row = self._row(name)
        if not row.writable:
            raise SkError("ER06")
        if row.text:
            if len(text) != 8 or not text.isascii():
                raise SkError("ER06")
            self.put(row.number, text)
            return
        value = parse_hex(text, 16)
        if value is None or not row.low <= value <= row.high:
            raise SkError("ER06")
        self.put(row.number, value)

    def _row(self, name: bytes) -> Register:
        number = parse_hex(name[1:], 2) if name[:1] == b"S" else None
        row = None if number is None else self._rows.get(number)
        if row is None:
            raise SkError("ER06")
        return row
