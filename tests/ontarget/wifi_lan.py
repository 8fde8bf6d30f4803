"""The network that an emulated Pico W joins: its frames end in this process, at peers that are functions.

Nothing here opens a socket: there is no way from this network to any other. All of it lives in the time of
the chip. Documents: RFC 826 (ARP), RFC 2131 (DHCP), RFC 1112 (groups). IPv6 is not answered.
"""

from collections.abc import Callable
from typing import Any

from rp2040py.external.cyw43 import net

Place = tuple[str, int]
"""An IPv4 address and a port."""

ROUTER = "10.0.0.1"
CHIP = "10.0.0.2"
GROUP = "224.0.23.0"
"""ECHONET Lite's (part 2, 1.2)."""
_MASK = "255.255.255.0"
_EVERYBODY = "255.255.255.255"
_LEASE_S = 86_400
_TRAVEL_NS = 1_000_000
_ANSWER = {net.DHCP_MSG_DISCOVER: net.DHCP_MSG_OFFER, net.DHCP_MSG_REQUEST: net.DHCP_MSG_ACK}
_BOOTP = (67, 68)


def raw(address: str) -> bytes:
    """The 4 bytes of an address."""
    return bytes(int(part) for part in address.split("."))


def text(address: bytes) -> str:
    """The address of 4 bytes."""
    return ".".join(str(part) for part in address)


def _mac(address: str) -> bytes:
    """The MAC that stands for an address: a peer's own, or a group's."""
    octets = raw(address)
    if address == _EVERYBODY:
        return b"\xff" * 6
    if 224 <= octets[0] < 240:
        return b"\x01\x00\x5e" + bytes((octets[1] & 0x7F,)) + octets[2:]
    return b"\x02\x00" + octets


class Lan:
    """A network with a router that gives addresses, and peers that `serve_udp` and `on_tcp` put on it.

    `up`: frames pass; `leases`: addresses are given; both may be changed. `unserved` counts what nobody was
    there for, by (protocol, address, port).
    """

    def __init__(self) -> None:
        self.up = self.leases = True
        self.unserved: dict[tuple[str, str, int], int] = {}
        self.given = 0
        self._addresses = {ROUTER}
        self._udp: dict[Place, Callable[[bytes, Place], None]] = {}
        self._tcp: dict[Place, Callable[[net.TcpSegment], None]] = {}
        self._chip_mac = b"\xff" * 6
        self._under_way: list[bytes] = []

    def attach(self, clock: Any, deliver: Callable[[bytes], None]) -> None:
        """Live on `clock`; `deliver` gives the radio a frame."""
        self._alarm = clock.create_alarm(self._arrive)
        self._deliver = deliver

    # -- peers ------------------------------------------------------------------------------------------

    def serve_udp(self, place: Place, take: Callable[[bytes, Place], None]) -> None:
        """Have a peer: `take(data, sender)` gets what is sent to it."""
        self._addresses.add(place[0])
        self._udp[place] = take

    def on_tcp(self, place: Place, take: Callable[[net.TcpSegment], None] | None) -> None:
        """Have a peer that gets segments; None: it is gone."""
        self._addresses.add(place[0])
        if take is None:
            self._tcp.pop(place, None)
        else:
            self._tcp[place] = take

    def send_udp(self, source: Place, destination: Place, data: bytes) -> None:
        """Send a datagram to the chip, or to a group that it may be in."""
        self._addresses.add(source[0])
        ends = raw(source[0]), raw(destination[0])
        self.send_ip(*ends, net.IP_PROTO_UDP, net.pack_udp(*ends, source[1], destination[1], data))

    def send_ip(self, source: bytes, destination: bytes, protocol: int, payload: bytes) -> None:
        """Send a packet to the chip."""
        packet = net.pack_ipv4(source, destination, protocol, payload)
        to = self._chip_mac if text(destination) == CHIP else _mac(text(destination))
        self._post(net.pack_ethernet(to, _mac(text(source)), net.ETHERTYPE_IPV4, packet))

    # -- frames -----------------------------------------------------------------------------------------

    def reset(self) -> None:
        """The chip has left the network: nothing is under way to it any more."""
        self._under_way.clear()

    def _post(self, frame: bytes) -> None:
        if not self._under_way:
            self._alarm.schedule(_TRAVEL_NS)
        self._under_way.append(frame)

    def _arrive(self) -> None:
        frames = self._under_way[:]
        self._under_way.clear()
        for frame in frames:
            if self.up:
                self._deliver(frame)

    def handle_outbound_ethernet_frame(self, frame: bytes) -> None:
        """Take a frame that the chip has sent."""
        eth = net.parse_ethernet(frame)
        if eth is None or not self.up:
            return
        self._chip_mac = eth.src_mac
        if eth.ethertype == net.ETHERTYPE_ARP:
            self._arp(eth.payload)
        elif eth.ethertype == net.ETHERTYPE_IPV4 and (ip := net.parse_ipv4(eth.payload)) is not None:
            if ip.proto == net.IP_PROTO_UDP and (udp := net.parse_udp(ip.payload)) is not None:
                self._datagram(ip, udp)
            elif ip.proto == net.IP_PROTO_TCP and (tcp := net.parse_tcp(ip.payload)) is not None:
                take = self._tcp.get((text(ip.dst_ip), tcp.dst_port))
                self._miss("tcp", ip, tcp.dst_port) if take is None else take(tcp)

    def _arp(self, payload: bytes) -> None:
        arp = net.parse_arp(payload)
        if arp is None or arp.op != net.ARP_OP_REQUEST or text(arp.target_ip) not in self._addresses:
            return
        own = _mac(text(arp.target_ip))
        answer = net.pack_arp(net.ARP_OP_REPLY, own, arp.target_ip, arp.sender_mac, arp.sender_ip)
        self._post(net.pack_ethernet(arp.sender_mac, own, net.ETHERTYPE_ARP, answer))

    def _datagram(self, ip: net.Ipv4Packet, udp: net.UdpDatagram) -> None:
        if udp.dst_port == _BOOTP[0]:
            self._dhcp(udp.payload)
            return
        take = self._udp.get((text(ip.dst_ip), udp.dst_port))
        if take is None:
            self._miss("udp", ip, udp.dst_port)
        else:
            take(udp.payload, (text(ip.src_ip), udp.src_port))

    def _miss(self, protocol: str, ip: net.Ipv4Packet, port: int) -> None:
        key = protocol, text(ip.dst_ip), port
        self.unserved[key] = self.unserved.get(key, 0) + 1

    def _dhcp(self, payload: bytes) -> None:
        asked = net.parse_dhcp(payload)
        if asked is None or not self.leases:
            return
        answer = _ANSWER.get(asked.options.get(53, b"\0")[0])
        if answer is None:
            return
        self.given += answer == net.DHCP_MSG_ACK
        router = raw(ROUTER)
        options = {
            53: bytes((answer,)), 1: raw(_MASK), 3: router, 6: router, 54: router,
            51: _LEASE_S.to_bytes(4, "big"),
        }  # fmt: skip
        data = net.pack_dhcp(net.DHCP_OP_REPLY, asked.xid, asked.chaddr, raw(CHIP), options)
        ends = router, raw(_EVERYBODY)
        self.send_ip(*ends, net.IP_PROTO_UDP, net.pack_udp(*ends, *_BOOTP, data))
