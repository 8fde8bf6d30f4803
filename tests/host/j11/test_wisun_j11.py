"""The J11 module: its commands, result codes and notices (b-route.md E6.3 - E6.10)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keiki_host.bench.wisun.air import NO_PAN, link_local
from keiki_host.bench.wisun.j11 import J11Options
from keiki_host.bench.wisun.j11_codec import encode_answer, encode_request

ID_AND_PASSWORD = b"0123456789ABCDEF0123456789ABCDEF" + b"0123456789AB"
MAC = "001d129012345678"
SCAN = bytes.fromhex("08 0003FFF0 01") + b"89ABCDEF"
GET_E7 = bytes.fromhex("1081000105FF010288016201E700")
ANSWER_E7 = bytes.fromhex("1081000102880105FF017201E704000001F8")
SETTINGS = bytes.fromhex("05000B00")


def _send(payload: bytes, mac: str = MAC, ports: str = "0E1A0E1A") -> bytes:
    head = link_local(bytes.fromhex(mac)) + bytes.fromhex(ports)
    return head + len(payload).to_bytes(2, "big") + payload


def test_version_as_clients_know_it_byte_for_byte(make_j11_desk: Callable[..., Any]) -> None:
    desk = make_j11_desk(J11Options(version=bytes.fromhex("0600010200000000")))
    desk.module.receive(bytes.fromhex("D0EA83FC 006B 0004 03A8 0000"))
    assert desk.writes == [bytes.fromhex("D0F9EE5D 206B 000D 03AC 000A 01 0600 01 02 00000000")]


def test_reset_is_answered_by_the_boot_notice_alone(j11_desk: Any) -> None:
    j11_desk.module.receive(bytes.fromhex("D0EA83FC 00D9 0004 0416 0000"))
    j11_desk.module.receive(encode_request(0x6B))
    j11_desk.clock.advance(100)
    assert j11_desk.writes == [bytes.fromhex("D0F9EE5D 6019 0004 0391 0000")]


def test_the_start_up_of_clients_runs_to_a_session(j11_desk: Any) -> None:
    desk = j11_desk
    assert desk.ask(0x00D9, ms=100) == [(0x6019, "")]
    assert desk.ask(0x006B) == [(0x206B, "010400010200000000")]
    assert desk.ask(0x005F, bytes.fromhex("05000400")) == [(0x205F, "01")]
    assert desk.ask(0x0054, ID_AND_PASSWORD) == [(0x2054, "01")]
    scan = desk.ask(0x0051, SCAN, ms=220)
    empty = [(0x4051, f"01{channel:02x}") for channel in range(4, 18)]
    empty[7] = (0x4051, f"000b01{MAC}8888c8")
    assert scan == [*empty, (0x2051, "01")]
    assert desk.ask(0x005F, SETTINGS) == [(0x205F, "01")]
    assert desk.ask(0x0053, ms=30) == [(0x2053, f"010b8888{MAC}c8")]
    assert desk.ask(0x0005, bytes.fromhex("0E1A")) == [(0x2005, "01")]
    assert desk.ask(0x0056, ms=400) == [(0x2056, "01"), (0x6028, f"01{MAC}")]
    assert desk.ask(0x0008, _send(GET_E7), ms=30) == [(0x2008, "01001081000105")]
    (request,) = desk.heard
    assert (request.data, request.secured, request.sport, request.dport) == (GET_E7, True, 3610, 3610)
    desk.meter.send(desk.module.radio.mac, 3610, 3610, ANSWER_E7, secured=True)
    desk.clock.advance(30)
    ports_pan_flags = "0e1a0e1a8888" + "0002c8" + "0012"
    source = "fe80000000000000021d129012345678"
    assert desk.writes == [
        encode_answer(0x6018, bytes.fromhex(source + ports_pan_flags) + ANSWER_E7),
    ]


def test_multicast_and_plain_datagrams_are_flagged_and_closed_ports_are_deaf(j11_desk: Any) -> None:
    desk = j11_desk
    desk.join()
    desk.meter.send(None, 3610, 3610, b"\x10\x81", secured=False)
    desk.meter.send(None, 3610, 3611, b"\x10\x81", secured=False)
    desk.clock.advance(50)
    (notice,) = desk.take()
    assert notice.command == 0x6018
    assert notice.data[22:25].hex() == "0101c8"


def test_a_datagram_no_udp_could_carry_is_notified_as_failed(j11_desk: Any) -> None:
    j11_desk.join()
    j11_desk.meter.send(j11_desk.module.radio.mac, 3610, 3610, bytes(1233), secured=True)
    j11_desk.clock.advance(30)
    (notice,) = j11_desk.take()
    assert (notice.command, notice.data.hex()) == (
        0x6038,
        "40" + link_local(bytes.fromhex(MAC)).hex() + "01000000" + "0000000000",
    )


def test_a_datagram_under_a_forgotten_key_is_notified_as_not_decrypted(j11_desk: Any) -> None:
    j11_desk.join()
    j11_desk.meter.link = object()
    j11_desk.meter.send(j11_desk.module.radio.mac, 3610, 3610, b"\x10\x81", secured=True)
    j11_desk.clock.advance(30)
    (notice,) = j11_desk.take()
    source = link_local(bytes.fromhex(MAC)).hex()
    assert (notice.command, notice.data.hex()) == (0x6038, "01" + source + "01000000" + "1081")


def test_requests_before_their_time_are_refused_by_state(j11_desk: Any) -> None:
    desk = j11_desk
    for command, data in ((0x51, SCAN), (0x53, b""), (0x05, b"\x0e\x1a"), (0x56, b"")):
        assert desk.ask(command, data) == [(command | 0x2000, "37")]
    desk.ask(0x5F, SETTINGS)
    for command in (0x56, 0x57, 0x58, 0x59, 0x5E, 0xD2, 0x07):
        assert desk.ask(command) == [(command | 0x2000, "10")]
    assert desk.ask(0x08, _send(b"x")) == [(0x2008, "10")]
    desk.up()
    for command in (0x53, 0x57, 0x59, 0xD2):
        assert desk.ask(command) == [(command | 0x2000, "34")]
    assert desk.ask(0x5F, SETTINGS) == [(0x205F, "34")]
    desk.ask(0x56, ms=400)
    for command in (0x53, 0x56, 0x58):
        assert desk.ask(command) == [(command | 0x2000, "35")]
    assert desk.ask(0x54, ID_AND_PASSWORD) == [(0x2054, "35")]


def test_status_follows_the_state(j11_desk: Any) -> None:
    assert j11_desk.ask(0x01) == [(0x2001, "01020101")]
    j11_desk.ask(0x5F, SETTINGS)
    assert j11_desk.ask(0x01) == [(0x2001, "01030101")]
    assert j11_desk.ask(0x11) == [(0x2011, "0100")]
    assert j11_desk.ask(0x100) == [(0x2100, "010500")]
    j11_desk.up()
    assert j11_desk.ask(0x01) == [(0x2001, "01030201")]
    assert j11_desk.ask(0x11) == [(0x2011, f"010101{MAC}8888010701")]
    j11_desk.ask(0x56, ms=400)
    assert j11_desk.ask(0x01) == [(0x2001, "01030301")]
    assert j11_desk.ask(0x100) == [(0x2100, "010501" + link_local(bytes.fromhex(MAC)).hex() + "0702")]
    assert j11_desk.ask(0x5E) == [(0x205E, "018888")]
    ((code, key),) = j11_desk.ask(0x59)
    assert (code, key[:2], len(key)) == (0x2059, "01", 34)


def test_own_addresses_settings_and_uart_are_told(j11_desk: Any) -> None:
    assert j11_desk.ask(0x0E) == [(0x200E, "01001d12900003c890")]
    assert j11_desk.ask(0x09) == [(0x2009, "01fe80000000000000021d12900003c890")]
    assert j11_desk.ask(0x107) == [(0x2107, "01ff00ff00")]
    j11_desk.ask(0x5F, SETTINGS)
    assert j11_desk.ask(0x107) == [(0x2107, "0105000b00")]
    assert j11_desk.ask(0x10A, b"\1") == [(0x210A, "01")]
    assert j11_desk.ask(0x10A, b"\2") == [(0x210A, "04")]
    assert j11_desk.ask(0x10B) == [(0x210B, "0101")]


@pytest.mark.parametrize(
    ("command", "data", "result"),
    [
        (0x5F, "04000400", "04"),
        (0x5F, "05020400", "04"),
        (0x5F, "05000300", "04"),
        (0x5F, "05001200", "04"),
        (0x5F, "05000403", "04"),
        (0x5F, "050004", "11"),
        (0x6B, "00", "11"),
        (0x51, "00 0003FFF0 01 3839414243444546", "04"),
        (0x51, "0F 0003FFF0 01 3839414243444546", "04"),
        (0x51, "08 00040000 01 3839414243444546", "04"),
        (0x51, "08 0003FFF0 02 3839414243444546", "04"),
        (0xDB, "00000008", "04"),
        (0x54, "47" * 44, "04"),
        (0x54, "30" * 43 + "2D", "04"),
        (0x54, "30" * 43, "11"),
        (0x0A, "8888", "14"),
        (0xD1, "", "14"),
    ],
)
def test_bad_parameters_are_refused(j11_desk: Any, command: int, data: str, result: str) -> None:
    j11_desk.ask(0x5F, SETTINGS)
    assert j11_desk.ask(command, bytes.fromhex(data)) == [(command | 0x2000, result)]


def test_b_route_commands_need_the_dual_mode(j11_desk: Any) -> None:
    j11_desk.ask(0x5F, bytes.fromhex("01000400"))
    assert j11_desk.ask(0x53) == [(0x2053, "14")]


def test_ports_open_close_and_run_out(j11_desk: Any) -> None:
    j11_desk.up()
    assert j11_desk.ask(0x05, b"\x0e\x1a") == [(0x2005, "0a")]
    for port in (0, 716, 19788):
        assert j11_desk.ask(0x05, port.to_bytes(2, "big")) == [(0x2005, "04")]
    for port in range(1, 10):
        assert j11_desk.ask(0x05, bytes([0, port])) == [(0x2005, "01")]
    assert j11_desk.ask(0x05, b"\0\x20") == [(0x2005, "12")]
    assert j11_desk.ask(0x06, b"\x0e\x1a") == [(0x2006, "01")]
    assert j11_desk.ask(0x06, b"\x0e\x1a") == [(0x2006, "0b")]
    assert j11_desk.ask(0x07) == [(0x2007, "0109" + "".join(f"00{port:02x}" for port in range(1, 10)))]


@pytest.mark.parametrize(
    ("data", "result"),
    [
        (_send(b"x", mac="001d129012345679"), "06"),
        (_send(b"x", ports="02CC0E1A"), "04"),
        (_send(b"x", ports="0E1A4D4C"), "04"),
        (_send(b"x", ports="00000E1A"), "04"),
        (_send(b"x")[:-1] + b"xy", "04"),
        (_send(b""), "11"),
        (_send(bytes(1233)), "11"),
        (bytes(16) + bytes.fromhex("0E1A0E1A0001 00"), "06"),
        (_send(bytes(1232)), "01000000000000"),
        (_send(b"xyz"), "010078797a"),
        (bytes.fromhex("FF02" + "00" * 13 + "01 0E1A0E1A0001 00"), "010000"),
    ],
)
def test_what_becomes_of_a_send(j11_desk: Any, data: bytes, result: str) -> None:
    j11_desk.join()
    assert j11_desk.ask(0x08, data) == [(0x2008, result)]


def test_a_meter_out_of_reach_does_not_acknowledge(j11_desk: Any) -> None:
    j11_desk.join()
    j11_desk.meter.on = False
    assert j11_desk.ask(0x08, _send(b"xyz")) == [(0x2008, "010578797a")]


def test_while_a_command_runs_others_are_refused_but_reset_is_not(j11_desk: Any) -> None:
    j11_desk.ask(0x5F, SETTINGS)
    assert j11_desk.ask(0x51, SCAN) == []
    assert j11_desk.ask(0x6B) == [(0x206B, "3d")]
    assert j11_desk.ask(0xD9, ms=1000) == [(0x6019, "")]
    assert j11_desk.ask(0x6B) == [(0x206B, "010400010200000000")]


def test_starting_pana_twice_is_refused_and_does_no_harm(j11_desk: Any) -> None:
    j11_desk.up()
    assert j11_desk.ask(0x56, ms=100) == [(0x2056, "01")]
    assert j11_desk.ask(0x56, ms=300) == [(0x2056, "52"), (0x6028, f"01{MAC}")]


def test_b_route_start_needs_the_right_channel_and_id(j11_desk: Any) -> None:
    j11_desk.ask(0x5F, bytes.fromhex("05000400"))
    assert j11_desk.ask(0x53, ms=30) == [(0x2053, "0e")]
    j11_desk.ask(0x54, ID_AND_PASSWORD)
    assert j11_desk.ask(0x53, ms=30) == [(0x2053, "0e")]
    j11_desk.ask(0x5F, SETTINGS)
    assert j11_desk.ask(0x53, ms=30)[0][1].startswith("01")


def test_stop_forgets_the_pan_and_the_ports(j11_desk: Any) -> None:
    j11_desk.up()
    assert j11_desk.ask(0x58) == [(0x2058, "01")]
    assert j11_desk.module.radio.pan_id == NO_PAN
    assert j11_desk.ask(0x53, ms=30)[0][1].startswith("01")
    assert j11_desk.ask(0x07) == [(0x2007, "0100")]


def test_energy_scan_tells_every_channel_and_shows_the_meters(j11_desk: Any) -> None:
    j11_desk.ask(0x5F, SETTINGS)
    ((code, found),) = j11_desk.ask(0xDB, bytes.fromhex("0003FFF0"), ms=100)
    levels = bytes.fromhex(found)
    assert (code, levels[:2]) == (0x20DB, b"\x01\x0e")
    pairs = dict(zip(levels[2::2], levels[3::2], strict=True))
    assert list(pairs) == list(range(4, 18))
    assert max(pairs, key=lambda channel: pairs[channel]) == 11


def test_scan_takes_its_real_time_when_told(make_j11_desk: Callable[..., Any]) -> None:
    desk = make_j11_desk(J11Options(dwell="real"))
    desk.ask(0x5F, SETTINGS)
    assert len(desk.ask(0x51, SCAN, ms=34_500)) == 13
    assert desk.ask(0x01, ms=1400)[-1] == (0x2051, "01")


@given(st.lists(st.one_of(
    st.binary(max_size=40),
    st.builds(encode_request, st.integers(0, 0x110), st.binary(max_size=50)),
    st.sampled_from([encode_request(0x5F, SETTINGS), encode_request(0x54, ID_AND_PASSWORD),
                     encode_request(0x53), encode_request(0x56), encode_request(0x51, SCAN),
                     encode_request(0x08, _send(GET_E7)), encode_request(0x57), encode_request(0xD2)]),
), max_size=12), st.integers(0, 500))  # fmt: skip
@settings(deadline=None)
def test_whatever_comes_in_the_module_still_answers(
    make_j11_desk: Callable[..., Any], stream: list[bytes], pause_ms: int
) -> None:
    desk = make_j11_desk()
    for piece in stream:
        desk.raw(piece, pause_ms)
    desk.clock.advance(2000)
    desk.take()
    assert desk.ask(0x6B) == [(0x206B, "010400010200000000")]
