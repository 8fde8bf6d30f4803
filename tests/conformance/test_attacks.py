"""Attacks on the running meter over TCP: no service is executed, the answer is a standard error or silence.

The attacker sees and changes everything on the wire, and has no key. After each attack a true client of the
same association is served, and the meter's last counter is that client's.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from keiki.wire.cosem import acse, apdu, wrapper
from keiki.wire.cosem import client as cosem
from keiki.wire.cosem.axdr import ENUM, I8, OCTETS, Reader
from keiki.wire.cosem.client_services import Refused
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.session import Session
from keiki.wire.cosem.values import encode

from tests.conformance.a_route_desk import Desk, a_route
from tests.conformance.a_route_victim import (
    DISCONNECT,
    ERRORS,
    IMPORT,
    MODE,
    NOT_ALLOWED,
    NOT_DECIPHERED,
    OLD_COUNTER,
    PLAIN,
    REPLY,
    Victim,
    flips,
)
from tests.conformance.cosem_peer import LIMIT_S, MANAGEMENT, PUBLIC, READER, Keys, Peer


@pytest.fixture(scope="module")
def meter() -> Iterator[Desk]:
    """One meter for all attacks."""
    with a_route() as desk:
        yield desk


@pytest.mark.parametrize("general", [True, False])
def test_every_flipped_bit_of_a_request(meter: Desk, general: bool) -> None:
    with Victim(meter, general) as victim:
        for request in victim.evil():
            for at, wrong in flips(request):
                if at == 0 and wrong[0] in (apdu.AARQ, apdu.RLRQ):
                    continue  # ends the association, as anybody can who can write into it
                assert victim.attack(wrong)[:3] in (NOT_DECIPHERED, NOT_ALLOWED)
                victim.is_served()
            # the same untouched: its counter is an old one by now
            assert victim.attack(request)[:3] == OLD_COUNTER
        assert meter.counter(MANAGEMENT) == victim.keys.counter


@pytest.mark.parametrize("general", [True, False])
def test_every_truncation_and_what_is_too_long(meter: Desk, general: bool) -> None:
    with Victim(meter, general) as victim:
        for request in victim.evil():
            for size in range(1, len(request)):
                assert victim.attack(request[:size])[:3] == NOT_DECIPHERED
                victim.is_served()
            for tail in (b"\0", request, bytes(500)):
                assert victim.attack(request + tail)[:3] == NOT_DECIPHERED
                victim.is_served()
        assert meter.counter(MANAGEMENT) == victim.keys.counter


def test_an_apdu_longer_than_the_meter_takes_ends_the_connection_and_does_nothing(meter: Desk) -> None:
    with Victim(meter) as victim:
        request = victim.evil()[0]
        victim.peer.send(request + bytes(meter.pdu_max))
        with contextlib.suppress(ConnectionError):
            assert victim.peer.receive()[:1] in (b"", bytes((apdu.EXCEPTION,)))
    with Victim(meter) as victim:
        victim.is_served()


def test_replayed_and_reordered_requests(meter: Desk) -> None:
    with Victim(meter) as victim:
        first = victim.request(victim.client.get(IMPORT))
        late = victim.evil()
        newest = victim.request(victim.client.get(MODE))
        assert victim.peer.ask(first)[0] == 0xDB
        assert victim.peer.ask(newest)[0] == 0xDB
        expected = OLD_COUNTER + struct.pack(">I", victim.keys.counter + 1)
        for old in (first, *late, newest, first):
            assert victim.attack(old) == expected
        victim.is_served()
        assert meter.counter(MANAGEMENT) == victim.keys.counter
    recorded = [first, *late, newest]
    with Victim(meter) as victim:
        for old in recorded:
            assert victim.attack(old)[:3] == OLD_COUNTER
        victim.is_served()


def test_a_recorded_session_does_not_open_again(meter: Desk) -> None:
    with Victim(meter) as victim:
        recorded: list[bytes] = []
        ask = victim.peer.ask

        def recording(request: Any) -> bytes:
            recorded.append(bytes(request))
            return ask(request)

        victim.peer.do(victim.client.release())
        victim.peer.ask = recording  # type: ignore[method-assign]
        victim.peer.do(victim.client.open())
        victim.is_served()
        victim.peer.do(victim.client.release())
    assert recorded[0][0] == apdu.AARQ
    with Peer(meter.host, meter.port, MANAGEMENT) as attacker:
        for request in recorded:
            assert attacker.ask(request)[0] in ERRORS
    assert meter.counter(MANAGEMENT) == victim.keys.counter


@pytest.mark.parametrize("general", [True, False])
def test_wrong_keys_wrong_titles_and_old_counters(meter: Desk, general: bool) -> None:
    with Victim(meter, general) as victim:
        ek, ak = (bytes.fromhex(key) for key in meter.keys[MANAGEMENT])
        other = bytes(range(0x60, 0x70))
        reader = [bytes.fromhex(key) for key in meter.keys[READER]]
        plain = bytes((apdu.SET, 1, 0xC1)) + struct.pack(">H", 70) + MODE[1] + b"\x04\x00\x16\x01"
        title = victim.keys.title
        for keys, name, counter, expected in (
            ((other, ak), title, 1000, NOT_DECIPHERED),
            ((ek, other), title, 1000, NOT_DECIPHERED),
            ((ak, ek), title, 1000, NOT_DECIPHERED),
            ((bytes(16), bytes(16)), title, 1000, NOT_DECIPHERED),
            (reader, title, 1000, NOT_DECIPHERED),
            ((ek, ak), b"EVIL\0\0\0\1", 1000, NOT_DECIPHERED),
            ((ek, ak), victim.client.session.peer, 1000, NOT_DECIPHERED),
            ((ek, ak), title, 0, OLD_COUNTER),
            ((ek, ak), title, -1, OLD_COUNTER),
        ):
            forger = Keys(keys[0].hex(), keys[1].hex(), name, victim.keys.counter + counter - 1)
            if counter <= 0:
                forger.counter = victim.keys.counter + counter - 1
            session = Session(forger, victim.client.session.peer)
            session.general = general
            assert victim.attack(session.seal_bytes(plain))[:3] == expected, (name, counter)
            victim.is_served()
        assert meter.counter(MANAGEMENT) == victim.keys.counter


@pytest.mark.parametrize("name", PLAIN)
def test_nothing_is_done_without_protection(meter: Desk, name: str) -> None:
    with Peer(meter.host, meter.port, MANAGEMENT) as stranger:  # without an association
        assert stranger.ask(PLAIN[name])[:3] == NOT_ALLOWED
    with Victim(meter) as victim:
        assert victim.attack(PLAIN[name])[:3] in (NOT_ALLOWED, NOT_DECIPHERED)
        victim.is_served()
    with Victim(meter) as victim:  # and between AARE and proof
        client = cosem.Client(victim.keys)
        opening = client.open()
        victim.peer.ask(next(opening))
        assert victim.attack(PLAIN[name])[:3] in (NOT_ALLOWED, NOT_DECIPHERED)
    with Victim(meter) as victim:
        victim.is_served()


def test_every_flipped_bit_of_the_association_request_opens_nothing(meter: Desk) -> None:
    with Victim(meter) as other, Peer(meter.host, meter.port, MANAGEMENT) as attacker:
        request = other.request(cosem.Client(other.keys).open())
        for _, wrong in flips(request):
            other.is_served()  # which ends any pause: each of these requests is looked at
            answer = attacker.ask(wrong)
            if answer[0] == apdu.AARE and acse.decode_answer(Reader(answer)).result == acse.ACCEPTED:
                # only what no tag covers was changed; the counter is used now
                request = other.request(cosem.Client(other.keys).open())
            else:
                assert answer[0] in (apdu.AARE, *ERRORS)
            assert attacker.ask(PLAIN["set"])[:3] == NOT_ALLOWED
        other.is_served()


def test_a_wrong_proof_opens_nothing(meter: Desk) -> None:
    with Victim(meter) as victim:
        client = cosem.Client(victim.keys)
        for bit in range(8 * 17):
            opening = client.open()
            proof = opening.send(victim.peer.ask(next(opening)))
            session = client.session
            assert proof[0] == 0xDB
            wrong = bytearray(session.prove())
            wrong[bit >> 3] ^= 1 << (bit & 7)
            with pytest.raises(AccessError):
                victim.peer.do(client.act(REPLY, encode(OCTETS, bytes(wrong))))
            assert victim.peer.ask(PLAIN["set"])[:3] == NOT_ALLOWED
    with Victim(meter) as victim:
        victim.is_served()


def test_every_flipped_bit_of_the_protected_proof_opens_nothing(meter: Desk) -> None:
    with Victim(meter) as victim:
        client = cosem.Client(victim.keys)
        opening = client.open()
        size = len(opening.send(victim.peer.ask(next(opening))))
        for bit in range(8 * size):
            opening = client.open()
            wrong = bytearray(opening.send(victim.peer.ask(next(opening))))
            wrong[bit >> 3] ^= 1 << (bit & 7)
            assert victim.attack(wrong)[:3] in (NOT_DECIPHERED, NOT_ALLOWED)
            assert victim.attack(PLAIN["set"])[:3] == NOT_ALLOWED
        opening = client.open()  # and the right one, once more, opens it
        victim.peer.do(opening)
        victim.client = client
        victim.is_served()


def test_reflected_and_short_challenges_are_refused(meter: Desk) -> None:
    for challenge in (b"", b"1234567", bytes(65)):
        with Peer(meter.host, meter.port, MANAGEMENT) as peer:
            keys = victim_keys(meter)
            keys.challenge = lambda given=challenge: given  # type: ignore[method-assign]
            with pytest.raises(Refused):
                peer.do(cosem.Client(keys).open())
    # our own title and the meter's challenge sent back, as the meter would have to answer them
    with Peer(meter.host, meter.port, MANAGEMENT) as one, Peer(meter.host, meter.port, MANAGEMENT) as two:
        keys = victim_keys(meter)
        opening = cosem.Client(keys).open()
        theirs = acse.decode_answer(Reader(one.ask(next(opening))))
        keys.title = theirs.title
        keys.challenge = lambda: theirs.challenge  # type: ignore[method-assign]
        with pytest.raises(Refused):
            two.do(cosem.Client(keys).open())


def victim_keys(meter: Desk) -> Keys:
    """The true keys and a fresh counter of the management client."""
    ek, ak = meter.keys[MANAGEMENT]
    return Keys(ek, ak, counter=meter.counter(MANAGEMENT))


def test_other_clients_may_not_do_what_the_management_may(meter: Desk) -> None:
    with Peer(meter.host, meter.port, PUBLIC) as peer:
        client = cosem.Client()
        peer.do(client.open())
        for operation in (
            client.get(IMPORT),
            client.get(MODE),
            client.set(MODE, encode(ENUM, 1)),
            client.act(DISCONNECT, encode(I8, 0)),
        ):
            with pytest.raises((AccessError, Refused)):
                peer.do(operation)
    with Victim(meter, sap=READER) as reader:
        assert isinstance(reader.peer.do(reader.client.get(IMPORT)), int)
        for operation in (
            reader.client.set(MODE, encode(ENUM, 1)),
            reader.client.act(DISCONNECT, encode(I8, 0)),
        ):
            with pytest.raises(AccessError):
                reader.peer.do(operation)
    with Victim(meter) as victim:
        victim.is_served()


def test_a_request_recorded_from_the_reader_does_nothing_as_management(meter: Desk) -> None:
    with Victim(meter, sap=READER) as reader, Victim(meter) as victim:
        request = reader.request(reader.client.get(IMPORT))
        assert victim.attack(request)[:3] == NOT_DECIPHERED
        victim.peer.socket.sendall(wrapper.encode(READER, 1, request))
        victim.peer.sap = READER
        assert victim.peer.receive()[:3] == NOT_ALLOWED
        victim.peer.sap = MANAGEMENT
        victim.is_served()


def test_datagrams_are_no_way_around(meter: Desk) -> None:
    address = (meter.host, meter.port)
    with Victim(meter) as victim, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        attacker.settimeout(LIMIT_S)
        for request in (*PLAIN.values(), *victim.evil()):
            attacker.sendto(wrapper.encode(MANAGEMENT, 1, request), address)
            assert attacker.recv(2048) == wrapper.encode(1, MANAGEMENT, NOT_ALLOWED)
        victim.is_served()


def test_who_guesses_is_slowed_and_the_true_client_is_not(meter: Desk) -> None:
    with Victim(meter) as victim, Peer(meter.host, meter.port, MANAGEMENT) as guesser:
        before = meter.failures()
        for guess in range(60):
            keys = Keys(bytes((guess + 1,) * 16).hex(), meter.keys[MANAGEMENT][1], counter=1 << 20)
            guesser.send(next(cosem.Client(keys).open()))
        assert guesser.ask(PLAIN["set"])[0] in (apdu.AARE, apdu.EXCEPTION)
        assert 4 <= meter.failures() - before < 40
        victim.is_served()
