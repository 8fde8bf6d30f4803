"""UDP of the unix port: a port on one address, with its multicast group, over the kernel's own sockaddr."""

import errno
import socket
import struct
from asyncio import core

_SOL_IP = 0
_IP_MULTICAST_IF = 32
_SOL_IPV6 = 41
_IPV6_MULTICAST_IF = 17
_IPV6_JOIN_GROUP = 20
_IPV6_V6ONLY = 26


class Udp:
    """One UDP port with a multicast group, on one address of this host.

    Linux hands a datagram to the socket with the most specific address, so unicast and group are two sockets;
    answers always leave from the unicast one. A peer is the kernel's own sockaddr: it keeps an IPv6 scope.
    """

    def __init__(self, address: str, port: int, group: str) -> None:
        six = ":" in address
        family = socket.AF_INET6 if six else socket.AF_INET
        self.port = port
        self.unicast = socket.socket(family, socket.SOCK_DGRAM)
        self.group = socket.socket(family, socket.SOCK_DGRAM)
        for sock in (self.unicast, self.group):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if six:
            index = _interface_index(address)
            for sock in (self.unicast, self.group):
                sock.setsockopt(_SOL_IPV6, _IPV6_V6ONLY, 1)
            own = _sockaddr(address, port, index)
            self._everyone = _sockaddr(group, port, index)
            self.group.setsockopt(
                _SOL_IPV6, _IPV6_JOIN_GROUP, socket.inet_pton(family, group) + struct.pack("I", index)
            )
            self.unicast.setsockopt(_SOL_IPV6, _IPV6_MULTICAST_IF, index)
        else:
            # a loopback address joins through lo whichever of 127/8 it is
            through = socket.inet_pton(family, "127.0.0.1" if address.startswith("127.") else address)
            own = _sockaddr(address, port, 0)
            self._everyone = _sockaddr(group, port, 0)
            self.group.setsockopt(
                _SOL_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_pton(family, group) + through
            )
            self.unicast.setsockopt(_SOL_IP, _IP_MULTICAST_IF, through)
        self.unicast.bind(own)
        self.group.bind(self._everyone)
        for sock in (self.unicast, self.group):
            sock.setblocking(False)

    async def receive(self, multicast: bool, answer_source_port: bool) -> "tuple[bytes, bytes]":
        """Wait for one datagram; returns it and the peer to answer to.

        The answer goes to `port` of the sender whatever port it sent from (ECHONET Lite part 2, 1.2),
        unless `answer_source_port`.
        """
        sock = self.group if multicast else self.unicast
        while True:
            await _readable(sock)
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
        """Close both sockets."""
        self.unicast.close()
        self.group.close()


def _readable(sock):
    """Wait until `sock` has something to read (await it)."""
    yield core._io_queue.queue_read(sock)


def _sockaddr(address: str, port: int, index: int) -> bytes:
    host = address.split("%", 1)[0]
    if ":" in host:
        raw = socket.inet_pton(socket.AF_INET6, host)
        scope = index if raw[0] == 0xFE or raw[0] == 0xFF else 0
        return struct.pack("H", socket.AF_INET6) + struct.pack(">HI", port, 0) + raw + struct.pack("I", scope)
    raw = socket.inet_pton(socket.AF_INET, host)
    return struct.pack("H", socket.AF_INET) + struct.pack(">H", port) + raw + bytes(8)


def _interface_index(address: str) -> int:
    """Return the index of the interface that owns an IPv6 address; OSError ENODEV if none does."""
    host, _, zone = address.partition("%")
    wanted = "".join("%02x" % byte for byte in socket.inet_pton(socket.AF_INET6, host))
    with open("/proc/net/if_inet6") as table:
        for line in table:
            row = line.split()
            if row[0] == wanted and (not zone or row[5] == zone):
                return int(row[1], 16)
    raise OSError(errno.ENODEV)
