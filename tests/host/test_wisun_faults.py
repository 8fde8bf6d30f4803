"""Every fault of the radio between text modules, in the order of the fault list (b-route.md L)."""

from collections.abc import Callable

import pytest
from keiki_host.bench.wisun.core import DialectName

from tests.host.radio_world import PASSWORD, ROUTE_B_ID, RadioWorld
from tests.host.wisun_exchange import ANSWER, METER, REQUEST, exchange, numbers, scan


@pytest.mark.parametrize("tokens", ["more", "fewer"])
@pytest.mark.parametrize(("dialect", "usual"), [("bp35c2", 10), ("bp35a1", 9)])
def test_fault_erxudp_tokens(dialect: DialectName, usual: int, tokens: str) -> None:
    world = RadioWorld()
    stick = world.stick(dialect)
    stick.join()
    stick.faults.enable("erxudp_tokens", count=1, tokens=tokens)
    counts = []
    for _ in range(2):
        world.meter.sendto(stick.ip, ANSWER, sec=1)
        world.run(100)
        counts.append(len(stick.take().split()))
    assert counts == [usual + (1 if tokens == "more" else -1), usual]


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("binary_output", lambda line: line.replace(b"0D0AABCD", b"\r\n\xab\xcd")),
        (
            "hex_lowercase",
            lambda line: (
                line.replace(b"0D0AABCD", b"0d0aabcd")
                .replace(b"0E1A", b"0e1a")
                .replace(b"001D129012345678", b"001d129012345678")
            ),
        ),
        ("ipv6_short", lambda line: line.replace(b":0000:0000:0000:", b"::").replace(b":021D", b":21D")),
    ],
)
def test_faults_of_the_form_of_erxudp(fault: str, change: Callable[[bytes], bytes]) -> None:
    world = RadioWorld()
    stick = world.stick(mac="001D129155667788")
    stick.join()
    seen = []
    for _ in range(2):
        world.meter.sendto(stick.ip, b"\r\n\xab\xcd", sec=1)
        world.run(100)
        seen.append(stick.take())
        stick.faults.enable(fault)
    assert seen[1] == change(seen[0]) != seen[0]


def test_faults_of_the_scan() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.credentials()
    whole = scan(stick)
    for fault, panids, missing in (
        ("epandesc_no_pairid", ["8888"], b"PairID:"),
        ("epandesc_truncated", ["8888"], b"Addr:"),
        ("two_pans", ["1234", "8888"], b"nothing"),
        ("foreign_pan", ["1234"], b"CCDDEEFF"),
    ):
        stick.faults.enable(fault)
        found = scan(stick)
        assert [line[9:].decode() for line in found.split(b"\r\n") if b"Pan ID" in line] == panids
        assert missing not in found and numbers(found)[-1] == "22"
        stick.faults.disable(fault)
    assert scan(stick) == whole
    stick.faults.enable("foreign_pan")
    assert b"0BADCAFE" in scan(stick)


def test_fault_join_fail() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.faults.enable("join_fail", count=3)
    assert [numbers(stick.join()) for _ in range(4)] == [["24"]] * 3 + [["25"]]


def test_fault_join_silent() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.faults.enable("join_silent", count=1)
    assert numbers(stick.join()) == ["25"]
    assert world.meter.take() == b""
    assert not exchange(stick)
    assert numbers(stick.ask("SKTERM", 1100)) == ["21", "28"]
    assert numbers(stick.join()) == ["25"]
    assert exchange(stick)


@pytest.mark.parametrize(
    ("fault", "events", "meter", "alive"),
    [
        ("meter_ends", ["26", "27"], ["21", "27"], False),
        ("expire_rejoin", ["29", "25"], ["29", "25"], True),
        ("expire_fail", ["29", "24"], ["29"], False),
        ("expire_only", ["29"], ["29"], False),
    ],
)
@pytest.mark.parametrize("when", ["in a session", "before one", "after a silent join"])
def test_faults_that_end_the_session(
    fault: str, events: list[str], meter: list[str], alive: bool, when: str
) -> None:
    world = RadioWorld()
    stick = world.stick()
    if when == "before one":
        stick.faults.enable(fault, count=1)
    if when == "after a silent join":
        stick.faults.enable("join_silent", count=1)
    assert numbers(stick.join()) == ["25"]
    world.meter.take()
    if when != "before one":
        stick.faults.enable(fault)
    world.run(4000)
    assert numbers(stick.take()) == events
    if when != "after a silent join":
        assert [event for event in numbers(world.meter.take()) if event != "21"] == [
            event for event in meter if event != "21"
        ]
    assert exchange(stick) is alive
    stick.faults.disable(fault)
    stick.ask("SKTERM", 2000)
    assert numbers(stick.join()) == ["25"]
    world.run(4000)
    assert stick.take() == b""
    assert exchange(stick)


def test_fault_tx_limit() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    stick.faults.enable("tx_limit", seconds=5)
    world.run(100)
    assert stick.take() == f"EVENT 32 {stick.ip} 0\r\n".encode()
    assert stick.ask("SKSREG SFB") == b"ESREG 1\r\nOK\r\n"
    assert stick.sendto(METER, REQUEST) == f"EVENT 21 {METER} 0 01\r\nOK\r\n".encode()
    world.run(5000)
    assert stick.take() == f"EVENT 33 {stick.ip} 0\r\n".encode()
    assert exchange(stick)


def test_faults_of_a_transmission() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    world.meter.take()
    stick.faults.enable("tx_no_ack", count=2)
    for param in ("01", "01", "00"):
        assert stick.sendto(METER, REQUEST, ms=100) == f"EVENT 21 {METER} 0 {param}\r\nOK\r\n".encode()
    assert world.meter.take().count(b"ERXUDP") == 1
    stick.faults.enable("tx_neighbor", count=1)
    assert stick.sendto(METER, REQUEST) == f"EVENT 21 {METER} 0 02\r\nOK\r\n".encode()
    world.run(100)
    assert stick.writes == [f"EVENT 02 {METER} 0\r\n".encode(), f"EVENT 21 {METER} 0 00\r\n".encode()]
    assert world.meter.take().count(b"ERXUDP") == 1
    stick.faults.enable("ok_before_event", count=1)
    assert stick.sendto(METER, REQUEST) == f"OK\r\nEVENT 21 {METER} 0 00\r\n".encode()


def test_fault_glued() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.faults.enable("glued")
    stick.join()
    world.meter.sendto(stick.ip, ANSWER, sec=1)
    world.run(100)
    assert [numbers(write) for write in stick.writes if b"ERXUDP" in write] == [["25"]]
    stick.take()
    stick.module.receive(f"SKSENDTO 1 {METER} 0E1A 2 0 0001 x".encode())
    world.run(50)
    assert stick.writes == []
    world.meter.sendto(stick.ip, ANSWER, sec=1)
    world.run(100)
    (write,) = stick.writes
    assert write.startswith(f"EVENT 21 {METER} 0 00\r\nOK\r\nERXUDP ".encode())
    stick.module.receive(f"SKSENDTO 1 {METER} 0E1A 2 0 0001 x".encode())
    world.run(1000)
    assert stick.writes[1:] == [f"EVENT 21 {METER} 0 00\r\nOK\r\n".encode()]


def test_fault_skterm_lost() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    world.meter.take()
    stick.faults.enable("skterm_lost", count=1)
    assert numbers(stick.ask("SKTERM", 1100)) == ["21", "28"]
    assert world.meter.take() == b""
    assert numbers(world.stick().join()) == ["24"]
    assert numbers(stick.join()) == ["25"]


def test_faults_of_the_meters_module() -> None:
    world = RadioWorld()
    meter = world.meter
    stick = world.stick()
    stick.join()
    meter.take()
    meter.faults.enable("module_fail", count=1)
    assert meter.ask("SKINFO") == b"FAIL ER10\r\n"
    assert meter.ask("SKINFO").endswith(b"OK\r\n")
    meter.faults.enable("module_hang")
    assert meter.ask("SKINFO") == b""
    stick.sendto(METER, REQUEST, ms=100)
    assert meter.take() == b""
    meter.faults.disable("module_hang")
    assert exchange(stick)
    meter.faults.enable("module_reset")
    assert meter.ask("SKSREG S3") == b"ESREG FFFF\r\nOK\r\n"
    assert b"EPANDESC" not in scan(stick)
    world.start_meter()
    assert numbers(stick.join()) == ["25"]


def test_a_dongle_has_no_faults_of_the_meters_module_nor_the_meter_those_of_a_dongle() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.faults.enable("module_hang")
    stick.faults.enable("module_fail")
    for fault in ("tx_no_ack", "hex_lowercase", "binary_output", "meter_ends"):
        world.meter.faults.enable(fault)
    assert numbers(stick.join()) == ["25"]
    stick.faults.enable("module_reset")
    assert exchange(stick)


def test_secrets_are_not_in_reprs() -> None:
    world = RadioWorld()
    paa = world.meter.module.sessions.paa
    text = repr(paa.credentials) + repr(paa) + repr(world.meter.module) + repr(world.meter.module.sessions)
    assert PASSWORD not in text and ROUTE_B_ID not in text
