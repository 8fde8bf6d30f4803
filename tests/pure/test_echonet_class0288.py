"""Class 0x0288 property by property, in both profiles, through the node."""

from echonet_talk import get, put
from fake_view import START, FakeView
from keiki.wire.echonet.node import Node

NONE = "FFFFFFFE"
GEN1_GET = "80 81 82 88 8A 8D 97 98 9D 9E 9F D3 D7 E0 E1 E2 E3 E4 E5 E7 E8 EA EB EC ED"


def node_of(profile="gen2", **settings):
    view = FakeView(profile, **settings)
    return Node(view), view


def u32(value):
    return f"{value:08X}"


def test_maps_of_gen1_are_those_of_the_sample():
    node, _ = node_of("gen1")
    assert get(node, 0x9F) == "1941414160404000624300414040430202"
    assert get(node, 0x9E) == "0381E5ED"
    assert get(node, 0x9D) == "05808188EAEB"


def test_maps_of_gen2_are_those_of_the_sample():
    node, _ = node_of("gen2")
    assert get(node, 0x9F) == "1D71414160404000624300414040434242"
    assert get(node, 0x9E) == "0481E5EDEF"
    assert get(node, 0x9D) == "05808188EAEB"


def epcs_of_map(text):
    raw = bytes.fromhex(text)
    if raw[0] < 16:
        assert len(raw) == 1 + raw[0]
        return sorted(raw[1:])
    assert len(raw) == 17
    epcs = [0x80 + 16 * j + k for k in range(16) for j in range(8) if raw[1 + k] >> j & 1]
    assert len(epcs) == raw[0]
    return sorted(epcs)


def test_the_get_map_names_exactly_what_can_be_read():
    for profile in ("gen1", "gen2"):
        for reverse in (True, False):
            for coefficient in (None, 1):
                node, _ = node_of(profile, reverse=reverse, coefficient=coefficient)
                readable = [epc for epc in range(256) if get(node, epc) is not None]
                assert readable == epcs_of_map(get(node, 0x9F))
    assert [f"{epc:02X}" for epc in epcs_of_map(get(node_of("gen1")[0], 0x9F))] == GEN1_GET.split()


def test_a_setting_that_changes_changes_the_maps():
    node, view = node_of("gen1")
    view.push_ea = False
    assert get(node, 0x9D) == "04808188EB"
    view.push_eb = False
    assert get(node, 0x9D) == "03808188"
    view.push_eb = True
    view.reverse = False
    assert get(node, 0x9D) == "03808188"
    assert get(node, 0xE3) is None and get(node, 0xE4) is None and get(node, 0xEB) is None
    assert 0xE3 not in epcs_of_map(get(node, 0x9F))


def test_optional_properties_appear_when_the_view_offers_them():
    node, view = node_of()
    for epc in (0x83, 0x86, 0x89, 0x8B, 0x8C, 0x8E, 0x93):
        assert get(node, epc) is None
    view.meter_83 = True
    view.fault_code = b"\x01\x02"
    view.fault_description = b"\x00\x05"
    view.facility = b"\x00\x00\x01"
    view.product = "KEIKI-1"
    view.production = (2026, 2, 28)
    assert get(node, 0x83) == "FE0000776B65696B692D30303030303031"
    assert get(node, 0x86) == "0102"
    assert get(node, 0x89) == "0005"
    assert get(node, 0x8B) == "000001"
    assert get(node, 0x8C) == "4B45494B492D310000000000"
    assert get(node, 0x8E) == "07EA021C"
    assert {0x83, 0x86, 0x89, 0x8B, 0x8C, 0x8E} < set(epcs_of_map(get(node, 0x9F)))


def test_super_class_values():
    node, view = node_of()
    assert get(node, 0x80) == "30"
    assert get(node, 0x82) == "00005204"
    assert get(node, 0x88) == "42"
    assert get(node, 0x8A) == "000077"
    assert get(node, 0x8D) == "4B4B30303030303030310000"
    assert get(node, 0x97) == "0C00"
    assert get(node, 0x98) == "07EA0301"
    view.fault_status = 0x41
    assert get(node, 0x88) == "41"
    view.release = b"\x00\x00Q\x01"
    assert get(node, 0x82) == "00005101"
    assert get(node_of("gen1")[0], 0x82) == "00004600"


def test_location_takes_one_byte_or_a_position():
    node, view = node_of()
    assert get(node, 0x81) == "00"
    for text in ("61", "08", "7F", "FF", "00", "80", "01" + "A5" * 16):
        assert put(node, 0x81, text), text
        assert get(node, 0x81) == text
    for text in ("", "01", "02", "07", "6161", "02" + "A5" * 16, "01" + "A5" * 15):
        assert not put(node, 0x81, text), text
    assert view.place == b"\x01" + b"\xa5" * 16


def test_identification_number_holds_maker_and_end_of_the_id():
    node, view = node_of()
    assert get(node, 0xC0) == "00" + "000077" + "0405060708090A0B0C0D0E0F"
    view.route_b_id = None
    assert get(node, 0xC0) is None
    assert get(node_of("gen1")[0], 0xC0) is None


def test_gen1_lacks_what_release_r_added():
    node, _ = node_of("gen1")
    for epc in (0xC0, 0xD0, 0xEE, 0xEF):
        assert get(node, epc) is None
    assert not put(node, 0xEF, "07EA03010C0001")


def test_power_is_signed_and_clamped():
    node, view = node_of()
    for power_w, text in (
        (504, "000001F8"),
        (-524, "FFFFFDF4"),
        (0, "00000000"),
        (None, "7FFFFFFE"),
        (2147483646, "7FFFFFFD"),
        (-2147483648, "80000001"),
    ):
        view.power = power_w
        assert get(node, 0xE7) == text


def test_current_is_per_phase_and_t_is_absent_on_two_wires():
    node, view = node_of()
    assert get(node, 0xE8) == "0015FFF4"
    view.current = (None, None)
    assert get(node, 0xE8) == "7FFE7FFE"
    view.current = (40000, -40000)
    assert get(node, 0xE8) == "7FFD8001"
    view.current = (21, 5)
    view.phases = 1
    assert get(node, 0xE8) == "00157FFE"


def test_counts_follow_unit_and_coefficient():
    node, view = node_of(time_s=START + 1234567)
    for unit, coefficient, wh_x1000_per_count in (
        (0x00, 1, 1000000),
        (0x01, 1, 100000),
        (0x02, 1, 10000),
        (0x03, 1, 1000),
        (0x04, 1, 100),
        (0x0A, 1, 10000000),
        (0x0B, 1, 100000000),
        (0x0C, 1, 1000000000),
        (0x0D, 1, 10000000000),
        (0x01, 40, 4000000),
        (0x01, None, 100000),
        (0x01, 0, 100000),
    ):
        view.unit = unit
        view.coefficient = coefficient
        assert get(node, 0xE1) == f"{unit:02X}"
        assert get(node, 0xE0) == u32(1234567000 // wh_x1000_per_count % 10**8)
        assert get(node, 0xE3) == u32(1234567 * 250 // wh_x1000_per_count % 10**8)
        assert get(node, 0xD3) == (None if coefficient is None else u32(coefficient))


def test_counts_roll_over_at_the_digits():
    node, view = node_of(unit=0x04)
    for digits in range(1, 9):
        view.digits = digits
        view.time_s = START + 10 ** (digits - 1) - 1
        assert get(node, 0xD7) == f"{digits:02X}"
        assert get(node, 0xE0) == u32(10**digits - 10)
        view.time_s += 1
        assert get(node, 0xE0) == u32(0)
        view.time_s += 1
        assert get(node, 0xE0) == u32(10 % 10**digits)


def test_a_meter_without_values_answers_no_data():
    node, _view = node_of(has_energy=False, time_s=START - 1)
    assert get(node, 0xE0) == NONE and get(node, 0xE3) == NONE
    assert get(node, 0xEA) == "07EA03010B1E00" + NONE
    assert get(node, 0xEB) == "07EA03010B1E00" + NONE
    assert get(node, 0xD0) == "07EA03010B3B00" + NONE + NONE


def test_the_half_hour_value_has_its_time():
    node, _ = node_of(time_s=START + 3599)
    assert get(node, 0xEA) == "07EA03010C1E00" + u32(1800)
    assert get(node, 0xEB) == "07EA03010C1E00" + u32(450)


def test_the_minute_value_holds_both_directions():
    node, view = node_of(time_s=START + 119)
    assert get(node, 0xD0) == "07EA03010C0100" + u32(60) + u32(15)
    view.reverse = False
    assert get(node, 0xD0) == "07EA03010C0100" + u32(60) + NONE


def test_read_only_properties_refuse_a_set():
    node, _ = node_of()
    for epc in range(256):
        if epc not in (0x81, 0xE5, 0xED, 0xEF):
            assert not put(node, epc, "00")
