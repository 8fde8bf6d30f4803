"""dlms-cosem 21.3.2 and pydlms-client 0.1.0, unmodified, read everything that the A-route has."""

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from keiki.wire.cosem import keywrap

from tests.bench_process import until
from tests.conformance.a_route_desk import HISTORY_DAYS, LOAD_W, Desk, a_route, last_boundary
from tests.conformance.cosem_peer import MANAGEMENT, READER
from tests.conformance.rpc import A_ROUTE, BlockingClient, ClientError

CLIENTS = ("dlms_cosem", "pydlms")
PROFILE = "1.0.99.1.0.255"
EVENTS = "0.0.99.98.0.255"
SWITCH = (70, "0.0.96.3.10.255")
SECURITY = (64, "0.0.43.0.0.255")
LIMITER = (71, "0.0.17.0.0.255")
SLOT = dt.timedelta(minutes=30)
PUBLIC_OBJECTS = {
    (1, "0.0.42.0.0.255"),
    (1, "0.0.43.1.0.255"),
    (1, "0.0.43.1.1.255"),
    (1, "0.0.43.1.2.255"),
    (8, "0.0.1.0.0.255"),
    (15, "0.0.40.0.0.255"),
    (17, "0.0.41.0.0.255"),
}
OBJECTS = PUBLIC_OBJECTS | {
    (1, "0.0.96.1.0.255"),
    (1, "1.0.0.2.0.255"),
    (3, "1.0.1.8.0.255"),
    (3, "1.0.2.8.0.255"),
    (3, "1.0.1.7.0.255"),
    (3, "1.0.32.7.0.255"),
    (3, "1.0.31.7.0.255"),
    (7, PROFILE),
    (7, EVENTS),
    (7, "0.0.99.98.1.255"),
    (9, "0.0.10.0.106.255"),
    (41, "0.0.25.0.0.255"),
    (42, "0.0.25.1.0.255"),
    SECURITY,
    SWITCH,
    LIMITER,
}
POWER_UP = 1


@pytest.fixture(scope="module")
def meter() -> Iterator[Desk]:
    """A meter with 100 days behind it, in a house that takes 1 kW."""
    with a_route(history=True) as desk:
        yield desk


@pytest.fixture(scope="module", params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Iterator[BlockingClient]:
    """One of the clients, as a program of its own."""
    with BlockingClient(request.param, python=A_ROUTE) as program:
        yield program


def open_as(client: BlockingClient, meter: Desk, sap: int = MANAGEMENT, **more: Any) -> None:
    """Associate with the counter that the public client reads."""
    ek, ak = meter.keys[sap]
    more.setdefault("counter", 1 + meter.counter(sap))
    client.call("open", host=meter.host, port=meter.port, sap=sap, ek=ek, ak=ak, **more)


def check_rows(rows: list[list[Any]], first: dt.datetime, count: int) -> None:
    """Rows of consecutive half hours of a house that takes 1 kW all the time."""
    assert [row[0] for row in rows] == [(first + number * SLOT).isoformat() for number in range(count)]
    assert all(row[1] == 0 and row[3] == 0 for row in rows)
    steps = [after[2] - before[2] for before, after in itertools.pairwise(rows)]
    assert all(abs(step - LOAD_W / 2) <= 5 for step in steps)


def test_the_public_client_sees_what_it_needs_to_begin_and_no_more(
    meter: Desk, client: BlockingClient
) -> None:
    listed = client.call("public", host=meter.host, port=meter.port)
    assert {(class_id, name) for class_id, _, name in listed} == PUBLIC_OBJECTS
    assert client.call("counter", host=meter.host, port=meter.port) == meter.counter()


def test_objects_registers_and_a_list_are_read_under_hls5(meter: Desk, client: BlockingClient) -> None:
    open_as(client, meter)
    listed = client.call("objects")
    assert {(class_id, name) for class_id, _, name in listed} >= OBJECTS
    imported = client.call("get", class_id=3, name="1.0.1.8.0.255")
    assert abs(imported - HISTORY_DAYS * 24 * LOAD_W) <= HISTORY_DAYS * 24 * LOAD_W * 0.01
    assert client.call("get", class_id=3, name="1.0.1.8.0.255", number=3) in ([0, 30], [0, "1E"])
    # the house may just have been connected again
    until(lambda: abs(client.call("get", class_id=3, name="1.0.1.7.0.255") - LOAD_W) <= 10, "1 kW")
    wanted = [
        [3, "1.0.1.8.0.255", 2],
        [1, "0.0.96.1.0.255", 2],
        [3, "1.0.2.8.0.255", 2],
        [1, "1.1.1.1.1.255", 2],
    ]
    found = client.call("get_many", wanted=wanted)
    assert abs(found[0] - imported) <= 5
    assert bytes.fromhex(found[1]).decode() == meter.serial
    assert found[2] == 0 and found[3] in (4, "04")
    client.call("close")


def test_every_attribute_that_may_be_read_is_read(meter: Desk, client: BlockingClient) -> None:
    open_as(client, meter)
    for class_id, _, name in client.call("objects"):
        if class_id != 7:
            client.call("get", class_id=class_id, name=name, number=2)
    client.call("close")


def test_a_day_and_a_hundred_days_are_read_by_range_and_by_entry(meter: Desk, client: BlockingClient) -> None:
    open_as(client, meter)
    end = last_boundary()
    total = 48 * HISTORY_DAYS
    first = end - (total - 1) * SLOT
    in_use = client.call("get", class_id=7, name=PROFILE, number=7)
    assert total <= in_use <= total + 2
    for skipped, count in ((48 * 42 + 7, 48), (0, total)):
        begin = first + skipped * SLOT
        last = begin + (count - 1) * SLOT
        rows = client.call("range", name=PROFILE, first=begin.isoformat(), last=last.isoformat())
        check_rows(rows, begin, count)
        older = in_use - total
        found = client.call("entry", name=PROFILE, first=older + skipped + 1, last=older + skipped + count)
        assert found == rows
    client.call("close")


def test_events_are_read(meter: Desk, client: BlockingClient) -> None:
    open_as(client, meter)
    rows = client.call("entry", name=EVENTS, first=1, last=0)
    assert rows and all(len(row) == 6 for row in rows)
    assert POWER_UP in [row[1] for row in rows]
    client.call("close")


def test_the_house_is_disconnected_and_reconnected(meter: Desk, client: BlockingClient) -> None:
    open_as(client, meter)
    for method, output, control in ((1, False, 0), (2, True, 1)):
        client.call("action", class_id=SWITCH[0], name=SWITCH[1], method=method, data="0F00")
        assert bool(client.call("get", class_id=SWITCH[0], name=SWITCH[1], number=2)) is output
        assert int(str(client.call("get", class_id=SWITCH[0], name=SWITCH[1], number=3))) == control
    client.call("close")


def test_a_limit_is_set_and_what_may_not_be_set_is_not(meter: Desk, client: BlockingClient) -> None:
    open_as(client, meter)
    before = client.call("get", class_id=LIMITER[0], name=LIMITER[1], number=6)
    assert client.call("set", class_id=LIMITER[0], name=LIMITER[1], number=6, data="0600000014") == "SUCCESS"
    assert client.call("get", class_id=LIMITER[0], name=LIMITER[1], number=6) == 20
    client.call("set", class_id=LIMITER[0], name=LIMITER[1], number=6, data="06%08x" % before)
    for number, data in ((4, "0600000384"), (3, "0100")):  # capture period and objects of the billing profile
        try:
            assert client.call("set", class_id=7, name=PROFILE, number=number, data=data) != "SUCCESS"
        except ClientError as error:
            assert error.name == "ServiceError"
    assert client.call("get", class_id=7, name=PROFILE, number=4) == 1800
    client.call("close")


def test_the_reader_reads_and_changes_nothing(meter: Desk, client: BlockingClient) -> None:
    open_as(client, meter, READER)
    assert client.call("get", class_id=3, name="1.0.1.8.0.255") > 0
    with pytest.raises(ClientError):
        client.call("action", class_id=SWITCH[0], name=SWITCH[1], method=1, data="0F00")
    assert bool(client.call("get", class_id=SWITCH[0], name=SWITCH[1], number=2)) is True
    client.call("close")


def test_other_keys_are_given_and_hold(meter: Desk, client: BlockingClient) -> None:
    old = meter.keys[MANAGEMENT]
    kek = bytes.fromhex(meter.kek)
    for ek, ak in ((bytes(range(0x80, 0x90)), bytes(range(0x90, 0xA0))), map(bytes.fromhex, old)):
        open_as(client, meter)
        wrapped = "".join(
            f"020216{number:02X}0918{keywrap.wrap(kek, key).hex()}" for number, key in ((0, ek), (2, ak))
        )
        client.call("action", class_id=SECURITY[0], name=SECURITY[1], method=2, data="0102" + wrapped)
        client.call("close", release=False)
        with pytest.raises(ClientError):
            open_as(client, meter)
        meter.keys[MANAGEMENT] = (ek.hex(), ak.hex())
        open_as(client, meter)
        assert client.call("get", class_id=3, name="1.0.1.8.0.255") > 0
        client.call("close")
    assert meter.keys[MANAGEMENT] == old


def test_pydlms_finds_the_counter_and_transfers_keys_by_itself(meter: Desk) -> None:
    old = meter.keys[MANAGEMENT]
    new = bytes(range(0x70, 0x80)).hex()
    with BlockingClient("pydlms", python=A_ROUTE) as client:
        for key in (new, old[0]):
            open_as(client, meter, counter=None, kek=meter.kek)
            client.call("transfer_keys", keys={"0": key})
            client.call("close", release=False)
            meter.keys[MANAGEMENT] = (key, old[1])
        open_as(client, meter, counter=None)
        assert client.call("get", class_id=3, name="1.0.1.8.0.255") > 0
        client.call("close")
