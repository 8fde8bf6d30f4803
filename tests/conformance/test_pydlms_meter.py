"""Our client reads another one's meter: the simulator of pydlms-client, unmodified, under HLS5."""

import calendar
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from keiki.wire.cosem import client as cosem
from keiki.wire.cosem import selection
from keiki.wire.cosem.axdr import I8, I16, OCTETS, TEXT
from keiki.wire.cosem.client_services import Refused
from keiki.wire.cosem.datetime12 import pack
from keiki.wire.cosem.values import encode

from tests.conformance.cosem_peer import MANAGEMENT, PUBLIC, Keys, Peer
from tests.conformance.rpc import A_ROUTE, BlockingClient

EK, AK = "101112131415161718191a1b1c1d1e1f", "202122232425262728292a2b2c2d2e2f"
ROWS = 4800
START = dt.datetime(2026, 3, 1, tzinfo=dt.timezone(dt.timedelta(hours=9)))
START_S = calendar.timegm(START.utctimetuple())
HOST = "127.0.0.1"

IMPORT = (3, bytes((1, 0, 1, 8, 0, 255)), 2)
SERIAL = (1, bytes((0, 0, 96, 1, 0, 255)), 2)
NOTHING = (1, bytes((0, 0, 96, 1, 99, 255)), 2)
COUNTER = (1, bytes((0, 0, 43, 1, 0, 255)), 2)
PROFILE = (7, bytes((1, 0, 99, 1, 0, 255)), 2)
SWITCH = (70, bytes((0, 0, 96, 3, 10, 255)), 1)
OBJECTS = (15, bytes((0, 0, 40, 0, 0, 255)), 2)
CLOCK = (8, bytes((0, 0, 1, 0, 0, 255)), 3)


@pytest.fixture(scope="module", params=["wrapper", "hdlc"])
def meter(request: pytest.FixtureRequest) -> Iterator[tuple[BlockingClient, int, bool]]:
    """The simulator with 100 days of half hours: its program, port, and whether it is HDLC."""
    hdlc = request.param == "hdlc"
    with BlockingClient("pydlms_meter", python=A_ROUTE) as program:
        port = program.call("start", ek=EK, ak=AK, rows=ROWS, start=START.isoformat(), hdlc=hdlc)
        yield program, port, hdlc


def public_counter(port: int, hdlc: bool) -> int:
    """The last invocation counter that the simulator has taken."""
    with Peer(HOST, port, PUBLIC, hdlc=hdlc) as peer:
        client = cosem.Client()
        peer.do(client.open())
        counter = peer.do(client.get(COUNTER))
        peer.do(client.release())
        return int(counter)


def row(number: int) -> tuple[Any, ...]:
    """What the simulator has in one row."""
    return pack(START_S + 1800 * number), 0, 1000 + 7 * number, number


def without_zone(cells: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row, its clock without day of the week and status: those may be left unsaid."""
    clock = cells[0]
    return (clock[:4] + clock[5:11], *cells[1:])


@pytest.mark.parametrize("general", [True, False])
def test_everything_is_read_under_hls5(meter: tuple[BlockingClient, int, bool], general: bool) -> None:
    program, port, hdlc = meter
    keys = Keys(EK, AK, counter=public_counter(port, hdlc))
    with Peer(HOST, port, MANAGEMENT, hdlc=hdlc) as peer:
        client = cosem.Client(keys, general=general)
        peer.do(client.open())
        listed = peer.do(client.get(OBJECTS))
        assert {(entry[0], entry[2]) for entry in listed} >= {one[:2] for one in (IMPORT, PROFILE, SWITCH)}
        assert peer.do(client.get(IMPORT)) == 12345678
        many = peer.do(client.get_list([(IMPORT, None), (SERIAL, None), (NOTHING, None)]))
        assert many[:2] == [12345678, b"PYD0000000001"] and many[2].code == 4
        whole = peer.do(client.get(PROFILE))
        assert [without_zone(cells) for cells in whole] == [without_zone(row(n)) for n in range(ROWS)]
        days = [(10 * 48, 48), (0, ROWS)]
        for first, count in days:
            chosen = selection.by_range(START_S + 1800 * first, START_S + 1800 * (first + count - 1))
            found = peer.do(client.get(PROFILE, chosen))
            assert [cells[3] for cells in found] == list(range(first, first + count))
            found = peer.do(client.get(PROFILE, selection.by_entry(first + 1, first + count)))
            assert [cells[3] for cells in found] == list(range(first, first + count))
        zone = -540 if general else -600
        peer.do(client.set(CLOCK, encode(I16, zone)))
        assert program.call("value", class_id=8, name="0.0.1.0.0.255", number=3) == zone
        assert peer.do(client.act(SWITCH, encode(I8, 0))) is None
        assert program.call("value", class_id=70, name="0.0.96.3.10.255", number=2) is False
        peer.do(client.release())


def test_a_value_longer_than_an_apdu_is_set_in_blocks(meter: tuple[BlockingClient, int, bool]) -> None:
    program, port, hdlc = meter
    value = bytes(range(256)) * 12
    with Peer(HOST, port, MANAGEMENT, hdlc=hdlc) as peer:
        client = cosem.Client(Keys(EK, AK, counter=public_counter(port, hdlc)))
        peer.do(client.open())
        peer.do(client.set(SERIAL, encode(OCTETS, value)))
        assert bytes.fromhex(program.call("value", class_id=1, name="0.0.96.1.0.255", number=2)) == value
        peer.do(client.set(SERIAL, encode(TEXT, b"PYD0000000001")))
        peer.do(client.release())


def test_an_old_counter_is_told_and_the_client_goes_on_from_there(
    meter: tuple[BlockingClient, int, bool],
) -> None:
    _, port, hdlc = meter
    with Peer(HOST, port, MANAGEMENT, hdlc=hdlc) as first:  # it must have seen a higher one
        first.do(cosem.Client(Keys(EK, AK, counter=public_counter(port, hdlc) + 100)).open())
    with Peer(HOST, port, MANAGEMENT, hdlc=hdlc) as peer:
        keys = Keys(EK, AK, counter=0)
        with pytest.raises(Refused) as refused:
            peer.do(cosem.Client(keys).open())
        assert refused.value.counter is not None
        keys.counter = refused.value.counter
        client = cosem.Client(keys)
        peer.do(client.open())
        assert peer.do(client.get(IMPORT)) == 12345678


def test_another_key_is_refused(meter: tuple[BlockingClient, int, bool]) -> None:
    _, port, hdlc = meter
    with Peer(HOST, port, MANAGEMENT, hdlc=hdlc) as peer, pytest.raises(Refused):
        peer.do(cosem.Client(Keys(AK, EK, counter=1 << 20)).open())
