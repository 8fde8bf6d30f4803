"""A J11 module on an emulated desk: one air, a meter's radio with a PAA, the module, hand-driven time."""

from collections.abc import Callable

import pytest
from keiki_host.bench.clock import ManualScheduler
from keiki_host.bench.faults import Faults
from keiki_host.bench.wisun.air import Air, Datagram
from keiki_host.bench.wisun.j11 import J11Module, J11Options
from keiki_host.bench.wisun.j11_codec import ANSWER, Broken, Frame, Reader, encode_request
from keiki_host.bench.wisun.pana import Credentials, Paa, Pana

ROUTE_B_ID = b"0123456789ABCDEF0123456789ABCDEF"
PASSWORD = b"0123456789AB"
METER_MAC = bytes.fromhex("001D129012345678")
OWN_MAC = bytes.fromhex("001D12900003C890")
RSSI_DBM = -56


class J11Desk:
    """A J11 module, and a meter's radio with a PAA on SK channel 47 (J11 channel 11), PAN 8888."""

    def __init__(self, options: J11Options | None = None) -> None:
        self.clock = ManualScheduler()
        self.faults = Faults(1, self.clock)
        self.air = Air(seed=1, faults=self.faults)
        self.air.rssi_dbm = lambda a, b: RSSI_DBM  # type: ignore[method-assign]
        self.meter = self.air.radio(self.clock, METER_MAC)
        self.meter.channel, self.meter.pan_id, self.meter.coordinator = 47, 0x8888, True
        self.meter.beaconing, self.meter.pairing_id = True, ROUTE_B_ID[-8:]
        self.heard: list[Datagram] = []
        self.meter.on_datagram = self.heard.append
        self.meter_events: list[Pana] = []
        self.paa = Paa(self.meter, lambda event, mac: self.meter_events.append(event))
        self.paa.credentials = Credentials.from_password(ROUTE_B_ID, PASSWORD)
        self.paa.start()
        self.writes: list[bytes] = []
        self.reader = Reader(ANSWER)
        radio = self.air.radio(self.clock, OWN_MAC)
        self.module = J11Module(radio, self.clock, self.writes.append, faults=self.faults, options=options)

    def take(self) -> list[Frame]:
        """Everything the module has sent since the last call."""
        found: list[Frame] = []
        for write in self.writes:
            for item in self.reader.receive(write):
                assert not isinstance(item, Broken)
                found.append(item)
        assert not self.reader.waiting
        self.writes.clear()
        return found

    def raw(self, data: bytes, ms: int = 0) -> list[Frame]:
        """Send bytes to the module, let `ms` pass, return what it said."""
        self.module.receive(data)
        self.clock.advance(ms)
        return self.take()

    def ask(self, command: int, data: bytes = b"", ms: int = 0) -> list[tuple[int, str]]:
        """Send a request, let `ms` pass, return (command, data in hexadecimal) of what came."""
        return [(frame.command, frame.data.hex()) for frame in self.raw(encode_request(command, data), ms)]

    def up(self) -> None:
        """Settings, credentials, B-route start, port 3610: state 02."""
        for command, data in (
            (0x005F, bytes.fromhex("05000B00")),
            (0x0054, ROUTE_B_ID + PASSWORD),
            (0x0053, b""),
            (0x0005, bytes.fromhex("0E1A")),
        ):
            (reply,) = self.raw(encode_request(command, data), 30)
            assert (reply.command, reply.data[0]) == (command | 0x2000, 1)

    def join(self) -> None:
        """As `up`, then PANA: state 03."""
        self.up()
        assert self.ask(0x0056, ms=400) == [(0x2056, "01"), (0x6028, "01" + METER_MAC.hex())]


@pytest.fixture
def j11_desk() -> J11Desk:
    """A J11 module and a meter that would let it in."""
    return J11Desk()


@pytest.fixture(scope="session")
def make_j11_desk() -> Callable[..., J11Desk]:
    """The class: for other options, or for a fresh desk for each example."""
    return J11Desk
