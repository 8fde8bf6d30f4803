"""A small radio world for the tests of the emulated modules: one air, a scripted meter module, dongles."""

from keiki_host.bench.clock import ManualScheduler
from keiki_host.bench.faults import Faults
from keiki_host.bench.wisun.air import Air
from keiki_host.bench.wisun.core import DialectName, TextOptions
from keiki_host.bench.wisun.text import TextModule

ROUTE_B_ID = "00112233445566778899AABBCCDDEEFF"
PASSWORD = "0123456789AB"


class Stick:
    """A text module and what it wrote: one entry per write."""

    def __init__(
        self, world: "RadioWorld", dialect: DialectName, options: TextOptions, mac: str | None
    ) -> None:
        self.world = world
        self.writes: list[bytes] = []
        self.at_ms: list[int] = []
        self.radio = world.air.radio(world.time, bytes.fromhex(mac) if mac else None)
        self.faults = Faults(1, world.time)
        self.module = TextModule(
            dialect, self.radio, world.time, self._written, faults=self.faults, options=options
        )

    def _written(self, data: bytes) -> None:
        self.writes.append(data)
        self.at_ms.append(self.world.time.now_ms)

    @property
    def ip(self) -> str:
        """Own address in the full form."""
        return self.module.core.ip

    def take(self) -> bytes:
        """Everything written since the last take."""
        out = b"".join(self.writes)
        self.writes.clear()
        self.at_ms.clear()
        return out

    def ask(self, command: str | bytes, ms: int = 0) -> bytes:
        """Type a command (str: CR LF is added), let time pass, return what was written."""
        self.take()
        self.module.receive(command if isinstance(command, bytes) else command.encode() + b"\r\n")
        self.world.run(ms)
        return self.take()

    def sendto(self, ip: str, data: bytes, *, sec: int = 2, ms: int = 0) -> bytes:
        """SKSENDTO on handle 1 to port 3610."""
        side = "0 " if self.module.core.dialect.sided else ""
        return self.ask(f"SKSENDTO 1 {ip} 0E1A {sec} {side}{len(data):04X} ".encode() + data, ms)

    def credentials(self, route_b_id: str = ROUTE_B_ID, password: str = PASSWORD) -> None:
        """SKSETRBID and SKSETPWD."""
        assert self.ask("SKSETRBID " + route_b_id).endswith(b"OK\r\n")
        assert self.ask(f"SKSETPWD {len(password):X} {password}").endswith(b"OK\r\n")

    def tune(self) -> None:
        """S2 and S3 of the meter's network."""
        assert self.ask("SKSREG S2 2F").endswith(b"OK\r\n")
        assert self.ask("SKSREG S3 8888").endswith(b"OK\r\n")

    def join(self, ms: int = 700) -> bytes:
        """Credentials, channel and PAN as the meter's, then SKJOIN."""
        self.credentials()
        self.tune()
        return self.ask("SKJOIN " + self.world.meter.ip, ms)


class RadioWorld:
    """Everything on one clock. `lifetime_s` None: the meter's module has not been started."""

    def __init__(self, *, lifetime_s: int | None = 86400) -> None:
        self.time = ManualScheduler()
        self.faults = Faults(3, self.time)
        self.air = Air(seed=7, faults=self.faults)
        self.meter = Stick(self, "bp35c2", TextOptions(meter=True, echo=False), "001D129012345678")
        if lifetime_s is not None:
            self.start_meter(lifetime_s)

    def stick(self, dialect: DialectName = "bp35c2", *, mac: str | None = None, **options: object) -> Stick:
        """A dongle, echo off unless asked for, hex payloads unless asked otherwise."""
        chosen = {"echo": False, "hex_mode": True, **options}
        return Stick(self, dialect, TextOptions(**chosen), mac)  # type: ignore[arg-type]

    def start_meter(self, lifetime_s: int = 86400) -> None:
        """Make the meter's module coordinator on channel 2F, PAN 8888."""
        self.meter.credentials()
        self.meter.tune()
        assert self.meter.ask(f"SKSREG S16 {lifetime_s:X}") == b"OK\r\n"
        assert self.meter.ask("SKSTART") == b"OK\r\n"
        assert self.meter.ask(b"WOPT 01\r") == b"OK\r"

    def run(self, ms: int) -> None:
        """Let time pass."""
        self.time.advance(ms)
