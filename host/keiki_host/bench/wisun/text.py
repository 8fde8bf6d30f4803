"""A Wi-SUN module that speaks SKSTACK-IP text: echo, dispatch, and what outlives a client.

Ref: b-route.md E1, E2, E4.7. Families: `bp35a1`, `bp35c2`, and `rl7023ips` (bp35a1 without product commands,
payloads always in hex). The same class is a controller's dongle and the meter's own module.
"""

from collections.abc import Callable
from typing import Any

from keiki.wire.sk.lines import SkError

from keiki_host.bench.clock import Scheduler
from keiki_host.bench.faults import NO_FAULTS, Faults
from keiki_host.bench.wisun.air import Radio
from keiki_host.bench.wisun.core import Core, DialectName, TextOptions
from keiki_host.bench.wisun.intake import Intake, Line, Sendto
from keiki_host.bench.wisun.registers import (
    BEACON,
    CHANNEL,
    ECHO,
    LIFETIME,
    PAIRING,
    PAN,
    REAUTH,
    Registers,
)
from keiki_host.bench.wisun.scan import Scanner
from keiki_host.bench.wisun.session import Sessions
from keiki_host.bench.wisun.table import HANDLERS, PRODUCT
from keiki_host.bench.wisun.udp import Udp


class TextModule:
    """One module. `write` takes each reply in one call; `radio` and `scheduler` belong to this module alone.

    registers, sessions, udp, scanner   its parts
    neighbors    IPv6 text -> MAC, from SKADDNBR
    output_mode  0 raw, 1 hex payloads: WOPT's byte, in flash
    uart_mode    WUART's byte, in flash; the emulated line has no speed
    """

    def __init__(
        self,
        dialect: DialectName,
        radio: Radio,
        scheduler: Scheduler,
        write: Callable[[bytes], None],
        *,
        faults: Faults = NO_FAULTS,
        options: TextOptions | None = None,
    ) -> None:
        self.options = options or TextOptions()
        self.radio = radio
        self.core = Core(dialect, radio, scheduler, write, faults=faults, options=self.options)
        self.registers = Registers(self.core.dialect.sided, self.options.echo, self._register_written)
        self.udp = Udp(self.core, self.registers)
        self.scanner = Scanner(self.core)
        self.sessions = Sessions(self.core, self.registers, self.udp)
        self.neighbors: dict[str, bytes] = {}
        self.uart_mode = 0
        self._intake = Intake(self.core.dialect)
        self._asleep = False
        hex_mode = self.options.hex_mode
        self.set_output_mode(int(dialect == "rl7023ips" if hex_mode is None else hex_mode))
        self.restart()
        if self.options.meter:
            faults.on_start("module_reset", self._spontaneous_restart)

    def __repr__(self) -> str:
        return f"TextModule({self.core.name}, {self.radio.mac.hex().upper()})"

    @property
    def output_mode(self) -> int:
        """WOPT's byte: 0 raw, 1 hex."""
        return int(self.udp.hex_mode)

    def set_output_mode(self, mode: int) -> None:
        """WOPT: kept like flash, through resets and power cycles."""
        self.udp.hex_mode = bool(mode)

    def power_cycle(self) -> None:
        """Take the power away and give it back: everything is forgotten but what is in flash."""
        self.power_off()
        self.restart()

    def power_off(self) -> None:
        """Take the power away; `restart` gives it back."""
        self._intake.clear()
        self.core.port.clear()
        self.restart()
        self.radio.on = False

    def restart(self) -> None:
        """Begin anew (SKRESET): registers, credentials, session, ports, neighbours are forgotten."""
        self._asleep = False
        self.radio.on = True
        self.scanner.stop()
        self.sessions.reset()
        self.udp.reset()
        self.neighbors.clear()
        self.registers.reset()

    def sleep(self) -> None:
        """SKDSLEEP: radio off until the next byte comes; that byte is lost."""
        self._asleep = True
        self.radio.on = False

    def receive(self, data: bytes) -> None:
        """Bytes from the host, in any portions; replies and events go to `write`."""
        if self._asleep and data:
            self._asleep = False
            self.radio.on = True
            self.core.notify(self.core.event(0xC0))
            data = data[1:]
        self._intake.feed(data)
        while (command := self._intake.take()) is not None:
            if self._hung():
                continue
            if isinstance(command, Line):
                self._execute(command)
            elif isinstance(command, Sendto):
                self._send(command)
            else:
                echo = self._echo(command.text, b"\r\n")
                self.core.port.reply(echo + b"FAIL " + command.code.encode() + b"\r\n")

    def _execute(self, line: Line) -> None:
        """Check, run and answer one command line; echo and reply are one write (E1.9)."""
        words = line.text.split()
        if not words:
            return
        echo = self._echo(line.text, line.end)
        name = words[0].decode("ascii")
        try:
            self._may_fail()
            if name in PRODUCT and self.core.name == "rl7023ips":
                raise SkError("ER04")
            self.core.dialect.check(name, len(words) - 1)
            handler = HANDLERS.get(name)
            if handler is None:
                raise SkError("ER04")
            reply = handler(self, words[1:])
        except SkError as error:
            reply = b"FAIL " + error.code.encode() + line.end
        self.core.port.reply(echo + reply)

    def _send(self, command: Sendto) -> None:
        """SKSENDTO: the echo is its head and a line end, never the payload (E1.4)."""
        echo = self._echo(command.text, b"\r\n")
        hold_ms = 0
        try:
            self._may_fail()
            if self.scanner.running:
                raise SkError("ER10")
            reply, hold_ms = self.udp.send(command)
        except SkError as error:
            reply = b"FAIL " + error.code.encode() + b"\r\n"
        self.core.port.reply(echo + reply, hold_ms=hold_ms)

    def _echo(self, text: bytes, end: bytes) -> bytes:
        return text + end if text and self.registers.number(ECHO) else b""

    def _hung(self) -> bool:
        return self.options.meter and self.core.faults.hit("module_hang") is not None

    def _may_fail(self) -> None:
        if self.options.meter and self.core.faults.hit("module_fail"):
            raise SkError("ER10")

    def _spontaneous_restart(self, params: dict[str, Any]) -> None:
        self.power_cycle()

    def _register_written(self, number: int, value: int | bytes) -> None:
        """Give the new value to whom it concerns."""
        radio = self.radio
        if isinstance(value, bytes):
            if number == PAIRING:
                radio.pairing_id = value
        elif number == CHANNEL:
            radio.channel = value
        elif number == PAN:
            radio.pan_id = value
        elif number == BEACON:
            radio.beaconing = bool(value)
        elif number == LIFETIME:
            self.sessions.paa.lifetime_s = value
        elif number == REAUTH:
            self.sessions.pac.auto_reauth = bool(value)
