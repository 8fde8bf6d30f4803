"""A whole meter on an emulated Pico W that is in a network: the world of meter_world.py, and who is on Wi-Fi.

The router tells names and the time; a head-end reads the meter by TCP.
"""

import json
import struct
from pathlib import Path
from typing import Any

from aroute_world import AK, EK, KEYS, SERIAL
from cosem_guards import head_end
from keiki.meter.cosem.objects import MANAGEMENT
from keiki.wire import dns, sntp
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.client import Client, run
from keiki_host.flash import app_files

from tests.ontarget.meter_world import SETTINGS, MeterWorld
from tests.ontarget.wifi_lan import CHIP, GROUP, ROUTER, Place, raw
from tests.ontarget.wifi_tcp import TcpPeer

SERVER = "router.example"
NETWORK = {"ssid": "keiki", "password": "0123456789"}
_RADIO_PIO = 1
"""MicroPython drives the radio with this one of the chip's two PIOs."""
_HEAD_END = "10.0.0.50"
_NTP_1970_S = 2_208_988_800


class WifiWorld(MeterWorld):
    """See MeterWorld. `server_offset_ms`: how far the time server's clock is from the world's.

    SERVER tells names and times, and is the `receiver` that the meter may push to; `asked` counts the names
    that it was asked, `told_ms` are the times (UTC) that it told; `announced` is what the meter
    has told everybody.
    """

    def __init__(self, uf2: Path, more: dict[str, bytes] | None = None, **settings: Any) -> None:
        told = {**SETTINGS, **KEYS, "serial": SERIAL, "sntp_servers": SERVER, **settings}
        files = {app_files.SETTINGS: app_files.settings_text(told), "wifi.json": json.dumps(NETWORK).encode()}
        super().__init__("pico_w", "rp2_picow_bl0942", uf2, {**files, **(more or {})})
        self.board.pios = (_RADIO_PIO,)
        self.lan = self.board.radio.lan
        self.asked = 0
        self.told_ms: list[int] = []
        self.announced: list[bytes] = []
        self.lan.serve_udp((GROUP, 3610), self._announced)
        self.server_offset_ms = 0
        self.lan.serve_udp((ROUTER, dns.PORT), self._names)
        self.lan.serve_udp((ROUTER, sntp.PORT), self._time)
        self.receiver = TcpPeer(self.lan, (ROUTER, wrapper.PORT), None, self.board.wake)
        self._ports = iter(range(40_000, 60_000))
        self._guard = head_end(bytes.fromhex(EK), bytes.fromhex(AK))
        self._guard.counter = 1

    # -- its servers ------------------------------------------------------------------------------------

    def _names(self, query: bytes, sender: Place) -> None:
        """Tell the address of SERVER; of other names that there is none (RFC 1035, 4.1)."""
        self.asked += 1
        known = query[12:].startswith(dns.encode_query(0, SERVER, dns.A)[12:])
        head = query[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, known, 0, 0)
        found = b"\xc0\x0c" + struct.pack(">HHIH", dns.A, 1, 60, 4) + raw(ROUTER) if known else b""
        self.lan.send_udp((ROUTER, dns.PORT), sender, head + query[12:] + found)

    def _time(self, request: bytes, sender: Place) -> None:
        """Tell the time (RFC 4330, 5)."""
        utc_ms = self.utc_ms() + self.server_offset_ms
        self.told_ms.append(utc_ms)
        self.board.wake()
        now = struct.pack(">II", utc_ms // 1000 + _NTP_1970_S & 0xFFFFFFFF, (utc_ms % 1000 << 32) // 1000)
        head = struct.pack(">BBbbIII", 0x24, 2, 6, -20, 0, 0, 0)
        self.lan.send_udp((ROUTER, sntp.PORT), sender, head + now + request[40:48] + now + now)

    def _announced(self, data: bytes, _sender: Place) -> None:
        self.announced.append(data)
        self.board.wake()

    # -- its head-end -----------------------------------------------------------------------------------

    def connect(self, limit_ms: float = 5000) -> TcpPeer:
        """Connect to the A-route. AssertionError: it is not taken."""
        peer = TcpPeer(self.lan, (_HEAD_END, next(self._ports)), wrapper.PORT, self.board.wake)
        assert self.board.go(limit_ms, lambda: peer.state != "connecting"), "no answer to SYN"
        assert peer.state == "open", peer.state
        return peer

    def head_end(self, limit_ms: float = 10_000) -> "HeadEnd":
        """Associate with the meter as its head-end. AssertionError: it does not answer."""
        return HeadEnd(self, self.connect(limit_ms), Client(self._guard), limit_ms)

    def ask_echonet(self, datagram: bytes, to: str = CHIP, limit_ms: float = 5000) -> bytes:
        """Send an ECHONET Lite datagram from the network and return its answer. AssertionError: none."""
        answers: list[bytes] = []

        def take(data: bytes, _sender: Place) -> None:
            answers.append(data)
            self.board.wake()

        place = (_HEAD_END, 3610)
        self.lan.serve_udp(place, take)
        self.lan.send_udp(place, (to, 3610), datagram)
        assert self.board.go(limit_ms, lambda: bool(answers)), "no answer"
        return answers[0]


class HeadEnd:
    """An association with keys, over one connection; `took_ms` is how long each answer took to come."""

    def __init__(self, world: WifiWorld, peer: TcpPeer, client: Client, limit_ms: float) -> None:
        self._world, self._peer, self._client, self._limit_ms = world, peer, client, limit_ms
        self.took_ms: list[float] = []
        run(client.open(), self._exchange)

    @property
    def secured(self) -> bool:
        """Whether both sides have proved that they have the keys."""
        return self._client.session is not None

    def get(self, attribute: tuple[int, bytes, int], *more: Any) -> Any:
        """Get an attribute: (class, logical name, number)."""
        return run(self._client.get(attribute, *more), self._exchange)

    def close(self) -> None:
        """End the connection."""
        self._peer.close()

    def _exchange(self, apdu: bytes) -> bytes:
        began_ms = self._world.board.since_power_ms()
        peer = self._peer
        peer.received.clear()
        peer.send(wrapper.encode(MANAGEMENT, 1, apdu))
        assert self._world.board.go(self._limit_ms, self._complete), (peer.state, bytes(peer.received))
        self.took_ms.append(self._world.board.since_power_ms() - began_ms)
        _, _, start, end = wrapper.decode(peer.received, len(peer.received))
        return bytes(peer.received[start:end])

    def _complete(self) -> bool:
        got = self._peer.received
        return len(got) >= wrapper.HEAD and len(got) >= wrapper.HEAD + int.from_bytes(got[6:8], "big")
