"""hal/lwip: a meter's ports on a lwIP that has three UDP sockets, as an RP2 (MicroPython only)."""

import asyncio
import errno
import struct

from keiki.hal import lwip
from keiki.wire import dns

OWN = "192.0.2.7"
NAME_SERVER = "192.0.2.53"
HOST = "192.0.2.123"
ASKER = "192.0.2.9"
GROUP = "224.0.23.0"


class Net:
    """What is in use, and what is under way: `sent` (from port, to, data); `answers` are functions of it."""

    free = 3
    sent = []
    by_port = {}
    memberships = []
    answers = []


class Socket:
    """A UDP socket of lwIP."""

    def __init__(self, _family, _kind):
        if not Net.free:
            raise OSError(errno.ENOMEM)
        Net.free -= 1
        self.port = 0
        self.inbox = []

    def setsockopt(self, _level, option, value):
        if option == "membership":
            Net.memberships.append(bytes(value))

    def setblocking(self, _on):
        pass

    def bind(self, place):
        assert place[0] == "0.0.0.0"  # what is bound to its own address hears no group
        self.port = place[1]
        Net.by_port[self.port] = self

    def sendto(self, data, place):
        Net.sent.append((self.port, place, bytes(data)))
        for answer in Net.answers:
            answer(self, place, bytes(data))

    def recvfrom(self, _most):
        if not self.inbox:
            raise OSError(errno.EAGAIN)
        found = self.inbox.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    def close(self):
        Net.free += 1
        if Net.by_port.get(self.port) is self:
            del Net.by_port[self.port]


class Sockets:
    """The module."""

    AF_INET = SOCK_DGRAM = SO_REUSEADDR = IPPROTO_IP = 0
    IP_ADD_MEMBERSHIP = "membership"
    socket = Socket


class Wifi:
    """A network that is there."""

    address = OWN
    name_server = NAME_SERVER
    joins = 1

    async def joined(self, after):
        while self.joins <= after:
            await asyncio.sleep_ms(1)


async def readable(sock):
    while not sock.inbox:
        await asyncio.sleep_ms(1)


def name_server(sock, place, data):
    if place == (NAME_SERVER, dns.PORT):
        known = data[12:].startswith(b"\x04time")
        head = data[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, int(known), 0, 0)
        found = b"\xc0\x0c" + struct.pack(">HHIH", dns.A, 1, 60, 4) + lwip.raw_of(HOST)
        sock.inbox.append((head + data[12:] + (found if known else b""), place))


def time_server(sock, place, data):
    if place == (HOST, 123):
        sock.inbox.append((b"forged", (ASKER, 123)))
        sock.inbox.append((b"time of " + data, place))


def in_network(scenario, answers=(name_server, time_server)):
    """Run `scenario(wifi)` on sockets of which three are free; all of them are free afterwards."""
    kept = lwip.socket, lwip.readable
    lwip.socket, lwip.readable = Sockets, readable
    Net.free, Net.sent, Net.memberships, Net.answers = 3, [], [], answers
    wifi = Wifi()
    lwip.use(wifi)
    try:
        asyncio.run(scenario(wifi))
    finally:
        lwip.socket, lwip.readable = kept
    assert Net.free == 3, "%d sockets are left open" % (3 - Net.free)


def test_both_ports_leave_a_socket_to_ask_the_time_with():
    async def scenario(_wifi):
        echonet, cosem = lwip.Udp("0.0.0.0", 3610, GROUP), lwip.Udp("0.0.0.0", 4059, None)
        waiting = [asyncio.create_task(udp.receive(False, True)) for udp in (echonet, cosem)]
        await asyncio.sleep_ms(5)
        assert Net.free == 1 and Net.memberships == [lwip.raw_of(GROUP) + lwip.raw_of(OWN)]
        asked = [lwip.sntp_exchange("time.example", b"it", 1000) for _ in range(3)]
        asked.append(lwip._answers(NAME_SERVER))
        assert await asyncio.gather(*asked) == [b"time of it"] * 3 + [True]
        await lwip.datagram("time.example:9", 4059, b"gasp")
        assert Net.sent[-1] == (0, (HOST, 9), b"gasp")
        for task in waiting:
            task.cancel()
        echonet.close()
        cosem.close()

    in_network(scenario)


def test_a_name_that_nobody_has_and_a_server_that_is_silent_are_no_answer():
    async def scenario(_wifi):
        assert await lwip.sntp_exchange("other.example", b"it", 1000) is None
        Net.answers = (name_server,)
        assert await lwip.sntp_exchange("time.example", b"it", 20) is None
        Net.answers = ()
        assert await lwip.sntp_exchange("time.example", b"it", 20) is None

    in_network(scenario)


def test_one_socket_hears_the_own_address_and_the_group_and_answers_from_its_port():
    async def scenario(_wifi):
        udp = lwip.Udp("0.0.0.0", 3610, GROUP)
        assert udp.receivers == 1 and not udp.send(b"before there is a network", None)
        waiting = asyncio.create_task(udp.receive(False, False))
        await asyncio.sleep_ms(5)
        Net.by_port[3610].inbox.append((b"get", (ASKER, 40000)))
        data, peer = await waiting
        assert (data, peer) == (b"get", (ASKER, 3610))
        assert udp.send(b"answer", peer) and udp.send(b"to all", None)
        assert Net.sent == [(3610, (ASKER, 3610), b"answer"), (3610, (GROUP, 3610), b"to all")]
        udp.close()

    in_network(scenario)


def test_each_network_is_told_of_once_and_has_a_socket_of_its_own():
    async def scenario(wifi):
        told = []
        udp = lwip.Udp("0.0.0.0", 3610, GROUP)
        udp.on_up = lambda: told.append(wifi.joins)
        waiting = asyncio.create_task(udp.receive(False, True))
        await asyncio.sleep_ms(5)
        first = Net.by_port[3610]
        wifi.joins = 2
        first.inbox.append(OSError(errno.ENOTCONN))  # what its network leaves behind
        await asyncio.sleep_ms(5)
        second = Net.by_port[3610]
        second.inbox.append(OSError(errno.ECONNRESET))  # a port that fails is opened again, and tells nobody
        await asyncio.sleep_ms(5)
        third = Net.by_port[3610]
        third.inbox.append((b"get", (ASKER, 40000)))
        assert await waiting == (b"get", (ASKER, 40000))
        assert told == [1, 2] and first is not second is not third and len(Net.memberships) == 3
        udp.close()

    in_network(scenario)
