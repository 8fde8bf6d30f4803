"""Datagrams to a whole meter: what strangers can and cannot make it do."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from keiki.wire.cosem import client as cosem
from keiki.wire.cosem import wrapper

from tests.conformance.a_route_desk import Desk, a_route
from tests.conformance.cosem_peer import LIMIT_S, MANAGEMENT, PUBLIC, Keys, Peer

IP_AND_UDP = 28  # bytes of head that each datagram has
TIMES = 4
OBJECTS = (15, bytes((0, 0, 40, 0, 0, 255)), 2)
IMPORT = (3, bytes((1, 0, 1, 8, 0, 255)), 2)


class Stranger(socket.socket):
    """A sender of datagrams; `most` is the greatest ratio of an answer to what it answers."""

    def __init__(self, meter: Desk, sap: int = PUBLIC) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.sap = sap
        self.most = 0.0
        self.settimeout(LIMIT_S)
        self.connect((meter.host, meter.port))

    def ask(self, apdu: Any) -> bytes:
        """Send an APDU and return what answers it."""
        request = wrapper.encode(self.sap, 1, bytes(apdu))
        self.send(request)
        answer = self.recv(65535)
        self.most = max(self.most, (len(answer) + IP_AND_UDP) / (len(request) + IP_AND_UDP))
        return answer[wrapper.HEAD :]

    def do(self, operation: Any) -> Any:
        """Carry out an operation of a client."""
        return cosem.run(operation, self.ask)


@pytest.fixture(scope="module")
def meter() -> Iterator[Desk]:
    with a_route() as found:
        yield found


def test_the_answers_to_a_stranger_are_four_times_what_he_sent_at_most(meter: Desk) -> None:
    with Stranger(meter) as stranger:
        client = cosem.Client()
        stranger.do(client.open())
        assert len(stranger.do(client.get(OBJECTS))) > 5
        stranger.do(client.get_list([(OBJECTS, None)] * 20))
        for noise in (b"\x60", b"\x60\x00", b"\x00", b"\xc0", bytes(600), b"\x62\x00"):
            stranger.ask(noise)
        assert 1 < stranger.most <= TIMES


def test_who_has_keys_gets_long_answers_as_datagrams_too(meter: Desk) -> None:
    with Stranger(meter, MANAGEMENT) as head_end:
        client = cosem.Client(Keys(*meter.keys[MANAGEMENT], counter=meter.counter()))
        head_end.do(client.open())
        assert head_end.do(client.get(IMPORT)) >= 0
        assert len(head_end.do(client.get(OBJECTS))) > 40
        assert head_end.most > TIMES
        head_end.do(client.release())  # or his place is taken until he is silent for long enough


def test_no_connection_makes_way_for_datagrams(meter: Desk) -> None:
    with Peer(meter.host, meter.port) as first, Peer(meter.host, meter.port) as second:
        clients = [cosem.Client(), cosem.Client()]
        for peer, client in zip((first, second), clients, strict=True):
            peer.do(client.open())
        for number in range(12):
            with Stranger(meter) as stranger:
                if number % 2:  # nor does noise take anything
                    stranger.send(bytes(number))
                else:
                    stranger.do(cosem.Client().open())
        for peer, client in zip((first, second), clients, strict=True):
            assert peer.do(client.get(OBJECTS))
