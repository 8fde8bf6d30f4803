"""An emulated BP35C0-J11: the binary module as end device of a B-route meter.

Ref: b-route.md E6, L10. Single-threaded and without I/O: bytes come in by `receive`, each reply goes out in
one `write`; notifications keep a distance to the write before them. What the host must not do is answered
with the module's result codes; nothing that comes in raises.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from keiki_host.bench.clock import Handle, Scheduler
from keiki_host.bench.faults import NO_FAULTS, Faults
from keiki_host.bench.wisun.air import Radio
from keiki_host.bench.wisun.core import Port
from keiki_host.bench.wisun.j11_codec import (
    BAD_HEADER,
    DATA_CHECKSUM,
    HEADER_CHECKSUM,
    OK,
    REPLY_BIT,
    REQUEST,
    UNKNOWN_COMMAND,
    Frame,
    Reader,
    encode_answer,
)
from keiki_host.bench.wisun.j11_commands import BAD_COMMAND, BUSY, Memory, known
from keiki_host.bench.wisun.j11_link import Link

BOOTED = 0x6019
_RESET = 0x00D9
_BURST = (0x0008, 0x0056)
_BURST_MS = 1000
_BYTE_TIMEOUT_MS = 1000


@dataclass(frozen=True)
class J11Options:
    """How one module is set up.

    dwell    "fast": a full scan takes 0.2 s, a join 0.3 s; "real": as in b-route.md E6.4, E6.8 and K
    gap_ms   least distance between a write and a notification after it
    version  firmware ID 2, major, minor, revision 4 bytes
    """

    dwell: Literal["fast", "real"] = "fast"
    gap_ms: int = 5
    version: bytes = bytes.fromhex("0400 01 02 00000000")


class J11Module:
    """The module behind one serial port. It has booted long ago when it is made."""

    def __init__(
        self,
        radio: Radio,
        scheduler: Scheduler,
        write: Callable[[bytes], None],
        *,
        faults: Faults = NO_FAULTS,
        options: J11Options | None = None,
    ) -> None:
        self.options = options = options or J11Options()
        self.radio = radio
        self._scheduler = scheduler
        self._faults = faults
        self._fast = options.dwell == "fast"
        self._port = Port(write, scheduler, options.gap_ms)
        self._reader = Reader(REQUEST)
        self._memory = Memory(radio, options.version)
        self._link = Link(self, radio, self._memory, faults, fast=self._fast, gap_ms=options.gap_ms)
        self._life = 0
        self._booting = False
        self._busy = False
        self._timeout: Handle | None = None

    def receive(self, data: bytes) -> None:
        """Take bytes from the host; while the module boots they are lost."""
        if self._booting:
            return
        for item in self._reader.receive(data):
            if isinstance(item, Frame):
                self._request(item)
            elif item.command is None:
                self._answer(BAD_HEADER, bytes([item.result]))
            else:
                self._reply(item.command, bytes([item.result]))
            if self._booting:
                return
        self._stop_timeout()
        if self._reader.waiting:
            self._timeout = self._scheduler.call_later(_BYTE_TIMEOUT_MS, self._starved)

    def power_cycle(self) -> None:
        """Take the power away and give it back: everything is forgotten, the boot notice comes."""
        self._life += 1
        self._stop_timeout()
        self._port.clear()
        self._reader = Reader(REQUEST)
        self._memory = Memory(self.radio, self.options.version)
        self._link.reset(self._memory)
        self._busy = False
        self._booting = True
        self.radio.on = False
        self.later(100 if self._fast else 3000, self._booted)

    def later(self, delay_ms: int, fn: Callable[[], None]) -> None:
        """Call `fn` later, unless the module has been reset by then."""
        life = self._life
        self._scheduler.call_later(delay_ms, lambda: fn() if life == self._life else None)

    def notify(self, command: int, data: bytes = b"") -> None:
        """Send a notification: command 0x6xxx or 0x4051, and its data."""
        self._port.notice(encode_answer(command, data))

    def finish(self, command: int, data: bytes) -> None:
        """Send the reply of a command that took its time; other commands are accepted again."""
        self._busy = False
        self._port.notice(encode_answer(command | REPLY_BIT, data))

    def _booted(self) -> None:
        self._booting = False
        self.radio.on = True
        self.notify(BOOTED)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _starved(self) -> None:
        """A frame has begun and stopped for a second (b-route.md E6.7, result 13)."""
        self._timeout = None
        broken = self._reader.give_up()
        if broken is not None and broken.command is not None:
            self._reply(broken.command, bytes([broken.result]))

    def _answer(self, command: int, data: bytes, hold_ms: int = 0) -> None:
        self._port.reply(encode_answer(command, data), hold_ms=hold_ms)

    def _reply(self, command: int, data: bytes) -> None:
        if not known(command):
            self._answer(UNKNOWN_COMMAND, data)
            return
        burst = command in _BURST and data[0] == OK and self._faults.hit("j11_burst")
        self._answer(command | REPLY_BIT, data, _BURST_MS if burst else 0)

    def _request(self, frame: Frame) -> None:
        command, data = frame.command, frame.data
        if self._faults.hit("j11_header_checksum"):
            self._answer(BAD_HEADER, bytes([HEADER_CHECKSUM]))
        elif self._faults.hit("j11_data_checksum"):
            self._reply(command, bytes([DATA_CHECKSUM]))
        elif not known(command):
            self._reply(command, bytes([BAD_COMMAND]))
        elif self._busy and command != _RESET:
            self._reply(command, bytes([BUSY]))
        elif refusal := self._memory.refusal(command, len(data)):
            self._reply(command, bytes([refusal]))
        elif command == _RESET:
            self.power_cycle()
        else:
            answer = self._memory.answer(command, data)
            if answer is None:
                answer = self._link.commands[command](data)
            if answer is None:
                self._busy = True
            else:
                self._reply(command, answer)
