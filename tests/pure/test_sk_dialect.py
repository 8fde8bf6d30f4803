"""Every line of both dialects, built and parsed back (b-route.md E2, E4, J1, J2)."""

from check import raises
from keiki.wire.sk import dialect
from keiki.wire.sk.dialect import BP35A1, BP35C2
from keiki.wire.sk.lines import SkError, ip_bytes, ip_text, ll64, mac_of, parse_ip

METER = bytes([0x00, 0x1D, 0x12, 0x90, 0x12, 0x34, 0x56, 0x78])
METER_IP = "FE80:0000:0000:0000:021D:1290:1234:5678"
OWN = bytes([0x00, 0x1D, 0x12, 0x90, 0x00, 0x03, 0xC8, 0x90])
OWN_IP = "FE80:0000:0000:0000:021D:1290:0003:C890"
E7 = bytes([0x10, 0x81, 0, 1, 5, 0xFF, 1, 2, 0x88, 1, 0x62, 1, 0xE7, 0])
E7_RES = bytes([0x10, 0x81, 0, 1, 2, 0x88, 1, 5, 0xFF, 1, 0x72, 1, 0xE7, 4, 0, 0, 1, 0xF8])
E7_RES_HEX = b"1081000102880105FF017201E704000001F8"
HEAD = b"ERXUDP " + METER_IP.encode() + b" " + OWN_IP.encode() + b" 0E1A 0E1A 001D129012345678 "
BOTH = (BP35A1, BP35C2)


def test_link_local_address_is_the_mac_with_one_bit_flipped():
    assert ll64(METER) == METER_IP and mac_of(METER_IP) == METER
    assert ip_text(ip_bytes(METER_IP)) == METER_IP


def test_addresses_are_accepted_in_full_form_only():
    assert parse_ip(METER_IP.lower().encode()) == METER_IP
    for bad in (
        b"",
        b"FE80::1",
        METER_IP.encode()[:-1],
        METER_IP.encode() + b"0",
        METER_IP.encode()[:-1] + b"G",
    ):
        assert parse_ip(bad) is None
    raises(ValueError, ip_bytes, "FE80::1")


def test_sendto_is_byte_exact_in_both_dialects():
    assert (
        BP35C2.sendto(1, METER_IP, 0x0E1A, 2, E7)
        == b"SKSENDTO 1 " + METER_IP.encode() + b" 0E1A 2 0 000E " + E7
    )
    assert (
        BP35A1.sendto(1, METER_IP, 0x0E1A, 2, E7)
        == b"SKSENDTO 1 " + METER_IP.encode() + b" 0E1A 2 000E " + E7
    )


def test_sendto_head_parses_back_and_every_truncation_asks_for_more():
    for d in BOTH:
        whole = d.sendto(1, METER_IP, 0x0E1A, 2, E7)
        head = len(whole) - len(E7)
        for cut in range(head):
            assert d.parse_sendto(whole[:cut]) is None, cut
        for data in (whole, bytearray(whole), whole[:head], whole + b"\r\n"):
            found, length = d.parse_sendto(data)
            assert found == (1, METER_IP, 0x0E1A, 2, 0, 14) and length == head


def test_sendto_payload_may_hold_anything():
    for d in BOTH:
        data = b"\r\nOK\r\n  \x00\xff"
        found, _ = d.parse_sendto(d.sendto(1, METER_IP, 0x0E1A, 1, data))
        assert found.length == len(data)


def test_sendto_head_with_a_wrong_count_is_er05_and_a_wrong_field_er06():
    ip = METER_IP.encode()
    other = BP35A1.sendto(1, METER_IP, 0x0E1A, 2, b"\r\n")
    assert raises(SkError, BP35C2.parse_sendto, other).code == "ER05"
    for head in (
        b"SKSENDTO 9 " + ip + b" 0E1A 2 0 000E ",
        b"SKSENDTO 1 FE80::1 0E1A 2 0 000E ",
        b"SKSENDTO 1 " + ip + b" 0E1A 3 0 000E ",
        b"SKSENDTO 1 " + ip + b" 0E1A 2 0 0000 ",
        b"SKSENDTO 1 " + ip + b" 0E1A 2 0 04D1 ",
        b"SKSENDTO 1 " + ip + b" 0E1A 2 0 GGGG ",
        b"SKSENDTO " + b"0" * 100,
    ):
        assert raises(SkError, BP35C2.parse_sendto, head).code == "ER06"


def test_payload_is_one_to_1232_bytes():
    assert len(BP35C2.sendto(1, METER_IP, 0x0E1A, 2, bytes(1232))) > 1232
    raises(ValueError, BP35C2.sendto, 1, METER_IP, 0x0E1A, 2, bytes(1233))
    raises(ValueError, BP35C2.sendto, 1, METER_IP, 0x0E1A, 2, b"")


def test_erxudp_is_byte_exact_in_each_of_the_three_forms():
    tail = b"0012 " + E7_RES_HEX + b"\r\n"
    assert BP35A1.erxudp(METER_IP, OWN_IP, E7_RES) == HEAD + b"1 " + tail
    assert BP35A1.erxudp(METER_IP, OWN_IP, E7_RES, lqi=0xE1) == HEAD + b"1 " + tail
    assert BP35C2.erxudp(METER_IP, OWN_IP, E7_RES) == HEAD + b"1 0 " + tail
    assert BP35C2.erxudp(METER_IP, OWN_IP, E7_RES, lqi=0xE1) == HEAD + b"E1 1 0 " + tail
    assert BP35C2.erxudp(METER_IP, OWN_IP, E7_RES, binary=True) == HEAD + b"1 0 0012 " + E7_RES + b"\r\n"


def test_erxudp_parses_back_in_either_case_and_is_rejected_at_every_truncation():
    for d, lqi in ((BP35A1, None), (BP35C2, None), (BP35C2, 0xE1)):
        line = d.erxudp(METER_IP, OWN_IP, E7_RES, lqi=lqi)[:-2]
        for form in (line, memoryview(line), b"ERXUDP" + line[6:].lower()):
            got = d.parse_erxudp(form)
            assert (got.sender, got.dest, got.rport, got.lport) == (METER_IP, OWN_IP, 0x0E1A, 0x0E1A)
            assert (got.lla, got.lqi, got.sec, got.data) == (METER, lqi, 1, E7_RES)
            assert got.side == (0 if d.sided else None)
        for cut in range(len(line)):
            assert d.parse_erxudp(line[:cut]) is None, cut


def test_erxudp_with_a_raw_payload_or_a_wrong_length_is_not_taken_for_hex():
    for d in BOTH:
        assert d.parse_erxudp(d.erxudp(METER_IP, OWN_IP, E7_RES, binary=True)[:-2]) is None
        assert d.parse_erxudp(d.erxudp(METER_IP, OWN_IP, E7_RES)[:-2] + b"00") is None
        assert d.parse_erxudp(d.erxudp(METER_IP, OWN_IP, E7_RES)[:-3] + b"g") is None
        assert len(d.parse_erxudp(d.erxudp(METER_IP, OWN_IP, bytes(1232))[:-2]).data) == 1232
        assert d.parse_erxudp(d.erxudp(METER_IP, OWN_IP, b"")[:-2]).data == b""


def test_events_round_trip_with_and_without_parameter():
    assert BP35C2.event(0x21, METER_IP, 2) == b"EVENT 21 " + METER_IP.encode() + b" 0 02\r\n"
    assert BP35A1.event(0x21, METER_IP, 0) == b"EVENT 21 " + METER_IP.encode() + b" 00\r\n"
    assert BP35C2.event(0x25, METER_IP) == b"EVENT 25 " + METER_IP.encode() + b" 0\r\n"
    for d in BOTH:
        for param in (None, 0, 1, 2, 0xFF):
            got = d.parse_event(d.event(0x21, METER_IP, param)[:-2])
            assert got == (0x21, METER_IP, 0 if d.sided else None, param)
        for bad in (
            b"EVENT",
            b"EVENT 25",
            b"EVENT 125 " + METER_IP.encode(),
            b"EVENT 25 FE80::1 0 0",
            b"EVENT x y z",
        ):
            assert d.parse_event(bad) is None


def test_einfo_ends_in_fffe_or_the_side():
    base = b"EINFO " + OWN_IP.encode() + b" 001D12900003C890 21 FFFF "
    assert BP35C2.einfo(OWN, 0x21, 0xFFFF) == base + b"0\r\n"
    assert BP35A1.einfo(OWN, 0x21, 0xFFFF) == base + b"FFFE\r\n"
    for d in BOTH:
        got = d.parse_einfo(d.einfo(OWN, 0x21, 0x8888))
        assert (got.ip, got.mac, got.channel, got.pan) == (OWN_IP, OWN, 0x21, 0x8888)
        assert got.side == (0 if d.sided else None)
    assert BP35C2.parse_einfo(b"EINFO 1 2 3") is None


def test_epandesc_has_the_side_only_where_the_family_has_one():
    block = BP35C2.epandesc(METER, 0x2F, 0x8888, 0xE1, "CCDDEEFF")
    assert block == (
        b"EPANDESC\r\n  Channel:2F\r\n  Channel Page:09\r\n  Pan ID:8888\r\n  Addr:001D129012345678\r\n"
        b"  LQI:E1\r\n  Side:0\r\n  PairID:CCDDEEFF\r\n"
    )
    assert BP35A1.epandesc(METER, 0x2F, 0x8888, 0xE1, "CCDDEEFF") == block.replace(b"  Side:0\r\n", b"")
    assert b"PairID" not in BP35A1.epandesc(METER, 0x2F, 0x8888, 0xE1, None)
    fields = [dialect.parse_field(line) for line in block.split(b"\r\n")[1:-1]]
    assert fields[2] == ("Pan ID", "8888") and fields[6] == ("PairID", "CCDDEEFF")
    for bad in (b"", b"EPANDESC", b"Pan ID:1", b"  Pan ID 1", b"  \xff:1"):
        assert dialect.parse_field(bad) is None


def test_energy_levels_round_trip():
    levels = [(0x21, 0x10), (0x23, 0xE1), (0x3B, 0)]
    assert BP35C2.eedscan(levels) == b"EEDSCAN\r\n0 21 10 23 E1 3B 00\r\n"
    for d in BOTH:
        assert d.parse_levels(d.eedscan(levels).split(b"\r\n")[1]) == levels
        for bad in (b"", b"0", b"0 20 10", b"EVENT 22 x y z", b"0 xx 10"):
            assert d.parse_levels(bad) is None


def test_scan_has_the_argument_count_of_the_family():
    assert BP35C2.scan(2, 0xFFFFFFFF, 6) == b"SKSCAN 2 FFFFFFFF 6 0\r\n"
    assert BP35A1.scan(0, 0xFFFFFFFF, 4) == b"SKSCAN 0 FFFFFFFF 4\r\n"
    BP35C2.check("SKSCAN", 4)
    BP35A1.check("SKSCAN", 3)
    assert raises(SkError, BP35C2.check, "SKSCAN", 3).code == "ER05"
    assert raises(SkError, BP35A1.check, "SKSCAN", 4).code == "ER05"


def test_a_command_of_the_other_family_or_of_none_is_er04():
    BP35A1.check("SKSETKEY", 2)
    BP35C2.check("SKSTART", 0)
    for name in ("SKSETKEY", "SKNONSENSE", ""):
        assert raises(SkError, BP35C2.check, name, 2).code == "ER04"
