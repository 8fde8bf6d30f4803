"""A program of our own that speaks SKSTACK-IP as some others do, and momonga does not; see lines.py.

It takes the module as it comes from the factory, with payloads in binary, and does not change that. It takes
each read of the port for one message: the last line of the read that holds EVENT 25 is the result of a join,
and what comes in the same read as the OK of SKSENDTO is lost (b-route.md E1.9, E1.10).
"""

import re
import time
from typing import Any

import serial
from lines import serve

GATHER_S = 0.01
ERXUDP = re.compile(
    rb"ERXUDP ([0-9A-F:]{39}) [0-9A-F:]{39} 0E1A 0E1A [0-9A-F]{16} 1 (?:0 )?([0-9A-F]{4}) ", re.DOTALL
)


class NoAnswer(Exception):
    """Nothing came in time."""


class JoinFailed(Exception):
    """The result of a join was something else than EVENT 25."""


class Unreadable(Exception):
    """A line has come that is not as it should be, and nothing better after it."""


class Program:
    """One port, one meter."""

    def __init__(self) -> None:
        self.port: Any = None
        self.meter = ""
        self.sided = False
        self.tid = 0

    def op_open(self, dev: str, rbid: str, pwd: str, sided: bool) -> None:
        """Credentials, scan, channel, PAN; not yet the join. `sided`: BP35C2's words."""
        self.port = serial.Serial(dev, 115200, timeout=0.2)
        self.sided = sided
        for command in (f"SKSETPWD C {pwd}", f"SKSETRBID {rbid}"):
            self._ask(command, b"OK\r\n")
        found = self._ask("SKSCAN 2 FFFFFFFF 4" + (" 0" if sided else ""), b"EVENT 22", 30).decode()
        fields = dict(re.findall(r"  ([A-Za-z ]+):([0-9A-F]+)\r\n", found))
        self.meter = self._ask(f"SKLL64 {fields['Addr']}", b"FE80:").split()[-1].decode()
        for register, name in (("S2", "Channel"), ("S3", "Pan ID")):
            self._ask(f"SKSREG {register} {fields[name]}", b"OK\r\n")

    def op_join(self) -> None:
        """Join; JoinFailed names the last line of the read that holds EVENT 24 or 25."""
        self._ask(f"SKJOIN {self.meter}", b"OK\r\n")
        message = self._read(rb"EVENT 2[45]", 30)
        last = message.rstrip().split(b"\r\n")[-1].decode("latin-1")
        if not last.startswith("EVENT 25"):
            raise JoinFailed(last)

    def op_get(self, epc: str, wait_s: float = 5.0) -> str:
        """One property, as hex."""
        self.tid = (self.tid + 1) & 0xFFFF
        head = self.tid.to_bytes(2, "big")
        request = bytes.fromhex("1081") + head + bytes.fromhex(f"05FF01 028801 62 01 {epc} 00")
        side = "0 " if self.sided else ""
        self.port.reset_input_buffer()
        self.port.write(f"SKSENDTO 1 {self.meter} 0E1A 1 {side}{len(request):04X} ".encode() + request)
        self._read(rb"OK\r\n", 5)
        end = time.monotonic() + wait_s
        buffer = b""
        while time.monotonic() < end:
            buffer += self.port.read(1) + self.port.read(self.port.in_waiting)
            while (at := buffer.find(b"ERXUDP")) >= 0:
                found = ERXUDP.match(buffer, at)
                size = int(found[2], 16) if found is not None else 0
                if found is None or len(buffer) < found.end() + size:
                    break
                data, buffer = buffer[found.end() : found.end() + size], buffer[found.end() + size :]
                if data[2:4] == head and data[4:7] == bytes.fromhex("028801") and data[10] == 0x72:
                    return data[14:].hex().upper()
        text = buffer.decode("latin-1")
        raise Unreadable(text) if "ERXUDP" in text else NoAnswer(text)

    def op_close(self) -> None:
        """End the session."""
        self._ask("SKTERM", b"EVENT 27", 10)
        self.port.close()

    def _ask(self, command: str, end: bytes, limit_s: float = 5.0) -> bytes:
        self.port.reset_input_buffer()
        self.port.write(command.encode() + b"\r\n")
        return self._read(re.escape(end), limit_s, gather=True)

    def _read(self, end: bytes, limit_s: float, *, gather: bool = False) -> bytes:
        """The read that holds `end`; with `gather` all that came before it too."""
        until = time.monotonic() + limit_s
        before = b""
        while time.monotonic() < until:
            message = self.port.read(1)
            if message:
                time.sleep(GATHER_S)
                message += self.port.read(self.port.in_waiting)
            if re.search(end, before + message if gather else message):
                return before + message
            before += message if gather else b""
        raise NoAnswer(end.decode("latin-1"))


serve(Program())
