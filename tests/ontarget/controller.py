"""A scripted home controller with a Wi-SUN dongle, on the clock of an emulated chip: it joins and sends Gets.

Document: b-route.md E3, E4 (what a client of a dual stack module says and hears).
"""

from collections.abc import Callable

from keiki.wire.sk.dialect import BP35C2, parse_field
from keiki.wire.sk.lines import ll64
from keiki_host.bench.wisun.air import Air
from keiki_host.bench.wisun.core import TextOptions
from keiki_host.bench.wisun.text import TextModule

from tests.ontarget.chip_time import ChipTime

ROUTE_B_ID = "00112233445566778899AABBCCDDEEFF"
PASSWORD = "0123456789AB"
_THINK_MS = 2
_PAUSE_MS = 100
_GONE = (0x24, 0x26, 0x27, 0x28, 0x29)


def get_frame(tid: int, *epcs: int) -> bytes:
    """A Get of these properties, sent to the meter's object."""
    head = b"\x10\x81" + tid.to_bytes(2, "big") + bytes.fromhex("05FF01 028801 62") + bytes((len(epcs),))
    return head + b"".join(bytes((epc, 0)) for epc in epcs)


class Controller:
    """`meter` is the address it has joined, or None; `answers` what came from there: (ns, datagram)."""

    def __init__(
        self, air: Air, time: ChipTime, now_ns: Callable[[], float], wake: Callable[[], None]
    ) -> None:
        self._time, self._now_ns, self._wake = time, now_ns, wake
        self._module = TextModule(
            "bp35c2", air.radio(time), time, self._written, options=TextOptions(echo=False, hex_mode=True)
        )
        self._said = b""
        self._found: dict[str, str] = {}
        self._commands: list[str] = []
        self._peer = ""
        self.meter: str | None = None
        self.answers: list[tuple[float, bytes]] = []

    def search(self) -> None:
        """Look for the meter until it is found, then join it."""
        self.meter = None
        self._found = {}
        self._commands = [
            f"SKSETPWD {len(PASSWORD):X} {PASSWORD}", "SKSETRBID " + ROUTE_B_ID, "SKSCAN 2 FFFFFFFF 6 0",
        ]  # fmt: skip
        self._next()

    def send(self, datagram: bytes) -> None:
        """Send a datagram to the meter."""
        assert self.meter is not None
        head = f"SKSENDTO 1 {self.meter} 0E1A 1 0 {len(datagram):04X} ".encode()
        self._module.receive(head + datagram)

    def _next(self) -> None:
        if self._commands:
            line = self._commands.pop(0).encode() + b"\r\n"
            self._time.call_later(_THINK_MS, lambda: self._module.receive(line))

    def _written(self, data: bytes) -> None:
        self._said += data
        while b"\n" in self._said:
            line, self._said = self._said.split(b"\n", 1)
            self._line(line.rstrip(b"\r"))

    def _line(self, line: bytes) -> None:
        if line == b"OK":
            self._next()
        elif line.startswith(b"ERXUDP "):
            got = BP35C2.parse_erxudp(line)
            if got is not None and got.lport == 0x0E1A:
                self.answers.append((self._now_ns(), got.data))
                self._wake()
        elif line.startswith(b"EVENT "):
            event = BP35C2.parse_event(line)
            if event is not None:
                self._event(event.num)
        elif (field := parse_field(line)) is not None:
            self._found[field[0]] = field[1]

    def _event(self, number: int) -> None:
        if number == 0x22 and "Addr" not in self._found:
            self._time.call_later(_PAUSE_MS, self.search)
        elif number == 0x22:
            self._peer = ll64(bytes.fromhex(self._found["Addr"]))
            self._commands = [
                "SKSREG S2 " + self._found["Channel"], "SKSREG S3 " + self._found["Pan ID"],
                "SKJOIN " + self._peer,
            ]  # fmt: skip
            self._next()
        elif number == 0x25:
            self.meter = self._peer
            self._wake()
        elif number in _GONE and (self.meter or number == 0x24):
            self.meter = None
            self._time.call_later(_PAUSE_MS, self.search)
