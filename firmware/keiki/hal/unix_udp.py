"""UDP of the unix port: a port on one address, with its multicast group, over the kernel's own sockaddr."""

import errno
import socket
import struct

from keiki.hal.unix_sockets import family, numeric, sockaddr
from keiki.hal.waiting import readable

_SOL_IP = 0
_IP_MULTICAST_IF = 32
_SOL_IPV6 = 41
_IPV6_MULTICAST_IF = 17
_IPV6_JOIN_GROUP = 20
_IPV6_V6ONLY = 26


class Udp:
    """One UDP port, with a multicast group if one is named, on one address of this host.

    Linux hands a datagram to the socket with the most specific address, so unicast and group are two sockets;
    answers always leave from the unicast one. A peer is the kernel's own sockaddr: it keeps an IPv6 scope.
    """

    def __init__(self, address: str, port: int, group: "str | None") -> None:
        host, _, _ = address.partition("%")
        raw = numeric(host) or b""
        self.port = port
        self.unicast = socket.socket(family(raw), socket.SOCK_DGRAM)
        self.group = self.unicast if group is None else socket.socket(family(raw), socket.SOCK_DGRAM)
        self._everyone = None
        self._sockets = (self.unicast,) if group is None else (self.unicast, self.group)
        self.receivers = len(self._sockets)
        for sock in self._sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        index = 0
        if len(raw) == 16:
            index = interface_index(address)
            for sock in self._sockets:
                sock.setsockopt(_SOL_IPV6, _IPV6_V6ONLY, 1)
        if group is not None:
            self._join(address, numeric(group) or b"", index)
        self.unicast.bind(own_sockaddr(raw, port, index))
        for sock in self._sockets:
            sock.setblocking(False)

    def _join(self, address: str, group: bytes, index: int) -> None:
        self._everyone = own_sockaddr(group, self.port, index)
        if len(group) == 16:
            self.group.setsockopt(_SOL_IPV6, _IPV6_JOIN_GROUP, group + struct.pack("I", index))
            self.unicast.setsockopt(_SOL_IPV6, _IPV6_MULTICAST_IF, index)
        else:
            # a loopback address joins through lo whichever of 127/8 it is
            through = numeric("127.0.0.1" if address.startswith("127.") else address)
            self.group.setsockopt(_SOL_IP, socket.IP_ADD_MEMBERSHIP, group + through)
            self.unicast.setsockopt(_SOL_IP, _IP_MULTICAST_IF, through)
        self.group.bind(self._everyone)

    async def receive(self, multicast: bool, answer_source_port: bool) -> "tuple[bytes, bytes]":
        """Wait for one datagram; returns it and the peer to answer to.

        The answer goes to `port` of the sender whatever port it sent from (ECHONET Lite part 2, 1.2),
        unless `answer_source_port`.
        """
        sock = self.group if multicast else self.unicast
        while True:
            await readable(sock)
            try:
                data, peer = sock.recvfrom(1500)
            except OSError as error:
                # an ICMP error of an earlier answer is reported here: that peer is gone, we are not
                if error.errno not in (errno.EAGAIN, errno.ECONNREFUSED):
                    raise
                continue
            if not answer_source_port:
                peer = peer[:2] + struct.pack(">H", self.port) + peer[4:]
            return data, peer

    def send(self, data: bytes, peer: "bytes | None") -> bool:
        """Send to a peer, or to the group if None; False if the network refused."""
        try:
            self.unicast.sendto(data, self._everyone if peer is None else peer)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close all sockets."""
        for sock in self._sockets:
            sock.close()


def own_sockaddr(raw: bytes, port: int, index: int) -> bytes:
    """Return an address of ours or of a group; what is link-local belongs to an interface."""
    return sockaddr(raw, port, index if len(raw) == 16 and raw[0] in (0xFE, 0xFF) else 0)


def interface_index(address: str) -> int:
    """Return the index of the interface that owns an IPv6 address; OSError ENODEV if none does."""
    host, _, zone = address.partition("%")
    wanted = "".join("%02x" % byte for byte in socket.inet_pton(socket.AF_INET6, host))
    with open("/proc/net/if_inet6") as table:
        for line in table:
            row = line.split()
            if row[0] == wanted and (not zone or row[5] == zone):
                return int(row[1], 16)
    raise OSError(errno.ENODEV)
