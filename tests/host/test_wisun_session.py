"""PANA between text modules: who gets in, how sessions end (b-route.md F, L)."""

import pytest
from keiki_host.bench.wisun.core import DialectName
from keiki_host.bench.wisun.scan import dwell_ms

from tests.host.radio_world import ROUTE_B_ID, RadioWorld
from tests.host.wisun_exchange import DIALECTS, METER, REQUEST, exchange, numbers, scan


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_meters_end_is_told_who_joins_and_who_leaves(dialect: DialectName) -> None:
    world = RadioWorld()
    stick = world.stick(dialect)
    assert numbers(stick.join()) == ["25"]
    assert world.meter.take() == f"EVENT 25 {stick.ip} 0\r\n".encode()
    assert exchange(stick)
    assert numbers(stick.ask("SKTERM", 100)) == ["21", "27"]
    assert numbers(world.meter.take()) == ["26", "27"]
    assert stick.ask("SKTERM") == b"FAIL ER10\r\n"
    assert not exchange(stick)


def test_a_noisy_meter_module_shows_the_neighbour_search_before_25() -> None:
    world = RadioWorld(lifetime_s=None)
    world.meter = world.stick(meter=True, noisy=True, mac="001D129012345678")
    world.air.detach(world.air.radios[0])
    world.start_meter()
    stick = world.stick()
    stick.join()
    assert numbers(world.meter.take()) == ["01", "21", "25"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_wrong_id_finds_nothing_and_a_wrong_password_gets_24(dialect: DialectName) -> None:
    world = RadioWorld()
    stick = world.stick(dialect)
    stick.credentials("00112233445566778899AABB00000000")
    assert numbers(scan(stick)) == ["22"]
    stick.credentials(password="0123456789AC")
    assert b"EPANDESC" in scan(stick)
    stick.tune()
    assert numbers(stick.ask("SKJOIN " + METER, 300)) == []
    world.run(400)
    assert numbers(stick.take()) == ["24"]
    stick.credentials("FF112233445566778899AABBCCDDEEFF")
    assert b"EPANDESC" in scan(stick)
    assert numbers(stick.ask("SKJOIN " + METER, 700)) == ["24"]
    assert set(numbers(world.meter.take())) == {"24"}  # the meter learns of it too
    stick.credentials()
    assert numbers(stick.ask("SKJOIN " + METER, 700)) == ["25"]


def test_a_key_set_directly_joins_a_meter_with_the_same_key() -> None:
    world = RadioWorld(lifetime_s=None)
    stick = world.stick()
    for end in (world.meter, stick):
        end.ask("SKSETRBID " + ROUTE_B_ID)
        end.ask("SKSETPSK 10 00112233445566778899AABBCCDDEEFF")
        end.tune()
    world.meter.ask("SKSTART")
    assert numbers(stick.ask("SKJOIN " + METER, 700)) == ["25"]


def test_a_meter_that_is_not_there_gets_24_after_the_retries() -> None:
    world = RadioWorld()
    stick = world.stick(dwell="real")
    stick.credentials()
    stick.tune()
    assert numbers(stick.ask("SKJOIN FE80:0000:0000:0000:021D:1290:FFFF:FFFF", 37_000)) == []
    world.run(2000)
    assert numbers(stick.take()) == ["24"]


def test_a_second_controller_is_refused_while_the_first_has_its_session() -> None:
    world = RadioWorld()
    first, second = world.stick(), world.stick("bp35a1")
    first.join()
    assert numbers(second.join()) == ["24"]
    assert exchange(first)
    first.ask("SKTERM", 100)
    assert numbers(second.join()) == ["25"]
    assert exchange(second)
    assert numbers(first.join()) == ["24"]


def test_the_same_controller_may_come_back_without_having_ended() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    for again in (lambda: stick.ask("SKRESET"), stick.module.power_cycle, lambda: None):
        again()
        assert numbers(stick.join()) == ["25"]
        assert exchange(stick)


def test_beacons_come_only_after_skstart_and_end_with_s15() -> None:
    world = RadioWorld(lifetime_s=None)
    stick = world.stick()
    stick.credentials()
    assert b"EPANDESC" not in scan(stick)
    assert world.meter.ask("SKSTART") == b"FAIL ER10\r\n"
    world.start_meter()
    assert world.meter.ask("SKSREG S15") == b"ESREG 1\r\nOK\r\n"
    assert b"EPANDESC" in scan(stick)
    assert b"PairID" not in scan(stick, mode=3)
    assert b"EPANDESC" in scan(stick, mode=3)
    world.meter.ask("SKSREG S15 0")
    assert b"EPANDESC" not in scan(stick)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_energy_scan_lists_every_channel_and_the_meters_is_the_loudest(dialect: DialectName) -> None:
    world = RadioWorld()
    stick = world.stick(dialect)
    side = " 0" if dialect == "bp35c2" else ""
    assert stick.ask(f"SKSCAN 0 FFFFFFFF 4{side}") == b"OK\r\n"
    world.run(300)
    (write,) = stick.writes
    event, head, levels = write.decode().split("\r\n")[:3]
    assert (event, head) == (f"EVENT 1F {stick.ip}{side}", "EEDSCAN")
    values = levels.split()[1 if side else 0 :]
    assert values[0::2] == [f"{channel:02X}" for channel in range(33, 61)]
    assert max(values[1::2]) == values[values.index("2F") + 1]


def test_real_dwell_of_a_scan_is_that_of_the_fact_sheet() -> None:
    assert [dwell_ms(duration, 28) for duration in (6, 7, 8)] == [17472, 34675, 69082]
    world = RadioWorld()
    stick = world.stick(dwell="real")
    stick.credentials()
    assert numbers(scan(stick, ms=17_450)) == ["20"]
    world.run(30)
    assert numbers(stick.take()) == ["22"]


def test_a_real_join_takes_nine_and_a_half_seconds() -> None:
    world = RadioWorld()
    stick = world.stick(dwell="real")
    assert numbers(stick.join(ms=9500)) == []
    world.run(200)
    assert numbers(stick.take()) == ["25"]


def test_the_session_is_renewed_at_four_fifths_of_its_lifetime() -> None:
    world = RadioWorld(lifetime_s=60)
    stick = world.stick()
    stick.join()
    world.meter.take()
    world.run(47_500)
    assert stick.take() == b""
    world.run(1000)
    assert numbers(stick.take()) == ["25"]
    assert numbers(world.meter.take()) == ["25"]
    world.run(300_000)
    assert set(numbers(stick.take())) == {"25"}
    assert exchange(stick)


def test_without_automatic_renewal_it_expires_on_both_sides_and_a_client_opens_again() -> None:
    world = RadioWorld(lifetime_s=60)
    stick = world.stick()
    stick.ask("SKSREG S17 0")
    stick.join()
    world.meter.take()
    world.run(59_000)
    assert stick.take() == b""
    world.run(2000)
    assert stick.take() == f"EVENT 29 {METER} 0\r\n".encode()
    assert numbers(world.meter.take()) == ["29"]
    assert stick.sendto(METER, REQUEST) == b"FAIL ER10\r\n"
    assert stick.ask("SKTERM") == b"FAIL ER10\r\n"
    assert stick.ask("SKREJOIN") == b"FAIL ER10\r\n"
    assert numbers(stick.join()) == ["25"]
    assert exchange(stick)


@pytest.mark.parametrize("fault", ["expire_rejoin", "expire_fail", "expire_only"])
def test_a_session_that_expires_is_never_answered_with_a_frame_in_the_clear(fault: str) -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    plain = []
    world.air.filters.append(lambda datagram: plain.extend([datagram] * (not datagram.secured)) or [datagram])
    stick.faults.enable(fault)
    for _ in range(60):
        stick.sendto(METER, REQUEST, ms=1)
    assert "29" in numbers(world.meter.take()) and not plain
    assert stick.sendto(METER, REQUEST) == b"FAIL ER10\r\n"


def test_a_dongle_out_of_reach_is_not_renewed() -> None:
    world = RadioWorld(lifetime_s=60)
    stick = world.stick()
    stick.join()
    world.meter.take()
    stick.ask("SKSREG S2 30")
    world.run(70_000)
    assert numbers(stick.take()) == ["29"]
    assert numbers(world.meter.take()) == ["29"]


def test_rejoin_needs_a_session_and_keeps_it() -> None:
    world = RadioWorld()
    stick = world.stick()
    assert stick.ask("SKREJOIN") == b"FAIL ER10\r\n"
    stick.join()
    assert numbers(stick.ask("SKREJOIN", 400)) == ["25"]
    assert exchange(stick)


def test_the_meter_can_end_the_session_itself() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    world.meter.take()
    assert numbers(world.meter.ask("SKTERM", 100)) == ["21", "27"]
    assert numbers(stick.take()) == ["26", "27"]
    assert world.meter.ask("SKTERM") == b"FAIL ER10\r\n"


def test_an_end_request_to_a_meter_that_forgot_the_session_times_out() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    world.meter.module.power_cycle()
    assert numbers(stick.ask("SKTERM", 900)) == ["21"]
    world.run(200)
    assert numbers(stick.take()) == ["28"]


def test_secured_datagrams_of_a_forgotten_session_are_not_read() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    world.meter.module.power_cycle()
    world.start_meter()
    assert not exchange(stick)
    assert world.air.stats["unreadable"] == 1
    assert numbers(stick.join()) == ["25"]
    assert exchange(stick)


def test_plain_datagrams_are_marked_so_and_need_no_session() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.tune()
    assert stick.sendto(METER, REQUEST, sec=1) == b"FAIL ER10\r\n"
    stick.sendto(METER, REQUEST, sec=2, ms=100)
    assert b" 0 0 0007 " in world.meter.take()
