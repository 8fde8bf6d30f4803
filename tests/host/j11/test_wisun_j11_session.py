"""The J11 module when things go wrong: checksums, credentials, sessions that end, every fault of L10."""

from collections.abc import Callable
from typing import Any

import pytest
from keiki_host.bench.wisun.air import link_local
from keiki_host.bench.wisun.j11_codec import encode_request
from keiki_host.bench.wisun.pana import Pana

MAC = "001d129012345678"
ROUTE_B_ID = b"0123456789ABCDEF0123456789ABCDEF"
PASSWORD = b"0123456789AB"
SETTINGS = bytes.fromhex("05000B00")
VERSION = encode_request(0x6B)
VERSION_REPLY = (0x206B, "010400010200000000")
SEND = link_local(bytes.fromhex(MAC)) + bytes.fromhex("0E1A0E1A0002 1081")
LOST = (0x601A, f"04{MAC}c8")


def _said(frames: list[Any]) -> list[tuple[int, str]]:
    return [(frame.command, frame.data.hex()) for frame in frames]


# -- the line --------------------------------------------------------------------------------------


def test_an_unknown_command_is_answered_ffff(j11_desk: Any) -> None:
    assert j11_desk.ask(0x0BAD, b"x") == [(0xFFFF, "03")]
    assert j11_desk.ask(0x6019) == [(0xFFFF, "03")]


def test_a_wrong_header_checksum_is_answered_2fff(j11_desk: Any) -> None:
    wrong = VERSION[:9] + bytes([VERSION[9] ^ 1]) + VERSION[10:]
    assert _said(j11_desk.raw(wrong + VERSION)) == [(0x2FFF, "f0"), VERSION_REPLY]


def test_a_wrong_data_checksum_is_answered_f1_and_nothing_is_done(j11_desk: Any) -> None:
    good = encode_request(0x5F, SETTINGS)
    assert _said(j11_desk.raw(good[:-1] + b"\x01" + VERSION)) == [(0x205F, "f1"), VERSION_REPLY]
    assert j11_desk.ask(0x107) == [(0x2107, "01ff00ff00")]


def test_a_wrong_length_is_answered_f2_or_f3(j11_desk: Any) -> None:
    for length, result in ((0, "f2"), (3, "f2"), (1354, "f3"), (0xFFFF, "f3")):
        head = bytes.fromhex("D0EA83FC 006B") + length.to_bytes(2, "big")
        frame = head + sum(head).to_bytes(2, "big") + b"\0\0"
        assert _said(j11_desk.raw(frame + VERSION)) == [(0x206B, result), VERSION_REPLY]


def test_every_truncation_is_given_up_after_a_second(make_j11_desk: Callable[..., Any]) -> None:
    whole = encode_request(0x54, ROUTE_B_ID + PASSWORD)
    for size in range(1, len(whole)):
        desk = make_j11_desk()
        assert desk.raw(whole[:size], 999) == []
        desk.clock.advance(1)
        assert _said(desk.take()) == ([(0x2054, "13")] if size >= 12 else [])
        assert _said(desk.raw(VERSION)) == [VERSION_REPLY]


def test_bytes_that_keep_coming_keep_a_frame_alive(j11_desk: Any) -> None:
    frames = [frame for byte in VERSION for frame in j11_desk.raw(bytes([byte]), 999)]
    assert _said(frames) == [VERSION_REPLY]


def test_power_cycle_forgets_everything_and_says_so(j11_desk: Any) -> None:
    j11_desk.join()
    j11_desk.module.receive(VERSION[:5])
    j11_desk.module.power_cycle()
    j11_desk.clock.advance(3000)
    assert _said(j11_desk.take()) == [(0x6019, "")]
    assert j11_desk.ask(0x01) == [(0x2001, "01020101")]
    assert j11_desk.ask(0x107) == [(0x2107, "01ff00ff00")]


# -- who gets in ------------------------------------------------------------------------------------


def test_lower_case_credentials_count_as_upper_case(j11_desk: Any) -> None:
    j11_desk.up()
    assert j11_desk.ask(0x54, (ROUTE_B_ID + PASSWORD).lower()) == [(0x2054, "01")]
    assert j11_desk.ask(0x56, ms=400)[-1] == (0x6028, f"01{MAC}")


def test_a_wrong_password_is_told_as_failed(j11_desk: Any) -> None:
    j11_desk.up()
    j11_desk.ask(0x54, ROUTE_B_ID + b"X" * 12)
    assert j11_desk.ask(0x56, ms=700) == [(0x2056, "01"), (0x6028, f"02{MAC}")]
    assert j11_desk.ask(0x01) == [(0x2001, "01030201")]


def test_a_wrong_id_finds_no_meter(j11_desk: Any) -> None:
    j11_desk.ask(0x5F, SETTINGS)
    j11_desk.ask(0x54, b"F" * 32 + PASSWORD)
    scan = j11_desk.ask(0x51, bytes.fromhex("08 0003FFF0 01") + b"F" * 8, ms=220)
    assert scan == [*((0x4051, f"01{channel:02x}") for channel in range(4, 18)), (0x2051, "01")]
    assert j11_desk.ask(0x53, ms=30) == [(0x2053, "0e")]


def test_a_scan_without_id_finds_every_meter(j11_desk: Any) -> None:
    j11_desk.ask(0x5F, SETTINGS)
    scan = j11_desk.ask(0x51, bytes.fromhex("08 00000800 00") + bytes(8), ms=40)
    assert scan == [(0x4051, f"000b01{MAC}8888c8"), (0x2051, "01")]


def test_a_wrong_id_with_the_same_ending_is_refused_by_the_meter(j11_desk: Any) -> None:
    j11_desk.up()
    j11_desk.ask(0x54, b"F" * 24 + ROUTE_B_ID[-8:] + PASSWORD)
    assert j11_desk.ask(0x56, ms=700)[-1] == (0x6028, f"02{MAC}")


def test_a_meter_that_does_not_answer_pana_is_told_as_silent(j11_desk: Any) -> None:
    j11_desk.up()
    j11_desk.paa.stop()
    assert j11_desk.ask(0x56, ms=700)[-1] == (0x6028, f"03{MAC}")


# -- how sessions end --------------------------------------------------------------------------------


def test_ending_the_session_is_heard_by_the_meter_and_not_notified(j11_desk: Any) -> None:
    j11_desk.join()
    assert j11_desk.ask(0x57, ms=100) == [(0x2057, "01")]
    assert j11_desk.meter_events == [Pana.JOINED, Pana.PEER_ENDED, Pana.ENDED]
    assert j11_desk.ask(0x01) == [(0x2001, "01030201")]
    assert j11_desk.ask(0x56, ms=400)[-1] == (0x6028, f"01{MAC}")


def test_pana_cannot_start_while_the_last_session_ends(j11_desk: Any) -> None:
    j11_desk.join()
    assert j11_desk.ask(0x57) == [(0x2057, "01")]
    assert j11_desk.ask(0x56, ms=100) == [(0x2056, "52")]


def test_a_session_that_the_meter_ends_or_lets_expire_is_notified_once(j11_desk: Any) -> None:
    j11_desk.join()
    j11_desk.paa.terminate()
    j11_desk.clock.advance(2000)
    assert _said(j11_desk.take()) == [LOST]
    assert j11_desk.ask(0x01) == [(0x2001, "01030201")]
    assert j11_desk.ask(0x56, ms=400)[-1] == (0x6028, f"01{MAC}")
    j11_desk.paa.expire()
    j11_desk.clock.advance(2000)
    assert _said(j11_desk.take()) == [LOST]


def test_the_session_renews_itself_at_80_percent_of_its_life(j11_desk: Any) -> None:
    j11_desk.paa.lifetime_s = 60
    j11_desk.join()
    key = j11_desk.ask(0x59)
    j11_desk.clock.advance(48_100)
    assert _said(j11_desk.take()) == [(0x6028, f"01{MAC}")]
    assert j11_desk.ask(0x59) == key


def test_reauthentication_on_demand_tells_its_result_and_changes_the_key(j11_desk: Any) -> None:
    j11_desk.join()
    key = j11_desk.ask(0x59)
    assert j11_desk.ask(0xD2, ms=100) == [(0x20D2, "01")]
    assert j11_desk.ask(0xD2) == [(0x20D2, "52")]
    assert j11_desk.ask(0x08, SEND, ms=300) == [(0x2008, "01081081"), (0x6028, f"01{MAC}")]
    assert j11_desk.ask(0x59) != key
    j11_desk.paa.credentials = None
    assert j11_desk.ask(0xD2, ms=700) == [(0x20D2, "01"), (0x6028, f"02{MAC}")]
    assert j11_desk.ask(0x01) == [(0x2001, "01030201")]


def test_reauthentication_that_is_cut_short_is_not_notified(j11_desk: Any) -> None:
    j11_desk.join()
    j11_desk.ask(0xD2)
    assert j11_desk.ask(0x57, ms=2000) == [(0x2057, "01")]


# -- faults of L10 -----------------------------------------------------------------------------------


def test_fault_header_checksum_refuses_a_good_request(j11_desk: Any) -> None:
    j11_desk.faults.enable("j11_header_checksum", count=1)
    assert j11_desk.ask(0x6B) == [(0x2FFF, "f0")]
    assert j11_desk.ask(0x6B) == [VERSION_REPLY]


def test_fault_data_checksum_refuses_a_good_request(j11_desk: Any) -> None:
    j11_desk.faults.enable("j11_data_checksum", count=1)
    assert j11_desk.ask(0x5F, SETTINGS) == [(0x205F, "f1")]
    assert j11_desk.ask(0x5F, SETTINGS) == [(0x205F, "01")]


def test_fault_start_fail_is_answered_0e(j11_desk: Any) -> None:
    j11_desk.ask(0x5F, SETTINGS)
    j11_desk.ask(0x54, ROUTE_B_ID + PASSWORD)
    j11_desk.faults.enable("j11_start_fail", count=1)
    assert j11_desk.ask(0x53, ms=30) == [(0x2053, "0e")]
    assert j11_desk.ask(0x53, ms=30) == [(0x2053, f"010b8888{MAC}c8")]


@pytest.mark.parametrize(("fault", "result"), [("j11_pana_failed", "02"), ("j11_pana_silent", "03")])
def test_faults_of_pana_end_the_attempt_and_the_next_one_succeeds(
    j11_desk: Any, fault: str, result: str
) -> None:
    j11_desk.up()
    j11_desk.faults.enable(fault, count=1)
    assert j11_desk.ask(0x56, ms=700) == [(0x2056, "01"), (0x6028, result + MAC)]
    assert j11_desk.ask(0x56, ms=400)[-1] == (0x6028, f"01{MAC}")


def test_fault_pana_down_ends_the_session_and_it_can_be_joined_again(j11_desk: Any) -> None:
    j11_desk.faults.enable("j11_pana_down")
    assert j11_desk.take() == []
    j11_desk.join()
    j11_desk.faults.enable("j11_pana_down")
    assert _said(j11_desk.take()) == [LOST]
    assert j11_desk.ask(0xD9, ms=100) == [(0x6019, "")]
    j11_desk.join()


def test_fault_send_no_ack_is_told_and_nothing_goes_out(j11_desk: Any) -> None:
    j11_desk.join()
    j11_desk.faults.enable("j11_send_no_ack", count=1)
    assert j11_desk.ask(0x08, SEND, ms=50) == [(0x2008, "01051081")]
    assert j11_desk.heard == []
    assert j11_desk.ask(0x08, SEND, ms=50) == [(0x2008, "01001081")]
    assert len(j11_desk.heard) == 1


def test_fault_burst_puts_reply_and_notice_into_one_write(j11_desk: Any) -> None:
    j11_desk.up()
    j11_desk.faults.enable("j11_burst")
    j11_desk.module.receive(encode_request(0x56))
    j11_desk.clock.advance(400)
    assert len(j11_desk.writes) == 1
    assert _said(j11_desk.take()) == [(0x2056, "01"), (0x6028, f"01{MAC}")]
    j11_desk.module.receive(encode_request(0x08, SEND))
    j11_desk.meter.send(j11_desk.module.radio.mac, 3610, 3610, b"\x10\x81", secured=True)
    j11_desk.clock.advance(100)
    assert len(j11_desk.writes) == 1
    assert [frame.command for frame in j11_desk.take()] == [0x2008, 0x6018]


def test_fault_burst_lets_a_reply_go_when_no_notice_comes(j11_desk: Any) -> None:
    j11_desk.join()
    j11_desk.faults.enable("j11_burst")
    assert j11_desk.ask(0x08, SEND, ms=999) == []
    j11_desk.clock.advance(1)
    assert _said(j11_desk.take()) == [(0x2008, "01001081")]
